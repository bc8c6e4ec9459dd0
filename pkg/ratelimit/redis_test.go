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
	grants, err := limiter.Reserve(context.Background(), []Request{{Sender: "106540352242922", Spacing: spacing, Want: 4}})
	if err != nil {
		fmt.Println(err)
		return
	}
	g := grants[0]
	fmt.Printf("%d slot in %v, the next in another %v; ask again in %v\n", g.Count, g.First, g.Spacing, g.Again)
	// Output: 1 slot in 100ms, the next in another 12.5ms; ask again in 12.5ms
}

// TestScriptIsNext compares the two places that hold the arithmetic, with the
// clock of the script replaced by an argument.
func TestScriptIsNext(t *testing.T) {
	source := strings.Replace(nextScript.source, "redis.call('TIME')", "{ARGV[4], ARGV[5]}", 1)
	if source == nextScript.source {
		t.Fatal("the script asks for the time in another way")
	}
	for name, s := range map[string]*embedtest.Server{"redis": embedtest.Redis(t), "miniredis": embedtest.FakeRedis(t).Server} {
		t.Run(name, func(t *testing.T) { compareWithNext(t, s, source) })
	}
}

func compareWithNext(t *testing.T, s *embedtest.Server, source string) {
	ctx, key := context.Background(), s.Namespace+":free"
	rng := rand.New(rand.NewPCG(3, 4))
	for i := range 1500 {
		now := int64(1.7e15) + rng.Int64N(1e12)
		spacing := []int64{1, 12_500, 12_627, 1e6, 86_400e6}[rng.IntN(5)]
		horizon := []int64{1, 100_000, 250_001}[rng.IntN(3)]
		want := 1 + rng.IntN(40)
		free := []int64{0, 1, now - 1, now, now + rng.Int64N(horizon+1), now + horizon, now + horizon + 1,
			now + horizon + spacing, now + horizon + spacing + 1, now + 2*spacing, 2 * now}[rng.IntN(11)]
		if err := s.Client.Set(ctx, key, free, 0).Err(); err != nil {
			t.Fatal(err)
		}
		if free == 0 && i%2 == 0 {
			s.Client.Del(ctx, key)
		}
		reply, err := s.Client.Eval(ctx, source, []string{key}, spacing, horizon, want, now/1e6, now%1e6).Int64Slice()
		if err != nil {
			t.Fatal(err)
		}
		kept, err := s.Client.Get(ctx, key).Int64()
		if err != nil {
			t.Fatal(err)
		}
		got := Slots{First: reply[0], Count: int(reply[1]), Again: reply[2], NextFree: kept}
		if diff := cmp.Diff(Next(free, now, spacing, horizon, want), got); diff != "" {
			t.Fatalf("free %d now %d spacing %d horizon %d want %d (-Go +Lua):\n%s", free, now, spacing, horizon, want, diff)
		}
	}
}

func TestRedisKeepsAKeyForTwoDays(t *testing.T) {
	s := embedtest.Redis(t)
	limiter := NewRedis(s.Client, Options{Namespace: s.Namespace})
	if _, err := limiter.Reserve(context.Background(), []Request{{Sender: "123", Spacing: time.Second, Want: 1}}); err != nil {
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
			requests := []Request{{Sender: fmt.Sprint("a", i), Spacing: time.Second, Want: 1}, {Sender: fmt.Sprint("b", i), Spacing: time.Second, Want: 1}}
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
	good, bad := Request{Sender: "2", Spacing: time.Second, Want: 1}, Request{Sender: "1", Spacing: time.Second, Want: 1}
	if _, err := limiter.Reserve(ctx, []Request{good, bad}); err == nil || !strings.Contains(err.Error(), "WRONGTYPE") {
		t.Errorf("error is %v, want Redis's WRONGTYPE", err)
	}
}

func BenchmarkRedisReserve(b *testing.B) {
	s := embedtest.Redis(b)
	limiter := NewRedis(s.Client, Options{Namespace: s.Namespace})
	for _, senders := range []int{1, 20} {
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
		})
	}
}
