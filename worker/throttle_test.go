package worker_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/wacast/wacast/pkg/job"
	"github.com/wacast/wacast/pkg/queue"
	"github.com/wacast/wacast/pkg/ratelimit"
	"github.com/wacast/wacast/pkg/sender"
	"github.com/wacast/wacast/pkg/simulator"
	"github.com/wacast/wacast/pkg/whatsapp"
	"github.com/wacast/wacast/worker"
)

// simulated is a rig whose API is the simulator's, with headers of the test's own.
type simulated struct {
	*rig
	sim    *simulator.Server
	header atomic.Pointer[[2]string] // name and value
}

// newSimulated makes a worker of accounts 1 and 2 with a number each, at mps as it
// believes; the simulator has its own opinion.
func newSimulated(t *testing.T, mps int, cfg simulator.Config) *simulated {
	t.Helper()
	s := &simulated{rig: newRig(t, nil)}
	s.sim = must[*simulator.Server](t)(simulator.New(cfg))
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.sim.ServeHTTP(&headed{w, s.header.Load()}, r)
	}))
	client := must[*whatsapp.Client](t)(whatsapp.New(whatsapp.Config{BaseURL: front.URL}))
	t.Cleanup(func() { client.Close(); front.Close() })
	s.cfg.API = client
	s.cfg.Directory = must[*sender.Directory](t)(sender.NewDirectory([]*sender.Account{
		{WABA: "1", Token: sender.Literal("t")}, {WABA: "2", Numbers: []string{"222"}, Token: sender.Literal("t")},
	}, mps))
	return s
}

// headed sets a header over what the handler sets.
type headed struct {
	http.ResponseWriter
	header *[2]string
}

func (h *headed) WriteHeader(status int) {
	if h.header != nil {
		h.Header().Set(h.header[0], h.header[1])
	}
	h.ResponseWriter.WriteHeader(status)
}

func (h *headed) Write(b []byte) (int, error) {
	if h.header != nil {
		h.Header().Set(h.header[0], h.header[1])
	}
	return h.ResponseWriter.Write(b)
}

// jobsTo are jobs to the recipients given, in their order.
func jobsTo(recipients ...string) (jobs []*job.Job) {
	for i, to := range recipients {
		j := newJob(fmt.Sprint("j", i), job.Hold)
		j.To = job.Phone(to)
		jobs = append(jobs, j)
	}
	return jobs
}

func people(n int) (all []string) {
	for i := range n {
		all = append(all, fmt.Sprintf("+54911%08d", i))
	}
	return all
}

// allAtFirst waits until all jobs are accepted, none of which may have used up an
// attempt.
func (s *simulated) allAtFirst(n int) {
	s.t.Helper()
	await(s.t, s.cfg.Events, "c", job.Accepted, uint64(n))
	for i := range n {
		if id := fmt.Sprint("j", i); !slices.Equal(s.history(id), []string{"accepted 1 "}) {
			s.t.Fatalf("%s: %q", id, s.history(id))
		}
	}
}

// A number that is refused for its rate sends less, and every job gets through.
func TestNumberThatIsThrottledSlowsDown(t *testing.T) {
	s := newSimulated(t, 200, simulator.Config{MPS: 20})
	s.publish(jobsTo(people(60)...)...)
	s.start()
	s.allAtFirst(60)
	states := must[[]ratelimit.State](t)(s.cfg.Slots.States(t.Context(), []string{number}))
	if refused := s.sim.Stats().Refused[130429]; refused == 0 || states[0].Share > 0.9 {
		t.Errorf("%d refusals left a share of %v", refused, states[0].Share)
	}
}

// A recipient who is written to too often waits alone, and what else is for him is not
// even tried.
func TestRecipientThatIsThrottledWaitsAlone(t *testing.T) {
	s := newSimulated(t, 10, simulator.Config{Faults: []simulator.Rule{
		{Kind: simulator.Error, Code: 131056, Times: 2, Recipients: []string{"+5491155550100"}},
	}})
	s.publish(jobsTo(append([]string{"+5491155550100", "+5491155550101"}, slices.Repeat([]string{"+5491155550100"}, 8)...)...)...)
	s.start()
	s.eventually("the other one", func() bool { return len(s.history("j1")) == 1 })
	if n := s.sim.Stats().Accepted; n != 1 {
		t.Errorf("%d are accepted while one recipient waits, want that of the other", n)
	}
	s.eventually("the second wait", func() bool { return s.sim.Stats().Refused[131056] == 2 })
	began := time.Now()
	s.allAtFirst(10)
	if waited := time.Since(began); waited < 3*time.Second || s.sim.Stats().Refused[131056] != 2 {
		t.Errorf("after %v: %d refusals, want 4 s and 2", waited, s.sim.Stats().Refused[131056])
	}
}

