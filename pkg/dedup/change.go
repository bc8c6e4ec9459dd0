package dedup

import (
	"context"
	"fmt"
	"math"
)

// maxAttempt is what an entry has room for.
const maxAttempt = math.MaxUint8

// Settlement gives a job its final state.
type Settlement struct {
	Subject
	// Nonce is the claim's; 0 where the job was never claimed, or by somebody who
	// has evidence from elsewhere.
	Nonce Nonce
	// Attempt is the one this is about; 0 where nothing was tried, as with a job
	// that expired before.
	Attempt int
	// State is final. Accepted and Unknown are about an attempt.
	State State
	// Code is for the caller's use.
	Code uint8
	// Event is the sequence of the event that records the outcome; 0 if there is
	// none yet. Settling again with it fills it in.
	Event uint64
}

// Reopening gives a job back.
type Reopening struct {
	Subject
	// Nonce is the claim's; 0 to try an unknown job again, as its policy says.
	Nonce Nonce
	// Next is the attempt that comes next: the claim's own if nothing left this
	// machine. Of an unknown job it must be the one after the unknown.
	Next int
}

// Resolution makes a stale claim unknown.
type Resolution struct {
	Subject
	// Nonce and Attempt are those of the claim that was found, so that no later
	// claim is hit.
	Nonce   Nonce
	Attempt int
	Code    uint8
}

// Retrial opens a job that ended without being accepted for one more attempt.
type Retrial struct {
	Subject
	// Attempt is the one the job ended at; 0 where nothing was tried.
	Attempt int
}

// Change is the answer to a settlement, reopening, resolution, mark or retrial.
type Change struct {
	// Done is set where the entry now is as was asked for, by this call or, unless
	// it is a resolution, by the same call before.
	Done bool
	// Entry is how it stands. It may have changed otherwise than was asked for:
	// evidence makes an acceptance of what would have been unknown or open.
	Entry Entry
}

// The verbs of the script.
const (
	settle  = 'S'
	reopen  = 'O'
	resolve = 'R'
	again   = 'G'
	attest  = 'A'
	mark    = 'M'
)

// Settle writes final states. It does so
//
//   - where there is no entry: the job was refused before any claim, or Redis
//     lost it;
//   - over the claim of the nonce, even past its lease;
//   - over an open job: by who tried nothing, or for an attempt not behind it, or
//     with an acceptance;
//   - over unknown: with an acceptance, or any clear answer to that attempt;
//   - over another's stale claim: with an acceptance only.
//
// A live claim of another and any other final state stay. An acceptance that
// meets a live claim is to be settled again when the lease is over.
//
// A claim that has evidence (see [Ledger.Attest]) does not become unknown but
// accepted, with [SeenDoubt] for the event that says otherwise; nor rejected, where
// the evidence is of another attempt. Done is not set then.
//
// Settling as before fills in the event, and an acceptance that has one ends the
// doubt.
func (l *Ledger) Settle(ctx context.Context, settlements []Settlement) ([]Change, error) {
	asks := make([]ask, len(settlements))
	for i, s := range settlements {
		least := 0
		if s.State == Accepted || s.State == Unknown {
			least = 1
		}
		if !s.State.Final() || !inRange(s.Attempt, least) {
			return nil, fmt.Errorf("settle jobs: no job can be settled as %v at attempt %d", s.State, s.Attempt)
		}
		if s.Event > maxEvent {
			return nil, fmt.Errorf("settle jobs: event %d is beyond %d", s.Event, uint64(maxEvent))
		}
		asks[i] = ask{Subject: s.Subject, nonce: s.Nonce, to: s.State, attempt: uint8(s.Attempt), code: s.Code, event: s.Event, verb: settle}
	}
	return l.change(ctx, "settle jobs", asks)
}

// Reopen gives claims back, and opens unknown jobs for another attempt. Who finds
// no entry writes one: Redis lost the claim. A claim that has evidence becomes
// accepted instead, without an event, and Done is not set.
func (l *Ledger) Reopen(ctx context.Context, reopenings []Reopening) ([]Change, error) {
	asks := make([]ask, len(reopenings))
	for i, r := range reopenings {
		if !inRange(r.Next, 1) {
			return nil, fmt.Errorf("reopen jobs: attempt %d is not between 1 and %d", r.Next, maxAttempt)
		}
		asks[i] = ask{Subject: r.Subject, nonce: r.Nonce, to: Open, attempt: uint8(r.Next), verb: reopen}
	}
	return l.change(ctx, "reopen jobs", asks)
}

// Resolve makes stale claims unknown, each only if it still is the claim that was
// found and its lease is over. Of several who try, one has it done; the others
// find the job unknown, as does one that repeats its call. A claim that has
// evidence becomes accepted instead, without an event, and Done is not set.
func (l *Ledger) Resolve(ctx context.Context, resolutions []Resolution) ([]Change, error) {
	asks := make([]ask, len(resolutions))
	for i, r := range resolutions {
		if r.Nonce == 0 || !inRange(r.Attempt, 1) {
			return nil, fmt.Errorf("resolve claims: nonce and attempt of the claim are needed")
		}
		asks[i] = ask{Subject: r.Subject, nonce: r.Nonce, to: Unknown, attempt: uint8(r.Attempt), code: r.Code, verb: resolve}
	}
	return l.change(ctx, "resolve claims", asks)
}

// Again opens jobs that ended as anything but accepted for the attempt after it.
// It compares and sets: of several who ask, or of one who asks twice, one changes
// the entry and all have it done until somebody claims the attempt. Where there is
// no entry one is written: the job left no trace, or its window is over.
func (l *Ledger) Again(ctx context.Context, retrials []Retrial) ([]Change, error) {
	asks := make([]ask, len(retrials))
	for i, r := range retrials {
		if !inRange(r.Attempt, 0) || r.Attempt == maxAttempt {
			return nil, fmt.Errorf("open jobs again: there is no attempt after %d", r.Attempt)
		}
		asks[i] = ask{Subject: r.Subject, attempt: uint8(r.Attempt), verb: again}
	}
	return l.change(ctx, "open jobs again", asks)
}

func inRange(attempt, least int) bool { return attempt >= least && attempt <= maxAttempt }

func (l *Ledger) change(ctx context.Context, operation string, asks []ask) ([]Change, error) {
	replies, err := l.call(ctx, changeScript, asks)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", operation, err)
	}
	found, err := entries(asks, replies)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", operation, err)
	}
	changes := make([]Change, len(found))
	for i, e := range found {
		changes[i] = Change{Done: replies[i].code == replyDone, Entry: e}
	}
	return changes, nil
}
