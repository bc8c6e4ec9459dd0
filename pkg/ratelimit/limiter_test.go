package ratelimit

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/wacast/wacast/pkg/embed/embedtest"
)

func TestMain(m *testing.M) { embedtest.Main(m) }

// shownLimiter is what both limiters are.
type shownLimiter interface {
	Limiter
	States(ctx context.Context, senders []string) ([]State, error)
}

// subject is a limiter and the clock it goes by.
type subject struct {
	shownLimiter
	now   func() time.Time
	sleep func(time.Duration)
	// exact is set when time passes only by sleep.
	exact bool
}

func subjects() map[string]func(*testing.T) subject {
	return map[string]func(*testing.T) subject{
		"local": func(*testing.T) subject {
			now := time.Now()
			clock := func() time.Time { return now }
			return subject{NewLocal(clock), clock, func(d time.Duration) { now = now.Add(d) }, true}
		},
		"miniredis": func(t *testing.T) subject {
			f := embedtest.FakeRedis(t)
			return subject{NewRedis(f.Client, Options{Namespace: f.Namespace}), f.Now, f.Advance, true}
		},
		"redis": func(t *testing.T) subject {
			s := embedtest.Redis(t)
			// The clock of a real server cannot be set, so its time has to pass.
			return subject{NewRedis(s.Client, Options{Namespace: s.Namespace}), time.Now, time.Sleep, false}
		},
	}
}

func (s subject) reserve(t *testing.T, requests ...Request) []Grant {
	t.Helper()
	grants, err := s.Reserve(context.Background(), requests)
	if err != nil {
		t.Fatal(err)
	}
	for i := range grants {
		if off := s.now().Sub(time.UnixMicro(grants[i].Clock)); off < 0 || off > time.Minute {
			t.Errorf("the limiter's clock is %v off", off)
		}
		grants[i].Clock = 0
	}
	return grants
}

// TestLimiter is what every limiter has to do.
func TestLimiter(t *testing.T) {
	tests := map[string]func(*testing.T, subject){
		"a new number starts one horizon away":  testNewNumber,
		"the urgent find a slot":                testUrgent,
		"all requests of a call are answered":   testManyRequests,
		"slots end at the horizon":              testHorizon,
		"a limit is used in full, not exceeded": testFullUse,
		"what makes no sense is refused":        testInvalid,
		"a refusal holds and slows a number":    testSlow,
		"one overload is one cut":               testOneOverload,
		"a storm cuts deeper":                   testStorm,
		"a slowed number recovers":              testRecovers,
	}
	for backend, open := range subjects() {
		for name, test := range tests {
			t.Run(backend+"/"+name, func(t *testing.T) { test(t, open(t)) })
		}
	}
}

func testNewNumber(t *testing.T, s subject) {
	request := Request{Sender: "1", Spacing: 10 * time.Millisecond, Want: 3}
	none := Grant{Again: DefaultHorizon / 2, Spacing: request.Spacing, Share: 1}
	one := Grant{First: DefaultHorizon, Spacing: request.Spacing, Count: 1, Again: request.Spacing, Share: 1}
	if got := s.reserve(t, request)[0]; got != none {
		t.Errorf("%+v, want %+v", got, none)
	}
	request.Sender, request.Urgent = "2", 3
	if got := s.reserve(t, request)[0]; got != one {
		t.Errorf("urgent: %+v, want %+v", got, one)
	}
}

// Whatever the others have taken in advance, there are slots for the urgent behind it.
func testUrgent(t *testing.T, s subject) {
	const spacing = 10 * time.Millisecond
	others, urgent := Request{Sender: "1", Spacing: spacing, Want: 1000}, Request{Sender: "1", Spacing: spacing, Want: 100, Urgent: 2}
	s.reserve(t, others)
	s.sleep(DefaultHorizon + spacing)
	if g := s.reserve(t, others)[0]; g.Count != 6 {
		t.Fatalf("others: %+v, want 6 slots in half of the horizon", g)
	}
	if g := s.reserve(t, urgent)[0]; g.Count != 2 || g.First > DefaultHorizon/2+spacing || g.First <= DefaultHorizon/2-spacing {
		t.Errorf("urgent: %+v, want two slots right behind those of the others", g)
	}
	if g := s.reserve(t, others)[0]; g.Count != 0 || g.Again <= spacing || g.Again > 3*spacing {
		t.Errorf("others: %+v, want none until the urgent ones' are near", g)
	}
}

