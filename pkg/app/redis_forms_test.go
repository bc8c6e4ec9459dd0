package app_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/wacast/wacast/pkg/embed/embedtest"
	"github.com/wacast/wacast/pkg/report"
	"github.com/wacast/wacast/pkg/simulator"
)

// sendTwice publishes n jobs twice over and proves that each was sent once, which
// takes the ledger and the slots in Redis.
func sendTwice(t *testing.T, redisURL string, n int, env ...string) *rig {
	t.Helper()
	r := newRig(t, simulator.Config{}, append(env, "WACAST_REDIS_URL="+redisURL)...)
	r.ready("w")
	r.sendTwice("first", n)
	return r
}

func (r *rig) sendTwice(campaign string, n int) {
	r.t.Helper()
	jobs := newJobs(numberA, campaign, 0, n)
	r.publish(jobs...)
	v := r.view()
	r.await(v, campaign, func(p *report.Progress) bool { return p.Accepted == uint64(n) })
	subject := r.jobSubject(numberA, campaign)
	for _, j := range jobs[:min(n, 50)] { // past the server's own window of message ids
		r.publishRaw(subject, encode(r.t, j))
	}
	p := r.await(v, campaign, func(p *report.Progress) bool { return p.Duplicate == uint64(min(n, 50)) })
	if p.Accepted != uint64(n) || r.sim.Stats().Duplicates != 0 {
		r.t.Errorf("accepted %d of %d, the simulator saw %d twice", p.Accepted, n, r.sim.Stats().Duplicates)
	}
}

func TestRedisCluster(t *testing.T) {
	hosts := startCluster(t)
	r := sendTwice(t, "redis+cluster://"+strings.Join(hosts, ","), 1000)
	used := 0
	for _, host := range hosts {
		if keysAt(t, host) > 0 {
			used++
		}
	}
	if used != len(hosts) {
		t.Errorf("%d of %d nodes hold keys", used, len(hosts))
	}
	// One seed is enough to find the others.
	r.env = append(r.env, "WACAST_REDIS_URL=redis+cluster://"+hosts[1])
	r.ready("w2")
	r.sendTwice("second", 20)
}

// startCluster starts three masters that share the slots.
func startCluster(t *testing.T) (hosts []string) {
	t.Helper()
	const slots, nodes = 16384, 3
	var clients []*redis.Client
	for i := range nodes {
		port, bus := embedtest.Port(t), embedtest.Port(t)
		embedtest.Spawn(t, port, "--port", fmt.Sprint(port), "--cluster-enabled", "yes", "--cluster-port", fmt.Sprint(bus))
		host := fmt.Sprintf("127.0.0.1:%d", port)
		rdb := dial(t, &redis.Options{Addr: host})
		must(t, rdb.ClusterAddSlotsRange(t.Context(), i*slots/nodes, (i+1)*slots/nodes-1).Err())
		if i > 0 {
			must(t, clients[0].Do(t.Context(), "cluster", "meet", "127.0.0.1", port, bus).Err())
		}
		hosts, clients = append(hosts, host), append(clients, rdb)
	}
	for _, rdb := range clients {
		until(t, func() bool {
			info := rdb.ClusterInfo(t.Context()).Val()
			return strings.Contains(info, "cluster_state:ok") && strings.Contains(info, fmt.Sprintf("cluster_known_nodes:%d", nodes))
		})
	}
	return hosts
}

