package ratelimit

import "container/list"

// roster holds recipients by the time of their last message, in milliseconds of one
// clock. One is over when that is more than a window ago, and was kept rounded
// down, so that it is never early.
type roster struct {
	window int64
	order  *list.List // of *entry, oldest first
	who    map[uint64]*list.Element
}

// entry is one recipient. Another message counted on one that is shared, which
// therefore is not given back.
type entry struct {
	who    uint64
	at     int64
	shared bool
}

func newRoster(q Quota) *roster {
	return &roster{window: q.window(), order: list.New(), who: make(map[uint64]*list.Element)}
}

// settle drops who is over. After a jump of the clock back, those of later count as
// of now.
func (r *roster) settle(now int64) {
	for e := r.order.Back(); e != nil && e.Value.(*entry).at > now; e = e.Prev() {
		e.Value.(*entry).at = now
	}
	for e := r.order.Front(); e != nil && e.Value.(*entry).at < now-r.window; e = r.order.Front() {
		delete(r.who, e.Value.(*entry).who)
		r.order.Remove(e)
	}
}

// take counts a recipient.
func (r *roster) take(now, limit int64, who uint64) (ok, isNew bool) {
	r.settle(now)
	if e := r.who[who]; e != nil {
		*e.Value.(*entry) = entry{who, now, true}
		r.order.MoveToBack(e)
		return true, false
	}
	if int64(r.order.Len()) >= limit {
		return false, false
	}
	r.who[who] = r.order.PushBack(&entry{who: who, at: now})
	return true, true
}

// again is when there may be room, of a roster that is full.
func (r *roster) again(now, limit int64) int64 {
	e := r.order.Front()
	for over := int64(r.order.Len()) - limit; over > 0; over-- {
		e = e.Next()
	}
	return e.Value.(*entry).at + r.window + 1 - now
}

// giveBack forgets a recipient on whom no other message counts.
func (r *roster) giveBack(now int64, who uint64) {
	r.settle(now)
	if e := r.who[who]; e != nil && !e.Value.(*entry).shared {
		delete(r.who, who)
		r.order.Remove(e)
	}
}
