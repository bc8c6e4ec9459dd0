package app

import (
	"context"
	"fmt"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/wacast/wacast/pkg/queue"
)

// CompareTopology tells where the streams and buckets of the account differ from what
// the settings make of them. It changes nothing.
func CompareTopology(ctx context.Context, cfg Config) ([]string, error) {
	return topology(ctx, cfg, queue.Diff)
}

// CreateTopology creates what is missing and changes limits as the settings have them,
// as a worker does that may. It tells what is different all the same.
func CreateTopology(ctx context.Context, cfg Config) ([]string, error) {
	return topology(ctx, cfg, queue.Ensure)
}

func topology(ctx context.Context, cfg Config, do func(context.Context, jetstream.JetStream, queue.Topology) ([]queue.Difference, error)) ([]string, error) {
	nc, err := DialOnce(cfg)
	if err != nil {
		return nil, err
	}
	defer nc.Close()
	js, err := jetstream.New(nc)
	if err != nil {
		return nil, fmt.Errorf("jetstream: %w", err)
	}
	differences, err := do(ctx, js, cfg.Topology())
	if err != nil {
		return nil, err
	}
	list := []string{}
	for _, d := range differences {
		list = append(list, d.String())
	}
	return list, nil
}
