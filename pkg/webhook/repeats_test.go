package webhook_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/wacast/wacast/pkg/job"
	"github.com/wacast/wacast/pkg/recipient"
	"github.com/wacast/wacast/pkg/webhook"
)

// hangingEvents never comes back from recording a reply, be it done or not.
type hangingEvents struct {
	webhook.Events
	done    bool
	reached chan struct{}
}

func (e *hangingEvents) Record(ctx context.Context, events []job.Event) ([]uint64, error) {
	isReply := func(ev job.Event) bool { return ev.Data.Kind == job.Reply }
	if !slices.ContainsFunc(events, isReply) {
		return e.Events.Record(ctx, events)
	}
	if e.done {
		if _, err := e.Events.Record(ctx, events); err != nil {
			return nil, err
		}
	}
	select {
	case e.reached <- struct{}{}:
	case <-ctx.Done():
	}
	<-ctx.Done()
	return nil, context.Cause(ctx)
}

// A processor that dies before or behind the record of what people said leaves nothing
// out and nothing twice: neither soon nor after the stream has forgotten the ids; nor
// does a platform that repeats itself much later.
func TestKilledWhileHearing(t *testing.T) {
	tests := map[string]struct {
		done bool
		away time.Duration
	}{
		"before the record":                    {false, 0},
		"behind the record":                    {true, 0},
		"behind, when the ids are forgotten":   {true, 300 * time.Millisecond},
		"before it, when they would have been": {false, 300 * time.Millisecond},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			if tt.away > 0 {
				r.forgetful(100 * time.Millisecond)
			}
			r.accepted("a")
			hanging := &hangingEvents{Events: r.events, done: tt.done, reached: make(chan struct{})}
			first := r.start(func(c *webhook.ProcessorConfig) { c.Events = hanging })
			body := written(said("1", 5, tap(payloadOf(t, "a", "confirm"), "Yes")), said("2", 6, tap(payloadOf(t, "a", ""), "No")), said("3", 7, text("STOP")))
			r.post(body)
			<-hanging.reached
			killed, cancel := context.WithCancel(t.Context())
			cancel()
			if err := first.Stop(killed); !errors.Is(err, context.Canceled) {
				t.Error(err)
			}
			time.Sleep(tt.away) // a window of the server's, which no signal ends
			second := r.start(nil)
			r.processed()
			want := []string{
				"confirmed/payload/confirm/Yes", "reply/payload/confirm/Yes", "settled//////confirmed", "declined/payload//No", "reply/payload//No",
				"opt_out/latest///keyword/all", "reply/latest//STOP",
			}
			kinds := []job.Kind{job.Reply, job.Confirmed, job.Declined, job.Settled, job.OptOut}
			if diff := cmp.Diff(want, r.heard("a", kinds...)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			time.Sleep(tt.away)
			r.post(append(body, ' '))
			r.processed()
			if diff := cmp.Diff(want, r.heard("a", kinds...)); diff != "" {
				t.Errorf("after a repetition (-want +got):\n%s", diff)
			}
			if err := second.Trouble(); err != nil {
				t.Error(err)
			}
			if r.book.Check(recipient.Person{Number: "+" + person}, number, false).OK {
				t.Error("the opt-out is not known")
			}
		})
	}
}

// A message that the platform held back is held until something becomes of it.
func TestHeldIsReleased(t *testing.T) {
	for status, want := range map[string]string{
		"sent":      "settled(held>)@1 sent@1 failed@1",
		"delivered": "settled(held>)@1 sent@1 delivered@1",
		"failed":    "settled(held>)@1 failed@1",
	} {
		t.Run(status, func(t *testing.T) {
			r := newRig(t)
			m := r.claim("a")
			m.reason = job.ReasonHeld
			m.ended(job.Accepted)
			r.start(nil)
			r.post(webhookOf(r.status("a", status, 1)), webhookOf(r.status("a", "failed", 1)))
			r.processed()
			if got := strings.TrimPrefix(r.story("a"), "accepted "); got != want {
				t.Errorf("%s, want %s", got, want)
			}
		})
	}
}
