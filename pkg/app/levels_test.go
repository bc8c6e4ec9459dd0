package app

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/wacast/wacast/pkg/job"
	"github.com/wacast/wacast/pkg/queue"
	"github.com/wacast/wacast/pkg/sender"
	"github.com/wacast/wacast/pkg/whatsapp"
)

// levelsAPI answers what a test has it answer, and counts the questions.
type levelsAPI struct {
	mu     sync.Mutex
	level  string
	limit  string
	broken bool
	asked  map[string]int
}

func (p *levelsAPI) Number(_ context.Context, id, token string) (whatsapp.Number, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.asked == nil {
		p.asked = make(map[string]int)
	}
	p.asked[id]++
	if p.broken || token != "token" {
		return whatsapp.Number{}, errors.New("no permission")
	}
	return whatsapp.Number{ID: id, Throughput: whatsapp.Throughput{Level: p.level}, MessagingLimit: p.limit}, nil
}

func (p *levelsAPI) set(level, limit string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.level, p.limit = level, limit
}

func (p *levelsAPI) count(id string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.asked[id]
}

// sharedStops is a bucket that all stops of a test watch.
type sharedStops struct {
	mu       sync.Mutex
	values   map[string][]byte
	watchers []func(string, []byte)
}

func (b *sharedStops) Put(_ context.Context, key string, value []byte) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.values[key] = value
	for _, w := range b.watchers {
		w(key, value)
	}
	return nil
}

func (b *sharedStops) Update(ctx context.Context, key string, change func([]byte) ([]byte, error)) error {
	b.mu.Lock()
	value, err := change(b.values[key])
	b.mu.Unlock()
	if err != nil {
		return err
	}
	return b.Put(ctx, key, value)
}

func (b *sharedStops) Delete(ctx context.Context, key string) error { return b.Put(ctx, key, nil) }

func (b *sharedStops) Watch(ctx context.Context, fn func(string, []byte)) error {
	b.mu.Lock()
	for k, v := range b.values {
		fn(k, v)
	}
	fn("", nil)
	b.watchers = append(b.watchers, fn)
	b.mu.Unlock()
	<-ctx.Done()
	return ctx.Err()
}

// askingReplicas run until the test ends. Number 100 is listed, 200 has jobs.
func askingReplicas(t *testing.T, api *levelsAPI, mps, n int) []*sender.Stops {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	t.Cleanup(func() { cancel(); running.Wait() })
	store := &sharedStops{values: make(map[string][]byte)}
	var all []*sender.Stops
	for range n {
		directory, err := sender.NewDirectory([]*sender.Account{
			{WABA: "1", Portfolio: "Acme Inc.", Numbers: []string{"100"}, Token: sender.Literal("token")},
			{WABA: "2", Token: sender.Literal("token")},
		}, mps)
		if err != nil {
			t.Fatal(err)
		}
		stops := sender.NewStops(store, "worker", slog.New(slog.DiscardHandler))
		running.Go(func() { _ = stops.Run(ctx) })
		l := &levels{
			api: api, stops: stops, accounts: directory, log: slog.New(slog.DiscardHandler),
			busy: func(context.Context) ([]queue.Depth, error) {
				return []queue.Depth{{ID: queue.ID{Sender: "200"}}, {ID: queue.ID{Sender: "nobody's"}}}, nil
			},
			failed: make(map[string]time.Time), maintained: make(map[string]time.Time),
		}
		running.Go(func() { l.run(ctx) })
		synctest.Wait()
		all = append(all, stops)
	}
	return all
}

// One replica asks, all know; an hour later one asks again.
func TestLevelsAreAskedOnceForAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := &levelsAPI{level: "HIGH", limit: "TIER_2K"}
		all := askingReplicas(t, api, 80, 3)
		for i, s := range all {
			for _, number := range []string{"100", "200"} {
				got, _ := s.Limit(number)
				want := sender.Limit{MPS: 1000, Level: "HIGH", Source: sender.SourceAPI}
				if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(sender.Limit{}, "Since")); diff != "" {
					t.Errorf("replica %d, number %s (-want +got):\n%s", i, number, diff)
				}
			}
			for _, portfolio := range []string{"Acme Inc.", "2"} {
				if got, ok := s.Portfolio(portfolio); !ok || got.Recipients != 2000 || got.Source != sender.SourceAPI {
					t.Errorf("replica %d, portfolio %s: %+v, %v", i, portfolio, got, ok)
				}
			}
		}
		time.Sleep(levelsEvery - 2*levelsLook)
		synctest.Wait()
		if api.count("100") != 1 || api.count("200") != 1 {
			t.Errorf("asked %d and %d times in the first hour, want once for all replicas", api.count("100"), api.count("200"))
		}
		api.set("STANDARD", "TIER_UNLIMITED")
		time.Sleep(4 * levelsLook)
		synctest.Wait()
		if api.count("100") != 2 {
			t.Errorf("asked %d times after an hour, want 2", api.count("100"))
		}
		if got, _ := all[2].Limit("100"); got.MPS != 80 || got.Level != "STANDARD" {
			t.Errorf("the limit is %+v after it fell", got)
		}
		if got, _ := all[2].Portfolio("2"); got.Recipients != 0 {
			t.Errorf("the portfolio's limit is %+v after it was lifted", got)
		}
	})
}

// A token that may not look stops nothing, and is not tried all the time.
func TestLevelsThatCannotBeRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := &levelsAPI{broken: true}
		s := askingReplicas(t, api, 80, 1)[0]
		time.Sleep(levelsEvery - 2*levelsLook)
		synctest.Wait()
		if _, ok := s.Limit("100"); ok || api.count("100") != 1 || !s.Free() {
			t.Errorf("asked %d times, limit known %v, stopped %v; want once, not, nothing", api.count("100"), ok, s.List())
		}
	})
}

// While its level is raised a number answers 131057; then it has another one.
func TestLevelAfterMaintenance(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := &levelsAPI{level: "STANDARD"}
		s := askingReplicas(t, api, 80, 1)[0]
		target := sender.Target{Scope: sender.ScopeNumber, Name: "100"}
		time.Sleep(time.Minute)
		if err := s.Refused(t.Context(), target, job.ReasonNumber, codeMaintenance, "maintenance", time.Minute); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		api.set("HIGH", "")
		time.Sleep(time.Minute)
		synctest.Wait()
		if api.count("100") != 1 {
			t.Errorf("asked %d times during the maintenance, want no more than before it", api.count("100"))
		}
		if err := s.Lift(t.Context(), target); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if got, _ := s.Limit("100"); got.MPS != 1000 || api.count("200") != 1 {
			t.Errorf("after the maintenance the limit is %+v, and the other number was asked about %d times", got, api.count("200"))
		}
	})
}

func TestLimitOfALevel(t *testing.T) {
	for _, tt := range []struct {
		level      string
		byDefault  int
		want       int
		conclusion string
	}{
		{"STANDARD", 80, 80, "as documented"},
		{"STANDARD", 20, 0, "a lower default holds: it may be a number of the app"},
		{"STANDARD", 1000, 80, "a default that is too high does not"},
		{"HIGH", 80, 1000, "as documented"},
		{"HIGH", 20, 1000, "an upgraded number is none of the app"},
		{"NOT_APPLICABLE", 80, 0, "says nothing"},
		{"", 80, 0, "was not told"},
	} {
		if got := mpsOf(tt.level, sender.Number{MPS: tt.byDefault}); got != tt.want {
			t.Errorf("%q with a default of %d is %d, want %d: %s", tt.level, tt.byDefault, got, tt.want, tt.conclusion)
		}
	}
}
