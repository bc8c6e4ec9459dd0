package worker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/wacast/wacast/pkg/campaign"
	"github.com/wacast/wacast/pkg/dedup"
	"github.com/wacast/wacast/pkg/job"
	"github.com/wacast/wacast/pkg/queue"
	"github.com/wacast/wacast/pkg/ratelimit"
	"github.com/wacast/wacast/pkg/sender"
	"github.com/wacast/wacast/pkg/template"
	"github.com/wacast/wacast/pkg/whatsapp"
)

// The outage of guarantee 3, in virtual time: a number that sends 80 messages a
// second, an API that fails for 20 minutes. All is real but the servers: what takes
// the place of NATS and Redis is a list of jobs and a recorder that gives them back.
const (
	outageMPS   = 80
	outageStart = 10 * time.Second
	outageEnd   = outageStart + 20*time.Minute
)

// failingAPI fails between two times, as fail does it.
type failingAPI struct {
	begin    time.Time
	fail     func(ctx context.Context) error
	look     func(ctx context.Context) error // what a read ends with meanwhile
	inFlight atomic.Int64
	stops    *sender.Stops
	probes   atomic.Int64 // messages sent while the number was stopped
	accepted [1400]atomic.Int64
}

func (a *failingAPI) failing() bool {
	now := time.Since(a.begin)
	return now >= outageStart && now < outageEnd
}

func (a *failingAPI) Send(ctx context.Context, number, _ string, _ *whatsapp.Message) (whatsapp.Accepted, error) {
	if a.stops.Fails(sender.Target{Scope: sender.ScopeNumber, Name: number}) {
		a.probes.Add(1)
	}
	a.inFlight.Add(1)
	defer a.inFlight.Add(-1)
	if a.failing() {
		return whatsapp.Accepted{}, a.fail(ctx)
	}
	time.Sleep(50 * time.Millisecond)
	a.accepted[int(time.Since(a.begin)/time.Second)].Add(1)
	return whatsapp.Accepted{MessageID: "wamid.x"}, nil
}

func (a *failingAPI) Probe(ctx context.Context, _, _ string) error {
	if a.failing() && a.look != nil {
		return a.look(ctx)
	}
	return nil
}

type openCampaigns struct{}

func (openCampaigns) Seen(context.Context, string) error          { return nil }
func (openCampaigns) Lookup(string) (spec campaign.Spec, ok bool) { return }
func (openCampaigns) Changed() <-chan struct{}                    { return nil }

type noTemplates struct{}

func (noTemplates) Definition(string, string, string) (*template.Definition, error) { return nil, nil }
func (noTemplates) Expressions(string) (*template.Expressions, error)               { return nil, nil }

// number is one number at work: its jobs, and what became of them.
type numberAtWork struct {
	w       *Worker
	in      *intake
	waiting []returned // jobs by the time they may be fetched
	made    int
	ended   map[job.Kind]int
	// inFlight is how many requests were under way when the number was stopped first.
	inFlight  int64
	mostTries int
}

type returned struct {
	at      time.Time
	attempt int
}

func newNumberAtWork(t *testing.T, ctx context.Context, api *failingAPI) *numberAtWork {
	t.Helper()
	account := &sender.Account{WABA: "1", Token: sender.Literal("t")}
	directory, err := sender.NewDirectory([]*sender.Account{account}, outageMPS)
	if err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.DiscardHandler)
	api.stops = sender.NewStops(nil, "tested", log)
	w, err := New(Config{
		Namespace: "t", Queues: new(queue.Queues), Events: new(queue.Events), Dead: new(queue.Dead), Later: new(queue.Later),
		Ledger: new(dedup.Ledger), Slots: ratelimit.NewLocal(nil), API: api, Probe: api, Directory: directory, Stops: api.stops,
		Templates: noTemplates{}, Campaigns: openCampaigns{}, MaxInFlight: 4000, Log: log, Registerer: prometheus.NewRegistry(),
	})
	if err != nil {
		t.Fatal(err)
	}
	n, err := directory.Lookup("100")
	if err != nil {
		t.Fatal(err)
	}
	l := newLine(w, n)
	w.lines["100"] = l
	go w.revive(ctx)
	return &numberAtWork{w: w, ended: make(map[job.Kind]int), in: newIntake(w, queue.ID{Sender: "100", Lane: job.Bulk, Campaign: "c"}, l)}
}

