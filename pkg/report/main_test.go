package report_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/goleak"

	"github.com/wacast/wacast/pkg/embed/embedtest"
	"github.com/wacast/wacast/pkg/job"
	"github.com/wacast/wacast/pkg/queue"
	"github.com/wacast/wacast/pkg/report"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var names = queue.Names{Namespace: "wacast"}

const number = "106540352242922"

// system is what a reporter reads from, and the means to make something happen.
type system struct {
	js        jetstream.JetStream
	events    *queue.Events
	queues    *queue.Queues
	later     *queue.Later
	publisher *queue.Publisher
	sequence  uint64 // of the last publication that got an outcome
}

// open makes a system on a connection, whose server need not have the streams.
func open(nc *nats.Conn) (*system, error) {
	js, err := jetstream.New(nc)
	if err != nil {
		return nil, err
	}
	s := &system{js: js}
	if s.events, err = queue.NewEvents(js, names); err != nil {
		return nil, err
	}
	if s.queues, err = queue.NewQueues(js, queue.QueuesConfig{Names: names}); err != nil {
		return nil, err
	}
	if s.later, err = queue.NewLater(js, names); err != nil {
		return nil, err
	}
	s.publisher, err = queue.NewPublisher(nc, queue.PublisherConfig{Names: names})
	return s, err
}

func (s *system) close() {
	s.publisher.Close()
	s.later.Close()
	s.queues.Close()
	s.events.Close()
}

// ensure makes the streams, as a worker does.
func ensure(nc *nats.Conn) error {
	js, err := jetstream.New(nc)
	if err != nil {
		return err
	}
	_, err = queue.Ensure(context.Background(), js, queue.Settings{Names: names, JobsMaxBytes: 16 << 20}.Topology())
	return err
}

// start is a system with streams and its reporter.
func start(t *testing.T) (*system, *report.Reporter) {
	t.Helper()
	nc := embedtest.Connect(t)
	if err := ensure(nc); err != nil {
		t.Fatal(err)
	}
	s, err := open(nc)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.close)
	return s, report.New(s.events, s.queues, s.later)
}

// ended records n outcomes of a campaign; data says what they have beside.
func (s *system) ended(t *testing.T, campaign string, kind job.Kind, n int, data job.EventData) {
	t.Helper()
	if campaign == job.NoCampaign {
		campaign = ""
	}
	var events []job.Event
	for range n {
		s.sequence++
		data.Kind, data.Campaign, data.From = kind, campaign, number
		data.ID, data.Stream, data.Sequence = fmt.Sprintf("j%d", s.sequence), names.JobsStream(), s.sequence
		events = append(events, job.NewEvent("wacast/test", time.Now(), data))
	}
	if _, err := s.events.Record(context.Background(), events); err != nil {
		t.Fatal(err)
	}
}

// publish puts n jobs into a queue.
func (s *system) publish(t *testing.T, id queue.ID, n int) {
	t.Helper()
	for i := range n {
		key := job.Key{Campaign: id.Campaign, ID: fmt.Sprintf("%s-%d", id.Lane, i)}
		if _, err := s.publisher.Publish(context.Background(), id, key, []byte("{}")); err != nil {
			t.Fatal(err)
		}
	}
}

// take fetches n jobs of a queue and keeps them.
func (s *system) take(t *testing.T, id queue.ID, n int) {
	t.Helper()
	q, err := s.queues.Open(context.Background(), id)
	if err != nil {
		t.Fatal(err)
	}
	for n > 0 {
		got, err := q.Fetch(context.Background(), n, 10*time.Second)
		if err != nil || len(got) == 0 {
			t.Fatalf("fetch: %d jobs, %v", len(got), err)
		}
		n -= len(got)
	}
}

// putOff schedules a job of a queue in an hour.
func (s *system) putOff(t *testing.T, kind string, id queue.ID, name string) {
	t.Helper()
	s.sequence++
	err := s.later.ScheduleAll(context.Background(), []queue.Scheduled{{
		Kind: kind, Queue: id, Job: name, At: time.Now().Add(time.Hour), Data: []byte("{}"),
		Stream: names.JobsStream(), Sequence: s.sequence,
	}})
	if err != nil {
		t.Fatal(err)
	}
}

func bulk(campaign string) queue.ID {
	return queue.ID{Sender: number, Lane: job.Bulk, Campaign: campaign}
}