// Long waits are schedules, for the job that was refused and for one that was not
// tried.
func TestLongWaitsAreSchedules(t *testing.T) {
	s := newSimulated(t, 4, simulator.Config{Faults: []simulator.Rule{{Kind: simulator.Error, Code: 131056}}})
	s.header.Store(&[2]string{"Retry-After", "30"})
	s.publish(jobsTo(slices.Repeat([]string{"+5491155550100"}, 3)...)...)
	s.start()
	s.eventually("all in the schedule", func() bool {
		return must[map[string]uint64](t)(s.cfg.Later.Waiting(t.Context(), ""))[queue.KindRetry] == 3
	})
	if n := s.sim.Stats().Refused[131056]; n != 1 {
		t.Errorf("%d were tried, want 1", n)
	}
	s.eventually("none in the queue", func() bool {
		return len(must[[]queue.Depth](t)(s.cfg.Queues.Depths(t.Context()))) == 0
	})
}

// An account or an app at its call limit is stopped, with an end that everybody can
// see, and the jobs go back untouched.
func TestAccountThatIsThrottledStops(t *testing.T) {
	for code, tt := range map[int]struct {
		retryAfter string
		accounts   []string
		end        time.Duration
	}{
		80007: {"", []string{"1"}, time.Minute}, // the simulator says so too
		4:     {"300", []string{"1", "2"}, 5 * time.Minute},
	} {
		t.Run(fmt.Sprint(code), func(t *testing.T) {
			s := newSimulated(t, 50, simulator.Config{Faults: []simulator.Rule{{Kind: simulator.Error, Code: code, Times: 1}}})
			if tt.retryAfter != "" {
				s.header.Store(&[2]string{"Retry-After", tt.retryAfter})
			}
			s.publish(jobsTo(people(20)...)...)
			s.start()
			s.eventually("stops", func() bool { return len(s.cfg.Stops.List()) == len(tt.accounts) })
			for i, stop := range s.cfg.Stops.List() {
				left := time.Until(stop.Until)
				if stop.Name != tt.accounts[i] || stop.Scope != sender.ScopeAccount || stop.Reason != job.ReasonThrottled || stop.Code != code ||
					left < tt.end-10*time.Second || left > tt.end*5/4 {
					t.Errorf("%+v, in %v; want %s until in %v", stop, left, tt.accounts[i], tt.end)
				}
			}
			for _, account := range tt.accounts {
				if err := s.cfg.Stops.Resume(t.Context(), sender.Target{Scope: sender.ScopeAccount, Name: account}); err != nil {
					t.Fatal(err)
				}
			}
			s.allAtFirst(20)
		})
	}
}

// Numbers slow down before a call limit is reached: those of the account, or all of
// them.
func TestNumbersSlowDownBeforeACallLimit(t *testing.T) {
	for name, tt := range map[string]struct {
		header, value  string
		account, other bool // slowed down
	}{
		"much is left":  {"X-Business-Use-Case-Usage", `{"1":[{"call_count":94,"total_cputime":1,"total_time":94}]}`, false, false},
		"the account's": {"X-Business-Use-Case-Usage", `{"1":[{"call_count":1,"total_cputime":96,"total_time":2}]}`, true, false},
		"the app's":     {"X-App-Usage", `{"call_count":95,"total_cputime":1,"total_time":2}`, true, true},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSimulated(t, 100, simulator.Config{})
			slots := &watchedSlots{Slots: s.cfg.Slots, slowed: make(map[string]int)}
			s.cfg.Slots = slots
			s.start()
			other := newJob("k", job.Hold)
			other.From, other.Campaign = "222", "d"
			s.publish(other)
			await(t, s.cfg.Events, "d", job.Accepted, 1) // now it has a line
			s.header.Store(&[2]string{tt.header, tt.value})
			s.publish(jobsTo(people(30)...)...)
			s.allAtFirst(30)
			slots.mu.Lock()
			defer slots.mu.Unlock()
			if account, other := slots.slowed[number] > 0, slots.slowed["222"] > 0; account != tt.account || other != tt.other || slots.slowed[number] > 3 {
				t.Errorf("slowed down: %v", slots.slowed)
			}
		})
	}
}

// watchedSlots counts what is slowed down.
type watchedSlots struct {
	worker.Slots
	mu     sync.Mutex
	slowed map[string]int
}

func (w *watchedSlots) Slow(ctx context.Context, downs []ratelimit.Slowdown) error {
	w.mu.Lock()
	for _, d := range downs {
		w.slowed[d.Sender]++
	}
	w.mu.Unlock()
	return w.Slots.Slow(ctx, downs)
}