func testManyRequests(t *testing.T, s subject) {
	var requests []Request
	var want []Grant
	for i := range 100 {
		spacing := time.Duration(1+i) * time.Millisecond
		requests = append(requests, Request{Sender: fmt.Sprint(i), Spacing: spacing, Want: 1, Urgent: 1})
		want = append(want, Grant{First: DefaultHorizon, Spacing: spacing, Count: 1, Share: 1})
	}
	if diff := cmp.Diff(want, s.reserve(t, requests...)); diff != "" {
		t.Error("(-want +got):\n", diff)
	}
	if got := s.reserve(t); len(got) != 0 {
		t.Errorf("no request was answered with %v", got)
	}
}

func testHorizon(t *testing.T, s subject) {
	const spacing = 20 * time.Millisecond
	request := Request{Sender: "1", Spacing: spacing, Want: 1000}
	s.reserve(t, request)
	s.sleep(DefaultHorizon + 2*spacing) // the first slot and the one behind it are over
	g := s.reserve(t, request)[0]
	if g.Count != 3 || g.First != 0 || g.Again <= 0 || g.Again > spacing {
		t.Fatalf("idle number: %+v, want 3 slots from 0 to 40 ms and again within 20 ms", g)
	}
	if !s.exact {
		return
	}
	if g = s.reserve(t, request)[0]; g.Count != 0 || g.Again != spacing/2 {
		t.Errorf("used number: %+v, want nothing and again in 10 ms", g)
	}
	s.sleep(spacing / 2)
	if g = s.reserve(t, request)[0]; g.Count != 1 || g.First != DefaultHorizon/2 {
		t.Errorf("later: %+v, want one slot on half of the horizon", g)
	}
}

func testFullUse(t *testing.T, s subject) {
	const duration = 400 * time.Millisecond
	request := Request{Sender: "1", Spacing: 2 * time.Millisecond, Want: 7}
	s.reserve(t, request)
	s.sleep(DefaultHorizon)
	slots, start := 0, s.now()
	for s.now().Sub(start) < duration {
		g := s.reserve(t, request)[0]
		slots += g.Count
		s.sleep(g.Again)
	}
	most := int((s.now().Sub(start)+DefaultHorizon)/request.Spacing) + 1
	if slots < int(duration/request.Spacing) || slots > most {
		t.Errorf("%d slots of 2 ms in 400 ms, want 200 to %d", slots, most)
	}
}

func testInvalid(t *testing.T, s subject) {
	good := Request{Sender: "1", Spacing: time.Second, Want: 1, Urgent: 1}
	for name, bad := range map[string]Request{
		"no sender":         {Spacing: time.Second, Want: 1},
		"no spacing":        {Sender: "1", Want: 1},
		"spacing too short": {Sender: "1", Spacing: 999 * time.Nanosecond, Want: 1},
		"spacing too long":  {Sender: "1", Spacing: 25 * time.Hour, Want: 1},
		"nothing wanted":    {Sender: "1", Spacing: time.Second},
		"urgent below 0":    {Sender: "1", Spacing: time.Second, Want: 1, Urgent: -1},
		"more urgent":       {Sender: "1", Spacing: time.Second, Want: 1, Urgent: 2},
	} {
		if _, err := s.Reserve(context.Background(), []Request{good, bad}); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if g := s.reserve(t, good)[0]; g.Count != 1 {
		t.Errorf("a refused call took the good request's slot: %+v", g)
	}
}

func TestReplicasShareALimit(t *testing.T) {
	s := embedtest.Redis(t)
	const replicas, calls, spacing = 8, 50, time.Millisecond
	start := time.Now()
	counts := make(chan int, replicas)
	var wg sync.WaitGroup
	for range replicas {
		wg.Go(func() {
			limiter, count := NewRedis(s.Client, Options{Namespace: s.Namespace}), 0
			for range calls {
				grants, err := limiter.Reserve(context.Background(), []Request{{Sender: "1", Spacing: spacing, Want: 8, Urgent: 8}})
				if err != nil {
					t.Error(err)
					break
				}
				count += grants[0].Count
			}
			counts <- count
		})
	}
	wg.Wait()
	close(counts)
	total := 0
	for count := range counts {
		total += count
	}
	if most := int((time.Since(start)+DefaultHorizon)/spacing) + 1; total > most || total == 0 {
		t.Errorf("%d slots, want 1 to %d", total, most)
	}
}
