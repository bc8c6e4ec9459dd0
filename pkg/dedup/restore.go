package dedup

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// progress tells how far a replay has come.
func (k *Keeper) progress(done, total uint64) {
	k.mu.Lock()
	k.status.Done, k.status.Total = done, max(done, total)
	status := k.status
	k.mu.Unlock()
	if k.opts.Progress != nil {
		k.opts.Progress(status)
	}
}

// restored counts tags that are whole again.
func (k *Keeper) restored(tags int) {
	k.mu.Lock()
	k.status.Whole += tags
	k.status.Done, k.status.Total = 0, 0
	if k.status.Whole == k.status.Tags {
		k.status.Since = time.Time{}
	}
	status := k.status
	k.mu.Unlock()
	if k.opts.Progress != nil {
		k.opts.Progress(status)
	}
}

// passes is how often a replay reads the streams up to their ends: what was given
// back while the first was applied is in the second.
const passes = 2

// restore brings tags that are not whole up to date, as soon as no claim of before
// can be alive: until then it only makes them its own. It is called again and again
// and goes on where it, or another keeper, stopped.
func (k *Keeper) restore(ctx context.Context, lost []int) error {
	begun, err := k.ledger.epochsOf(ctx, lost, epochAsk{verb: epochBegin, token: k.token})
	if err != nil {
		return err
	}
	events, claims, err := k.journal.Ends(ctx)
	if err != nil {
		return fmt.Errorf("read the ends of the streams: %w", err)
	}
	waits := !k.opts.Alone && claims > 0 // else nothing was ever sent
	due := slices.DeleteFunc(begun, func(e epoch) bool {
		return !e.done || waits && e.lostFor < k.opts.Lease
	})
	if len(due) == 0 {
		return nil
	}
	r := newRestoration(k, due)
	k.opts.Log.Info("replaying the streams into the ledger", "parts", len(due), "events", events-r.events, "claims", claims-r.claims)
	for range passes {
		if err := r.pass(ctx); err != nil {
			return err
		}
	}
	done, err := r.mark(ctx, epochFinish)
	if err != nil {
		return err
	}
	k.opts.Log.Info("replayed the streams into the ledger", "parts", len(due), "records", r.done, "took", time.Since(r.started).Round(time.Millisecond))
	k.restored(len(done))
	return nil
}

// restoration is a replay under way.
type restoration struct {
	k        *Keeper
	tags     []int
	replayer *replayer
	window   time.Time // what is older is of no use
	// events and claims are how far all its tags have come; done is how many records
	// that took, and total about how many there are.
	events, claims uint64
	done, total    uint64
	starts         struct{ events, claims [tags]uint64 }
	started, told  time.Time
}

func newRestoration(k *Keeper, due []epoch) *restoration {
	r := &restoration{k: k, started: time.Now(), events: due[0].events, claims: due[0].claims}
	r.replayer = newReplayer(k.ledger, k.token)
	for tag := range r.replayer.skip {
		r.replayer.skip[tag] = true
	}
	for _, e := range due {
		r.tags = append(r.tags, e.tag)
		r.replayer.skip[e.tag] = false
		r.starts.events[e.tag], r.starts.claims[e.tag] = e.events, e.claims
		r.events, r.claims = min(r.events, e.events), min(r.claims, e.claims)
		r.window = e.now.Add(-k.ledger.opts.Window)
	}
	return r
}

// pass replays both streams from where they stand up to where they end now.
func (r *restoration) pass(ctx context.Context) error {
	looked, err := r.k.ledger.epochsOf(ctx, r.tags[:1], epochAsk{verb: epochLook})
	if err != nil {
		return err
	}
	events, claims, err := r.k.journal.Ends(ctx)
	if err != nil {
		return fmt.Errorf("read the ends of the streams: %w", err)
	}
	r.replayer.since = looked[0].now
	r.total = r.done + (events - r.events) + (claims - r.claims)
	if err := r.read(ctx, r.k.journal.Events, &r.events, events, &r.starts.events); err != nil {
		return fmt.Errorf("replay events: %w", err)
	}
	if err := r.read(ctx, r.k.journal.Claims, &r.claims, claims, &r.starts.claims); err != nil {
		return fmt.Errorf("replay claims: %w", err)
	}
	return nil
}

// reading is one of a journal's two methods.
type reading func(ctx context.Context, after, upTo uint64, since time.Time, fn func(Record) error) error

func (r *restoration) read(ctx context.Context, read reading, at *uint64, upTo uint64, starts *[tags]uint64) error {
	r.replayer.after = *starts
	begun := r.done
	from := *at
	err := read(ctx, from, upTo, r.window, func(rec Record) error {
		// What came before rec's sequence is all with the replayer, but not rec's:
		// one message may hold many records.
		if err := r.replayer.add(ctx, rec); err != nil {
			return err
		}
		if rec.Sequence > *at+1 {
			*at = rec.Sequence - 1
		}
		r.done = begun + (*at - from)
		return r.tell(ctx)
	})
	if err != nil {
		_ = r.replayer.wait() // it is done again
		return err
	}
	if err := r.replayer.flush(ctx); err != nil {
		return err
	}
	*at = max(*at, upTo)
	r.done = begun + (*at - from)
	_, err = r.mark(ctx, epochAdvance)
	return err
}

// tell notes, each second, how far the replay has come.
func (r *restoration) tell(ctx context.Context) error {
	if time.Since(r.told) < r.k.opts.Every {
		return nil
	}
	defer func() { r.told = time.Now() }()
	if err := r.replayer.flush(ctx); err != nil {
		return err
	}
	switch leads, err := r.k.lock(ctx); {
	case err != nil:
		return err
	case !leads:
		return errFenced
	}
	r.k.progress(r.done, r.total)
	_, err := r.mark(ctx, epochAdvance)
	return err
}

// mark writes how far the tags have come, and returns them.
func (r *restoration) mark(ctx context.Context, verb string) ([]epoch, error) {
	marked, err := r.k.ledger.epochsOf(ctx, r.tags, epochAsk{verb: verb, token: r.k.token, events: r.events, claims: r.claims})
	if err != nil {
		return nil, err
	}
	for _, e := range marked {
		if !e.done {
			return nil, errFenced
		}
	}
	return marked, nil
}
