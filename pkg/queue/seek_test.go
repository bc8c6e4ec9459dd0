package queue_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go"

	"github.com/wacast/wacast/pkg/embed/embedtest"
	"github.com/wacast/wacast/pkg/job"
	"github.com/wacast/wacast/pkg/queue"
)

// neighbours are events of other jobs in the part of a campaign's events that a job's
// are in.
func neighbours(key job.Key, n int) (events []job.Event) {
	part := func(key job.Key) string { return names.EventSubject(job.Accepted, "111", key) }
	for i := 1000; len(events) < n; i++ {
		e := event(job.Accepted, key.Campaign, "111", i)
		if part(e.Key()) == part(key) {
			events = append(events, e)
		}
	}
	return events
}

func TestSeek(t *testing.T) {
	t.Parallel()
	r := start(t, queue.Settings{})
	e := r.events(t)
	key := job.Key{Campaign: "c1", ID: "j7"}
	const each = 550
	others := neighbours(key, 4*each)
	for i, kind := range []job.Kind{job.Accepted, job.Sent, job.Delivered, job.Read} {
		record(t, e, others[i*each:(i+1)*each]...)
		record(t, e, event(kind, "c1", "111", 7), event(kind, "c2", "111", 7))
	}
	all, err := e.History(t.Context(), key, "", time.Time{})
	if err != nil || len(all) != 4 {
		t.Fatal(err, all)
	}
	second, third := all[1].Sequence, all[2].Sequence
	several := []*nats.Conn{embedtest.Dial(t, r.server), embedtest.Dial(t, r.server), embedtest.Dial(t, r.server)}
	look := func(t *testing.T) {
		for _, conns := range [][]*nats.Conn{several[:1], several} {
			s := queue.NewSeeker(names, conns...)
			for _, tt := range []struct {
				name        string
				key         job.Key
				after, upTo uint64
				want        []queue.Recorded
			}{
				{"all", key, 0, 0, all},
				{"above a sequence", key, second, 0, all[2:]},
				{"up to a sequence", key, 0, third, all[:3]},
				{"one sequence", key, second - 1, second, all[1:2]},
				{"between two", key, second, third - 1, nil},
				{"behind the end", key, all[3].Sequence + 100, 0, nil},
				{"of another job", job.Key{Campaign: "c1", ID: "j8"}, 0, 0, nil},
			} {
				got, err := s.Seek(t.Context(), tt.key, tt.after, tt.upTo)
				if diff := cmp.Diff(tt.want, got); diff != "" || err != nil {
					t.Error(tt.name, len(conns), err, diff)
				}
			}
		}
	}
	t.Run("of any replica", look)
	stream, err := r.js.Stream(t.Context(), names.EventsStream())
	if err != nil {
		t.Fatal(err)
	}
	cfg := stream.CachedInfo().Config
	cfg.AllowDirect = false // as a replica that has none of it yet
	if _, err := r.js.UpdateStream(t.Context(), cfg); err != nil {
		t.Fatal(err)
	}
	t.Run("of the leader", look)

	s := queue.NewSeeker(names, several...)
	some, err := s.Seek(t.Context(), key, 0, third, job.Read, job.Delivered, job.Sent, job.Unknown)
	if diff := cmp.Diff(all[1:3], some); diff != "" || err != nil {
		t.Error("of some kinds", err, diff)
	}
	kinds, err := s.Kinds(t.Context(), key)
	if diff := cmp.Diff(map[job.Kind]uint64{job.Accepted: 4*each + 1, job.Sent: 1, job.Delivered: 1, job.Read: 1}, kinds); diff != "" || err != nil {
		t.Error(err, diff)
	}
	over, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Seek(over, key, 0, 0); !errors.Is(err, context.Canceled) {
		t.Errorf("%v, want that it was cancelled", err)
	}
}

func TestSeekWithoutAStream(t *testing.T) {
	t.Parallel()
	r := bare(t)
	_, err := queue.NewSeeker(names, r.nc).Seek(t.Context(), job.Key{ID: "j"}, 0, 0)
	if !errors.Is(err, queue.ErrNoStream) || !strings.Contains(err.Error(), "seek events") {
		t.Errorf("%v, want that there is no stream", err)
	}
}
