package worker_test

import (
	"context"
	"fmt"
	"math"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/wacast/wacast/pkg/campaign"
	"github.com/wacast/wacast/pkg/job"
	"github.com/wacast/wacast/pkg/queue"
	"github.com/wacast/wacast/pkg/ratelimit"
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

var (
	errThrottled = &whatsapp.Error{Class: whatsapp.ClassThrottledNumber, HTTPStatus: 400, Code: 130429}
	errNumber    = &whatsapp.Error{Class: whatsapp.ClassRefusedNumber, HTTPStatus: 400, Code: 133010}
)

// What is wrong with one number or campaign costs the others no slot: they take as
// long as they do without it, to 5 %, in virtual time.
func TestTroubleOfOneCostsTheOthersNothing(t *testing.T) {
	alone := besideTrouble(t, trouble{})
	if want := troubled / troubledMPS * time.Second; alone < want*95/100 || alone > want*105/100 {
		t.Errorf("without trouble, %d messages at %d a second took %v, want %v", troubled, troubledMPS, alone, want)
	}
	for name, tt := range troubles() {
		t.Run(name, func(t *testing.T) {
			took := besideTrouble(t, tt)
			if took > alone*105/100 {
				t.Errorf("%d messages at %d a second took %v, and %v without trouble", troubled, troubledMPS, took, alone)
			}
			t.Logf("took %v, and %v without trouble", took, alone)
		})
	}
}

const troubledMPS, troubled = 100, 400

// trouble is what is wrong with one number or campaign.
type trouble struct {
	number string // of the campaign that is in trouble, where it has good jobs
	answer func(ctx context.Context, number string) error
	before func(t *testing.T, cfg *worker.Config, js jetstream.JetStream)
}

func troubles() map[string]trouble {
	only100 := func(err func(ctx context.Context) error) func(context.Context, string) error {
		return func(ctx context.Context, number string) error {
			if number == "100" {
				return err(ctx)
			}
			time.Sleep(40 * time.Millisecond) // virtual
			return nil
		}
	}
	return map[string]trouble{
		"its requests hang": {"100", only100(func(ctx context.Context) error {
			<-ctx.Done()
			return &whatsapp.Error{Class: whatsapp.ClassAmbiguous, Err: ctx.Err()}
		}), nil},
		"it is throttled":       {"100", only100(func(context.Context) error { return errThrottled }), nil},
		"its answers are 500":   {"100", only100(func(context.Context) error { return errTransient }), nil},
		"it refuses every job":  {"100", only100(func(context.Context) error { return errRefused }), nil},
		"it refuses its number": {"100", only100(func(context.Context) error { return errNumber }), nil},
		"it is stopped": {"100", nil, func(t *testing.T, cfg *worker.Config, _ jetstream.JetStream) {
			if err := cfg.Stops.Pause(t.Context(), sender.Target{Scope: sender.ScopeNumber, Name: "100"}, "", ""); err != nil {
				t.Error(err)
			}
		}},
		"its day is used up": {"100", nil, func(t *testing.T, cfg *worker.Config, _ jetstream.JetStream) {
			cfg.Quotas = ratelimit.NewLocalQuotas(nil)
			if err := cfg.Stops.SetLimit(t.Context(), "100", sender.Limit{PerDay: 20, Source: sender.SourceOperator}); err != nil {
				t.Error(err)
			}
		}},
		"a campaign of the number is paused": {"200", nil, func(_ *testing.T, cfg *worker.Config, _ jetstream.JetStream) {
			cfg.Campaigns = someCampaigns{paused: "trouble"}
		}},
		"a campaign of the number has used up its day": {"200", nil, func(_ *testing.T, cfg *worker.Config, _ jetstream.JetStream) {
			cfg.Quotas = ratelimit.NewLocalQuotas(nil)
			cfg.Campaigns = newSpecs(campaign.Spec{ID: "trouble", State: campaign.Open, PerDay: 1}, campaign.Spec{ID: "others", State: campaign.Open})
		}},
		"a queue of the number is poisoned": {"", nil, func(t *testing.T, cfg *worker.Config, js jetstream.JetStream) {
			for range 3000 {
				subject := (queue.Names{Namespace: cfg.Namespace}).JobSubject(queue.ID{Sender: "200", Lane: job.Bulk, Campaign: "trouble"})
				_ = must[jetstream.PubAckFuture](t)(js.PublishAsync(subject, []byte("{")))
			}
			<-js.PublishAsyncComplete()
		}},
	}
}

// besideTrouble is how long others take while the trouble lasts, from when they are
// published.
func besideTrouble(t *testing.T, tt trouble) (took time.Duration) {
	api := &stopwatch{answer: tt.answer, came: make(map[string][]time.Time)}
	virtually(t, api, troubledMPS, func(t *testing.T, cfg worker.Config, js jetstream.JetStream) {
		cfg.MaxInFlight, cfg.SendTimeout = 50, 5*time.Second
		if tt.before != nil {
			tt.before(t, &cfg, js)
		}
		if tt.number != "" {
			publish(t, js, cfg.Namespace, jobsOf(tt.number, "trouble", job.Bulk, 2*troubled))
		}
		start(t, cfg)
		time.Sleep(3 * time.Second) // it is in the midst of it
		published := time.Now()
		publish(t, js, cfg.Namespace, jobsOf("200", "others", job.Bulk, troubled))
		await(t, cfg.Events, "others", job.Accepted, troubled)
		came := api.times("others")
		if len(came) != troubled {
			t.Errorf("%d were sent, want %d", len(came), troubled)
		}
		took = came[len(came)-1].Sub(published)
	})
	return took
}

// Ten campaigns on a number get the same share of its slots, to 10 %, once all are
// found and until one has nothing more; whatever they have, and in either lane.
func TestCampaignsOfANumberGoTogether(t *testing.T) {
	for _, lane := range job.Lanes() {
		t.Run(string(lane), func(t *testing.T) {
			const campaigns, least, mps = 10, 100, 100
			api := &stopwatch{came: make(map[string][]time.Time)}
			virtually(t, api, mps, func(t *testing.T, cfg worker.Config, js jetstream.JetStream) {
				size := func(i int) int { return least * (1 + i*i/4) } // of 100 to 2,100 jobs
				for i := range campaigns {
					publish(t, js, cfg.Namespace, jobsOf("100", fmt.Sprint("c", i), lane, size(i)))
				}
				start(t, cfg)
				await(t, cfg.Events, "c0", job.Accepted, uint64(size(0)))
				equalShares(t, api, campaigns, mps)
			})
		})
	}
}

// equalShares compares the slots that campaigns c0 and so on have had, from when each
// has had one until one of them has had its last.
func equalShares(t *testing.T, api *stopwatch, campaigns, mps int) {
	t.Helper()
	var from time.Time
	until := time.Now()
	for i := range campaigns {
		came := api.times(fmt.Sprint("c", i))
		if len(came) == 0 {
			t.Fatalf("campaign %d had no slot", i)
		}
		if from.Before(came[0]) {
			from = came[0]
		}
		if last := came[len(came)-1]; last.Before(until) {
			until = last
		}
	}
	fair := until.Sub(from).Seconds() * float64(mps) / float64(campaigns)
	for i := range campaigns {
		slots := 0
		for _, at := range api.times(fmt.Sprint("c", i)) {
			if at.After(from) && !at.After(until) {
				slots++
			}
		}
		t.Logf("campaign %d: %d of %.1f", i, slots, fair)
		if math.Abs(float64(slots)-fair) > 0.1*fair {
			t.Errorf("campaign %d had %d slots in %v, want %.1f", i, slots, until.Sub(from), fair)
		}
	}
}
