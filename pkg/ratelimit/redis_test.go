package ratelimit

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/redis/go-redis/v9"

	"github.com/wacast/wacast/pkg/embed"
	"github.com/wacast/wacast/pkg/embed/embedtest"
)

func ExampleRedis_Reserve() {
	server, err := embed.StartRedis()
	if err != nil {
		fmt.Println(err)
		return
	}
	defer server.Close()
	rdb := redis.NewClient(&redis.Options{Addr: server.Addr()})
	defer rdb.Close()

	limiter := NewRedis(rdb, Options{})
	spacing := Rate{PerSecond: 80}.Spacing()
	grants, err := limiter.Reserve(context.Background(), []Request{{Sender: "106540352242922", Spacing: spacing, Want: 4, Urgent: 2}})
	if err != nil {
		fmt.Println(err)
		return
	}
	g := grants[0]
	fmt.Printf("%d slot in %v, the next in another %v; ask again in %v\n", g.Count, g.First, g.Spacing, g.Again)
	// Output: 1 slot in 100ms, the next in another 12.5ms; ask again in 12.5ms
}

// TestScriptsAreThePureFunctions compares the two places that hold the arithmetic,
// with the clock of the scripts replaced by arguments.
func TestScriptsAreThePureFunctions(t *testing.T) {
	for name, s := range map[string]*embedtest.Server{"redis": embedtest.Redis(t), "miniredis": embedtest.FakeRedis(t).Server} {
		t.Run(name, func(t *testing.T) {
			rng := rand.New(rand.NewPCG(3, 4))
			for range 1500 {
				comparePace(t, s, rng)
			}
		})
	}
}

// clocked is a script whose clock is its last two arguments.
func clocked(t *testing.T, s script, args int) string {
	t.Helper()
	source := strings.Replace(s.source, "redis.call('TIME')", fmt.Sprintf("{ARGV[%d], ARGV[%d]}", args+1, args+2), 1)
	if source == s.source {
		t.Fatal("the script asks for the time in another way")
	}
	return source
}

// comparePace puts a pace into Redis, runs a script and the function on it, and
// compares what they return and keep.
func comparePace(t *testing.T, s *embedtest.Server, rng *rand.Rand) {
	t.Helper()
	ctx, key := context.Background(), s.Namespace+":pace"
	now := int64(1.7e15) + rng.Int64N(1e12)
	spacing := []int64{1, 12_500, 12_627, 1e6, 86_400e6}[rng.IntN(5)]
	horizon := []int64{1, 100_000, 250_001}[rng.IntN(3)]
	want, hold := 1+rng.IntN(40), []int64{0, 100_000, MaxHold.Microseconds()}[rng.IntN(3)]
	urgent, refusals := rng.IntN(want+1)*rng.IntN(2), 1+rng.Int64N(30)
	before := somePace(rng, now, spacing, horizon)
	set(t, s, key, before)
	eval := func(source string, args ...any) []int64 {
		t.Helper()
		reply, err := s.Client.Eval(ctx, source, []string{key}, append(args, now/1e6, now%1e6)...).Result()
		if err != nil {
			t.Fatal(err)
		}
		return numbers(reply)
	}
	state := eval(clocked(t, stateScript, 0))
	settled := before.settle(now)
	if diff := cmp.Diff([]int64{settled.part(now), max(0, settled.until-now)}, state); diff != "" {
		t.Fatalf("state of %+v at %d (-Go +Lua):\n%s", before, now, diff)
	}
	wantKept, slots := before.next(now, spacing, horizon, want, urgent)
	reply := eval(clocked(t, nextScript, 4), spacing, horizon, want, urgent)
	part := wantKept.part(now)
	if diff := cmp.Diff([]int64{slots.First, int64(slots.Count), slots.Again, stretch(spacing, part), part, now}, reply); diff != "" {
		t.Fatalf("next of %+v at %d, spacing %d horizon %d want %d (-Go +Lua):\n%s", before, now, spacing, horizon, want, diff)
	}
	wantSame(t, s, key, wantKept)
	eval(clocked(t, slowScript, 3), spacing, hold, refusals)
	wantSame(t, s, key, wantKept.slow(now, spacing, hold, refusals))
}

// somePace is around the edges of what next tells apart.
func somePace(rng *rand.Rand, now, spacing, horizon int64) pace {
	p := pace{free: []int64{0, 1, now - 1, now, now + rng.Int64N(horizon+1), now + horizon, now + horizon + 1,
		now + horizon + spacing, now + horizon + spacing + 1, now + 2*spacing, 2 * now}[rng.IntN(11)]}
	if rng.IntN(3) > 0 {
		p.share = 1 + rng.Int64N(fullShare)
		p.mark, p.count = min(fullShare, p.share+rng.Int64N(1+[]int64{0, p.share / 50, p.share}[rng.IntN(3)])), 1+rng.Int64N(5)
		p.cut = now - []int64{-5e9, -1, 0, 1, reaction - 1, reaction, rng.Int64N(slowTime), rng.Int64N(riseTime + slowTime + pastTime), slowTime + pastTime}[rng.IntN(9)]
		p.until = p.cut + rng.Int64N(1+[]int64{1, 3 * horizon, MaxHold.Microseconds()}[rng.IntN(3)])
	}
	return p
}

