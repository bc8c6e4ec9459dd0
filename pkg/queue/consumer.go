package queue

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/wacast/wacast/pkg/job"
)

const (
	// ackWaitTransactional brings a job of a worker that died back soon.
	ackWaitTransactional = 5 * time.Second
	ackWaitBulk          = 30 * time.Second
	// consumerIdle is when a consumer nobody pulls vanishes. What is not acked stays
	// in its stream, and the next worker makes a new consumer.
	consumerIdle = time.Hour
)

// consumerVersion is written into each consumer. It goes up when the settings of
// consumers change, so that workers of two versions do not fight over them: a
// later one brings a consumer up to date, an earlier one takes it as it is.
const (
	consumerVersionKey = "wacast-consumer"
	consumerVersion    = "1"
)

// AckWait is how long the server waits for an ack before it delivers a job again.
func AckWait(lane job.Lane) time.Duration {
	if lane == job.Transactional {
		return ackWaitTransactional
	}
	return ackWaitBulk
}

// consumerConfig is the one consumer of a subject. A work queue allows no second.
func consumerConfig(subject string, lane job.Lane) jetstream.ConsumerConfig {
	name := consumerName(subject)
	return jetstream.ConsumerConfig{
		Name: name, Durable: name,
		Description:       "wacast: " + subject,
		FilterSubject:     subject,
		AckPolicy:         jetstream.AckExplicitPolicy,
		AckWait:           AckWait(lane),
		MaxAckPending:     -1,
		MaxDeliver:        -1,
		InactiveThreshold: consumerIdle,
		Metadata:          map[string]string{consumerVersionKey: consumerVersion},
	}
}

// consumerName is a hash, because a subject holds characters that a name must not.
func consumerName(subject string) string {
	sum := sha256.Sum256([]byte(subject))
	return "wacast-" + hex.EncodeToString(sum[:16])
}

// ensureConsumer creates the consumer of a subject, or takes the one that is there.
func ensureConsumer(ctx context.Context, js jetstream.JetStream, stream string, config jetstream.ConsumerConfig) error {
	_, err := js.CreateConsumer(ctx, stream, config)
	if !errors.Is(err, jetstream.ErrConsumerExists) {
		return missing(err)
	}
	there, err := js.Consumer(ctx, stream, config.Name)
	if err != nil {
		return fmt.Errorf("read consumer %s: %w", config.Name, err)
	}
	have := there.CachedInfo().Config
	if have.FilterSubject != config.FilterSubject || have.AckPolicy != jetstream.AckExplicitPolicy {
		return fmt.Errorf("consumer %s of %s is not wacast's: delete it", config.Name, stream)
	}
	if have.Metadata[consumerVersionKey] >= consumerVersion {
		return nil
	}
	if _, err := js.UpdateConsumer(ctx, stream, config); err != nil {
		return fmt.Errorf("update consumer %s: %w", config.Name, err)
	}
	return nil
}