// The master changes under a worker, which goes on with the new one.
func TestRedisSentinel(t *testing.T) {
	master, replica, sentinel := embedtest.Port(t), embedtest.Port(t), embedtest.Port(t)
	embedtest.Spawn(t, master, "--port", fmt.Sprint(master), "--requirepass", "p@ss:/w", "--masterauth", "p@ss:/w")
	embedtest.Spawn(t, replica, "--port", fmt.Sprint(replica), "--requirepass", "p@ss:/w", "--masterauth", "p@ss:/w",
		"--replicaof", fmt.Sprintf("127.0.0.1 %d", master), "--repl-diskless-sync-delay", "0")
	embedtest.Spawn(t, sentinel, "--sentinel", "--port", fmt.Sprint(sentinel), "--requirepass", "guard",
		"--sentinel", "monitor", "main", "127.0.0.1", fmt.Sprint(master), "1", "--sentinel", "auth-pass", "main", "p@ss:/w")
	s := redis.NewSentinelClient(&redis.Options{Addr: fmt.Sprintf("127.0.0.1:%d", sentinel), Password: "guard"})
	t.Cleanup(func() { s.Close() })
	until(t, func() bool {
		replicas := s.Replicas(t.Context(), "main").Val()
		return len(replicas) == 1 && replicas[0]["master-link-status"] == "ok"
	})

	r := sendTwice(t, fmt.Sprintf("redis+sentinel://:p%%40ss%%3A%%2Fw@127.0.0.1:%d,127.0.0.1:1/main/2?sentinel_password=guard", sentinel), 100)
	must(t, s.Failover(t.Context(), "main").Err())
	until(t, func() bool {
		addr := s.GetMasterAddrByName(t.Context(), "main").Val()
		return len(addr) == 2 && addr[1] == fmt.Sprint(replica)
	})
	// Until the old master knows, it takes writes that the failover loses.
	old := dial(t, &redis.Options{Addr: fmt.Sprintf("127.0.0.1:%d", master), Password: "p@ss:/w"})
	until(t, func() bool { return strings.Contains(old.Info(t.Context(), "replication").Val(), "role:slave") })
	r.sendTwice("second", 100)
}

// Redis over TLS, with a client certificate and a password that is rotated while
// the worker runs.
func TestRedisTLS(t *testing.T) {
	ca := newAuthority(t)
	cert, key := ca.issue("redis.internal")
	port := embedtest.Port(t)
	embedtest.Spawn(t, port, "--port", "0", "--tls-port", fmt.Sprint(port), "--tls-cert-file", cert, "--tls-key-file", key,
		"--tls-ca-cert-file", ca.file, "--tls-auth-clients", "yes", "--requirepass", "old")
	password := filepath.Join(t.TempDir(), "password")
	rotate := func(value string) {
		t.Helper()
		must(t, os.WriteFile(password, []byte(value+"\n"), 0o600))
	}
	rotate("old")
	clientCert, clientKey := ca.issue("wacast")
	env := []string{
		"WACAST_REDIS_PASSWORD_FILE=" + password, "WACAST_REDIS_TLS_CA=" + ca.file, "WACAST_REDIS_TLS_NAME=redis.internal",
		"WACAST_REDIS_TLS_CERT=" + clientCert, "WACAST_REDIS_TLS_KEY=" + clientKey,
	}
	r := sendTwice(t, fmt.Sprintf("rediss://127.0.0.1:%d/0", port), 20, env...)

	admin := dial(t, &redis.Options{Addr: fmt.Sprintf("127.0.0.1:%d", port), Password: "old", TLSConfig: ca.client("redis.internal", clientCert, clientKey)})
	must(t, admin.ConfigSet(t.Context(), "requirepass", "new").Err())
	rotate("new")
	must(t, admin.ClientKillByFilter(t.Context(), "TYPE", "normal", "SKIPME", "yes").Err())
	r.sendTwice("second", 20)
}

func TestRedisUnixSocket(t *testing.T) {
	port, socket := embedtest.Port(t), filepath.Join(t.TempDir(), "redis.sock")
	embedtest.Spawn(t, port, "--port", fmt.Sprint(port), "--unixsocket", socket, "--requirepass", "hunter2")
	sendTwice(t, "unix://:hunter2@"+socket+"?db=3", 20)
}

func dial(t *testing.T, o *redis.Options) *redis.Client {
	t.Helper()
	rdb := redis.NewClient(o)
	t.Cleanup(func() { rdb.Close() })
	return rdb
}

func keysAt(t *testing.T, host string) int64 {
	t.Helper()
	n, err := dial(t, &redis.Options{Addr: host}).DBSize(t.Context()).Result()
	must(t, err)
	return n
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// until looks until a server of the test has come as far as it must.
func until(t *testing.T, done func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for !done() {
		select {
		case <-ctx.Done():
			t.Fatal("it never came")
		case <-time.After(20 * time.Millisecond):
		}
	}
}
