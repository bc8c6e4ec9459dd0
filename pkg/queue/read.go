package queue

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/wacast/wacast/pkg/job"
)

// readerIdle is when the server forgets a reader that has ended without a word.
const readerIdle = time.Minute

// Filter says which events to read. Empty fields match all.
type Filter struct {
	// Campaign is the campaign's token; [job.NoCampaign] asks for jobs without one.
	Campaign string
	Sender   string
	Kinds    []job.Kind
	// Since leaves out what was stored before.
	Since time.Time
}

// Recorded is an event with its place in the stream.
type Recorded struct {
	job.Event
	Sequence uint64
	Stored   time.Time
}

// Read calls fn with the events that match, in the order of the stream, up to the
// last one there is when Read begins. An error of fn ends it. A connection that
// breaks meanwhile is got over until ctx ends.
func (e *Events) Read(ctx context.Context, filter Filter, fn func(*Recorded) error) error {
	var subjects []string
	for _, kind := range filter.Kinds {
		subjects = append(subjects, e.names.wild("events", string(kind), filter.Sender, filter.Campaign, ""))
	}
	if len(filter.Kinds) == 0 {
		subjects = []string{e.names.wild("events", "", filter.Sender, filter.Campaign, "")}
	}
	if err := e.scan(ctx, subjects, filter.Since, eventFunc(fn)); err != nil {
		return fmt.Errorf("read events: %w", err)
	}
	return nil
}

// Find returns the history of one job from a time on, oldest event first, out of
// its part of its campaign's events. An empty sender looks at all.
func (e *Events) Find(ctx context.Context, key job.Key, sender string, since time.Time) ([]job.Event, error) {
	name, err := json.Marshal(key.String())
	if err != nil {
		return nil, fmt.Errorf("find events: %w", err)
	}
	mark := append([]byte(`"subject":`), name...)
	var found []job.Event
	take := eventFunc(func(r *Recorded) error {
		if r.Subject == key.String() {
			found = append(found, r.Event)
		}
		return nil
	})
	subject := e.names.wild("events", "", sender, key.CampaignToken(), shard(key))
	err = e.scan(ctx, []string{subject}, since, func(m *nats.Msg, meta *nats.MsgMetadata) error {
		if !bytes.Contains(m.Data, mark) {
			return nil // of another job in the same part; need not be decoded
		}
		return take(m, meta)
	})
	if err != nil {
		return nil, fmt.Errorf("find events: %w", err)
	}
	return found, nil
}

func eventFunc(fn func(*Recorded) error) scanFunc {
	return func(m *nats.Msg, meta *nats.MsgMetadata) error {
		r := Recorded{Sequence: meta.Sequence.Stream, Stored: meta.Timestamp}
		if err := json.Unmarshal(m.Data, &r.Event); err != nil {
			return fmt.Errorf("event %d is not one of wacast's: %w", r.Sequence, err)
		}
		return fn(&r)
	}
}

type scanFunc func(*nats.Msg, *nats.MsgMetadata) error

// scan reads the messages of subjects from a time on, up to the last there is now.
func (e *Events) scan(ctx context.Context, subjects []string, since time.Time, fn scanFunc) error {
	info, err := readInfo(ctx, e.nc, e.names.EventsStream(), "")
	if err != nil {
		return err
	}
	p, err := newPuller(e.nc)
	if err != nil {
		return err
	}
	defer p.close()
	s := scanner{e: e, puller: p, subjects: subjects, since: since, last: info.State.Last, fn: fn}
	defer s.leave()
	for !s.done {
		if err := s.step(ctx); err != nil {
			return err
		}
	}
	return nil
}

// scanner reads through a consumer of its own. A gap in what it delivers, which is
// a message lost on the way, and the loss of the consumer are mended with a new
// one that starts behind the last message read.
type scanner struct {
	e        *Events
	puller   *puller
	subjects []string
	since    time.Time
	last     uint64 // sequence to read up to
	fn       scanFunc

	name string // of the consumer; empty when there is none
	pull pull
	read uint64 // sequence of the last message read
	seen uint64 // messages of this consumer
	done bool
}

// step makes a consumer, or pulls once.
func (s *scanner) step(ctx context.Context) error {
	if s.name == "" {
		return s.enter(ctx)
	}
	if err := s.puller.open(&s.pull, maxPull, 0, time.Now()); err != nil {
		return err
	}
	return s.gather(ctx)
}

func (s *scanner) enter(ctx context.Context) error {
	config := jetstream.ConsumerConfig{
		FilterSubjects: s.subjects, AckPolicy: jetstream.AckNonePolicy, MemoryStorage: true, Replicas: 1,
		InactiveThreshold: readerIdle, DeliverPolicy: jetstream.DeliverAllPolicy,
	}
	switch {
	case s.read > 0:
		config.DeliverPolicy, config.OptStartSeq = jetstream.DeliverByStartSequencePolicy, s.read+1
	case !s.since.IsZero():
		config.DeliverPolicy, config.OptStartTime = jetstream.DeliverByStartTimePolicy, &s.since
	}
	c, err := s.e.js.CreateConsumer(ctx, s.e.names.EventsStream(), config)
	switch {
	case err == nil:
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case errors.Is(err, nats.ErrNoResponders), errors.Is(err, context.DeadlineExceeded):
		wait(ctx, troublePause) // a server that restarts; the next step tries again
		return nil
	default:
		return missing(err)
	}
	s.name = c.CachedInfo().Name
	s.seen = 0
	s.pull = pull{api: jetstream.DefaultAPIPrefix + "CONSUMER.MSG.NEXT." + s.e.names.EventsStream() + "." + s.name, ready: true}
	s.done = c.CachedInfo().NumPending == 0
	return nil
}

// leave removes the consumer, which would vanish by itself later.
func (s *scanner) leave() {
	if s.name != "" {
		subject := jetstream.DefaultAPIPrefix + "CONSUMER.DELETE." + s.e.names.EventsStream() + "." + s.name
		_ = s.e.nc.Publish(subject, nil)
	}
}

// gather reads what one pull brings.
func (s *scanner) gather(ctx context.Context) error {
	timer := time.NewTimer(overdue)
	defer timer.Stop()
	for s.pull.left > 0 && !s.done {
		m := s.puller.receive(ctx, timer.C, nil)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if m == nil {
			s.renew() // the end of the pull was lost on the way
			return nil
		}
		if err := s.hear(m); err != nil {
			return err
		}
		timer.Reset(overdue)
	}
	return nil
}

// renew gives the consumer up; the next one starts behind what was read.
func (s *scanner) renew() { s.name, s.pull.left = "", 0 }

func (s *scanner) hear(m *nats.Msg) error {
	switch s.puller.classify(m, &s.pull) {
	case wordNoise:
		return nil
	case wordEnd:
		if s.done = s.pull.last == statusNothing; !s.done {
			s.renew()
		}
		return nil
	}
	meta, err := m.Metadata()
	if err != nil || meta.Consumer != s.name {
		return nil // of a consumer that was given up
	}
	s.pull.left--
	if s.seen++; meta.Sequence.Consumer != s.seen {
		s.renew()
		return nil
	}
	if meta.Sequence.Stream > s.last {
		s.done = true
		return nil
	}
	s.read = meta.Sequence.Stream
	s.done = meta.NumPending == 0 || s.read == s.last
	return s.fn(m, meta)
}
