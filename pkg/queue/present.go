package queue

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Ends are the sequences of the first and the last job in the stream of jobs. The
// last one counts all jobs that were ever published; first is above it when none is
// left, and 0 with last when there has been none.
func (qs *Queues) Ends(ctx context.Context) (first, last uint64, err error) {
	info, err := readInfo(ctx, qs.nc, qs.names.JobsStream(), "")
	if err != nil {
		return 0, 0, fmt.Errorf("ends of jobs: %w", err)
	}
	return info.State.First, info.State.Last, nil
}

// Present calls fn with each publication of a campaign that has no outcome yet, or of
// all when it is empty: where the job is still in the stream of jobs, and where those
// were that are put off, or due. Those that are put off with an outcome on record,
// such as unknown ones, are left out. at is when the message was stored. An error of
// fn ends it.
//
// It reads without taking anything from anybody, and is exact when nothing moves: a
// job that is put off meanwhile may be passed twice.
func (qs *Queues) Present(ctx context.Context, campaign string, fn func(stream string, sequence uint64, at time.Time) error) error {
	jobs, later := qs.names.JobsStream(), qs.names.LaterStream()
	// A job moves from jobs to later to due; who looks in this order misses none.
	looks := []struct {
		stream, filter string
		fn             func(*placed) error
	}{
		{jobs, qs.names.wild("jobs", "", "", campaign), func(p *placed) error { return fn(jobs, p.sequence, p.at) }},
		{later, qs.names.wild("later", "", "", campaign, ""), waitingFunc(later, fn)},
		{later, qs.names.wild("due", "", "", campaign), waitingFunc(later, fn)},
	}
	for _, l := range looks {
		if err := page(ctx, qs.nc, l.stream, l.filter, 0, l.fn); err != nil {
			return fmt.Errorf("list jobs: %w", err)
		}
	}
	return nil
}

