package app

import (
	"context"

	"github.com/wacast/wacast/pkg/ratelimit"
	"github.com/wacast/wacast/pkg/sender"
)

// room gives messages that come in their part of the numbers' rates, from the slots
// that workers send by.
type room struct {
	slots    ratelimit.Limiter
	accounts *sender.Directory
	stops    *sender.Stops
	headroom float64
}

// Take implements [webhook.Room].
func (r *room) Take(ctx context.Context, want map[string]int) (map[string]int, error) {
	var requests []ratelimit.Request
	for number, n := range want {
		known, err := r.accounts.Lookup(number)
		if err != nil {
			continue
		}
		rate := ratelimit.Rate{PerSecond: float64(limitOf(r.stops, known).MPS), Headroom: r.headroom}
		requests = append(requests, ratelimit.Request{Sender: number, Spacing: rate.Spacing(), Want: n, Urgent: n})
	}
	grants, err := r.slots.Reserve(ctx, requests)
	if err != nil {
		return nil, err
	}
	taken := make(map[string]int, len(grants))
	for i, g := range grants {
		taken[requests[i].Sender] = g.Count
	}
	return taken, nil
}
