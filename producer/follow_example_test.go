package producer_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/wacast/wacast/pkg/job"
	"github.com/wacast/wacast/producer"
)

var errDone = errors.New("done")

// A campaign system that keeps what patients answer, and its place among the events
// beside it, so that each answer takes effect once whatever fails in between.
func ExampleFollow() {
	nc, stop := exampleServer() // yours: nats.Connect(url)
	defer stop()
	js, err := jetstream.New(nc)
	if err != nil {
		fmt.Println(err)
		return
	}
	// What wacast records of two patients.
	if err := errors.Join(record(js, job.Confirmed, "reminders", 1, 1), record(js, job.Declined, "reminders", 2, 1)); err != nil {
		fmt.Println(err)
		return
	}
	// Two tables of your database, changed in one transaction each time.
	appointments, place := make(map[string]job.Kind), uint64(0)
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	err = producer.Follow(ctx, nc, producer.FollowConfig{
		Campaign: "reminders", After: place,
		// Settled takes an earlier answer back; the new one follows.
		Kinds: []job.Kind{job.Confirmed, job.Declined, job.NoAnswer, job.Settled},
	}, func(_ context.Context, e *producer.Followed) error {
		if e.Data.Kind != job.Settled {
			appointments[e.Data.ID] = e.Data.Kind
		}
		place = e.Sequence
		if len(appointments) == 2 {
			return errDone
		}
		return nil
	})
	fmt.Println(err, place, appointments)
	// Output: done 2 map[j1:confirmed j2:declined]
}