// Again counts the jobs of a campaign that are due, in flight or not, and have an
// outcome on record: unknown ones whose deadline has come, and those that somebody has
// tried once more; deadlines of answers are no jobs. It reads all that are due.
func (qs *Queues) Again(ctx context.Context, campaign string) (n uint64, err error) {
	err = page(ctx, qs.nc, qs.names.LaterStream(), qs.names.wild("due", "", "", campaign), 0, func(p *placed) error {
		if o, ok := readOrigin(p.msg.Header); ok && o.ended() && o.kind != KindReply {
			n++
		}
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("count jobs that are due again: %w", err)
	}
	return n, nil
}

// Sequences lists the jobs of a queue that are in the stream of jobs, up to a
// sequence, in order: what [Queues.Purge] would remove.
func (qs *Queues) Sequences(ctx context.Context, id ID, upTo uint64) ([]uint64, error) {
	var all []uint64
	err := page(ctx, qs.nc, qs.names.JobsStream(), qs.names.JobSubject(id), upTo, func(p *placed) error {
		all = append(all, p.sequence)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("list jobs: %w", err)
	}
	return all, nil
}

// waitingFunc passes on what waits in the stream of jobs that are put off and has no
// outcome yet.
func waitingFunc(later string, fn func(string, uint64, time.Time) error) func(*placed) error {
	return func(p *placed) error {
		o, ok := readOrigin(p.msg.Header)
		switch {
		case !ok:
			return fn(later, p.sequence, p.at)
		case o.ended():
			return nil
		}
		return fn(o.stream, o.sequence, p.at)
	}
}

// ended reports whether the publication has an outcome on record.
func (o origin) ended() bool {
	return o.was != "" || o.kind == KindUnknown || o.kind == KindReply
}

// placed is a message that was read where it is.
type placed struct {
	msg      *nats.Msg
	sequence uint64
	at       time.Time
}

const (
	// pageSize is how many messages are asked for at once, and pageBytes how much.
	pageSize  = 4000
	pageBytes = 8 << 20
)

var (
	// errPage marks an answer that a server without batches of direct gets gives.
	errPage = errors.New("the stream cannot be read directly: it is missing, or has allow_direct off, which a wacast worker switches on")
	// errSilent marks a server that does not answer.
	errSilent = errors.New("the server does not answer")
)

// page reads the messages of a stream that match a filter, up to a sequence or to the
// end for 0. It needs no consumer, of which a work queue allows no second.
func page(ctx context.Context, nc *nats.Conn, stream, filter string, upTo uint64, fn func(*placed) error) error {
	p := pager{nc: nc, stream: stream, filter: filter, next: 1, upTo: upTo, fn: fn, moved: time.Now(), patience: pageWait}
	for !p.done {
		if err := p.turn(ctx); err != nil {
			return err
		}
	}
	return nil
}

// pager is one reading.
type pager struct {
	nc             *nats.Conn
	stream, filter string
	next, upTo     uint64
	fn             func(*placed) error
	moved          time.Time     // when the last message came
	patience       time.Duration // for the next word of the server
	done           bool
}

const (
	// pageWait is how long the first word of a page may take, at first: each page
	// that nothing comes of is waited for twice as long.
	pageWait = 2 * time.Second
	// pagePatience is when a server that says nothing is given up.
	pagePatience = 20 * time.Second
)

// turn asks for one page. A message that is lost on the way is asked for again.
func (p *pager) turn(ctx context.Context) error {
	inbox := p.nc.NewInbox()
	answers := make(chan *nats.Msg, pageSize+1)
	sub, err := p.nc.ChanSubscribe(inbox, answers)
	if err != nil {
		return fmt.Errorf("subscribe to answers: %w", err)
	}
	defer func() { _ = sub.Unsubscribe() }() // fails on a closed connection only
	question := fmt.Appendf(nil, `{"seq":%d,"next_by_subj":%q,"batch":%d,"max_bytes":%d}`, p.next, p.filter, pageSize, pageBytes)
	if err := p.nc.PublishRequest(jetstream.DefaultAPIPrefix+"DIRECT.GET."+p.stream, inbox, question); err != nil {
		return fmt.Errorf("ask for messages: %w", err)
	}
	timer := time.NewTimer(p.patience)
	defer timer.Stop()
	for last := uint64(0); ; {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-timer.C:
			if p.patience *= 2; time.Since(p.moved) > pagePatience {
				return errSilent
			}
			return nil
		case m := <-answers:
			more, err := p.hear(ctx, m, &last)
			if !more || err != nil {
				return err
			}
			timer.Reset(p.patience)
		}
	}
}

// hear takes one answer and reports whether the page goes on. Only messages have a
// sequence; what else their header says may be their publisher's.
func (p *pager) hear(ctx context.Context, m *nats.Msg, last *uint64) (bool, error) {
	if len(m.Header[jetstream.SequenceHeader]) > 0 {
		return p.take(m, last)
	}
	switch m.Header.Get("Status") {
	case "204": // the end of the page
		p.done = m.Header.Get(headerPending) == "0" && m.Header.Get(headerLast) == strconv.FormatUint(*last, 10)
		return false, nil
	case "404":
		p.done = true
		return false, nil
	case "503":
		if time.Since(p.moved) > noStreamPatience {
			return false, errPage
		}
		wait(ctx, troublePause)
		return false, nil
	}
	return false, errPage
}

// take passes one message on.
func (p *pager) take(m *nats.Msg, last *uint64) (bool, error) {
	sequence, err := strconv.ParseUint(added(m, jetstream.SequenceHeader), 10, 64)
	if err != nil {
		return false, errPage
	}
	if added(m, headerLast) != strconv.FormatUint(*last, 10) {
		return false, nil // one before it was lost
	}
	if p.upTo > 0 && sequence > p.upTo {
		p.done = true
		return false, nil
	}
	at, err := time.Parse(time.RFC3339Nano, added(m, jetstream.TimeStampHeaer))
	if err != nil {
		return false, errPage
	}
	*last, p.next, p.moved, p.patience = sequence, sequence+1, time.Now(), pageWait
	return true, p.fn(&placed{msg: m, sequence: sequence, at: at})
}

// Headers of direct gets that nats.go has no names for.
const (
	headerPending = "Nats-Num-Pending"
	headerLast    = "Nats-Last-Sequence"
)

// added is a header that the server has put behind those the message came with.
func added(m *nats.Msg, name string) string {
	values := m.Header[name]
	if len(values) == 0 {
		return ""
	}
	return values[len(values)-1]
}
