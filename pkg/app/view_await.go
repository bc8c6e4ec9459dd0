package app

import (
	"context"
	"errors"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/wacast/wacast/pkg/queue"
)

// streamsEvery is how often it is looked whether a worker has made the streams.
const streamsEvery = 100 * time.Millisecond

// AwaitStreams waits until a worker has made the streams that jobs go through, which
// the first one does when it starts, and no longer than patience. It calls waiting
// once, if it has to wait. It reports no error: whoever goes on without them finds out
// what is the matter.
func AwaitStreams(ctx context.Context, nc *nats.Conn, namespace string, patience time.Duration, waiting func()) {
	js, err := jetstream.New(nc)
	if err != nil || streamsThere(ctx, js, namespace) {
		return
	}
	waiting()
	over := time.After(patience)
	tick := time.NewTicker(streamsEvery)
	defer tick.Stop()
	for !streamsThere(ctx, js, namespace) {
		select {
		case <-ctx.Done():
			return
		case <-over:
			return
		case <-tick.C:
		}
	}
}

// streamsThere reports false where one is certainly missing: not everybody who may
// publish may ask.
func streamsThere(ctx context.Context, js jetstream.JetStream, namespace string) bool {
	names := queue.Names{Namespace: namespace}
	for _, stream := range []string{names.JobsStream(), "KV_" + names.CampaignsBucket(), "KV_" + names.SendersBucket()} {
		if _, err := js.Stream(ctx, stream); errors.Is(err, jetstream.ErrStreamNotFound) {
			return false
		}
	}
	return true
}
