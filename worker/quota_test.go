package worker_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/wacast/wacast/pkg/campaign"
	"github.com/wacast/wacast/pkg/job"
	"github.com/wacast/wacast/pkg/ratelimit"
	"github.com/wacast/wacast/pkg/recipient"
	"github.com/wacast/wacast/pkg/sender"
	"github.com/wacast/wacast/worker"
)

// specs are campaigns that a test changes.
type specs struct {
	unchecked
	mu      sync.Mutex
	known   map[string]campaign.Spec
	changed chan struct{}
}

func newSpecs(all ...campaign.Spec) *specs {
	s := &specs{known: make(map[string]campaign.Spec), changed: make(chan struct{})}
	for _, spec := range all {
		s.known[spec.ID] = spec
	}
	return s
}

func (s *specs) Lookup(id string) (campaign.Spec, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	spec, ok := s.known[id]
	return spec, ok
}

func (s *specs) Changed() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.changed
}

func (s *specs) set(spec campaign.Spec) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.known[spec.ID] = spec
	close(s.changed)
	s.changed = make(chan struct{})
}

// start runs a worker until the test ends.
func start(t *testing.T, cfg worker.Config) {
	t.Helper()
	w := must[*worker.Worker](t)(worker.New(cfg))
	w.Start()
	t.Cleanup(func() { _ = w.Stop(context.Background()) })
}

// What exceeds a daily limit or a portfolio's waits in its queue, which people can see,
// while others go on; and goes on when the limit does.
func TestQuotasHoldBackWhatExceedsThem(t *testing.T) {
	ctx := context.Background()
	for name, tt := range map[string]struct {
		set    func(cfg *worker.Config, all *specs, most int) error
		others bool // of the number go on
		reason job.Reason
	}{
		"of a number": {func(cfg *worker.Config, _ *specs, most int) error {
			return cfg.Stops.SetLimit(ctx, "100", sender.Limit{PerDay: most, Source: sender.SourceOperator})
		}, false, job.ReasonDailyLimit},
		"of a portfolio": {func(cfg *worker.Config, _ *specs, most int) error {
			return cfg.Stops.SetPortfolio(ctx, "P", sender.PortfolioLimit{Recipients: most, Source: sender.SourceOperator})
		}, false, job.ReasonPortfolioLimit},
		"of a campaign": {func(_ *worker.Config, all *specs, most int) error {
			all.set(campaign.Spec{ID: "c", State: campaign.Open, PerDay: most})
			return nil
		}, true, job.ReasonDailyLimit},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := &api{}
			cfg, js := newConfig(t, a, 200)
			all := newSpecs()
			cfg.Campaigns, cfg.Quotas = all, ratelimit.NewLocalQuotas(nil)
			cfg.Directory = must[*sender.Directory](t)(sender.NewDirectory([]*sender.Account{{WABA: "1", Portfolio: "P", Token: sender.Literal("t")}}, 200))
			if err := tt.set(&cfg, all, 10); err != nil {
				t.Fatal(err)
			}
			publish(t, js, cfg.Namespace, jobsOf("100", "c", job.Bulk, 25))
			start(t, cfg)
			await(t, cfg.Events, "c", job.Accepted, 10)
			for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(5 * time.Millisecond) {
				if h, held := cfg.Stops.Held("100", "c"); held && h.Reason == tt.reason && time.Until(h.Until) > time.Hour {
					break
				} else if time.Now().After(deadline) {
					t.Fatalf("nobody is told: %+v", h)
				}
			}
			if tt.others {
				publish(t, js, cfg.Namespace, jobsOf("100", "d", job.Bulk, 20))
				await(t, cfg.Events, "d", job.Accepted, 20)
			} else {
				publish(t, js, cfg.Namespace, jobsOf("300", "d", job.Bulk, 1)) // another number, to somebody who was written to
				await(t, cfg.Events, "d", job.Accepted, 1)
			}
			if counts := must[map[job.Kind]uint64](t)(cfg.Events.Counts(ctx, "c")); counts[job.Accepted] != 10 || len(counts) != 1 {
				t.Errorf("%v, want 10 accepted and no more", counts)
			}
			if err := tt.set(&cfg, all, 25); err != nil {
				t.Fatal(err)
			}
			await(t, cfg.Events, "c", job.Accepted, 25)
			if _, held := cfg.Stops.Held("100", "c"); held {
				t.Error("it is still said to be held")
			}
		})
	}
}

