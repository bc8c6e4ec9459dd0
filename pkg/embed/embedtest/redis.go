package embedtest

import (
	"context"
	"crypto/rand"
	"testing"

	"github.com/redis/go-redis/v9"
)

// Server is a Redis as one test sees it. Tests share the server, so a test keeps
// to keys of its namespace and never flushes; its keys go when it ends.
type Server struct {
	URL       string
	Client    redis.UniversalClient
	Namespace string
	// Mini is set for a miniredis, which runs a hundredth of the scripts a second
	// and says nothing of its memory.
	Mini bool
}

// Redis is the Redis of this run; the package comment says which. A package
// without [Main] gets a server for each call.
func Redis(tb testing.TB) *Server {
	tb.Helper()
	b, err := openBackend()
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(b.stop)
	tb.Log("redis is", b.name)
	return connect(tb, b.url, b.mini())
}

// connect opens a client that repeats nothing by itself, which is what the ledger
// asks for.
func connect(tb testing.TB, url string, mini bool) *Server {
	tb.Helper()
	opts, err := redis.ParseURL(url)
	if err != nil { // not the error itself: it quotes the address, which may hold a password
		tb.Fatal(envURL, "is no Redis address, such as redis://localhost:6379/0")
	}
	opts.MaxRetries = -1
	s := &Server{URL: url, Client: redis.NewClient(opts), Namespace: "test-" + rand.Text()[:10], Mini: mini}
	tb.Cleanup(func() {
		if err := s.drop(context.Background()); err != nil {
			tb.Error("drop the test's keys:", err)
		}
		if err := s.Client.Close(); err != nil {
			tb.Error("close redis client:", err)
		}
	})
	return s
}

func (s *Server) drop(ctx context.Context) error {
	keys, err := s.Keys(ctx)
	for len(keys) > 0 && err == nil {
		n := min(1000, len(keys))
		err = s.Client.Del(ctx, keys[:n]...).Err()
		keys = keys[n:]
	}
	return err
}

// Keys lists the keys of the test's namespace, in no order.
func (s *Server) Keys(ctx context.Context) ([]string, error) {
	var keys []string
	iter := s.Client.Scan(ctx, 0, s.Namespace+":*", 10_000).Iterator()
	for iter.Next(ctx) {
		keys = append(keys, iter.Val())
	}
	return keys, iter.Err()
}
