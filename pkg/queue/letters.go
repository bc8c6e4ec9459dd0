package queue

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/wacast/wacast/pkg/job"
)

// StoredLetter is a dead letter as it is kept.
type StoredLetter struct {
	// Place is its sequence in the stream of dead letters, for [Dead.Remove].
	Place  uint64
	Stored time.Time
	Reason job.Reason
	Code   int
	Detail string
	// Queue is where the job was fetched.
	Queue ID
	// Stream and Sequence name the publication, Attempt the last attempt that was
	// made, Outcome what is on record; earlier builds left the last two out.
	Stream   string
	Sequence uint64
	Attempt  int
	Outcome  job.Kind
	// Data is the job as it was published, or its beginning when Truncated, which is
	// then how long it was.
	Data      []byte
	Truncated int
	// Traceparent is the job's trace, if it has one.
	Traceparent job.Traceparent
}

// DeadFilter says which letters to read. Empty fields match all.
type DeadFilter struct {
	// Campaign is the campaign's token; [job.NoCampaign] asks for jobs without one.
	Campaign string
	Reason   job.Reason
	// ID is the job's within its campaign.
	ID string
}

// Read calls fn with the letters that match, oldest first, up to the last one there
// is when Read begins. An error of fn ends it.
func (d *Dead) Read(ctx context.Context, filter DeadFilter, fn func(*StoredLetter) error) error {
	part := span{subjects: []string{d.names.wild("dead", string(filter.Reason), "", filter.Campaign)}}
	id := []byte(filter.ID)
	err := scan(ctx, d.js, d.names.DeadStream(), part, func(m *nats.Msg, meta *nats.MsgMetadata) error {
		if len(id) > 0 && (!bytes.Contains(m.Data, id) || jobID(m.Data) != filter.ID) {
			return nil
		}
		return fn(d.letter(m, meta))
	})
	if err != nil {
		return fmt.Errorf("read dead letters: %w", err)
	}
	return nil
}

// jobID is the id of a job that may be wrong in any other way.
func jobID(data []byte) string {
	var j struct {
		ID string `json:"id"`
	}
	if err := json.Unmarshal(data, &j); err != nil {
		return ""
	}
	return j.ID
}

func (d *Dead) letter(m *nats.Msg, meta *nats.MsgMetadata) *StoredLetter {
	l := &StoredLetter{Place: meta.Sequence.Stream, Stored: meta.Timestamp, Data: m.Data, Detail: m.Header.Get(HeaderDetail)}
	l.Reason, l.Queue.Sender, l.Queue.Campaign, _ = d.names.parseDead(m.Subject)
	if id, ok := d.names.ParseJob(m.Header.Get(HeaderSubject)); ok {
		l.Queue = id
	} else if id, ok := d.names.ParseDue(m.Header.Get(HeaderSubject)); ok {
		l.Queue = id
	}
	l.Stream, l.Outcome = m.Header.Get(HeaderStream), job.Kind(m.Header.Get(headerWas))
	// What is not there is 0.
	l.Sequence, _ = strconv.ParseUint(m.Header.Get(HeaderSequence), 10, 64)
	l.Code, _ = strconv.Atoi(m.Header.Get(HeaderCode))
	l.Attempt, _ = strconv.Atoi(m.Header.Get(headerAttempt))
	l.Truncated, _ = strconv.Atoi(m.Header.Get(HeaderTruncated))
	l.Traceparent = readTraceparent(m.Header)
	return l
}

// Remove takes a letter out, such as one that was replayed. It is no error when it is
// gone.
func (d *Dead) Remove(ctx context.Context, place uint64) error {
	request := map[string]any{"seq": place, "no_erase": true}
	err := call(ctx, d.nc, "STREAM.MSG.DELETE."+d.names.DeadStream(), request, new(struct{}))
	if err != nil && !isGone(err) {
		return fmt.Errorf("remove dead letter: %w", err)
	}
	return nil
}
