package queue

import (
	"context"
	"errors"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// maxScan is the most messages a reader asks for at once. It waits for the server
// once for so many.
const maxScan = 4096

// readerIdle is when the server forgets a reader that has ended without a word.
const readerIdle = time.Minute

type scanFunc func(*nats.Msg, *nats.MsgMetadata) error

// span is a part of a stream.
type span struct {
	subjects []string
	// after and upTo are sequences: the first is the last one left out, the other the
	// last one there is. Zero is no bound.
	after, upTo uint64
	since       time.Time
}

// scan reads a part of a stream of limits, up to the last message there is now.
func scan(ctx context.Context, js jetstream.JetStream, stream string, part span, fn scanFunc) error {
	info, err := readInfo(ctx, js.Conn(), stream, "")
	if err != nil {
		return err
	}
	last := info.State.Last
	if part.upTo > 0 {
		last = min(last, part.upTo)
	}
	if last <= part.after || info.State.Messages == 0 {
		return nil
	}
	p, err := newPullerOf(js.Conn(), maxScan)
	if err != nil {
		return err
	}
	defer p.close()
	s := scanner{js: js, stream: stream, puller: p, span: part, read: part.after, last: last, fn: fn}
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
	js     jetstream.JetStream
	stream string
	puller *puller
	span
	last uint64 // sequence to read up to
	fn   scanFunc

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
	if err := s.puller.open(&s.pull, maxScan, 0, time.Now()); err != nil {
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
	c, err := s.js.CreateConsumer(ctx, s.stream, config)
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
	s.pull = pull{api: jetstream.DefaultAPIPrefix + "CONSUMER.MSG.NEXT." + s.stream + "." + s.name, ready: true, bytes: pullBytes(s.js.Conn())}
	s.done = c.CachedInfo().NumPending == 0
	return nil
}

// leave removes the consumer, which would vanish by itself later.
func (s *scanner) leave() {
	if s.name != "" {
		subject := jetstream.DefaultAPIPrefix + "CONSUMER.DELETE." + s.stream + "." + s.name
		_ = s.js.Conn().Publish(subject, nil)
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
		if s.done = s.pull.last == statusNothing; !s.done && s.pull.last != statusFull {
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
	if meta.Timestamp.Before(s.since) {
		return nil
	}
	return s.fn(m, meta)
}
