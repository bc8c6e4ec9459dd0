package fault_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/redis/go-redis/v9"

	"github.com/wacast/wacast/pkg/embed/embedtest"
)

// natsNode is a nats-server that keeps its files and its port over a kill.
type natsNode struct {
	*embedtest.Process
	port int
}

func (n *natsNode) url() string { return fmt.Sprintf("nats://127.0.0.1:%d", n.port) }

// startNATS starts one server, or a cluster, and waits until JetStream works.
func (f *field) startNATS(n int) {
	f.t.Helper()
	var routes []string
	ports := make([]int, n)
	for i := range ports {
		ports[i] = embedtest.Port(f.t)
		routes = append(routes, fmt.Sprintf("\"nats://127.0.0.1:%d\"", ports[i]))
	}
	for i := range n {
		node := &natsNode{port: embedtest.Port(f.t)}
		name := fmt.Sprintf("nats-%d", i)
		config := fmt.Sprintf("server_name: %q\nlisten: \"127.0.0.1:%d\"\njetstream {store_dir: %q}\nlogtime: true\n", name, node.port, f.dir(name))
		if n > 1 {
			config += fmt.Sprintf("cluster {name: field, listen: \"127.0.0.1:%d\", routes: [%s]}\n", ports[i], strings.Join(routes, ", "))
		}
		node.Process = f.wards.Program(name, []string{f.programs.NATS, f.file(name+".conf", config)}, f.clock("nats"))
		node.Start()
		f.nats = append(f.nats, node)
	}
	for _, node := range f.nats {
		f.awaitNATS(node)
	}
}

func (f *field) awaitNATS(node *natsNode) {
	f.t.Helper()
	f.eventually(node.Name+" serves JetStream", func() error {
		nc, err := nats.Connect(node.url())
		if err != nil {
			return err
		}
		defer nc.Close()
		js, err := jetstream.New(nc)
		if err != nil {
			return err
		}
		_, err = js.AccountInfo(f.t.Context())
		return err
	})
}

// leader is the node that leads a stream.
func (f *field) leader(stream string) *natsNode {
	f.t.Helper()
	var found *natsNode
	f.eventually(stream+" has a leader", func() error {
		s, err := f.js.Stream(f.t.Context(), stream)
		if err != nil {
			return err
		}
		for _, node := range f.nats {
			if c := s.CachedInfo().Cluster; c != nil && node.Name == c.Leader {
				found = node
				return nil
			}
		}
		return fmt.Errorf("none of these servers")
	})
	return found
}

// dir is a folder of the test's, for the files of a server.
func (f *field) dir(name string) string {
	f.t.Helper()
	dir := filepath.Join(f.t.TempDir(), name)
	must(f.t, os.MkdirAll(dir, 0o755))
	return dir
}

// redisNode is a redis-server that keeps its files and its port over a kill.
type redisNode struct {
	*embedtest.Process
	port   int
	bus    int // of a cluster
	client *redis.Client
}

func (n *redisNode) addr() string { return fmt.Sprintf("127.0.0.1:%d", n.port) }
func (n *redisNode) url() string  { return "redis://" + n.addr() }

// startRedis starts a server; without other arguments it forgets what it holds when
// it ends.
func (f *field) startRedis(name string, args ...string) *redisNode {
	f.t.Helper()
	n := &redisNode{port: embedtest.Port(f.t)}
	all := []string{embedtest.RedisServer(f.t), "--port", fmt.Sprint(n.port), "--bind", "127.0.0.1", "--dir", f.dir(name)}
	if len(args) == 0 {
		args = []string{"--save", "", "--appendonly", "no"}
	}
	n.Process = f.wards.Program(name, append(all, args...), embedtest.PlainEnv())
	n.client = redis.NewClient(&redis.Options{Addr: n.addr()})
	f.t.Cleanup(func() { n.client.Close() })
	f.redis = append(f.redis, n)
	n.Start()
	f.awaitRedis(n)
	return n
}

func (f *field) awaitRedis(n *redisNode) {
	f.t.Helper()
	f.eventually(n.Name+" answers", func() error { return n.client.Ping(f.t.Context()).Err() })
}