// set keeps a pace in the way the script does, or in that of a layout that knew the
// next free time only.
func set(t *testing.T, s *embedtest.Server, key string, p pace) {
	t.Helper()
	var value any = p.free
	if p.share > 0 {
		value = fmt.Sprint(p.free, " ", p.share, " ", p.mark, " ", p.cut, " ", p.count, " ", p.until)
	}
	if err := s.Client.Set(context.Background(), key, value, 0).Err(); err != nil {
		t.Fatal(err)
	}
	if p == (pace{}) {
		s.Client.Del(context.Background(), key)
	}
}

func wantSame(t *testing.T, s *embedtest.Server, key string, want pace) {
	t.Helper()
	kept, err := s.Client.Get(context.Background(), key).Result()
	if err != nil {
		t.Fatal(err)
	}
	var got pace
	if n, _ := fmt.Sscan(kept, &got.free, &got.share, &got.mark, &got.cut, &got.count, &got.until); n != 1 && n != 6 {
		t.Fatalf("%q is kept", kept)
	}
	if got != want {
		t.Fatalf("%+v is kept, want %+v", got, want)
	}
}

func numbers(reply any) []int64 {
	list, _ := reply.([]any)
	var n []int64
	for _, x := range list {
		n = append(n, x.(int64))
	}
	return n
}

func TestRedisKeepsAKeyForTwoDays(t *testing.T) {
	s := embedtest.Redis(t)
	limiter := NewRedis(s.Client, Options{Namespace: s.Namespace})
	if _, err := limiter.Reserve(context.Background(), []Request{{Sender: "123", Spacing: time.Second, Want: 1, Urgent: 1}}); err != nil {
		t.Fatal(err)
	}
	ttl := s.Client.TTL(context.Background(), s.Namespace+":slot:{123}").Val()
	if ttl <= 47*time.Hour || ttl > 48*time.Hour {
		t.Errorf("the key lives for %v, want 48h", ttl)
	}
}

func TestRedisForgetsScripts(t *testing.T) {
	for name, s := range map[string]*embedtest.Server{"redis": embedtest.Redis(t), "miniredis": embedtest.FakeRedis(t).Server} {
		limiter := NewRedis(s.Client, Options{Namespace: s.Namespace})
		for i := range 2 {
			if err := s.Client.ScriptFlush(context.Background()).Err(); err != nil {
				t.Fatal(err)
			}
			requests := []Request{{Sender: fmt.Sprint("a", i), Spacing: time.Second, Want: 1, Urgent: 1}, {Sender: fmt.Sprint("b", i), Spacing: time.Second, Want: 1, Urgent: 1}}
			grants, err := limiter.Reserve(context.Background(), requests)
			if err != nil || grants[0].Count != 1 || grants[1].Count != 1 {
				t.Errorf("%s: %+v, error %v; want a slot each", name, grants, err)
			}
		}
	}
}

func TestRedisErrorsAreReturned(t *testing.T) {
	s := embedtest.Redis(t)
	ctx := context.Background()
	limiter := NewRedis(s.Client, Options{Namespace: s.Namespace})
	if err := s.Client.RPush(ctx, s.Namespace+":slot:{1}", "not a number").Err(); err != nil {
		t.Fatal(err)
	}
	good, bad := Request{Sender: "2", Spacing: time.Second, Want: 1, Urgent: 1}, Request{Sender: "1", Spacing: time.Second, Want: 1, Urgent: 1}
	if _, err := limiter.Reserve(ctx, []Request{good, bad}); err == nil || !strings.Contains(err.Error(), "WRONGTYPE") {
		t.Errorf("error is %v, want Redis's WRONGTYPE", err)
	}
}

func BenchmarkRedisReserve(b *testing.B) {
	s := embedtest.Redis(b)
	limiter := NewRedis(s.Client, Options{Namespace: s.Namespace})
	for _, senders := range []int{1, 20, 1000} {
		b.Run(fmt.Sprintf("%d_senders", senders), func(b *testing.B) {
			requests := make([]Request, senders)
			for i := range requests {
				requests[i] = Request{Sender: fmt.Sprint(i), Spacing: 12500 * time.Microsecond, Want: 8}
			}
			b.ReportAllocs()
			for b.Loop() {
				if _, err := limiter.Reserve(context.Background(), requests); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N*senders), "µs/number")
		})
	}
}
