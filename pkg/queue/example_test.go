package queue_test

import (
	"context"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/wacast/wacast/pkg/embed"
	"github.com/wacast/wacast/pkg/job"
	"github.com/wacast/wacast/pkg/queue"
)

// exampleRig is a server with wacast's streams, for examples.
func exampleRig() (*rig, func()) {
	server, err := embed.StartNATS(embed.NATSOptions{})
	if err != nil {
		panic(err)
	}
	nc, err := server.Connect()
	if err != nil {
		panic(err)
	}
	js, err := jetstream.New(nc)
	if err != nil {
		panic(err)
	}
	if _, err := queue.Ensure(context.Background(), js, queue.Settings{Names: names, JobsMaxBytes: 1 << 20}.Topology()); err != nil {
		panic(err)
	}
	return &rig{server: server, nc: nc, js: js, names: names}, func() { nc.Close(); server.Close() }
}

func ExampleEnsure() {
	r, done := exampleRig()
	defer done()
	settings := queue.Settings{Names: r.names, JobsMaxBytes: 2 << 20}
	diffs, err := queue.Diff(context.Background(), r.js, settings.Topology())
	fmt.Println(diffs, err)
	diffs, err = queue.Ensure(context.Background(), r.js, settings.Topology())
	fmt.Println(diffs, err)
	// Output:
	// [WACAST_JOBS: max_bytes is 1048576, wacast wants 2097152] <nil>
	// [] <nil>
}

func ExampleQueue_Fetch() {
	r, done := exampleRig()
	defer done()
	ctx := context.Background()
	// Any NATS client may publish a job.
	if _, err := r.js.Publish(ctx, "wacast.jobs.106540352242922.bulk.reminders", []byte(`{"v":1}`)); err != nil {
		fmt.Println(err)
		return
	}
	queues, err := queue.NewQueues(r.js, queue.QueuesConfig{Names: r.names})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer queues.Close()
	found, err := queues.Discover(ctx)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, depth := range found {
		q, err := queues.Open(ctx, depth.ID)
		if err != nil {
			fmt.Println(err)
			return
		}
		deliveries, err := q.Fetch(ctx, 80, time.Second)
		if err != nil {
			fmt.Println(err)
			return
		}
		for _, d := range deliveries {
			fmt.Println(d.Queue, d.Sequence, string(d.Data), d.Ack())
		}
	}
	// Output: 106540352242922.bulk.reminders 1 {"v":1} <nil>
}

func ExampleEvents() {
	r, done := exampleRig()
	defer done()
	ctx := context.Background()
	events, err := queue.NewEvents(r.js, r.names)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer events.Close()
	accepted := job.NewEvent("wacast/example", time.Now(), job.EventData{
		Kind: job.Accepted, Campaign: "reminders", ID: "appt-8812", From: "106540352242922", Stream: "WACAST_JOBS", Sequence: 1,
	})
	for range 2 { // the same fact has one id and is stored once
		if _, err := events.Record(ctx, []job.Event{accepted}); err != nil {
			fmt.Println(err)
		}
	}
	counts, err := events.Counts(ctx, "reminders")
	fmt.Println(counts, err)
	history, err := events.Find(ctx, accepted.Key(), "106540352242922", time.Time{})
	for _, ev := range history {
		fmt.Println(ev.Type, ev.Subject, err)
	}
	// Output:
	// map[accepted:1] <nil>
	// wacast.accepted.v1 reminders/appt-8812 <nil>
}
