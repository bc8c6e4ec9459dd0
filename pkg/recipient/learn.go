package recipient

import (
	"context"
	"time"
)

const (
	// maxNews bounds what waits to be written; beyond it the news is dropped, and
	// learned with a later message.
	maxNews = 8192
	// writers write at a time.
	writers = 8
	// writeTimeout bounds the writing of one piece of news.
	writeTimeout = 10 * time.Second
)

// news is that one alias stands for another one, or, without the latter, that an alias
// that stands for another one has consent of its own.
type news struct{ from, to alias }

// Learn takes in that the aliases of p are one person. It returns at once, and costs
// little when that is known; what is new is written behind it, consent that stood
// under another alias moving along.
func (b *Book) Learn(p Person) {
	if !b.ready() || p.alone() {
		return
	}
	for _, n := range b.unlinked(p) {
		b.hear(n)
	}
}

// alone reports whether no second alias is known.
func (p Person) alone() bool {
	return p.UserID == "" && (p.WaID == "" || p.Number == "" || p.Number == p.WaID || p.Number == "+"+p.WaID) ||
		p.Number == "" && p.WaID == ""
}

// unlinked is what must be linked to make the aliases of p one person: the canonical
// one of each comes to stand for that of the first.
func (b *Book) unlinked(p Person) (list []news) {
	known := b.hash.aliases(p)
	to := b.links.root(known.list[0])
	for _, a := range known.all()[1:] {
		if root := b.links.root(a); root != to {
			list = append(list, news{from: root, to: to})
		}
	}
	return list
}

func (b *Book) hear(n news) {
	select {
	case b.news <- n:
	default:
		b.dropped.Add(1)
	}
}

// writeNews writes what was learned until ctx ends.
func (b *Book) writeNews(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case n := <-b.news:
			writing, cancel := context.WithTimeout(ctx, writeTimeout)
			if err := b.write(writing, n); err != nil && ctx.Err() == nil {
				b.cfg.Log.Error("what is known of a person is not written; it is learned again with a later message", "error", err)
			}
			cancel()
		}
	}
}

// write links, then moves consent. In that order: what is written under the alias in
// between is seen by whoever follows, to be an entry of an alias that is linked, and is
// moved then.
func (b *Book) write(ctx context.Context, n news) error {
	if n.to != (alias{}) && b.links.root(n.from) == n.from { // three statuses of a message tell the same
		if _, err := b.cfg.People.Create(ctx, string(n.from.ID()), []byte(n.to.ID())); err != nil {
			return err
		}
	}
	return b.move(ctx, n.from)
}

// move takes the consent of an alias that stands for another one there.
func (b *Book) move(ctx context.Context, from alias) error {
	to, err := b.storedRoot(ctx, from)
	if err != nil || to == from {
		return err
	}
	e, err := b.entry(ctx, from)
	if err != nil || e.empty() {
		return err
	}
	if _, err := b.change(ctx, to, e.Masked, func(at *Entry) bool { return at.merge(e) }); err != nil {
		return err
	}
	// What came in between is seen as a change of its own, and stays.
	_, err = b.change(ctx, from, "", func(now *Entry) bool { return now.without(e) })
	return err
}

// Moved copies what a person does not want from a former number or user id to the new
// one. The former keeps it: whoever gets that number next is nobody we know.
func (b *Book) Moved(ctx context.Context, former, now Person) error {
	old, err := b.root(ctx, former)
	if err != nil {
		return err
	}
	to, err := b.root(ctx, now)
	if err != nil || old == to {
		return err
	}
	e, err := b.entry(ctx, old)
	if err != nil || len(e.OptOuts) == 0 {
		return err
	}
	_, err = b.change(ctx, to, now.masked(), func(at *Entry) bool { return at.merge(Entry{OptOuts: e.OptOuts}) })
	return err
}