// Once a portfolio is used up, what is for people who count already goes on: in other
// queues at their pace, and in the one that is held back behind what exceeds the limit.
// What it holds back goes when the limit is raised.
func TestPortfolioHoldsOnlyWhatExceedsIt(t *testing.T) {
	api := &stopwatch{came: make(map[string][]time.Time)}
	virtually(t, api, 50, func(t *testing.T, cfg worker.Config, js jetstream.JetStream) {
		cfg.Quotas = ratelimit.NewLocalQuotas(nil)
		cfg.Directory = must[*sender.Directory](t)(sender.NewDirectory([]*sender.Account{{WABA: "1", Portfolio: "P", Token: sender.Literal("t")}}, 50))
		if err := cfg.Stops.SetPortfolio(t.Context(), "P", sender.PortfolioLimit{Recipients: 100, Source: sender.SourceOperator}); err != nil {
			t.Fatal(err)
		}
		to := func(campaign, id string, lane job.Lane, first, n int) {
			publish(t, js, cfg.Namespace, func(yield func(*job.Job) bool) {
				for j := range jobsOf("100", campaign, lane, first+n) {
					if j.ID = fmt.Sprint(id, "-", j.ID); first > 0 {
						first--
					} else if !yield(j) {
						return
					}
				}
			})
		}
		start(t, cfg)
		to("a", "first", job.Bulk, 0, 300) // 200 too many
		time.Sleep(10 * time.Second)
		to("a", "again", job.Bulk, 0, 10)
		to("b", "reminder", job.Bulk, 0, 100)
		to("b", "reminder", job.Bulk, 300, 20) // new people
		to("c", "confirmation", job.Transactional, 0, 100)
		time.Sleep(15 * time.Second)
		for campaign, want := range map[string]int{"a": 110, "b": 100, "c": 100} {
			if sent, _ := api.span(campaign); sent != want {
				t.Errorf("campaign %s: %d were sent, want %d", campaign, sent, want)
			}
		}
		for campaign, held := range map[string]bool{"a": true, "b": true, "c": false} {
			if h, ok := cfg.Stops.Held("100", campaign); ok != held || held && time.Until(h.Until) < 23*time.Hour {
				t.Errorf("campaign %s is held: %v, %+v", campaign, ok, h)
			}
		}
		if err := cfg.Stops.SetPortfolio(t.Context(), "P", sender.PortfolioLimit{Recipients: 1000, Source: sender.SourceOperator}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(20 * time.Second)
		if a, _ := api.span("a"); a != 310 {
			t.Errorf("after the limit was raised %d of a were sent, want 310", a)
		}
		if h, ok := cfg.Stops.Held("100", "a"); ok {
			t.Errorf("it is still said to be held: %+v", h)
		}
	})
}

// Room that was taken for what is not sent after all is given back.
func TestQuotasCountOnlyWhatIsSent(t *testing.T) {
	s := newRig(t, first(1, errRefused))
	s.cfg.Quotas = ratelimit.NewLocalQuotas(nil)
	refused := 0
	s.answer = func(token job.Token) error {
		if refused < 10 {
			refused++
			return errRefused
		}
		return nil
	}
	if err := s.cfg.Stops.SetLimit(t.Context(), number, sender.Limit{MPS: 50, PerDay: 5, Source: sender.SourceOperator}); err != nil {
		t.Fatal(err)
	}
	s.publish(jobsTo(people(16)...)...)
	s.start()
	await(t, s.cfg.Events, "c", job.Accepted, 5)
	if counts := must[map[job.Kind]uint64](t)(s.cfg.Events.Counts(t.Context(), "c")); counts[job.Rejected] != 10 {
		t.Errorf("%v, want 10 rejected", counts)
	}
}

// A campaign that is spread takes its period, and pulls no more than it may send.
func TestSpreadOfACampaign(t *testing.T) {
	api := &stopwatch{came: make(map[string][]time.Time)}
	cfg, js := newConfig(t, api, 500)
	cfg.Campaigns = newSpecs(campaign.Spec{ID: "c", State: campaign.Open, Spread: "2s", Expected: 40})
	publish(t, js, cfg.Namespace, jobsOf("100", "c", job.Bulk, 20))
	publish(t, js, cfg.Namespace, jobsOf("200", "c", job.Transactional, 20))
	start(t, cfg)
	await(t, cfg.Events, "c", job.Accepted, 40)
	if _, took := api.span("c"); took < 1700*time.Millisecond || took > 4*time.Second {
		t.Errorf("40 jobs took %v, want 2 s", took)
	}
}

// A limit that changes acts at once, and is shown.
func TestLimitChangesWhileRunning(t *testing.T) {
	api := &stopwatch{came: make(map[string][]time.Time)}
	cfg, js := newConfig(t, api, 10)
	reg := prometheus.NewRegistry()
	cfg.Registerer = reg
	publish(t, js, cfg.Namespace, jobsOf("100", "c", job.Bulk, 420))
	start(t, cfg)
	await(t, cfg.Events, "c", job.Accepted, 5)
	if err := cfg.Stops.SetLimit(t.Context(), "100", sender.Limit{MPS: 200, Source: sender.SourceOperator}); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	await(t, cfg.Events, "c", job.Accepted, 420)
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("the rest took %v, want 2 s", took)
	}
	want := "# HELP wacast_rate_limit Messages a second the number may send.\n# TYPE wacast_rate_limit gauge\nwacast_rate_limit{sender=\"100\"} 200\n"
	if err := testutil.GatherAndCompare(reg, strings.NewReader(want), "wacast_rate_limit"); err != nil {
		t.Error(err)
	}
	want = "# HELP wacast_rate_effective Messages a second that slots are given out for, over all replicas.\n# TYPE wacast_rate_effective gauge\nwacast_rate_effective{sender=\"100\"} 200\n"
	if err := testutil.GatherAndCompare(reg, strings.NewReader(want), "wacast_rate_effective"); err != nil {
		t.Error(err)
	}
}

