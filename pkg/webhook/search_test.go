package webhook_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/wacast/wacast/pkg/job"
	"github.com/wacast/wacast/pkg/queue"
	"github.com/wacast/wacast/pkg/webhook"
)

// Statuses that lost their token on the way are matched by the message's id, whatever
// comes with them, and are recorded as if they had it.
func TestWithoutToken(t *testing.T) {
	r := newRig(t)
	r.accepted("a")
	r.accepted("b")
	r.start(nil)
	r.post(
		webhookOf(r.bare("a", "delivered", 2), r.status("b", "sent", 1)),
		webhookOf(r.bare("a", "sent", 1), r.status("a", "delivered", 2), r.bare("b", "failed", 3)),
		webhookOf(r.bare("a", "delivered", 2), r.bare("b", "teleported", 9)),
	)
	if left := r.processed(); left.Odd != 1 {
		t.Errorf("%d in quarantine, want the one with a status that nobody knows", left.Odd)
	}
	if got := r.kinds("a") + "; " + r.kinds("b"); got != "accepted delivered sent; accepted failed sent" {
		t.Error(got)
	}
	for result, want := range map[string]float64{"recorded": 4, "foreign": 0, "unsearched": 0, "waiting": 0} {
		// One of a and of delivered may be implied, or not, as the webhooks come.
		if got := value(t, r.registry, "wacast_webhook_updates_total", result); got > want || got < want-1 {
			t.Errorf("%v updates are %s, want %v", got, result, want)
		}
	}
}

// kinds are the kinds of a job's events in the order of the alphabet.
func (r *rig) kinds(id string) string {
	r.tb.Helper()
	var kinds []string
	for _, e := range r.recorded(id) {
		kinds = append(kinds, string(e.Data.Kind))
	}
	slices.Sort(kinds)
	return strings.Join(kinds, " ")
}

// Without a token an unknown outcome cannot be settled, since nobody knows the id of
// its message; and what says that it is another's, or is of another's number, is so.
func TestWithoutTokenAndForeign(t *testing.T) {
	r := newRig(t)
	r.accepted("a")
	r.unknown("u")
	r.start(nil)
	others := strings.Replace(r.status("a", "sent", 1), r.token("a"), "bot:7", 1)
	elsewhere := strings.Replace(string(webhookOf(r.bare("a", "sent", 1), r.bare("b", "sent", 1))), number, "1999", 1)
	r.post(webhookOf(others), []byte(elsewhere))
	r.processed()
	if got := value(t, r.registry, "wacast_webhook_updates_total", "waiting"); got != 0 {
		t.Errorf("%v updates waited, want none", got)
	}
	r.post(webhookOf(r.bare("u", "sent", 1), r.bare("bots", "sent", 1)))
	r.processed()
	if got := r.story("a") + "; " + r.story("u"); got != "accepted; unknown" {
		t.Error(got)
	}
	if got := value(t, r.registry, "wacast_webhook_updates_total", "waiting"); got < 4 || got > 8 {
		t.Errorf("updates waited %v times, want 2 times each, or some more on a busy machine", got)
	}
	for result, want := range map[string]float64{"recorded": 0, "foreign": 5, "unsearched": 0} {
		if got := value(t, r.registry, "wacast_webhook_updates_total", result); got != want {
			t.Errorf("%v updates are %s, want %v", got, result, want)
		}
	}
}

// A status without token that overtakes the answer to its own request comes again.
func TestWithoutTokenBeforeTheAnswer(t *testing.T) {
	r := newRig(t)
	r.accepted("first")
	m := r.claim("a")
	r.start(nil)
	r.post(webhookOf(r.bare("a", "delivered", 1)))
	eventually(t, "the status waits", func() bool { return value(t, r.registry, "wacast_webhook_updates_total", "waiting") > 0 })
	m.ended(job.Accepted)
	r.processed()
	if got := r.story("a"); got != "accepted sent@1 delivered@1" {
		t.Error(got)
	}
	if got := value(t, r.registry, "wacast_webhook_updates_total", "foreign"); got != 0 {
		t.Errorf("%v are foreign", got)
	}
}

// unread finds no message in the stream.
type unread struct {
	webhook.Events
	asked atomic.Int32
}

func (u *unread) Taken(context.Context, queue.TakenRange, func(queue.Taken)) (uint64, bool, error) {
	u.asked.Add(1)
	return 0, true, nil
}

// What a status with a token told of a message is remembered for those without.
func TestTokenIsRemembered(t *testing.T) {
	r := newRig(t)
	r.unknown("a")
	events := &unread{Events: r.events}
	r.start(func(c *webhook.ProcessorConfig) { c.Events = events })
	r.post(webhookOf(r.status("a", "sent", 1)))
	r.processed()
	r.post(webhookOf(r.bare("a", "read", 3)))
	r.processed()
	if got := r.story("a"); got != "unknown settled(unknown>accepted)@1 sent@1 delivered@3 read@3" {
		t.Error(got)
	}
	if n := events.asked.Load(); n != 0 {
		t.Errorf("the stream was read %d times", n)
	}
}

// A bot beside us, on the same number, holds up nothing of ours, and little is read
// for it.
func TestBotBesideUs(t *testing.T) {
	r := newRig(t)
	const jobs = 50
	for i := range jobs {
		r.accepted(fmt.Sprint("j", i))
	}
	counting := &counted{Events: r.events}
	p := r.start(func(c *webhook.ProcessorConfig) { c.Events = counting })
	began := time.Now()
	var bodies [][]byte
	for i := range jobs {
		var bots []string
		for n := range 100 {
			bots = append(bots, r.bare(fmt.Sprintf("bot%d-%d", i, n), "sent", 1))
		}
		bodies = append(bodies, webhookOf(bots...), webhookOf(r.status(fmt.Sprint("j", i), "sent", 1)))
	}
	r.post(bodies...)
	r.processed()
	took := time.Since(began)
	if got := value(t, r.registry, "wacast_webhook_updates_total", "recorded"); got != jobs {
		t.Errorf("%v of ours are recorded, want %d", got, jobs)
	}
	foreign := value(t, r.registry, "wacast_webhook_updates_total", "foreign") + value(t, r.registry, "wacast_webhook_updates_total", "unsearched")
	if foreign != jobs*100 {
		t.Errorf("%v are foreign, want %d", foreign, jobs*100)
	}
	if spent := time.Duration(counting.spent.Load()); spent > took/5 {
		t.Errorf("searching took %v of %v", spent, took)
	}
	if err := p.Trouble(); err != nil {
		t.Error(err)
	}
}

// counted adds up the time that searches take.
type counted struct {
	webhook.Events
	spent atomic.Int64
}

func (c *counted) Taken(ctx context.Context, part queue.TakenRange, fn func(queue.Taken)) (uint64, bool, error) {
	began := time.Now()
	defer func() { c.spent.Add(int64(time.Since(began))) }()
	return c.Events.Taken(ctx, part, fn)
}