// fetch takes jobs as [intake.run] would, those that were given back first.
func (n *numberAtWork) fetch(now time.Time) {
	room, b := n.in.free(), n.in.blocked()
	var deliveries []*queue.Delivery
	var attempts []int
	for range min(room, b.limit) {
		attempt := 1
		if len(n.waiting) > 0 && !now.Before(n.waiting[0].at) {
			attempt = n.waiting[0].attempt
			n.waiting = n.waiting[1:]
		} else {
			n.made++
		}
		attempts = append(attempts, attempt)
		deliveries = append(deliveries, &queue.Delivery{Queue: n.in.id, Delivered: 1})
	}
	items := n.in.admit(deliveries)
	for i, it := range items {
		it.job, it.number = &job.Job{ID: fmt.Sprint(n.made), Campaign: "c", From: "100"}, n.in.line.number
		it.attempt = attempts[i]
	}
	n.in.line.ready.push(items...)
}

// send gives the slot of this moment to the first job, as the line would.
func (n *numberAtWork) send(ctx context.Context) {
	if n.in.line.ready.len() == 0 {
		return
	}
	l := n.in.line
	for _, it := range l.take(n.w.places.acquire(ctx, l.share, 1), 1) {
		it.lease = time.Now().Add(30 * time.Second)
		n.in.leave(it)
		go n.w.send(it)
	}
}

// record takes what has ended, as the recorder would.
func (n *numberAtWork) record(now time.Time) {
	for {
		select {
		case it := <-n.w.done:
			n.in.release(it)
			n.mostTries = max(n.mostTries, it.attempt)
			if e := it.end; e.outcome != "" {
				n.ended[e.outcome]++
			} else {
				n.waiting = append(n.waiting, returned{at: now.Add(e.delay), attempt: max(e.nextAttempt, it.attempt)})
			}
		default:
			return
		}
	}
}

// run works for as long as the outage takes and a minute more.
func (n *numberAtWork) run(ctx context.Context, api *failingAPI) {
	tick := time.NewTicker(time.Second / outageMPS)
	defer tick.Stop()
	var before int64
	for now := range tick.C {
		n.record(now)
		if now.Sub(api.begin) > outageEnd+time.Minute {
			if api.inFlight.Load() == 0 {
				return
			}
			continue
		}
		if n.inFlight == 0 && !api.stops.Free() {
			n.inFlight = before
		}
		before = api.inFlight.Load()
		n.fetch(now)
		n.send(ctx)
	}
}

func ambiguous(context.Context) error {
	time.Sleep(50 * time.Millisecond)
	return &whatsapp.Error{Class: whatsapp.ClassAmbiguous, HTTPStatus: 502, Err: errors.New("no Cloud API answer")}
}

func transient(context.Context) error {
	time.Sleep(50 * time.Millisecond)
	return &whatsapp.Error{Class: whatsapp.ClassTransient, HTTPStatus: 500, Code: 131016}
}

func hanging(ctx context.Context) error {
	<-ctx.Done()
	return &whatsapp.Error{Class: whatsapp.ClassAmbiguous, Err: context.Cause(ctx)}
}

// Guarantee 3: 20 minutes of an API that fails, whichever way, cost no more unknown
// outcomes than what was in flight, 10 and the probes; no attempts; and within half a
// minute of the end the number has its full rate.
func TestOutage(t *testing.T) {
	for name, api := range map[string]*failingAPI{
		"HTML 502":                            {fail: ambiguous, look: ambiguous},
		"HTML 502, but reads are answered":    {fail: ambiguous},
		"JSON 131016":                         {fail: transient, look: transient},
		"JSON 131016, but reads are answered": {fail: transient},
		"it hangs":                            {fail: hanging, look: hanging},
		"it hangs, but reads are answered":    {fail: hanging},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				api.begin = time.Now()
				n := newNumberAtWork(t, ctx, api)
				n.run(ctx, api)
				n.check(t, api)
			})
		})
	}
}

func (n *numberAtWork) check(t *testing.T, api *failingAPI) {
	t.Helper()
	probes := api.probes.Load()
	t.Logf("%v; %d in flight when it was stopped, %d probes, most attempts %d", n.ended, n.inFlight, probes, n.mostTries)
	if most := n.inFlight + 10 + probes; int64(n.ended[job.Unknown]) > most {
		t.Errorf("%d unknown outcomes, want at most %d", n.ended[job.Unknown], most)
	}
	if wait := int64((outageEnd - outageStart) / time.Second); probes > wait/9+10 {
		t.Errorf("%d messages were tried in %d s", probes, wait)
	}
	if n.ended[job.Rejected] > 0 || n.mostTries > 2 {
		t.Errorf("%d rejected, up to %d attempts: an outage used them up", n.ended[job.Rejected], n.mostTries)
	}
	var after int64
	first := int((outageEnd + 30*time.Second) / time.Second)
	for second := range 20 {
		after += api.accepted[first+second].Load()
	}
	if after < 20*outageMPS*98/100 {
		t.Errorf("%d messages in 20 s, 30 s after the end; want %d", after, 20*outageMPS)
	}
	if !api.stops.Free() {
		t.Errorf("still stopped: %+v", api.stops.List())
	}
}
