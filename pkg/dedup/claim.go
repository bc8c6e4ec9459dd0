package dedup

import (
	"context"
	"fmt"
	"time"
)

// ClaimRequest asks to send a job.
type ClaimRequest struct {
	Subject
	// Nonce names this delivery. The same nonce again is the same claim again.
	Nonce Nonce
}

// Verdict is the answer to a claim.
type Verdict uint8

// The verdicts.
const (
	// Yours: send it, before the deadline.
	Yours Verdict = iota + 1
	// Settled: the job has an outcome.
	Settled
	// Conflict: the key came before with another body.
	Conflict
	// Held: another's claim is alive. Come back after [Entry.LeaseLeft].
	Held
	// Stale: another's claim is past its lease. It may have sent the message; find
	// out and [Ledger.Resolve] or settle it.
	Stale
	// NotWhole: Redis may have lost entries, so nobody can say whether the job was
	// sent. Nothing was written; come back when the ledger is whole again.
	NotWhole
)

// String is the verdict as people read it.
func (v Verdict) String() string {
	switch v {
	case Yours:
		return "yours"
	case Settled:
		return "settled"
	case Conflict:
		return "conflict"
	case Held:
		return "held"
	case Stale:
		return "stale"
	case NotWhole:
		return "not whole"
	}
	return "no verdict"
}

// Claim is the answer to a [ClaimRequest].
type Claim struct {
	Verdict Verdict
	// Entry is the job's, with the claim where it is yours.
	Entry Entry
	// Deadline is when a claim of yours ends, never later than in Redis. It is of
	// the monotonic clock: compare it with time.Now right before the bytes leave.
	Deadline time.Time
}

// Claim claims jobs.
func (l *Ledger) Claim(ctx context.Context, requests []ClaimRequest) ([]Claim, error) {
	asks := make([]ask, len(requests))
	for i, r := range requests {
		if r.Nonce == 0 {
			return nil, fmt.Errorf("claim jobs: a request without a nonce")
		}
		asks[i] = ask{Subject: r.Subject, nonce: r.Nonce}
	}
	// Redis's clock has milliseconds, so its lease may end up to one early.
	deadline := time.Now().Add(l.opts.Lease - time.Millisecond)
	replies, err := l.call(ctx, claimScript, asks)
	if err != nil {
		return nil, fmt.Errorf("claim jobs: %w", err)
	}
	found, err := entries(asks, replies)
	if err != nil {
		return nil, fmt.Errorf("claim jobs: %w", err)
	}
	claims := make([]Claim, len(found))
	for i, e := range found {
		if replies[i].code == replyDone {
			claims[i] = Claim{Verdict: Yours, Entry: e, Deadline: deadline}
		} else {
			claims[i] = Claim{Verdict: refusal(e), Entry: e}
		}
	}
	return claims, nil
}

// refusal says why a claim was refused.
func refusal(e Entry) Verdict {
	switch {
	case e.NotWhole:
		return NotWhole
	case !e.SameBody:
		return Conflict
	case e.State.Final():
		return Settled
	case e.Stale():
		return Stale
	}
	return Held
}
