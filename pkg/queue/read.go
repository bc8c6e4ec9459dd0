package queue

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/wacast/wacast/pkg/job"
)

// Filter says which events to read. Empty fields match all.
type Filter struct {
	// Campaign is the campaign's token; [job.NoCampaign] asks for jobs without one.
	Campaign string
	Sender   string
	Kinds    []job.Kind
	// Since leaves out what was stored before.
	Since time.Time
	// After and UpTo bound the sequences: of those above After up to UpTo; zero is no
	// bound.
	After, UpTo uint64
}

// Raw is an event as it is stored.
type Raw struct {
	Kind job.Kind
	// Sender and Campaign are the tokens of the subject.
	Sender, Campaign string
	Sequence         uint64
	Stored           time.Time
	// Data is the event, for [job.DecodeEvent].
	Data []byte
}

// Recorded is an event with its place in the stream.
type Recorded struct {
	job.Event
	Sequence uint64
	Stored   time.Time
}

// Ends is the sequence of the last event, 0 when there has been none.
func (e *Events) Ends(ctx context.Context) (last uint64, err error) {
	info, err := readInfo(ctx, e.nc, e.names.EventsStream(), "")
	if err != nil {
		return 0, fmt.Errorf("end of events: %w", err)
	}
	return info.State.Last, nil
}

// At returns the events of the given sequences, a zero Event where there is none,
// or none any longer. Without a deadline it ends after some seconds.
func (e *Events) At(ctx context.Context, sequences []uint64) ([]job.Event, error) {
	events := make([]job.Event, len(sequences))
	err := direct{nc: e.nc, stream: e.names.EventsStream()}.get(ctx, sequences, func(i int, data []byte) {
		if ev, err := job.DecodeEvent(data); err == nil {
			events[i] = *ev
		}
	})
	if err != nil {
		return nil, fmt.Errorf("get events: %w", err)
	}
	return events, nil
}

// Read calls fn with the events that match, in the order of the stream, up to the
// last one there is when Read begins. An error of fn ends it. A connection that
// breaks meanwhile is got over until ctx ends.
func (e *Events) Read(ctx context.Context, filter Filter, fn func(*Recorded) error) error {
	if err := scan(ctx, e.js, e.names.EventsStream(), e.span(filter), eventFunc(fn)); err != nil {
		return fmt.Errorf("read events: %w", err)
	}
	return nil
}

// Scan is [Events.Read] without decoding, for who reads hundreds of thousands and
// needs a part of them. What it passes is good until fn returns, its Data for ever.
func (e *Events) Scan(ctx context.Context, filter Filter, fn func(*Raw) error) error {
	var r Raw
	err := scan(ctx, e.js, e.names.EventsStream(), e.span(filter), func(m *nats.Msg, meta *nats.MsgMetadata) error {
		parts, ok := e.names.parseEvent(m.Subject)
		if !ok {
			return nil // the stream's subjects leave no room for others
		}
		r = Raw{
			Kind: parts.kind, Sender: parts.sender, Campaign: parts.campaign,
			Sequence: meta.Sequence.Stream, Stored: meta.Timestamp, Data: m.Data,
		}
		return fn(&r)
	})
	if err != nil {
		return fmt.Errorf("scan events: %w", err)
	}
	return nil
}

func (e *Events) span(filter Filter) span {
	return span{after: filter.After, upTo: filter.UpTo, since: filter.Since, subjects: e.names.EventSubjects(filter)}
}

// EventSubjects are the subjects that a filter matches, for who has a consumer of their
// own.
func (n Names) EventSubjects(filter Filter) []string {
	if len(filter.Kinds) == 0 {
		return []string{n.wild("events", "", filter.Sender, filter.Campaign, "")}
	}
	var subjects []string
	for _, kind := range filter.Kinds {
		subjects = append(subjects, n.wild("events", string(kind), filter.Sender, filter.Campaign, ""))
	}
	return subjects
}

// Find is [Events.History] without the places.
func (e *Events) Find(ctx context.Context, key job.Key, sender string, since time.Time) ([]job.Event, error) {
	history, err := e.History(ctx, key, sender, since)
	if err != nil {
		return nil, err
	}
	var events []job.Event
	for i := range history {
		events = append(events, history[i].Event)
	}
	return events, nil
}

// History returns the history of one job from a time on, oldest event first, out of
// its part of its campaign's events. An empty sender looks at all.
func (e *Events) History(ctx context.Context, key job.Key, sender string, since time.Time) ([]Recorded, error) {
	mark, err := markOf(key)
	if err != nil {
		return nil, fmt.Errorf("find events: %w", err)
	}
	var found []Recorded
	take := eventFunc(func(r *Recorded) error {
		if r.Subject == key.String() {
			found = append(found, *r)
		}
		return nil
	})
	subject := e.names.wild("events", "", sender, key.CampaignToken(), shard(key))
	part := span{subjects: []string{subject}, since: since}
	err = scan(ctx, e.js, e.names.EventsStream(), part, func(m *nats.Msg, meta *nats.MsgMetadata) error {
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

// markOf is what the events of a job hold, and hardly any other.
func markOf(key job.Key) ([]byte, error) {
	name, err := json.Marshal(key.String())
	return append([]byte(`"subject":`), name...), err
}

func eventFunc(fn func(*Recorded) error) scanFunc {
	return func(m *nats.Msg, meta *nats.MsgMetadata) error {
		event, err := job.DecodeEvent(m.Data)
		if err != nil {
			return fmt.Errorf("event %d is not one of wacast's: %w", meta.Sequence.Stream, err)
		}
		return fn(&Recorded{Event: *event, Sequence: meta.Sequence.Stream, Stored: meta.Timestamp})
	}
}
