package worker

import "slices"

// rota holds the ready jobs of one lane of a number, and serves its campaigns in turn,
// a job each: one with a million jobs and one with ten get the same share of the slots.
type rota struct {
	campaigns map[string]*backlog
	turns     []*backlog // those that have jobs
	next      int        // whose turn it is
	n         int
}

// backlog is what one campaign has ready.
type backlog struct {
	campaign string
	items    []*item
}

func newRota() *rota { return &rota{campaigns: make(map[string]*backlog)} }

// push adds an item behind those of its campaign.
func (r *rota) push(it *item) {
	b := r.of(it)
	b.items = append(b.items, it)
	r.n++
}

// unpop adds an item before those of its campaign.
func (r *rota) unpop(it *item) {
	b := r.of(it)
	b.items = slices.Insert(b.items, 0, it)
	r.n++
}

// of is the campaign's backlog. A new one comes last in turn.
func (r *rota) of(it *item) *backlog {
	campaign := it.delivery.Queue.Campaign
	b := r.campaigns[campaign]
	if b == nil {
		b = &backlog{campaign: campaign}
		r.campaigns[campaign] = b
		r.turns = slices.Insert(r.turns, r.next, b)
		r.next = (r.next + 1) % len(r.turns)
	}
	return b
}

// pop removes the item whose turn it is. There must be one.
func (r *rota) pop() *item {
	b := r.turns[r.next]
	it := b.items[0]
	b.items[0], b.items = nil, b.items[1:]
	r.n--
	if len(b.items) == 0 {
		delete(r.campaigns, b.campaign)
		r.turns = slices.Delete(r.turns, r.next, r.next+1)
	} else {
		r.next++
	}
	if r.next >= len(r.turns) {
		r.next = 0
	}
	return it
}
