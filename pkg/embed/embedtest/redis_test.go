package embedtest

import (
	"context"
	"strings"
	"testing"
	"time"
)

func TestMain(m *testing.M) { Main(m) }

func TestRedisIsOneServerWithANamespaceATest(t *testing.T) {
	ctx := context.Background()
	a, b := Redis(t), Redis(t)
	if a.URL != b.URL {
		t.Errorf("two servers: %q and %q", a.URL, b.URL)
	}
	if a.Namespace == b.Namespace {
		t.Errorf("one namespace for two tests: %q", a.Namespace)
	}
	if err := a.Client.Set(ctx, a.Namespace+":k", 1, 0).Err(); err != nil {
		t.Fatal(err)
	}
	for name, s := range map[string]*Server{"its own": a, "another": b} {
		keys, err := s.Keys(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if want := map[*Server]int{a: 1, b: 0}[s]; len(keys) != want {
			t.Errorf("%s namespace has keys %q, want %d", name, keys, want)
		}
	}
}

func TestRedisDropsItsKeys(t *testing.T) {
	ctx := context.Background()
	var inner *Server
	t.Run("inner", func(t *testing.T) {
		inner = Redis(t)
		pipe := inner.Client.Pipeline()
		for i := range 2500 {
			pipe.Set(ctx, inner.Namespace+":"+strings.Repeat("k", i%7)+time.Duration(i).String(), 1, 0)
		}
		if _, err := pipe.Exec(ctx); err != nil {
			t.Fatal(err)
		}
	})
	left := &Server{Client: Redis(t).Client, Namespace: inner.Namespace}
	if keys, err := left.Keys(ctx); err != nil || len(keys) > 0 {
		t.Errorf("%d keys left, error %v", len(keys), err)
	}
}

func TestOpenBackend(t *testing.T) {
	for name, c := range map[string]struct {
		env   map[string]string
		want  string
		fails string
	}{
		"address given":     {env: map[string]string{envURL: "redis://somewhere"}, want: "the server of WACAST_TEST_REDIS_URL"},
		"nothing on PATH":   {env: map[string]string{"PATH": "/nowhere"}, want: "miniredis"},
		"a real one wanted": {env: map[string]string{"PATH": "/nowhere", envRequire: "1"}, fails: "install redis-server"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv(envURL, "")
			t.Setenv(envBackend, "")
			t.Setenv(envRequire, "")
			for k, v := range c.env {
				t.Setenv(k, v)
			}
			b, err := openBackend()
			if c.fails != "" {
				if err == nil || !strings.Contains(err.Error(), c.fails) {
					t.Fatalf("error is %v, want one that says %q", err, c.fails)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			defer b.stop()
			if !strings.HasPrefix(b.name, c.want) {
				t.Errorf("backend is %q, want %q", b.name, c.want)
			}
		})
	}
}

func TestFakeRedisClock(t *testing.T) {
	ctx := context.Background()
	f := FakeRedis(t)
	if err := f.Client.Set(ctx, "k", 1, time.Hour).Err(); err != nil {
		t.Fatal(err)
	}
	f.Advance(59 * time.Minute)
	if n := f.Client.Exists(ctx, "k").Val(); n != 1 {
		t.Error("the key went a minute early")
	}
	f.Advance(2 * time.Minute)
	if n := f.Client.Exists(ctx, "k").Val(); n != 0 {
		t.Error("the key is there a minute late")
	}
	if got := f.Client.Time(ctx).Val(); got.UnixMicro() != f.Now().UnixMicro() {
		t.Errorf("TIME is %v, want %v", got, f.Now())
	}
}
