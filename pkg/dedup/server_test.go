package dedup

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/wacast/wacast/pkg/embed/embedtest"
)

// server is a real Redis of a test's own.
type server struct {
	redis.UniversalClient
	port int
	kill func()
}

func startServer(t *testing.T, port int, args ...string) *server {
	t.Helper()
	s := &server{port: port, kill: embedtest.Spawn(t, port, append([]string{"--port", strconv.Itoa(port)}, args...)...)}
	client := redis.NewClient(&redis.Options{Addr: s.addr(), MaxRetries: -1})
	t.Cleanup(func() { client.Close() })
	s.UniversalClient = client
	return s
}

func (s *server) addr() string { return "127.0.0.1:" + strconv.Itoa(s.port) }

// must runs commands that are no part of the test.
func must(t *testing.T, rdb redis.UniversalClient, commands ...string) {
	t.Helper()
	for _, command := range commands {
		var args []any
		for _, word := range strings.Fields(command) {
			args = append(args, word)
		}
		if err := rdb.Do(context.Background(), args...).Err(); err != nil {
			t.Fatalf("%s: %v", command, err)
		}
	}
}

// await waits for something another process does.
func await(t *testing.T, what string, is func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !is(); {
		if time.Now().After(deadline) {
			t.Fatal("in vain: ", what)
		}
		time.Sleep(5 * time.Millisecond) // nothing signals it
	}
}

// keptLedger is a ledger with its keeper and streams.
type keptLedger struct {
	*Ledger
	keeper  *Keeper
	journal *memory
}

func openKept(t *testing.T, rdb redis.UniversalClient, j *memory) *keptLedger {
	t.Helper()
	l := New(rdb, Options{})
	return &keptLedger{Ledger: l, keeper: keep(t, l, j), journal: j}
}

// send claims jobs and has every other accepted, in Redis and on record.
func (l *keptLedger) send(t *testing.T, names []string) {
	t.Helper()
	for i, id := range names {
		s := subject(id)
		if v := l.claimOne(t, s, mine).Verdict; v != Yours {
			t.Fatalf("%s: %v", id, v)
		}
		rec := Record{Key: s.Key, Do: RecordClaim, Attempt: 1, Body: bodyMark(s.Body), Publication: s.Publication}
		l.journal.add(rec)
		if i%2 == 0 {
			rec.Do, rec.State = RecordOutcome, Accepted
			l.journal.add(rec)
			l.settleOne(t, Settlement{Subject: s, Nonce: mine, Attempt: 1, State: Accepted, Event: uint64(len(l.journal.events))})
		}
	}
}

// claimsOf counts the verdicts over jobs that were claimed before.
func (l *keptLedger) claimsOf(t *testing.T, names []string) map[Verdict]int {
	t.Helper()
	requests := make([]ClaimRequest, len(names))
	for i, id := range names {
		requests[i] = ClaimRequest{subject(id), theirs}
	}
	claims, err := l.Claim(context.Background(), requests)
	if err != nil {
		t.Fatal(err)
	}
	count := map[Verdict]int{}
	for _, c := range claims {
		count[c.Verdict]++
	}
	return count
}

// wantRestored has the keeper bring jobs back that were lost in part.
func (l *keptLedger) wantRestored(t *testing.T, names []string) {
	t.Helper()
	if c := l.claimsOf(t, names); c[NotWhole] == 0 || c[Yours] > 0 {
		t.Errorf("before the replay: %v, want none of them given away", c)
	}
	l.keeper.wantWhole(t)
	if c := l.claimsOf(t, names); c[Settled] != (len(names)+1)/2 || c[Stale]+c[Held] != len(names)/2 {
		t.Errorf("after the replay: %v, want half of %d settled and half claimed", c, len(names))
	}
}

func TestAServerComesBackWithOldData(t *testing.T) {
	dir, port, all := t.TempDir(), embedtest.Port(t), ids(40)
	s := startServer(t, port, "--dir", dir)
	l := openKept(t, s, &memory{})
	l.keeper.wantWhole(t)
	l.send(t, all[:10])
	must(t, s, "save")
	l.send(t, all[10:])
	s.kill()
	startServer(t, port, "--dir", dir)
	await(t, "the client finds the new server", func() bool { return s.Ping(context.Background()).Err() == nil })
	if e := l.lookupOne(t, subject(all[0])); e.State != Accepted {
		t.Fatalf("the old data is not there: %+v", e)
	}
	l.wantRestored(t, all)
}

