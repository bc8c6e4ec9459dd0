package report_test

import (
	"context"
	"fmt"
	"time"

	"github.com/wacast/wacast/pkg/embed"
	"github.com/wacast/wacast/pkg/job"
	"github.com/wacast/wacast/pkg/report"
)

func ExampleReporter_Progress() {
	server, err := embed.StartNATS(embed.NATSOptions{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer server.Close()
	nc, err := server.Connect()
	if err != nil {
		fmt.Println(err)
		return
	}
	defer nc.Close()
	if err := ensure(nc); err != nil {
		fmt.Println(err)
		return
	}
	s, err := open(nc)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer s.close()
	ctx := context.Background()
	// A worker has sent one job and waits with another.
	accepted := job.NewEvent("wacast/worker", time.Now(), job.EventData{
		Kind: job.Accepted, Campaign: "reminders", ID: "appt-8812", From: "106540352242922", Stream: "WACAST_JOBS", Sequence: 1,
	})
	if _, err := s.events.Record(ctx, []job.Event{accepted}); err != nil {
		fmt.Println(err)
		return
	}
	if _, err := s.publisher.Publish(ctx, bulk("reminders"), job.Key{Campaign: "reminders", ID: "appt-8813"}, []byte("{}")); err != nil {
		fmt.Println(err)
		return
	}

	r := report.New(s.events, s.queues, s.later)
	p, err := r.Progress(ctx, "reminders")
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := r.Measure(ctx, p, time.Now()); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%d published, %d accepted, %d left, %.1f a second, %.0f s to go\n", p.Published, p.Accepted, p.Left(), p.Rate, *p.ETASeconds)
	// Output: 2 published, 1 accepted, 1 left, 1.0 a second, 1 s to go
}
