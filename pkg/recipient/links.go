package recipient

import (
	"slices"
	"sync"
)

// maxChain bounds the way from an alias to its canonical one. It has one step, or two
// where a wa_id was known before the number.
const maxChain = 8

// links knows which alias stands for which.
type links struct {
	mu sync.RWMutex
	to map[alias]alias
}

func newLinks() *links { return &links{to: make(map[alias]alias)} }

// apply takes a change of the bucket in, and returns what was linked.
func (l *links) apply(key string, value []byte) (from alias, linked bool) {
	from, ok := parseAlias(key)
	if !ok {
		return from, false
	}
	to, ok := parseAlias(string(value))
	l.mu.Lock()
	defer l.mu.Unlock()
	if !ok || to == from {
		delete(l.to, from)
		return from, false
	}
	l.to[from] = to
	return from, true
}

// root is the canonical alias.
func (l *links) root(a alias) alias {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return chase(a, func(a alias) (alias, bool) { to, ok := l.to[a]; return to, ok })
}

// chase follows links to their end. Two processes may have linked two aliases to each
// other at one moment: of a ring the least is its end, so that all agree.
func chase(a alias, next func(alias) (alias, bool)) alias {
	var way [maxChain]alias
	for n := range way {
		way[n] = a
		to, ok := next(a)
		if !ok {
			return a
		}
		if i := slices.Index(way[:n+1], to); i >= 0 {
			return slices.MinFunc(way[i:n+1], alias.compare)
		}
		a = to
	}
	return a
}

// linked reports whether the alias stands for another one.
func (l *links) linked(a alias) bool { return l.root(a) != a }

// of are all aliases of a root, itself included.
func (l *links) of(root alias) []alias {
	l.mu.RLock()
	defer l.mu.RUnlock()
	next := func(a alias) (alias, bool) { to, ok := l.to[a]; return to, ok }
	all := []alias{root}
	for a := range l.to {
		if a != root && chase(a, next) == root {
			all = append(all, a)
		}
	}
	slices.SortFunc(all[1:], alias.compare)
	return all
}

func (l *links) count() int {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return len(l.to)
}
