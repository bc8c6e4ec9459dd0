package app

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/wacast/wacast/pkg/job"
	"github.com/wacast/wacast/pkg/queue"
)

// Copy is one message of a job that waits in a stream.
type Copy struct {
	Queue queue.ID
	// Kind is what the job is put off for; empty for one in the stream of jobs.
	Kind string
	// Due is when it comes back; zero for one that is in its queue.
	Due time.Time
	// Stored is when the message was stored.
	Stored time.Time
	// Stream and Sequence name the publication.
	Stream   string
	Sequence uint64
	// Data is the job, as it was published.
	Data []byte
	// Traceparent is the job's trace, if it has one.
	Traceparent job.Traceparent
}

// Copies finds the messages of a job that wait: put off, due, or in a queue, the first
// of each. The queues of its campaign are read for that, up to where it is.
func (v *View) Copies(ctx context.Context, key job.Key) ([]Copy, error) {
	all, err := v.scheduled(ctx, key)
	if err != nil {
		return nil, err
	}
	depths, err := v.queues.Discover(ctx)
	if err != nil {
		return nil, err
	}
	for _, d := range depths {
		if d.Campaign != key.CampaignToken() {
			continue
		}
		// Subjects without wildcards are found many times faster.
		for stream, subject := range map[string]string{v.names.LaterStream(): v.names.DueSubject(d.ID), v.names.JobsStream(): v.names.JobSubject(d.ID)} {
			err := v.leaf(ctx, stream, subject, func(m *nats.Msg) bool {
				found := isJob(m.Data, key)
				if found {
					all = append(all, v.copyOf(stream, subject, m.Header, m.Data))
				}
				return found
			})
			if err != nil {
				return nil, fmt.Errorf("look for the job in %s: %w", stream, err)
			}
		}
	}
	return all, nil
}

// scheduled finds what is put off, each at a subject with the job's id.
func (v *View) scheduled(ctx context.Context, key job.Key) ([]Copy, error) {
	s, err := v.js.Stream(ctx, v.names.LaterStream())
	if err != nil {
		return nil, fmt.Errorf("look for what is put off: %w", err)
	}
	filter := v.names.Namespace + ".later.*.*." + key.CampaignToken() + "." + key.ID
	var all []Copy
	for next := uint64(1); ; {
		m, err := s.GetMsg(ctx, next, jetstream.WithGetMsgSubject(filter))
		if errors.Is(err, jetstream.ErrMsgNotFound) {
			return all, nil
		}
		if err != nil {
			return nil, fmt.Errorf("look for what is put off: %w", err)
		}
		c := v.copyOf(s.CachedInfo().Config.Name, m.Subject, m.Header, m.Data)
		c.Stored = m.Time
		if c.Sequence == 0 {
			c.Sequence = m.Sequence
		}
		all = append(all, c)
		next = m.Sequence + 1
	}
}

// copyOf reads what a message says of the job's way.
func (v *View) copyOf(stream, subject string, h nats.Header, data []byte) Copy {
	c := Copy{Stream: stream, Data: data, Traceparent: job.ParseTraceparent(h.Get(job.TraceparentHeader))}
	// Headers that are not there, or not of wacast, leave their fields empty.
	c.Stored, _ = time.Parse(time.RFC3339Nano, last(h, jetstream.TimeStampHeaer))
	c.Sequence, _ = strconv.ParseUint(last(h, jetstream.SequenceHeader), 10, 64)
	id, ok := v.names.ParseJob(subject)
	if ok {
		c.Queue = id
		return c
	}
	if origin, err := strconv.ParseUint(h.Get(queue.HeaderSequence), 10, 64); err == nil {
		c.Stream, c.Sequence = h.Get(queue.HeaderStream), origin
	}
	if c.Queue, ok = v.names.ParseDue(subject); ok {
		return c
	}
	c.Queue, _ = v.names.ParseDue(h.Get(jetstream.ScheduleTargetHeader))
	c.Kind, _, _ = strings.Cut(strings.TrimPrefix(subject, v.names.Namespace+".later."), ".")
	c.Due, _ = time.Parse(time.RFC3339Nano, strings.TrimPrefix(h.Get(jetstream.ScheduleHeader), "@at "))
	return c
}

// last is the value that the server has added behind those a message came with.
func last(h nats.Header, name string) string {
	if values := h[name]; len(values) > 0 {
		return values[len(values)-1]
	}
	return ""
}

// isJob reports whether data is the job of the key, decoding only what may be.
func isJob(data []byte, key job.Key) bool {
	if !bytes.Contains(data, []byte(`"`+key.ID+`"`)) {
		return false
	}
	j, err := job.Decode(data)
	return err == nil && j.Key() == key
}

const (
	// leafPage is how many messages are asked for at once, and leafBytes how much.
	leafPage, leafBytes = 5000, 8 << 20
	// leafWait is how long the server may take for the next message.
	leafWait = 3 * time.Second
)

// leaf passes the messages of a work queue's subject without taking any, until fn
// reports that this was enough. It asks for pages, each behind the last one.
func (v *View) leaf(ctx context.Context, stream, filter string, fn func(*nats.Msg) bool) error {
	for next := uint64(1); next > 0; {
		var err error
		if next, err = v.leafOnce(ctx, stream, filter, next, fn); err != nil {
			return err
		}
	}
	return nil
}

// leafOnce reads one page and returns where the next one begins, 0 for none.
func (v *View) leafOnce(ctx context.Context, stream, filter string, from uint64, fn func(*nats.Msg) bool) (uint64, error) {
	request, err := json.Marshal(map[string]any{"seq": from, "next_by_subj": filter, "batch": leafPage, "max_bytes": leafBytes})
	if err != nil {
		return 0, err
	}
	inbox := v.nc.NewInbox()
	answers := make(chan *nats.Msg, leafPage+1)
	sub, err := v.nc.ChanSubscribe(inbox, answers)
	if err != nil {
		return 0, err
	}
	defer func() { _ = sub.Unsubscribe() }() // fails on a closed connection only
	if err := v.nc.PublishRequest(jetstream.DefaultAPIPrefix+"DIRECT.GET."+stream, inbox, request); err != nil {
		return 0, err
	}
	timer := time.NewTimer(leafWait)
	defer timer.Stop()
	for next := from; ; {
		select {
		case <-ctx.Done():
			return 0, context.Cause(ctx)
		case <-timer.C:
			return 0, context.DeadlineExceeded
		case m := <-answers:
			at := last(m.Header, jetstream.SequenceHeader)
			if at == "" { // the last word
				if next == from || m.Header.Get("Nats-Num-Pending") == "0" {
					return 0, nil
				}
				return next, nil
			}
			sequence, err := strconv.ParseUint(at, 10, 64)
			if err != nil {
				return 0, err
			}
			next = sequence + 1
			if fn(m) {
				return 0, nil
			}
			timer.Reset(leafWait)
		}
	}
}
