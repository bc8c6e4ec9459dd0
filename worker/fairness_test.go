package worker_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/wacast/wacast/pkg/campaign"
	"github.com/wacast/wacast/pkg/job"
	"github.com/wacast/wacast/pkg/queue"
	"github.com/wacast/wacast/pkg/sender"
	"github.com/wacast/wacast/pkg/whatsapp"
	"github.com/wacast/wacast/worker"
)

// stopwatch is an API that knows when each campaign's jobs came, and answers for
// numbers as a test wants.
type stopwatch struct {
	answer func(ctx context.Context, number string) error

	mu   sync.Mutex
	came map[string][]time.Time // by campaign
}

func (s *stopwatch) Send(ctx context.Context, number, _ string, m *whatsapp.Message) (whatsapp.Accepted, error) {
	token, _ := job.ParseToken(m.CallbackData)
	s.mu.Lock()
	s.came[token.Key.Campaign] = append(s.came[token.Key.Campaign], time.Now())
	s.mu.Unlock()
	if s.answer != nil {
		if err := s.answer(ctx, number); err != nil {
			return whatsapp.Accepted{}, err
		}
	}
	return whatsapp.Accepted{MessageID: "wamid." + token.Key.ID, Status: whatsapp.StatusAccepted}, nil
}

// span is how many of a campaign's jobs came, and in what time.
func (s *stopwatch) span(campaign string) (int, time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	came := s.came[campaign]
	if len(came) < 2 {
		return len(came), 0
	}
	return len(came), came[len(came)-1].Sub(came[0])
}

// times are when a campaign's jobs came.
func (s *stopwatch) times(campaign string) []time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.came[campaign])
}

// someCampaigns are open, but for one that is paused.
type someCampaigns struct {
	unchecked
	paused string
}

func (c someCampaigns) Lookup(id string) (campaign.Spec, bool) {
	if id == c.paused {
		return campaign.Spec{ID: id, State: campaign.Paused}, true
	}
	return campaign.Spec{ID: id, State: campaign.Open}, true
}

func jobsOf(number, campaign string, lane job.Lane, n int) func(func(*job.Job) bool) {
	return func(yield func(*job.Job) bool) {
		for i := range n {
			j := &job.Job{
				V: 1, ID: fmt.Sprintf("%s-%d", number, i), Campaign: campaign, From: number, To: job.Phone(fmt.Sprintf("+54911%08d", i)), Lane: lane,
				Template: job.Template{Name: "appointment", Language: "es_AR"},
			}
			if !yield(j) {
				return
			}
		}
	}
}

var errThrottled = &whatsapp.Error{Class: whatsapp.ClassThrottledNumber, HTTPStatus: 400, Code: 130429}

// What is wrong with one number or campaign costs the others no slot.
func TestTroubleOfOneCostsTheOthersNothing(t *testing.T) {
	const mps, n = 100, 200
	poison := func(t *testing.T, cfg *worker.Config, js jetstream.JetStream) {
		for range 3000 {
			subject := (queue.Names{Namespace: cfg.Namespace}).JobSubject(queue.ID{Sender: "200", Lane: job.Bulk, Campaign: "trouble"})
			_ = must[jetstream.PubAckFuture](t)(js.PublishAsync(subject, []byte("{")))
		}
		<-js.PublishAsyncComplete()
	}
	type trouble struct {
		number string // of the campaign that is in trouble, where it has good jobs
		answer func(ctx context.Context, number string) error
		before func(t *testing.T, cfg *worker.Config, js jetstream.JetStream)
	}
	// take runs the trouble, and returns how long the others took beside it.
	take := func(t *testing.T, tt trouble) time.Duration {
		api := &stopwatch{answer: tt.answer, came: make(map[string][]time.Time)}
		cfg, js := newConfig(t, api, mps)
		cfg.MaxInFlight, cfg.SendTimeout = 50, 5*time.Second
		if tt.before != nil {
			tt.before(t, &cfg, js)
		}
		if tt.number != "" {
			publish(t, js, cfg.Namespace, jobsOf(tt.number, "trouble", job.Bulk, 2*n))
		}
		w := must[*worker.Worker](t)(worker.New(cfg))
		w.Start()
		defer func() { _ = w.Stop(context.Background()) }()
		if tt.answer != nil { // it is in the midst of it
			for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
				if came, _ := api.span("trouble"); came >= 10 || time.Now().After(deadline) {
					break
				}
			}
		}
		publish(t, js, cfg.Namespace, jobsOf("200", "others", job.Bulk, n))
		await(t, cfg.Events, "others", job.Accepted, n)
		sent, took := api.span("others")
		if sent != n {
			t.Errorf("%d were sent, want %d", sent, n)
		}
		return took
	}
	most := max(take(t, trouble{}), n/mps*time.Second) * 4 / 3 // a busy machine is late by itself
	for name, tt := range map[string]trouble{
		"its requests hang": {"100", func(ctx context.Context, number string) error {
			if number == "100" {
				<-ctx.Done()
				return &whatsapp.Error{Class: whatsapp.ClassAmbiguous, Err: ctx.Err()}
			}
			return nil
		}, nil},
		"it is throttled": {"100", func(_ context.Context, number string) error {
			if number == "100" {
				return errThrottled
			}
			return nil
		}, nil},
		"it is stopped": {"100", nil, func(t *testing.T, cfg *worker.Config, _ jetstream.JetStream) {
			if err := cfg.Stops.Pause(t.Context(), sender.Target{Scope: sender.ScopeNumber, Name: "100"}, "", ""); err != nil {
				t.Fatal(err)
			}
		}},
		"a campaign of the number is paused": {"200", nil, func(_ *testing.T, cfg *worker.Config, _ jetstream.JetStream) {
			cfg.Campaigns = someCampaigns{paused: "trouble"}
		}},
		"a queue of the number is poisoned": {"", nil, poison},
	} {
		t.Run(name, func(t *testing.T) {
			if took := take(t, tt); took > most {
				t.Errorf("%d messages at %d a second took %v, want at most %v", n, mps, took, most)
			}
		})
	}
}

// Ten campaigns on a number get the same share of its slots, once all are found.
func TestCampaignsOfANumberGoTogether(t *testing.T) {
	const campaigns, n, mps = 10, 40, 100
	api := &stopwatch{came: make(map[string][]time.Time)}
	cfg, js := newConfig(t, api, mps)
	for i := range campaigns {
		publish(t, js, cfg.Namespace, jobsOf("100", fmt.Sprint("c", i), job.Bulk, n))
	}
	w := must[*worker.Worker](t)(worker.New(cfg))
	w.Start()
	defer func() { _ = w.Stop(context.Background()) }()
	var from, until time.Time // all have had three by then, and none has had all
	for i := range campaigns {
		await(t, cfg.Events, fmt.Sprint("c", i), job.Accepted, n)
		came := api.times(fmt.Sprint("c", i))
		if from.Before(came[3]) {
			from = came[3]
		}
		if until.IsZero() || came[n-1].Before(until) {
			until = came[n-1]
		}
	}
	for i := range campaigns {
		slots := 0
		for _, at := range api.times(fmt.Sprint("c", i)) {
			if !at.Before(from) && !at.After(until) {
				slots++
			}
		}
		if fair := until.Sub(from).Seconds() * mps / campaigns; float64(slots) < 0.5*fair-2 || float64(slots) > 1.5*fair+2 {
			t.Errorf("campaign %d had %d slots in %v, want about %.1f", i, slots, until.Sub(from), fair)
		}
	}
}
