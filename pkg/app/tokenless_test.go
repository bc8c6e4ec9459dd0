package app_test

import (
	"testing"
	"time"

	"github.com/wacast/wacast/pkg/report"
	"github.com/wacast/wacast/pkg/simulator"
)

// Something on the way takes the token out of all statuses, some of which overtake the
// answers to their requests: by the ids of their messages each is recorded once. What
// that cannot do is to settle an unknown outcome.
func TestStatusesWithoutTokens(t *testing.T) {
	const n, lost = 300, 3
	jobs := newJobs(numberA, "c", 0, n)
	var unlucky []string
	for _, j := range jobs[:lost] {
		unlucky = append(unlucky, string(j.To))
	}
	r := newRig(t, simulator.Config{
		MPS: 200, Latency: simulator.Latency{Base: 20 * time.Millisecond},
		Faults: []simulator.Rule{{Kind: simulator.LostAfter, Recipients: unlucky}},
		Webhook: simulator.Webhook{
			Secret: hookSecret, Delivered: simulator.Latency{Spread: time.Second}, Read: simulator.Latency{Base: time.Second, Spread: time.Second},
			Faults: []simulator.WebhookRule{{Kind: simulator.Tokenless}, {Kind: simulator.Shuffled, Share: 0.3}, {Kind: simulator.Early, Share: 0.2}, {Kind: simulator.Twice, Share: 0.2}},
		},
	}, "WACAST_APP_SECRET="+hookSecret, "WACAST_VERIFY_TOKEN=word", "WACAST_WEBHOOK_ADDR=127.0.0.1:0")
	a := r.both()
	url := "http://" + a.WebhookAddr() + "/webhook"
	if err := r.sim.SetWebhooks(simulator.WebhookChange{URL: &url}); err != nil {
		t.Fatal(err)
	}
	r.sim.Start()
	t.Cleanup(func() { _ = r.sim.Stop(t.Context()) })
	r.publish(jobs...)
	p := r.await(r.view(), "c", func(p *report.Progress) bool { return p.Read >= n-lost && p.Ended() >= n })
	if p.Accepted != n-lost || p.Unknown != lost || p.Sent != n-lost || p.Delivered != n-lost || p.Read != n-lost {
		t.Errorf("progress %+v", p)
	}
}
