package dedup

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"sync"
	"time"

	"github.com/wacast/wacast/pkg/job"
)

// KeeperOptions configures [NewKeeper]; every zero value has a default.
type KeeperOptions struct {
	// Log defaults to none.
	Log *slog.Logger
	// Lease is how long claims may hold that were made before a loss; the ledger's.
	Lease time.Duration
	// Every is how often the ledger is looked at; a second.
	Every time.Duration
	// Alone says that nobody claims but this process, after this keeper ran: no
	// lease of before needs to be waited for. For a Redis inside the process.
	Alone bool
	// Progress is told now and then how a replay goes on. It must not block.
	Progress func(Status)
}

// Status is how a ledger stands.
type Status struct {
	// Whole of Tags parts have all their entries. Before the first look, Whole is 0.
	Whole, Tags int
	// Done of about Total records are replayed; both 0 while none is under way.
	Done, Total uint64
	// Since is when the ledger was first seen not to be whole; zero if it is.
	Since time.Time
}

// Keeper notices that Redis lost entries of a ledger, and brings it up to date.
// Every replica runs one; they agree on who works.
type Keeper struct {
	ledger  *Ledger
	journal Journal
	opts    KeeperOptions
	token   string

	// The rest of this group is Run's.
	checked time.Time
	ends    []ends
	runs    [tags]uint64
	fresh   bool // nothing was ever sent

	mu      sync.Mutex
	status  Status
	trouble error
}

// NewKeeper makes the keeper of a ledger, whose calls heed its epochs from here on.
func NewKeeper(ledger *Ledger, journal Journal, opts KeeperOptions) *Keeper {
	if opts.Log == nil {
		opts.Log = slog.New(slog.DiscardHandler)
	}
	if opts.Lease <= 0 {
		opts.Lease = ledger.opts.Lease
	}
	if opts.Every <= 0 {
		opts.Every = time.Second
	}
	ledger.asks.Store(true)
	return &Keeper{
		ledger: ledger, journal: journal, opts: opts,
		token:   strconv.FormatUint(uint64(NewNonce()), 16),
		status:  Status{Tags: tags},
		trouble: errors.New("the ledger was not looked at yet"),
	}
}

// Status is how the ledger stood when it was last looked at.
func (k *Keeper) Status() Status {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.status
}

// Trouble is why not everything may be claimed, with what to do about it; nil if
// all is well.
func (k *Keeper) Trouble() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.trouble
}

// Run keeps the ledger until the context ends, whose error it returns. Whatever
// fails is tried again.
func (k *Keeper) Run(ctx context.Context) error {
	ticker := time.NewTicker(k.opts.Every)
	defer ticker.Stop()
	defer k.unlock(ctx)
	for {
		k.note(ctx, k.tick(ctx))
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-ticker.C:
		}
	}
}

// note keeps what came of a look.
func (k *Keeper) note(ctx context.Context, err error) {
	if ctx.Err() != nil {
		return
	}
	if s := k.Status(); err == nil && s.Whole < s.Tags {
		err = rebuildingError{s, k.fresh}
	}
	k.say(err)
}

// say keeps what is wrong, if anything is, and logs it when it changes.
func (k *Keeper) say(err error) {
	k.mu.Lock()
	before := k.trouble
	k.trouble = err
	k.mu.Unlock()
	var rebuilding rebuildingError
	switch {
	case err != nil && before != nil && before.Error() == err.Error():
	case errors.As(err, &rebuilding) && rebuilding.fresh:
		k.opts.Log.Info("the ledger is new: nothing was sent yet")
	case err != nil:
		k.opts.Log.Warn("the ledger cannot vouch for what was sent: some jobs wait", "error", err)
	case err == nil && before != nil:
		k.opts.Log.Info("the ledger is whole")
	}
}

// rebuildingError says that a replay is under way or about to be.
type rebuildingError struct {
	Status
	// fresh says that nothing was ever sent, so that there is nothing to lose.
	fresh bool
}

func (e rebuildingError) Error() string {
	if e.fresh {
		return "the ledger is being set up"
	}
	return fmt.Sprintf("the ledger is being rebuilt, for Redis may have lost entries: %d of %d parts are not up to date with the streams", e.Tags-e.Whole, e.Tags)
}

// tick looks at the ledger once and does what there is to do.
func (k *Keeper) tick(ctx context.Context) error {
	found, err := k.ledger.epochsOf(ctx, allTags, epochAsk{verb: epochLook})
	if err != nil {
		return err
	}
	if found, err = k.suspendReturned(ctx, found); err != nil {
		return err
	}
	lost := k.look(found)
	if len(lost) > 0 {
		_, claims, err := k.journal.Ends(ctx)
		k.fresh = err == nil && claims == 0
		k.say(rebuildingError{k.Status(), k.fresh})
	}
	policy := k.ledger.checkPolicy(ctx)
	leads, err := k.lock(ctx)
	switch {
	case err != nil || !leads:
		return errors.Join(policy, err)
	case errors.Is(policy, ErrPolicy):
		_, err := k.ledger.epochsOf(ctx, allTags, epochAsk{verb: epochSuspend, token: k.token})
		return errors.Join(policy, err)
	case policy != nil:
		return policy
	case len(lost) > 0:
		return k.restore(ctx, lost)
	}
	return k.check(ctx)
}

// Whole reports whether the part of the ledger that a job is in has all its entries,
// so that what it does not say of the job is not so.
func (l *Ledger) Whole(ctx context.Context, key job.Key) (bool, error) {
	found, err := l.epochsOf(ctx, []int{int(hashOf(key) % tags)}, epochAsk{verb: epochLook})
	if err != nil {
		return false, fmt.Errorf("ask whether the ledger is whole: %w", err)
	}
	return found[0].whole, nil
}

// look takes stock, and returns the tags that are not whole.
func (k *Keeper) look(found []epoch) (lost []int) {
	since := time.Duration(0)
	for _, e := range found {
		if !e.whole {
			lost = append(lost, e.tag)
			since = max(since, e.lostFor)
		}
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.status.Whole = tags - len(lost)
	if len(lost) == 0 {
		k.status = Status{Whole: tags, Tags: tags}
		return nil
	}
	k.ledger.layout.Store(nil) // may be lost too
	if k.status.Since.IsZero() {
		k.status.Since = time.Now().Add(-since)
	}
	return lost
}

// ends are the last sequences of the streams at a time.
type ends struct {
	at             time.Time
	events, claims uint64
}

// check writes down up to where the ledger is whole, every few seconds: up to where
// the streams were a lease ago, since the ledger follows the events.
func (k *Keeper) check(ctx context.Context) error {
	now := time.Now()
	if now.Sub(k.checked) < checkEvery*k.opts.Every {
		return nil
	}
	events, claims, err := k.journal.Ends(ctx)
	if err != nil {
		return fmt.Errorf("read the ends of the streams: %w", err)
	}
	k.checked = now
	k.ends = append(k.ends, ends{now, events, claims})
	var past ends
	for len(k.ends) > 0 && now.Sub(k.ends[0].at) >= k.opts.Lease {
		past, k.ends = k.ends[0], k.ends[1:]
	}
	if past.at.IsZero() {
		return nil
	}
	_, err = k.ledger.epochsOf(ctx, allTags, epochAsk{verb: epochCheck, events: past.events, claims: past.claims})
	return err
}

// checkEvery is how many looks there are from one check to the next.
const checkEvery = 5