func TestAFailoverToAReplicaThatLagsBehind(t *testing.T) {
	all := ids(40)
	master := startServer(t, embedtest.Port(t))
	replica := startServer(t, embedtest.Port(t), "--replicaof", "127.0.0.1 "+strconv.Itoa(master.port))
	l := openKept(t, master, &memory{})
	l.keeper.wantWhole(t)
	l.send(t, all[:10])
	l.keeper.unlock(context.Background()) // or the next would wait until the lock ends
	await(t, "the replica follows", func() bool {
		n, err := master.Do(context.Background(), "wait", 1, 1000).Int()
		return err == nil && n == 1
	})
	must(t, replica, "replicaof no one")
	l.send(t, all[10:])
	after := openKept(t, replica, l.journal)
	if e := after.lookupOne(t, subject(all[0])); e.State != Accepted {
		t.Fatalf("the replica has not what it should: %+v", e)
	}
	after.wantRestored(t, all)
}

// way leads a client to one server or another, as Sentinels do.
type way struct {
	mu    sync.Mutex
	to    *server
	conns []net.Conn
}

func (w *way) dial(ctx context.Context, network, _ string) (net.Conn, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	conn, err := (&net.Dialer{}).DialContext(ctx, network, w.to.addr())
	w.conns = append(w.conns, conn)
	return conn, err
}

// lead cuts what leads elsewhere.
func (w *way) lead(to *server) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, conn := range w.conns {
		conn.Close()
	}
	w.to, w.conns = to, nil
}

// A demoted master that comes back as master without having followed the new one has
// the run id it had, and epochs that fit.
func TestADemotedMasterComesBack(t *testing.T) {
	all := ids(40)
	master := startServer(t, embedtest.Port(t))
	replica := startServer(t, embedtest.Port(t), "--replicaof", "127.0.0.1 "+strconv.Itoa(master.port))
	w := &way{to: master}
	client := redis.NewClient(&redis.Options{MaxRetries: -1, Dialer: w.dial, Network: "tcp"})
	t.Cleanup(func() { client.Close() })
	turn := func(to *server) {
		w.lead(to)
		await(t, "the client finds the server", func() bool { return client.Ping(context.Background()).Err() == nil })
	}
	l := openKept(t, client, &memory{})
	l.keeper.wantWhole(t)
	l.send(t, all[:10])
	await(t, "the replica follows", func() bool {
		n, err := master.Do(context.Background(), "wait", 1, 1000).Int()
		return err == nil && n == 1
	})
	must(t, replica, "replicaof no one")
	turn(replica)
	l.keeper.wantWhole(t)
	l.send(t, all[10:])

	turn(master)
	if e := l.lookupOne(t, subject(all[20])); e.State != None {
		t.Fatalf("the old master has what came later: %+v", e)
	}
	l.keeper.tickOnce(t)
	if c := l.claimsOf(t, all); c[Yours] > 0 {
		t.Errorf("at the next look: %v, want none given away", c)
	}
	l.keeper.wantWhole(t)
	if c := l.claimsOf(t, all); c[Settled] != len(all)/2 || c[Stale]+c[Held] != len(all)/2 {
		t.Errorf("after the replay: %v, want half of %d settled and half claimed", c, len(all))
	}
}

