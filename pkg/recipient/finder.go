package recipient

// Finder tells which messages are about one person, whose aliases may be known by
// their hashes only. It is for one goroutine.
type Finder struct {
	hasher *hasher
	ids    map[alias]bool
}

// NewFinder looks for the person with these ids, such as those of [Book.Aliases].
func (k Key) NewFinder(ids []ID) *Finder {
	f := &Finder{hasher: newHasher(k), ids: make(map[alias]bool)}
	for _, id := range ids {
		if a, ok := parseAlias(string(id)); ok {
			f.ids[a] = true
		}
	}
	return f
}

// Is reports whether p, or one of its aliases, is the person.
func (f *Finder) Is(p Person) bool {
	if p.WaID != "" && len(p.Number) == len(p.WaID)+1 && p.Number[1:] == p.WaID {
		p.WaID = "" // the same alias, which need not be hashed twice
	}
	known := f.hasher.aliases(p)
	for _, a := range known.all() {
		if f.ids[a] {
			return true
		}
	}
	return false
}

// Learn takes in that all aliases of p are the person's, and reports whether one is
// new.
func (f *Finder) Learn(p Person) (grown bool) {
	known := f.hasher.aliases(p)
	for _, a := range known.all() {
		grown = grown || !f.ids[a]
		f.ids[a] = true
	}
	return grown
}

// IDs are those that are known by now.
func (f *Finder) IDs() []ID {
	ids := make([]ID, 0, len(f.ids))
	for a := range f.ids {
		ids = append(ids, a.ID())
	}
	return ids
}
