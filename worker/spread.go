package worker

import (
	"context"
	"time"

	"github.com/wacast/wacast/pkg/ratelimit"
)

// spread returns how many of n jobs may be pulled at this moment: all of them, or what
// the campaign has slots for that is spread over a period. Those are its own, shared by
// its numbers and by all replicas. With 0 the campaign's time has not come; ok is false
// when ctx ended.
func (in *intake) spread(ctx context.Context, n int) (room int, ok bool) {
	spec, _ := in.w.cfg.Campaigns.Lookup(in.id.Campaign)
	if spec.Spread == "" || spec.Expected == 0 {
		return n, true
	}
	changed := in.w.cfg.Campaigns.Changed()
	rate := ratelimit.Rate{PerSecond: float64(spec.Expected) / spec.Period().Seconds()}
	g, err := in.w.slots.get(ctx, ratelimit.Request{Sender: "campaign/" + spec.ID, Spacing: rate.Spacing(), Want: n})
	switch {
	case ctx.Err() != nil:
		return 0, false
	case err != nil:
		return 0, sleep(ctx, maxPause/4)
	case g.Count > 0:
		return g.Count, sleep(ctx, time.Until(g.at.Add(g.First)))
	}
	b := block{wait: time.Until(g.at.Add(g.Again)), changed: [2]<-chan struct{}{changed}}
	in.why.Store(int32(lossSpread))
	defer in.why.Store(int32(lossNone))
	return 0, b.wait <= 0 || b.await(ctx)
}
