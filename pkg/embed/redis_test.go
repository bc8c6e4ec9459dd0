package embed

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"go.uber.org/goleak"
)

func ExampleStartRedis() {
	server, err := StartRedis()
	if err != nil {
		fmt.Println(err)
		return
	}
	defer server.Close()
	rdb := redis.NewClient(&redis.Options{Addr: server.Addr()})
	defer rdb.Close()
	fmt.Println(rdb.Set(context.Background(), "greeting", "hello", 0).Result())
	// Output: OK <nil>
}

func startForTest(t *testing.T, period time.Duration) *redis.Client {
	t.Helper()
	t.Cleanup(func() { goleak.VerifyNone(t) })
	server, err := startRedis(period)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	opts, err := redis.ParseURL(server.URL())
	if err != nil {
		t.Fatal(err)
	}
	rdb := redis.NewClient(opts)
	t.Cleanup(func() { rdb.Close() })
	return rdb
}

func TestRedisTimeIsTheRealTime(t *testing.T) {
	ctx := context.Background()
	rdb := startForTest(t, expiryPeriod)
	for name, ask := range map[string]func() (time.Time, error){
		"TIME": func() (time.Time, error) { return rdb.Time(ctx).Result() },
		"TIME in a script": func() (time.Time, error) {
			ms, err := rdb.Eval(ctx, "local t = redis.call('TIME') return t[1] * 1000 + math.floor(t[2] / 1000)", nil).Int64()
			return time.UnixMilli(ms), err
		},
	} {
		before := time.Now().Truncate(time.Millisecond)
		got, err := ask()
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if after := time.Now(); got.Before(before) || got.After(after) {
			t.Errorf("%s is %v, want between %v and %v", name, got, before, after)
		}
	}
}

func TestRedisExpiresKeys(t *testing.T) {
	ctx := context.Background()
	rdb := startForTest(t, 10*time.Millisecond)
	if err := errors.Join(
		rdb.Set(ctx, "short", "x", 50*time.Millisecond).Err(),
		rdb.Set(ctx, "long", "x", time.Hour).Err(),
	); err != nil {
		t.Fatal(err)
	}
	deadline := time.Now().Add(5 * time.Second)
	for rdb.Exists(ctx, "short").Val() == 1 {
		if time.Now().After(deadline) {
			t.Fatal("a key with 50 ms to live is there after 5 s")
		}
		time.Sleep(5 * time.Millisecond) // expiry signals nobody
	}
	if ttl := rdb.TTL(ctx, "long").Val(); ttl <= 59*time.Minute || ttl > time.Hour {
		t.Errorf("a key with an hour to live has %v left after moments", ttl)
	}
}

func TestRedisCloseTwice(t *testing.T) {
	defer goleak.VerifyNone(t)
	server, err := StartRedis()
	if err != nil {
		t.Fatal(err)
	}
	server.Close()
	server.Close()
	rdb := redis.NewClient(&redis.Options{Addr: server.Addr(), MaxRetries: -1})
	defer rdb.Close()
	if err := rdb.Ping(context.Background()).Err(); err == nil {
		t.Error("a closed server answers")
	}
}
