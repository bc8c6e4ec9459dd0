package dedup

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/redis/go-redis/v9"
)

// epoch is what a tag's epoch says.
type epoch struct {
	tag int
	// whole: the tag has all its entries.
	whole bool
	// done: the epoch was changed as asked, or is as asked.
	done bool
	// events and claims are the sequences up to which the streams are in Redis.
	events, claims uint64
	// lostFor is how long the tag has not been whole.
	lostFor time.Duration
	// now is Redis's time.
	now time.Time
	// run tells the process of Redis.
	run uint64
}

// The verbs of epochSource.
const (
	epochLook    = "look"
	epochBegin   = "begin"   // who asks replays it from here on
	epochAdvance = "advance" // the replay has come so far
	epochFinish  = "finish"  // the tag is whole
	epochCheck   = "check"   // a whole tag is so up to here
	epochSuspend = "suspend" // it is not, though nothing may be lost
	epochForget  = "forget"  // nothing is known of it
)

// epochAsk is a verb and what it is about. Not all verbs need all.
type epochAsk struct {
	verb           string
	token          string
	events, claims uint64
}

// epochsOf asks the epochs of some tags in one round trip; on a cluster with a
// script each, because they are on several nodes.
func (l *Ledger) epochsOf(ctx context.Context, some []int, a epochAsk) ([]epoch, error) {
	s, size := epochScript, len(some)
	if _, ok := l.rdb.(nodes); ok {
		size = 1
	}
	for {
		var cmds []*redis.Cmd
		for group := range slices.Chunk(some, max(size, 1)) {
			cmds = append(cmds, l.epochCommand(ctx, s, group, a))
		}
		missing, err := exec(ctx, l.rdb, cmds)
		if err != nil {
			return nil, fmt.Errorf("%s the ledger's epochs: %w", a.verb, err)
		}
		if !missing {
			return decodeEpochs(some, cmds)
		}
		s = s.inFull() // an epoch that is asked twice is as when asked once
	}
}

func (l *Ledger) epochCommand(ctx context.Context, s script, some []int, a epochAsk) *redis.Cmd {
	args := make([]any, 0, 3+len(some)+5)
	args = append(args, s.name, s.text, len(some))
	for _, tag := range some {
		args = append(args, l.epochs[tag])
	}
	cmd := redis.NewCmd(ctx, append(args, a.verb, a.token, a.events, a.claims, l.windowArg)...)
	cmd.SetFirstKeyPos(3)
	return cmd
}

// epochSize is how many numbers the script returns of each epoch.
const epochSize = 7

func decodeEpochs(some []int, cmds []*redis.Cmd) ([]epoch, error) {
	found := make([]epoch, 0, len(some))
	for _, cmd := range cmds {
		numbers, err := cmd.Int64Slice()
		if err != nil {
			return nil, fmt.Errorf("read the ledger's epochs: %w", err)
		}
		for n := range slices.Chunk(numbers, epochSize) {
			if len(n) < epochSize || len(found) == len(some) {
				return nil, fmt.Errorf("read the ledger's epochs: %d numbers are not of this build", len(numbers))
			}
			found = append(found, epoch{
				tag: some[len(found)], whole: n[0] == 1, done: n[1] == 1, now: time.UnixMilli(n[2]),
				events: uint64(n[3]), claims: uint64(n[4]), lostFor: milliseconds(n[2] - n[5]), run: uint64(n[6]),
			})
		}
	}
	return found, nil
}

var allTags = func() []int {
	all := make([]int, tags)
	for i := range all {
		all[i] = i
	}
	return all
}()

// Standing is how much of a ledger is up to date with the streams.
type Standing struct {
	// Parts it has, and how many of them lack entries; for how long one of those does.
	Parts, Lacking int
	LackingFor     time.Duration
	// Events and Claims are up to where all of those have the streams.
	Events, Claims uint64
}

// Standing asks Redis, which knows it of all keepers.
func (l *Ledger) Standing(ctx context.Context) (Standing, error) {
	found, err := l.epochsOf(ctx, allTags, epochAsk{verb: epochLook})
	s := Standing{Parts: tags}
	for _, e := range found {
		if e.whole {
			continue
		}
		if s.Lacking++; s.Lacking == 1 {
			s.Events, s.Claims = e.events, e.claims
		}
		s.Events, s.Claims = min(s.Events, e.events), min(s.Claims, e.claims)
		s.LackingFor = max(s.LackingFor, e.lostFor)
	}
	return s, err
}

// Rebuild has all of the ledger brought up to date from the streams: nothing is
// claimed until a [Keeper] has done so.
func (l *Ledger) Rebuild(ctx context.Context) error {
	_, err := l.epochsOf(ctx, allTags, epochAsk{verb: epochForget})
	return err
}
