package queue

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/wacast/wacast/pkg/job"
)

const (
	// seekShare is how many events are worth a connection of their own. With fewer,
	// the next one is so far away that several would look through the same.
	seekShare = 1000
	// seekWait is how long the next event may take to be found.
	seekWait = 30 * time.Second
)

// Seeker finds the events of one job among millions, of which the server has to look
// through all. It looks for one connection in one place at a time: so each connection
// gets a part of the stream, and should be used for nothing else.
type Seeker struct {
	names Names
	conns []*nats.Conn
}

// NewSeeker returns a seeker that uses connections, at least one, but does not close
// them.
func NewSeeker(names Names, conns ...*nats.Conn) *Seeker {
	return &Seeker{names: names, conns: conns}
}

// Kinds counts the events among which those of a job are. It reads none of them.
func (s *Seeker) Kinds(ctx context.Context, key job.Key) (map[job.Kind]uint64, error) {
	info, err := readInfo(ctx, s.conns[0], s.names.EventsStream(), s.subject(key, ""))
	if err != nil {
		return nil, fmt.Errorf("count events: %w", err)
	}
	counts := make(map[job.Kind]uint64)
	for subject, n := range info.State.Subjects {
		if parts, ok := s.names.parseEvent(subject); ok {
			counts[parts.kind] += n
		}
	}
	return counts, nil
}

func (s *Seeker) subject(key job.Key, kind job.Kind) string {
	return s.names.wild("events", string(kind), "", key.CampaignToken(), shard(key))
}

// Seek returns the events of a job above one sequence up to another, oldest first; for
// upTo, 0 is no bound. Kinds of which there are few are found at once, if only they are
// asked for. With an error it returns what was found before it.
func (s *Seeker) Seek(ctx context.Context, key job.Key, after, upTo uint64, kinds ...job.Kind) ([]Recorded, error) {
	counts, err := s.Kinds(ctx, key)
	if err != nil {
		return nil, fmt.Errorf("seek events: %w", err)
	}
	if len(kinds) == 0 {
		kinds = []job.Kind{""}
		for _, n := range counts {
			counts[""] += n
		}
	}
	var found []Recorded
	for _, kind := range kinds {
		some, err := s.seek(ctx, walk{stream: s.names.EventsStream(), subject: s.subject(key, kind), key: key}, counts[kind], after, upTo)
		found = append(found, some...)
		if err != nil {
			return found, fmt.Errorf("seek events: %w", err)
		}
	}
	slices.SortFunc(found, func(a, b Recorded) int { return cmp.Compare(a.Sequence, b.Sequence) })
	return found, nil
}

// seek walks among so many events, in as many parts as are worth it.
func (s *Seeker) seek(ctx context.Context, w walk, events, after, upTo uint64) ([]Recorded, error) {
	w.nc = s.conns[0]
	first, last, err := w.ends(ctx, after, upTo)
	if err != nil || events == 0 || first > last {
		return nil, err
	}
	readers := s.conns[:min(max(events/seekShare, 1), uint64(len(s.conns)))]
	share := (last-first)/uint64(len(readers)) + 1
	found, errs := make([][]Recorded, len(readers)), make([]error, len(readers))
	var wg sync.WaitGroup
	for i, nc := range readers {
		part, from := w, first+uint64(i)*share
		part.nc = nc
		wg.Go(func() { found[i], errs[i] = part.from(ctx, from, min(from+share-1, last)) })
	}
	wg.Wait()
	return slices.Concat(found...), errors.Join(errs...)
}

// walk goes from one event of a subject to the next.
type walk struct {
	nc              *nats.Conn
	stream, subject string
	key             job.Key
}

// ends are the first and the last sequence between which there can be events of the
// subject; first is above last where there are none.
func (w walk) ends(ctx context.Context, after, upTo uint64) (first, last uint64, err error) {
	end, err := w.ask(ctx, lastOf{w.subject})
	if err != nil || end == nil {
		return 1, 0, err
	}
	begin, err := w.ask(ctx, nextOf{after + 1, w.subject})
	if err != nil || begin == nil {
		return 1, 0, err
	}
	last = end.sequence
	if upTo > 0 {
		last = min(last, upTo)
	}
	return begin.sequence, last, nil
}

// from collects the events of the job from one sequence to another.
func (w walk) from(ctx context.Context, from, to uint64) (found []Recorded, err error) {
	mark, err := markOf(w.key)
	if err != nil {
		return nil, err
	}
	for from <= to {
		m, err := w.ask(ctx, nextOf{from, w.subject})
		if err != nil || m == nil || m.sequence > to {
			return found, err
		}
		if from = m.sequence + 1; !bytes.Contains(m.data, mark) {
			continue // of another job; need not be decoded
		}
		event, err := job.DecodeEvent(m.data)
		if err != nil {
			return found, fmt.Errorf("event %d is not one of wacast's: %w", m.sequence, err)
		}
		if event.Subject == w.key.String() {
			found = append(found, Recorded{Event: *event, Sequence: m.sequence, Stored: m.at})
		}
	}
	return found, nil
}

// nextOf asks for the first message of a subject from a sequence on, lastOf for the
// last one.
type nextOf struct {
	Sequence uint64 `json:"seq"`
	Subject  string `json:"next_by_subj"`
}

type lastOf struct {
	Subject string `json:"last_by_subj"`
}

// ask returns the message that a question is for, nil when there is none. A replica
// that lags behind answers for the beginning of the stream only: that there is nothing
// more the leader has to say, and what the last one is. A server that does not answer
// is asked again until ctx ends.
func (w walk) ask(ctx context.Context, question any) (*message, error) {
	body, err := json.Marshal(question)
	if err != nil {
		return nil, err
	}
	_, anyReplica := question.(nextOf)
	for {
		if anyReplica {
			if m, err := w.request(ctx, "DIRECT.GET.", body); err == nil && len(m.Header[jetstream.SequenceHeader]) > 0 {
				return w.direct(m)
			}
		}
		m, err := w.request(ctx, "STREAM.MSG.GET.", body)
		switch {
		case err == nil:
			found, err := readMessage(m.Data)
			return found, missing(err)
		case ctx.Err() != nil:
			return nil, context.Cause(ctx)
		case !errors.Is(err, nats.ErrNoResponders) && !errors.Is(err, context.DeadlineExceeded):
			return nil, err
		case !wait(ctx, troublePause):
			return nil, context.Cause(ctx)
		}
	}
}

func (w walk) request(ctx context.Context, api string, body []byte) (*nats.Msg, error) {
	ctx, cancel := context.WithTimeout(ctx, seekWait)
	defer cancel()
	return w.nc.RequestWithContext(ctx, jetstream.DefaultAPIPrefix+api+w.stream, body)
}

// direct reads the answer of a replica.
func (w walk) direct(m *nats.Msg) (*message, error) {
	sequence, err := strconv.ParseUint(added(m, jetstream.SequenceHeader), 10, 64)
	if err != nil {
		return nil, err
	}
	at, err := time.Parse(time.RFC3339Nano, added(m, jetstream.TimeStampHeaer))
	if err != nil {
		return nil, err
	}
	return &message{sequence: sequence, at: at, data: m.Data}, nil
}