// windows is a book in which some people's customer service windows are open.
type windows struct {
	open func(recipient.Person) bool
}

func (windows) Fresh() bool { return true }

func (windows) Check(recipient.Person, string, bool) recipient.Verdict {
	return recipient.Verdict{OK: true}
}

func (w windows) Window(_ string, p recipient.Person) (until time.Time, open bool) {
	if !w.open(p) {
		return time.Time{}, false
	}
	return time.Now().Add(time.Hour), true
}

func (windows) Canonical(p recipient.Person) recipient.ID { return recipient.ID(p.Number) }

// Whoever has an open window counts in no portfolio's limit, and passes once it is used
// up: behind what exceeds it, and at the number's pace where there are only such.
func TestOpenWindowsPassAUsedUpPortfolio(t *testing.T) {
	api := &stopwatch{came: make(map[string][]time.Time)}
	virtually(t, api, 50, func(t *testing.T, cfg worker.Config, js jetstream.JetStream) {
		cfg.Quotas = ratelimit.NewLocalQuotas(nil)
		cfg.Consent = windows{func(p recipient.Person) bool { return p.Number >= "+5491100000200" }}
		cfg.Directory = must[*sender.Directory](t)(sender.NewDirectory([]*sender.Account{{WABA: "1", Portfolio: "P", Token: sender.Literal("t")}}, 50))
		if err := cfg.Stops.SetPortfolio(t.Context(), "P", sender.PortfolioLimit{Recipients: 20, Source: sender.SourceOperator}); err != nil {
			t.Fatal(err)
		}
		start(t, cfg)
		publish(t, js, cfg.Namespace, jobsOf("100", "c", job.Bulk, 300)) // 180 too many, and 100 with a window
		time.Sleep(30 * time.Second)
		if sent, _ := api.span("c"); sent != 120 {
			t.Errorf("%d were sent, want the 20 of the limit and the 100 with an open window", sent)
		}
		publish(t, js, cfg.Namespace, func(yield func(*job.Job) bool) {
			for j := range jobsOf("100", "d", job.Transactional, 450) {
				if j.To >= "+5491100000200" && !yield(j) {
					return
				}
			}
		})
		time.Sleep(8 * time.Second)
		if sent, _ := api.span("d"); sent != 250 {
			t.Errorf("%d with an open window were sent, want all 250", sent)
		}
	})
}