func TestAServerThatEvicts(t *testing.T) {
	ctx, all := context.Background(), ids(400)
	s := startServer(t, embedtest.Port(t))
	l := openKept(t, s, &memory{})
	l.keeper.wantWhole(t)
	l.send(t, all)
	must(t, s, "config set maxmemory-policy allkeys-random")
	err := l.keeper.tick(ctx)
	if !errors.Is(err, ErrPolicy) || !strings.Contains(err.Error(), "allkeys-random; set it to noeviction") {
		t.Errorf("error is %v, want the policy and what to do", err)
	}
	if c := l.claimsOf(t, all); c[NotWhole] != len(all) {
		t.Errorf("with that policy: %v, want nothing claimed", c)
	}
	must(t, s, "config set maxmemory-policy noeviction")
	l.keeper.wantWhole(t)

	// Now it happens between two looks of the keeper.
	must(t, s, "config set maxmemory-policy allkeys-random")
	used := usedMemory(t, s)
	must(t, s, fmt.Sprintf("config set maxmemory %d", used-50_000))
	await(t, "it evicts", func() bool {
		s.Set(ctx, "junk", strings.Repeat("x", 1000), 0)
		return !strings.Contains(s.Info(ctx, "stats").Val(), "evicted_keys:0\r")
	})
	must(t, s, "config set maxmemory 0", "config set maxmemory-policy noeviction")
	l.wantRestored(t, all)
	l.keeper.wantWhole(t) // and not once more for the same eviction
	if n := l.keeper.Status().Whole; n != tags {
		t.Errorf("%d tags are whole", n)
	}
}

func usedMemory(t *testing.T, s *server) int {
	t.Helper()
	_, rest, _ := strings.Cut(s.Info(context.Background(), "memory").Val(), "used_memory:")
	number, _, _ := strings.Cut(rest, "\r")
	n, err := strconv.Atoi(number)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// clusterPort is a port whose bus, 10,000 above, is below the ports of clients too.
func clusterPort(t *testing.T) int {
	for {
		if port := embedtest.Port(t); port < 22_000 {
			return port
		}
	}
}

func TestOneShardOfAClusterIsEmptied(t *testing.T) {
	ctx, all := context.Background(), ids(300)
	var nodes []*server
	for i, slots := range []string{"0 8191", "8192 16383"} {
		dir := t.TempDir()
		n := startServer(t, clusterPort(t), "--cluster-enabled", "yes", "--dir", dir, "--cluster-config-file", "nodes.conf")
		must(t, n, "cluster addslotsrange "+slots, "cluster set-config-epoch "+strconv.Itoa(i+1))
		nodes = append(nodes, n)
	}
	must(t, nodes[0], "cluster meet 127.0.0.1 "+strconv.Itoa(nodes[1].port))
	for _, n := range nodes {
		await(t, "the cluster is formed", func() bool {
			info := n.ClusterInfo(ctx).Val()
			return strings.Contains(info, "cluster_state:ok") && strings.Contains(info, "cluster_known_nodes:2") && strings.Contains(info, "cluster_slots_ok:16384")
		})
	}
	cluster := redis.NewClusterClient(&redis.ClusterOptions{Addrs: []string{nodes[0].addr(), nodes[1].addr()}, MaxRedirects: -1})
	defer cluster.Close()
	l := openKept(t, cluster, &memory{})
	l.keeper.wantWhole(t)
	l.send(t, all)
	must(t, nodes[1], "flushall")
	if err := l.keeper.tick(ctx); err != nil { // makes them whole at once: nothing is waited for
		t.Fatal(err)
	}
	must(t, nodes[1], "flushall")
	c := l.claimsOf(t, all)
	if c[NotWhole] == 0 || c[NotWhole] == len(all) || c[Yours] > 0 {
		t.Errorf("with one shard empty: %v, want only its jobs to wait", c)
	}
	l.wantRestored(t, all)
	must(t, nodes[0], "config set maxmemory-policy volatile-ttl")
	if err := l.keeper.tick(ctx); !errors.Is(err, ErrPolicy) {
		t.Errorf("error is %v, want that one node may evict", err)
	}
}

// A bucket that is gone is noticed by the claim itself.
func TestABucketThatIsGone(t *testing.T) {
	onBackends(t, func(t *testing.T, s *embedtest.Server) {
		l := open(s, Options{})
		k := keep(t, l, &memory{})
		k.wantWhole(t)
		l.claimOne(t, subject("a"), mine)
		keys, err := s.Keys(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		for _, key := range keys {
			if strings.Contains(key, ":l:") && strings.Contains(key, "{") {
				s.Client.Del(context.Background(), key)
			}
		}
		if v := l.claimOne(t, subject("a"), theirs).Verdict; v != NotWhole {
			t.Errorf("%v, want not whole", v)
		}
		k.wantWhole(t)
		if v := l.claimOne(t, subject("a"), theirs).Verdict; v != Yours {
			t.Errorf("%v, want yours: nothing is on record", v)
		}
	})
}
