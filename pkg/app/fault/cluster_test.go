package fault_test

import (
	"fmt"
	"slices"
	"strings"

	"github.com/wacast/wacast/pkg/embed/embedtest"
)

// startRedisCluster starts three masters that share the slots and keep no files.
func startRedisCluster(f *field) string { return redisCluster(f, "--save", "", "--appendonly", "no") }

// startReplicatedCluster is one each of whose masters has a replica, as those have that
// are to be restarted in operation. They forget nothing that they answered to.
func startReplicatedCluster(f *field) string {
	f.t.Helper()
	durable := []string{"--save", "", "--appendonly", "yes", "--appendfsync", "always"}
	url := redisCluster(f, durable...)
	for i, master := range slices.Clone(f.redis) {
		replica := f.startClusterNode(fmt.Sprintf("replica-%d", i), durable...)
		f.meet(replica)
		id, err := master.client.ClusterMyID(f.t.Context()).Result()
		must(f.t, err)
		f.eventually(replica.Name+" follows", func() error { return replica.client.ClusterReplicate(f.t.Context(), id).Err() })
	}
	for _, n := range f.redis {
		f.awaitShard(n)
	}
	return url
}

func redisCluster(f *field, args ...string) string {
	f.t.Helper()
	const slots, nodes = 16384, 3
	var hosts []string
	for i := range nodes {
		n := f.startClusterNode(fmt.Sprintf("redis-%d", i), args...)
		must(f.t, n.client.ClusterAddSlotsRange(f.t.Context(), i*slots/nodes, (i+1)*slots/nodes-1).Err())
		f.meet(n)
		hosts = append(hosts, n.addr())
	}
	for _, n := range f.redis {
		f.awaitShard(n)
	}
	return "redis+cluster://" + strings.Join(hosts, ",")
}

func (f *field) startClusterNode(name string, args ...string) *redisNode {
	f.t.Helper()
	bus := embedtest.Port(f.t)
	n := f.startRedis(name, append(slices.Clone(args), "--cluster-enabled", "yes", "--cluster-port", fmt.Sprint(bus))...)
	n.bus = bus
	return n
}

// meet makes a node known to the first one, which tells the others.
func (f *field) meet(n *redisNode) {
	f.t.Helper()
	if first := f.redis[0]; n != first {
		must(f.t, first.client.Do(f.t.Context(), "cluster", "meet", "127.0.0.1", n.port, n.bus).Err())
	}
}

// awaitShard waits until a node of a cluster takes its part: all know of each other,
// and a replica has what its master has.
func (f *field) awaitShard(n *redisNode) {
	f.t.Helper()
	f.eventually(n.Name+" takes part in the cluster", func() error {
		info, err := n.client.ClusterInfo(f.t.Context()).Result()
		if err != nil {
			return err
		}
		replication, err := n.client.Info(f.t.Context(), "replication").Result()
		if err != nil {
			return err
		}
		follows := strings.Contains(replication, "role:slave") && !strings.Contains(replication, "master_link_status:up")
		if follows || !strings.Contains(info, "cluster_state:ok") || !strings.Contains(info, fmt.Sprintf("cluster_known_nodes:%d", len(f.redis))) {
			return fmt.Errorf("not yet: %s%s", info, replication)
		}
		return nil
	})
}

// handOver has a master that has a replica hand its slots over to it, as is done before
// one is restarted in operation.
func (f *field) handOver(master *redisNode) {
	f.t.Helper()
	ctx := f.t.Context()
	id, err := master.client.ClusterMyID(ctx).Result()
	must(f.t, err)
	for _, n := range f.redis {
		nodes, err := n.client.ClusterNodes(ctx).Result()
		must(f.t, err)
		for line := range strings.Lines(nodes) {
			if strings.Contains(line, "myself,slave "+id) {
				must(f.t, n.client.ClusterFailover(ctx).Err())
				f.eventually(n.Name+" is master", func() error {
					role, err := n.client.Do(ctx, "role").Slice()
					if err == nil && role[0] != "master" {
						err = fmt.Errorf("it is %v", role[0])
					}
					return err
				})
			}
		}
	}
}
