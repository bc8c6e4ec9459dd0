package simulator

import (
	"math"
	"time"
)

// update is one status, or one of the news, to be posted. With its share of a notice it takes about 100
// bytes, and the texts of the message.
type update struct {
	due    time.Duration // since the hooks' start
	stamp  int64         // Unix seconds
	notice *notice
	order  uint32
	status status
	early  bool
	bare   bool
	// numberless and sparse leave out what their [WebhookKind] says.
	numberless, sparse bool
}

func (u update) before(other update) bool {
	if u.due != other.due {
		return u.due < other.due
	}
	return int32(u.order-other.order) < 0
}

// parcel is a POST: its updates make the same bytes each time.
type parcel struct {
	due, first time.Duration
	attempt    int // counts from 1 once it is on its way
	url        string
	lane       *lane
	updates    []update
}

func (p *parcel) before(other *parcel) bool { return p.due < other.due }

// lane holds what one secret signs.
type lane struct {
	secret  []byte
	updates heap[update]
	retries heap[*parcel]
}

// maxPost is the platform's limit of a POST, in bytes.
const maxPost = 3 << 20

// sizeOf is a bound of what an update takes in a POST: everything escaped.
func sizeOf(u update) int {
	const frame = 900
	if u.status == other {
		return u.notice.news.size()
	}
	return frame + 6*(len(u.notice.token)+2*len(u.notice.person)) + 2*len(u.notice.id)
}

// take is the next POST of the lane, if one is due: a retry first.
func (l *lane) take(now time.Duration, most int) *parcel {
	if len(l.retries) > 0 && l.retries[0].due <= now {
		return l.retries.pop()
	}
	if len(l.updates) == 0 || l.updates[0].due > now {
		return nil
	}
	p := &parcel{first: now, lane: l}
	for size := 0; len(l.updates) > 0 && l.updates[0].due <= now && len(p.updates) < most; {
		if size += sizeOf(l.updates[0]); size > maxPost && len(p.updates) > 0 {
			break
		}
		p.updates = append(p.updates, l.updates.pop())
	}
	return p
}

// never is later than everything.
const never = time.Duration(math.MaxInt64)

// next is when the lane has something to post.
func (l *lane) next() time.Duration {
	due := never
	if len(l.updates) > 0 {
		due = l.updates[0].due
	}
	if len(l.retries) > 0 {
		due = min(due, l.retries[0].due)
	}
	return due
}

// heap is a binary heap without the boxing of container/heap.
type heap[T ordered[T]] []T

// ordered is what a heap sorts by.
type ordered[T any] interface{ before(other T) bool }

var (
	_ ordered[update]  = update{}
	_ ordered[*parcel] = (*parcel)(nil)
)

func (h *heap[T]) push(v T) {
	*h = append(*h, v)
	a := *h
	for i := len(a) - 1; i > 0; {
		parent := (i - 1) / 2
		if !a[i].before(a[parent]) {
			return
		}
		a[i], a[parent] = a[parent], a[i]
		i = parent
	}
}

func (h *heap[T]) pop() T {
	a := *h
	top, last := a[0], len(a)-1
	a[0] = a[last]
	clear(a[last:]) // lets go of what it points to
	a = a[:last]
	for i := 0; ; {
		least := i
		for _, child := range []int{2*i + 1, 2*i + 2} {
			if child < len(a) && a[child].before(a[least]) {
				least = child
			}
		}
		if least == i {
			break
		}
		a[i], a[least] = a[least], a[i]
		i = least
	}
	if *h = a; last == 0 {
		*h = nil // a long queue need not be kept when it is over
	}
	return top
}
