package app_test

import (
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/redis/go-redis/v9"

	"github.com/wacast/wacast/pkg/embed/embedtest"
)

// natsNode is a nats-server that keeps its files and its port over a kill.
type natsNode struct {
	*process
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
		node.process = f.wards.program(name, []string{f.programs.nats, f.file(name+".conf", config)}, f.clock("nats"))
		node.start()
		f.nats = append(f.nats, node)
	}
	for _, node := range f.nats {
		f.awaitNATS(node)
	}
}

func (f *field) awaitNATS(node *natsNode) {
	f.t.Helper()
	f.eventually(node.name+" serves JetStream", func() error {
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
			if c := s.CachedInfo().Cluster; c != nil && node.name == c.Leader {
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
	*process
	port   int
	client *redis.Client
}

func (n *redisNode) addr() string { return fmt.Sprintf("127.0.0.1:%d", n.port) }
func (n *redisNode) url() string  { return "redis://" + n.addr() }

// startRedis starts a server; without other arguments it forgets what it holds when
// it ends.
func (f *field) startRedis(name string, args ...string) *redisNode {
	f.t.Helper()
	n := &redisNode{port: embedtest.Port(f.t)}
	all := []string{redisServer(f.t), "--port", fmt.Sprint(n.port), "--bind", "127.0.0.1", "--dir", f.dir(name)}
	if len(args) == 0 {
		args = []string{"--save", "", "--appendonly", "no"}
	}
	n.process = f.wards.program(name, append(all, args...), plainEnv())
	n.client = redis.NewClient(&redis.Options{Addr: n.addr()})
	f.t.Cleanup(func() { n.client.Close() })
	f.redis = append(f.redis, n)
	n.start()
	f.awaitRedis(n)
	return n
}

func (f *field) awaitRedis(n *redisNode) {
	f.t.Helper()
	f.eventually(n.name+" answers", func() error { return n.client.Ping(f.t.Context()).Err() })
}

// redisServer is a real server: what is broken here, miniredis does not have.
func redisServer(t *testing.T) string {
	t.Helper()
	for _, name := range []string{"redis-server", "valkey-server"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	if os.Getenv("WACAST_REQUIRE_REDIS") == "1" {
		t.Fatal("there is no redis-server or valkey-server on PATH")
	}
	t.Skip("there is no redis-server or valkey-server on PATH")
	return ""
}

// startRedisCluster starts three masters that share the slots and keep no files.
func startRedisCluster(f *field) string { return redisCluster(f, "--save", "", "--appendonly", "no") }

// startDurableCluster is one whose masters forget nothing that they answered to.
func startDurableCluster(f *field) string {
	return redisCluster(f, "--save", "", "--appendonly", "yes", "--appendfsync", "always")
}

func redisCluster(f *field, args ...string) string {
	f.t.Helper()
	const slots, nodes = 16384, 3
	buses := make([]int, nodes)
	var hosts []string
	for i := range nodes {
		buses[i] = embedtest.Port(f.t)
		n := f.startRedis(fmt.Sprintf("redis-%d", i), append(args, "--cluster-enabled", "yes", "--cluster-port", fmt.Sprint(buses[i]))...)
		must(f.t, n.client.ClusterAddSlotsRange(f.t.Context(), i*slots/nodes, (i+1)*slots/nodes-1).Err())
		if i > 0 {
			must(f.t, f.redis[0].client.Do(f.t.Context(), "cluster", "meet", "127.0.0.1", n.port, buses[i]).Err())
		}
		hosts = append(hosts, n.addr())
	}
	for _, n := range f.redis {
		f.eventually(n.name+" knows the cluster", func() error {
			info, err := n.client.ClusterInfo(f.t.Context()).Result()
			if err == nil && !(strings.Contains(info, "cluster_state:ok") && strings.Contains(info, fmt.Sprintf("cluster_known_nodes:%d", nodes))) {
				err = fmt.Errorf("not yet: %s", info)
			}
			return err
		})
	}
	return "redis+cluster://" + strings.Join(hosts, ",")
}

// switchboard is an address that a failover moves from one server to another.
type switchboard struct {
	listener net.Listener
	copying  sync.WaitGroup
	mu       sync.Mutex
	to       string
	open     map[net.Conn]bool
}

func newSwitchboard(t *testing.T, to string) *switchboard {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	s := &switchboard{listener: l, to: to, open: make(map[net.Conn]bool)}
	s.copying.Go(s.serve)
	t.Cleanup(func() {
		_ = l.Close()
		s.point(nowhere)
		s.copying.Wait()
	})
	return s
}

func (s *switchboard) addr() string { return s.listener.Addr().String() }

// nowhere is an address that nobody listens at.
const nowhere = "127.0.0.1:1"

// point ends all connections and sends new ones elsewhere.
func (s *switchboard) point(to string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.to = to
	for c := range s.open {
		_ = c.Close()
	}
}

func (s *switchboard) serve() {
	for {
		in, err := s.listener.Accept()
		if err != nil {
			return
		}
		s.copying.Go(func() { s.connect(in) })
	}
}

func (s *switchboard) connect(in net.Conn) {
	defer in.Close()
	s.mu.Lock()
	to := s.to
	s.mu.Unlock()
	out, err := net.DialTimeout("tcp", to, time.Second)
	if err != nil {
		return
	}
	defer out.Close()
	if !s.add(to, in, out) {
		return
	}
	defer s.remove(in, out)
	var back sync.WaitGroup
	back.Go(func() {
		_, _ = io.Copy(in, out)
		_ = in.Close()
	})
	_, _ = io.Copy(out, in)
	_ = out.Close()
	back.Wait()
}

func (s *switchboard) add(to string, conns ...net.Conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range conns {
		s.open[c] = true
	}
	return s.to == to
}

func (s *switchboard) remove(conns ...net.Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range conns {
		delete(s.open, c)
	}
}
