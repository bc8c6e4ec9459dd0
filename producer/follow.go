package producer

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/wacast/wacast/pkg/job"
	"github.com/wacast/wacast/pkg/queue"
)

// ErrGap marks a place to go on from right behind which the stream has nothing any
// more: events have aged out unread, or were erased, or the stream was made anew.
// Whoever knows what that means for their records goes on after [GapError].Next.
var ErrGap = errors.New("events are gone that were not read")

// GapError is an [ErrGap].
type GapError struct {
	// After is where it was to go on, Next the After that misses nothing there is.
	After, Next uint64
}

func (e *GapError) Error() string {
	return fmt.Sprintf("%v: there is nothing right behind %d; go on after %d", ErrGap, e.After, e.Next)
}

// Is matches [ErrGap].
func (e *GapError) Is(target error) bool { return target == ErrGap }

// FollowConfig says which events to follow. The zero value follows all there are.
type FollowConfig struct {
	// Namespace is that of the workers. Defaults to wacast.
	Namespace string
	// Campaign and From, the phone number id, leave out what is about others; Kinds what
	// is of other kinds.
	Campaign, From string
	Kinds          []job.Kind
	// After is the [Followed].Sequence of the last event that was handled; 0 begins with
	// the oldest one there is.
	After uint64
}

// Followed is an event and its place in the stream.
type Followed struct {
	job.Event
	Sequence uint64
	// Stored is when JetStream stored it.
	Stored time.Time
}

// maxRepeats is how many ids of events are remembered, and as many before them, to
// leave out what was recorded twice.
const maxRepeats = 1 << 16

// followPatience is how long the server may take for its first answer.
const followPatience = 5 * time.Second

// Follow calls handle with each event, one after the other in the order of the stream,
// and then with those to come, until ctx ends or handle returns an error, which is
// returned. It goes on by itself where connections break or servers restart.
//
// Delivery is at least once, and the position is the caller's: who stores
// [Followed].Sequence together with what they make of the event, in one transaction,
// and gives it as After the next time, has each event take effect once. Who stores it
// later gets those in between again, and knows them by the event's ID, which is the
// same for the same fact however often it was recorded; repeats within the last 65,536
// events are left out here. The server keeps nothing of a follower, and followers do not
// share the events: each gets all.
//
// An event is passed on once it is stored for good, and nothing takes it back but
// another event: settled corrects an outcome, a failure or an answer. The events of one
// job come in the order in which they became known, which for statuses is not always
// that of their times.
func Follow(ctx context.Context, nc *nats.Conn, cfg FollowConfig, handle func(context.Context, *Followed) error) error {
	names := queue.Names{Namespace: cmp.Or(cfg.Namespace, "wacast")}
	if err := names.Validate(); err != nil {
		return err
	}
	messages, err := openEvents(ctx, nc, names, cfg)
	if err != nil {
		return fmt.Errorf("follow events: %w", err)
	}
	defer messages.Stop()
	f := follower{handle: handle, after: cfg.After, seen: make(map[string]bool)}
	for {
		m, err := messages.Next(jetstream.NextContext(ctx))
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case errors.Is(err, jetstream.ErrMsgIteratorClosed):
			return fmt.Errorf("follow events: %w", err)
		case err != nil:
			continue // a server that is away; it goes on behind the last event
		}
		if err := f.take(ctx, m); err != nil {
			return err
		}
	}
}

func openEvents(ctx context.Context, nc *nats.Conn, names queue.Names, cfg FollowConfig) (jetstream.MessagesContext, error) {
	js, err := jetstream.New(nc)
	if err != nil {
		return nil, err
	}
	opening, cancel := context.WithTimeout(ctx, followPatience)
	defer cancel()
	stream, err := js.Stream(opening, names.EventsStream())
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		return nil, ErrNoStream
	}
	if err != nil {
		return nil, err
	}
	if err := checkGap(stream.CachedInfo().State, cfg.After); err != nil {
		return nil, err
	}
	filter := queue.Filter{Campaign: cfg.Campaign, Sender: cfg.From, Kinds: cfg.Kinds}
	consumer, err := stream.OrderedConsumer(opening, jetstream.OrderedConsumerConfig{
		FilterSubjects: names.EventSubjects(filter), DeliverPolicy: jetstream.DeliverByStartSequencePolicy, OptStartSeq: cfg.After + 1,
	})
	if err != nil {
		return nil, err
	}
	return consumer.Messages()
}

// checkGap compares where to go on with what there is.
func checkGap(state jetstream.StreamState, after uint64) error {
	switch {
	case after == 0:
		return nil
	case state.LastSeq < after: // another stream
		return &GapError{After: after}
	case state.FirstSeq > after+1:
		return &GapError{After: after, Next: state.FirstSeq - 1}
	}
	return nil
}

// follower passes events on, each once.
type follower struct {
	handle func(context.Context, *Followed) error
	after  uint64
	// seen are ids of events; before are those that were seen earlier.
	seen, before map[string]bool
}

func (f *follower) take(ctx context.Context, m jetstream.Msg) error {
	meta, err := m.Metadata()
	if err != nil || meta.Sequence.Stream <= f.after {
		return nil // passed on before the connection broke
	}
	f.after = meta.Sequence.Stream
	event, err := job.DecodeEvent(m.Data())
	if err != nil || f.isRepeat(event.ID) {
		return nil // of somebody who writes where only wacast should, or recorded twice
	}
	return f.handle(ctx, &Followed{Event: *event, Sequence: meta.Sequence.Stream, Stored: meta.Timestamp})
}

func (f *follower) isRepeat(id string) bool {
	if f.seen[id] || f.before[id] {
		return true
	}
	if len(f.seen) >= maxRepeats {
		f.seen, f.before = make(map[string]bool), f.seen
	}
	f.seen[id] = true
	return false
}
