package worker

import (
	"time"

	"github.com/wacast/wacast/pkg/dedup"
	"github.com/wacast/wacast/pkg/queue"
	"github.com/wacast/wacast/pkg/sender"
)

// admit takes deliveries into the intake's keeping.
func (in *intake) admit(deliveries []*queue.Delivery) []*item {
	now := time.Now().UnixMilli()
	items := make([]*item, len(deliveries))
	block := make([]item, len(deliveries))
	in.mu.Lock()
	defer in.mu.Unlock()
	for i, d := range deliveries {
		it := &block[i]
		it.delivery, it.intake, it.nonce, it.was = d, in, dedup.NewNonce(), onRecord(d)
		it.touched.Store(now)
		in.held[it] = struct{}{}
		items[i] = it
	}
	in.waiting += len(items)
	if in.room != nil {
		in.room.add(len(items))
	}
	return items
}

// leave makes room for another job: this one is on its way to the API, or out.
func (in *intake) leave(it *item) {
	in.mu.Lock()
	left := !it.left
	if left {
		it.left = true
		in.waiting--
	}
	in.mu.Unlock()
	if left && in.room != nil {
		in.room.add(-1)
	}
	in.wake()
}

// wake has the intake ask again whether there is room.
func (in *intake) wake() {
	select {
	case in.freed <- struct{}{}:
	default:
	}
}

// release lets an item go, once it has been acked or given back.
func (in *intake) release(it *item) {
	in.mu.Lock()
	delete(in.held, it)
	in.mu.Unlock()
	in.leave(it)
}

// metStop keeps a queue whose number or account is stopped from being pulled for a
// moment, so that a backlog is not taken and given back over and over.
func (in *intake) metStop(stop sender.Stop) {
	until := time.Now().Add(stopRecheck)
	if !stop.Until.IsZero() && stop.Until.Before(until) {
		until = stop.Until
	}
	in.mu.Lock()
	in.metUntil = until
	in.mu.Unlock()
}

// touch tells the server of the items held for longer than a third of the ack
// wait that they are being worked on.
func (in *intake) touch(now time.Time) {
	third := queue.AckWait(in.id.Lane).Milliseconds() / 3
	in.mu.Lock()
	defer in.mu.Unlock()
	for it := range in.held {
		if now.UnixMilli()-it.touched.Load() > third {
			it.touched.Store(now.UnixMilli())
			_ = it.delivery.InProgress() // lost ones are repeated; the ledger guards the rest
		}
	}
}

func (in *intake) heldCount() int {
	in.mu.Lock()
	defer in.mu.Unlock()
	return len(in.held)
}

// giveBack returns deliveries that no item was made of.
func giveBack(deliveries []*queue.Delivery) {
	for _, d := range deliveries {
		_ = d.Nak(0) // an unheard nak only costs the ack wait
	}
}
