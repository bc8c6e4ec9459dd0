package ratelimit

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/wacast/wacast/pkg/embed/embedtest"
)

// openCluster starts a Redis Cluster of one node, which refuses commands whose keys
// are of several slots just as more nodes do.
func openCluster(t *testing.T) *redis.ClusterClient {
	t.Helper()
	ctx, port := context.Background(), embedtest.Port(t)
	for port > 22_000 { // its bus is 10,000 above, and to be below the ports of clients too
		port = embedtest.Port(t)
	}
	dir := t.TempDir()
	embedtest.Spawn(t, port, "--port", strconv.Itoa(port), "--cluster-enabled", "yes", "--dir", dir, "--cluster-config-file", "nodes.conf")
	cluster := redis.NewClusterClient(&redis.ClusterOptions{Addrs: []string{"127.0.0.1:" + strconv.Itoa(port)}})
	t.Cleanup(func() { cluster.Close() })
	node := redis.NewClient(&redis.Options{Addr: "127.0.0.1:" + strconv.Itoa(port)})
	defer node.Close()
	if err := node.ClusterAddSlotsRange(ctx, 0, 16383).Err(); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(10 * time.Millisecond) { // nothing signals that it is up
		if strings.Contains(node.ClusterInfo(ctx).Val(), "cluster_state:ok") {
			return cluster
		}
		if time.Now().After(deadline) {
			t.Fatal("the cluster does not come up")
		}
	}
}

func TestRedisCluster(t *testing.T) {
	cluster, ctx := openCluster(t), context.Background()
	limiter, quotas := NewRedis(cluster, Options{}), NewRedisQuotas(cluster, Options{})
	var requests []Request
	var slowdowns []Slowdown
	var senders []string
	var takings []Taking
	for i := range 50 {
		name := fmt.Sprint(i)
		senders = append(senders, name)
		requests = append(requests, Request{Sender: name, Spacing: time.Second, Want: 1, Urgent: 1})
		slowdowns = append(slowdowns, slowdown(name, 2, 0))
		for who := range uint64(3) {
			takings = append(takings, Taking{Quota{Name: name, Limit: 2, Window: time.Hour, Unique: i%2 == 0}, who})
		}
	}
	grants, err := limiter.Reserve(ctx, requests)
	if err != nil || grants[49].Count != 1 {
		t.Error(grants, err)
	}
	if err := limiter.Slow(ctx, slowdowns); err != nil {
		t.Error(err)
	}
	if states, err := limiter.States(ctx, senders); err != nil || states[49].Share == 1 {
		t.Error(states, err)
	}
	taken, err := quotas.Take(ctx, takings)
	if err != nil {
		t.Fatal(err)
	}
	for i, got := range taken {
		if got.New != (i%3 < 2) {
			t.Errorf("taking %d: %+v", i, got)
		}
	}
	if err := quotas.Return(ctx, takings); err != nil {
		t.Error(err)
	}
}
