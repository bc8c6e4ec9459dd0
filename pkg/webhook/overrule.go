package webhook

import (
	"context"
	"time"

	"github.com/wacast/wacast/pkg/dedup"
	"github.com/wacast/wacast/pkg/job"
)

// contradicted reports whether a job has ended as what no status webhook can be about.
func contradicted(e dedup.Entry) bool {
	return !e.NotWhole && e.State.Final() && e.State != dedup.Accepted && e.State != dedup.Unknown
}

// overrule gives the evidence once more that the ledger has put aside, where it is of
// an attempt that is unknown on record: a later attempt was refused, which says
// nothing of the one before.
func (p *Processor) overrule(reports []*report, entries []dedup.Entry) bool {
	var evidence []dedup.Evidence
	var of []int
	for i, r := range reports {
		if e := entries[i]; !contradicted(e) || e.Event == 0 || e.Attempt == r.token.Attempt {
			continue
		}
		unknown := false
		if !p.try(p.recording, func(ctx context.Context) (err error) {
			unknown, err = p.isUnknown(ctx, r.token)
			return err
		}) {
			return false
		}
		if unknown {
			again := r.evidence()
			again.Unknown = true
			evidence, of = append(evidence, again), append(of, i)
		}
	}
	if len(evidence) == 0 {
		return true
	}
	return p.try(p.ledger, func(ctx context.Context) error {
		changed, err := p.cfg.Ledger.Attest(ctx, evidence)
		for n := range changed {
			entries[of[n]] = changed[n]
		}
		return err
	})
}

// isUnknown reports whether the last that is on record of an attempt is that nobody
// knows its outcome.
func (p *Processor) isUnknown(ctx context.Context, token job.Token) (bool, error) {
	events, err := p.cfg.Events.Find(ctx, token.Key, "", time.Time{})
	if err != nil {
		return false, err
	}
	var last job.Kind
	for i := range events {
		if d := &events[i].Data; d.Attempt == token.Attempt && outcomeOf(d).IsOutcome() {
			last = outcomeOf(d)
		}
	}
	return last == job.Unknown, nil
}
