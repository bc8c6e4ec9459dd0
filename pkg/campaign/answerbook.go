package campaign

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"

	"github.com/wacast/wacast/pkg/job"
)

// Answer is what a job's recipient said to it, or that nothing came in time.
type Answer struct {
	// Answer is [job.Confirmed], [job.Declined] or [job.NoAnswer].
	Answer job.Kind  `json:"answer"`
	At     time.Time `json:"at"`
	// By is who wrote it down.
	By string `json:"by,omitempty"`
}

// AnswerBucket is where answers are kept, by [AnswerKey]; queue.Bucket is one.
type AnswerBucket interface {
	// Create sets the value of a key that has none, and reports whether it did.
	Create(ctx context.Context, key string, value []byte) (bool, error)
	// Get returns the value of a key.
	Get(ctx context.Context, key string) ([]byte, error)
}

// AnswerBook writes down which jobs were not answered in time, beside the answers that
// webhooks write into the same bucket. It is safe for concurrent use.
type AnswerBook struct {
	bucket AnswerBucket
	by     string
}

// NewAnswerBook returns the answers in a bucket; by is who writes them.
func NewAnswerBook(bucket AnswerBucket, by string) *AnswerBook {
	return &AnswerBook{bucket: bucket, by: by}
}

// AnswerKey is the key of a job's answer in the bucket: a digest, as ids may be longer
// than keys and hold what keys may not.
func AnswerKey(key job.Key) string {
	sum := sha256.Sum256([]byte(key.String()))
	return hex.EncodeToString(sum[:16])
}

// Miss writes down that no answer came by then, unless one did. It returns the answer
// that stands, and whether this call made it so.
func (b *AnswerBook) Miss(ctx context.Context, key job.Key, by time.Time) (stands job.Kind, first bool, err error) {
	value, err := json.Marshal(Answer{Answer: job.NoAnswer, At: by.UTC(), By: b.by})
	if err == nil {
		first, err = b.bucket.Create(ctx, AnswerKey(key), value)
	}
	if err == nil && !first {
		var found Answer
		found, err = b.find(ctx, key)
		return found.Answer, false, err
	}
	if err != nil {
		return "", false, fmt.Errorf("write the missing answer to %s down: %w", key, err)
	}
	return job.NoAnswer, true, nil
}

func (b *AnswerBook) find(ctx context.Context, key job.Key) (a Answer, err error) {
	value, err := b.bucket.Get(ctx, AnswerKey(key))
	if err == nil {
		err = json.Unmarshal(value, &a)
	}
	if err != nil {
		return Answer{}, fmt.Errorf("read the answer to %s: %w", key, err)
	}
	return a, nil
}
