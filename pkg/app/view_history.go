package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/wacast/wacast/pkg/dedup"
	"github.com/wacast/wacast/pkg/job"
	"github.com/wacast/wacast/pkg/queue"
)

const (
	// historyReaders is how many connections look for the events of a job.
	historyReaders = 4
	// historyAhead is how many events are looked through at first for the statuses that
	// follow an outcome; then it is twice as many, and so on.
	historyAhead = 1 << 17
	// historyTimeout bounds the search for what hardly any job has.
	historyTimeout = 2 * time.Second
)

// history finds the events of a job, the oldest first. Looking through the millions of
// a large campaign takes a while; but the ledger knows where the outcome is and which
// statuses followed. What it does not know of, such as duplicates, is looked for as
// long as there is time; the string says when that was not enough.
func (o *Operator) history(ctx context.Context, key job.Key, entry dedup.Entry) ([]job.Event, string, error) {
	seeker, closeAll, err := o.seeker()
	if err != nil {
		return nil, "", err
	}
	defer closeAll()
	h := history{seeker: seeker, key: key}
	if h.end, err = o.events.Ends(ctx); err != nil {
		return nil, "", err
	}
	if entry.State.Final() && entry.Event > 0 && entry.Seen&^dedup.SeenStatus == 0 {
		err = h.follow(ctx, entry)
	}
	if err == nil && len(h.found) == 0 { // or it is in another stream than the ledger thinks
		h.found, err = seeker.Seek(ctx, key, 0, 0)
	} else if err == nil {
		err = h.complete(ctx)
	}
	slices.SortFunc(h.found, func(a, b queue.Recorded) int { return cmp.Compare(a.Sequence, b.Sequence) })
	events := make([]job.Event, len(h.found))
	for i := range h.found {
		events[i] = h.found[i].Event
	}
	return events, h.incomplete, err
}

// seeker opens connections for looking through the events, and what closes them.
func (o *Operator) seeker() (*queue.Seeker, func(), error) {
	var conns []*nats.Conn
	closeAll := func() {
		for _, nc := range conns {
			nc.Close()
		}
	}
	for range historyReaders {
		nc, err := DialOnce(o.cfg)
		if err != nil {
			closeAll()
			return nil, nil, err
		}
		conns = append(conns, nc)
	}
	return queue.NewSeeker(o.names, conns...), closeAll, nil
}

// history is a search under way.
type history struct {
	seeker *queue.Seeker
	key    job.Key
	found  []queue.Recorded
	// first and last are the sequences between which all is found.
	first, last uint64
	// end is the last sequence of the stream.
	end        uint64
	incomplete string
}

// follow finds the outcome where the ledger says it is, and the statuses behind it.
func (h *history) follow(ctx context.Context, entry dedup.Entry) error {
	h.first, h.last = entry.Event, entry.Event
	missing := entry.Seen
	for ahead := uint64(0); ; ahead = max(2*ahead, historyAhead) {
		from := h.last
		if ahead == 0 {
			from--
		}
		h.last += ahead
		events, err := h.seeker.Seek(ctx, h.key, from, h.last)
		if err != nil {
			return err
		}
		h.found = append(h.found, events...)
		for i := range events {
			missing &^= seenBits[events[i].Data.Kind]
		}
		if missing == 0 || len(h.found) == 0 || h.last >= h.end {
			return nil
		}
	}
}

// complete finds the rest. The ledger knows of all events of the kinds that most are
// of; only the others are looked for.
func (h *history) complete(ctx context.Context) error {
	kinds, err := h.seeker.Kinds(ctx, h.key)
	if err != nil {
		return err
	}
	delete(kinds, job.Accepted)
	for kind := range seenBits {
		delete(kinds, kind)
	}
	delete(kinds, job.Published)
	if len(kinds) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, historyTimeout)
	defer cancel()
	others, err := h.seeker.Seek(ctx, h.key, 0, 0, slices.Sorted(maps.Keys(kinds))...)
	for _, e := range others {
		if e.Sequence < h.first || e.Sequence > h.last {
			h.found = append(h.found, e)
		}
	}
	if errors.Is(err, context.DeadlineExceeded) {
		h.incomplete = fmt.Sprintf("its duplicates and earlier rejections, if there are any: the events are too many to look through in %v", historyTimeout)
		return nil
	}
	return err
}
