package worker_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/wacast/wacast/pkg/campaign"
	"github.com/wacast/wacast/pkg/dedup"
	"github.com/wacast/wacast/pkg/job"
	"github.com/wacast/wacast/pkg/queue"
	"github.com/wacast/wacast/pkg/ratelimit"
	"github.com/wacast/wacast/pkg/recipient"
	"github.com/wacast/wacast/pkg/sender"
	"github.com/wacast/wacast/pkg/template"
	"github.com/wacast/wacast/pkg/whatsapp"
)

// book gives the rig a real book of people, which the test shares.
func (r *rig) book() *recipient.Book {
	r.t.Helper()
	names := queue.Names{Namespace: r.cfg.Namespace}
	open := func(name string) *queue.Bucket {
		return must[*queue.Bucket](r.t)(queue.OpenBucket(r.t.Context(), r.js, name))
	}
	b := recipient.NewBook(recipient.Config{
		Consent: open(names.ConsentBucket()), People: open(names.PeopleBucket()), Windows: open(names.WindowsBucket()), Key: testKey(),
	})
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() { defer close(ended); _ = b.Run(ctx) }()
	r.t.Cleanup(func() { cancel(); <-ended })
	<-b.Ready()
	r.cfg.Consent, r.cfg.People = b, b
	return b
}

func testKey() recipient.Key { return recipient.Key("a key of the tests") }

// definitions has a template of each category.
type definitions struct {
	unchecked
	catalog *template.Catalog
}

func (d definitions) Definition(_, name, language string) (*template.Definition, error) {
	return d.catalog.Lookup(name, language)
}

func (r *rig) definitions() {
	r.t.Helper()
	text := `{"data": [
		{"name": "promo", "language": "es", "status": "APPROVED", "category": "MARKETING", "components": [{"type": "BODY", "text": "Hola"}]},
		{"name": "appointment", "language": "es_AR", "status": "APPROVED", "category": "UTILITY", "components": [{"type": "BODY", "text": "Hola"},
			{"type": "BUTTONS", "buttons": [{"type": "QUICK_REPLY", "text": "Confirmo"}, {"type": "QUICK_REPLY", "text": "No puedo"}]}]}]}`
	r.cfg.Templates = definitions{catalog: must[*template.Catalog](r.t)(template.LoadDir(fstest.MapFS{"t.json": {Data: []byte(text)}}))}
}

// newPromo is a marketing job.
func newPromo(id string, to job.Phone) *job.Job {
	j := newJob(id, job.Hold)
	j.To, j.Template = to, job.Template{Name: "promo", Language: "es"}
	return j
}

// newTo is a job that is no marketing.
func newTo(id string, to job.Phone) *job.Job {
	j := newJob(id, job.Hold)
	j.To = to
	return j
}

const (
	ana  = job.Phone("+5491155550100")
	ben  = job.Phone("+5491155550101")
	carl = job.Phone("+12125550123") // New York
)

// Who does not want a message does not get it; the reason is on record, and the ledger
// keeps nothing that would stand in the way of another one.
func TestWhoOptedOutGetsNothing(t *testing.T) {
	r := newRig(t, nil)
	r.definitions()
	b := r.book()
	ctx := t.Context()
	must[bool](t)(b.OptOut(ctx, recipient.Person{Number: string(ana)}, recipient.OptOut{Scope: recipient.All, Source: recipient.Keyword, Since: time.Now()}))
	must[bool](t)(b.OptOut(ctx, recipient.Person{Number: string(ben)}, recipient.OptOut{Scope: recipient.Marketing, Source: recipient.Preferences, Since: time.Now()}))
	r.eventually("that both are known", func() bool { return b.Stats().OptedOut == 2 })
	r.start()
	r.publish(newTo("ana", ana), newPromo("ana-promo", ana), newTo("ben", ben), newPromo("ben-promo", ben), newTo("carl", carl), newPromo("carl-promo", carl))
	for id, want := range map[string]string{
		"ana": "suppressed 0 opted_out", "ana-promo": "suppressed 0 opted_out", "ben": "accepted 1 ", "ben-promo": "suppressed 0 opted_out",
		"carl": "accepted 1 ", "carl-promo": "suppressed 0 marketing_us",
	} {
		r.awaitHistory(id, want)
		if sent := len(r.requests(id)); sent == 1 != strings.HasPrefix(want, "accepted") {
			t.Errorf("%s: %d requests", id, sent)
		}
	}
	r.idle()
	if d := r.events("ben-promo")[0].Data; !strings.HasPrefix(d.Detail, "opted out of marketing (preferences, ") || d.To != ben {
		t.Errorf("event %+v", d)
	}
	if e := r.entry("ana"); e.State != dedup.None || len(r.letters()) != 0 {
		t.Errorf("entry %+v, letters %v", e, r.letters())
	}
	must[bool](t)(b.OptIn(ctx, recipient.Person{Number: string(ana)}, recipient.OptIn{Scope: recipient.All}))
	r.eventually("the opt-in", func() bool { return b.Check(recipient.Person{Number: string(ana)}, number, true).OK })
	r.publishAgain(newTo("ana", ana))
	r.awaitHistory("ana", "suppressed 0 opted_out", "accepted 1 ")
}

// publishAgain publishes a job a second time, as another run of its campaign would.
func (r *rig) publishAgain(j *job.Job) {
	r.t.Helper()
	data := must[[]byte](r.t)(job.Encode(j))
	if _, err := r.js.Publish(r.t.Context(), (queue.Names{Namespace: r.cfg.Namespace}).JobSubject(queue.IDOf(j)), data); err != nil {
		r.t.Fatal(err)
	}
}

// A STOP counts that comes when the message is ready and waits for its slot.
func TestAStopWhileTheMessageWaits(t *testing.T) {
	r := newRig(t, nil)
	b := r.book()
	if err := r.cfg.Stops.SetLimit(t.Context(), number, sender.Limit{MPS: 4, Source: sender.SourceOperator}); err != nil {
		t.Fatal(err)
	}
	var jobs []*job.Job
	for i := range 12 {
		jobs = append(jobs, newTo(fmt.Sprintf("j%d", i), job.Phone(fmt.Sprintf("+54911555502%02d", i))))
	}
	r.publish(jobs...)
	r.start()
	r.eventually("the first requests", func() bool { return r.sentCount() >= 2 })
	sentThen := r.sentCount()
	for _, j := range jobs {
		must[bool](t)(b.OptOut(t.Context(), recipient.Person{WaID: string(j.To[1:])}, recipient.OptOut{Scope: recipient.All, Source: recipient.Button, Since: time.Now()}))
	}
	r.eventually("that all are known", func() bool { return b.Stats().OptedOut == len(jobs) })
	r.eventually("all outcomes", func() bool { c := r.counts(); return c[job.Accepted]+c[job.Suppressed] == uint64(len(jobs)) })
	if c := r.counts(); r.sentCount() > sentThen+2 || c[job.Accepted] != uint64(r.sentCount()) {
		t.Errorf("%v; %d were sent before the opt-outs and %d since", c, sentThen, r.sentCount()-sentThen)
	}
}

// A template that becomes one of marketing while its messages wait for their slots is
// one of marketing from then on.
func TestATemplateBecomesMarketing(t *testing.T) {
	r := newRig(t, nil)
	r.definitions()
	b := r.book()
	if err := r.cfg.Stops.SetLimit(t.Context(), number, sender.Limit{MPS: 4, Source: sender.SourceOperator}); err != nil {
		t.Fatal(err)
	}
	var jobs []*job.Job
	for i := range 12 {
		j := newTo(fmt.Sprintf("j%d", i), job.Phone(fmt.Sprintf("+54911555502%02d", i)))
		must[bool](t)(b.OptOut(t.Context(), recipient.Person{Number: string(j.To)}, recipient.OptOut{Scope: recipient.Marketing, Source: recipient.Preferences}))
		jobs = append(jobs, j)
	}
	r.eventually("that all are known", func() bool { return b.Stats().OptedOut == len(jobs) })
	r.publish(jobs...)
	r.start()
	r.eventually("the first requests", func() bool { return r.sentCount() >= 2 })
	sentThen := r.sentCount()
	if err := r.cfg.Stops.SetCategory(t.Context(), "1", "appointment", "es_AR", sender.Category{Name: "MARKETING"}); err != nil {
		t.Fatal(err)
	}
	r.eventually("all outcomes", func() bool { c := r.counts(); return c[job.Accepted]+c[job.Suppressed] == uint64(len(jobs)) })
	if c := r.counts(); r.sentCount() > sentThen+2 || c[job.Accepted] != uint64(r.sentCount()) {
		t.Errorf("%v; %d were sent before and %d since", c, sentThen, r.sentCount()-sentThen)
	}
}

// staleBook says that it may have missed something, while stale is open.
type staleBook struct {
	*recipient.Book
	stale chan struct{}
}

func (b staleBook) Fresh() bool {
	select {
	case <-b.stale:
		return b.Book.Fresh()
	default:
		return false
	}
}

// While opt-outs may be missing nothing is sent, and it is said why.
func TestNothingIsSentWhileConsentIsNotKnown(t *testing.T) {
	r := newRig(t, nil)
	b := staleBook{r.book(), make(chan struct{})}
	r.cfg.Consent = b
	r.start()
	r.publish(newJob("a", job.Hold))
	r.eventually("the trouble", func() bool {
		err := r.running.Trouble()
		return err != nil && strings.Contains(err.Error(), "following consent in NATS fails") && strings.Contains(err.Error(), "opt-outs may be missing")
	})
	time.Sleep(200 * time.Millisecond) // that nothing happens has no signal
	if r.sentCount() != 0 {
		t.Error("a message was sent")
	}
	close(b.stale)
	r.awaitHistory("a", "accepted 1 ")
	if err := r.running.Trouble(); err != nil {
		t.Errorf("trouble %v", err)
	}
}

// Nobody gets more marketing than the cap allows, of all campaigns together, and nobody
// else waits for that.
func TestMarketingIsCapped(t *testing.T) {
	r := newRig(t, nil)
	r.definitions()
	r.book()
	r.cfg.Quotas, r.cfg.MarketingCap = ratelimit.NewLocalQuotas(nil), 2
	r.start()
	var jobs []*job.Job
	for i := range 3 {
		j := newPromo(fmt.Sprintf("j%d", i), ana)
		j.Campaign = []string{"c", "d", "e"}[i]
		jobs = append(jobs, j)
	}
	r.publish(jobs...)
	r.publish(newTo("utility", ana), newPromo("ben", ben))
	var outcomes []string
	for _, j := range jobs {
		r.eventually("the outcome of "+j.ID, func() bool { return len(r.find(j.Key())) == 1 })
		d := r.find(j.Key())[0].Data
		outcomes = append(outcomes, strings.TrimSpace(string(d.Kind)+" "+string(d.Reason)))
		if d.Kind == job.Suppressed && !strings.HasPrefix(d.Detail, "the recipient has had 2 marketing messages within 24h0m0s, until ") {
			t.Errorf("detail %q", d.Detail)
		}
	}
	slices.Sort(outcomes)
	if !slices.Equal(outcomes, []string{"accepted", "accepted", "suppressed frequency_cap"}) {
		t.Errorf("outcomes %q", outcomes)
	}
	r.awaitHistory("utility", "accepted 1 ")
	r.awaitHistory("ben", "accepted 1 ")
}

func (r *rig) find(key job.Key) []job.Event {
	r.t.Helper()
	return must[[]job.Event](r.t)(r.cfg.Events.Find(r.t.Context(), key, "", time.Time{}))
}

// A campaign leaves out those somebody is talking with, or takes nobody else. Whose
// window is open is on record, and counts in no portfolio's limit.
func TestCampaignsByWindow(t *testing.T) {
	r := newRig(t, nil)
	b := r.book()
	r.cfg.Quotas = ratelimit.NewLocalQuotas(nil)
	r.cfg.Directory = must[*sender.Directory](t)(sender.NewDirectory([]*sender.Account{{WABA: "1", Portfolio: "P", Token: sender.Literal("t")}}, 200))
	if err := r.cfg.Stops.SetPortfolio(t.Context(), "P", sender.PortfolioLimit{Recipients: 1, Source: sender.SourceOperator}); err != nil {
		t.Fatal(err)
	}
	r.cfg.Campaigns = newSpecs(campaign.Spec{ID: "c", State: campaign.Open}, campaign.Spec{ID: "skip", State: campaign.Open, Window: campaign.WindowSkipOpen},
		campaign.Spec{ID: "only", State: campaign.Open, Window: campaign.WindowOnlyOpen})
	wrote := time.Now().Add(-time.Hour)
	if err := b.Wrote(t.Context(), number, recipient.Person{WaID: string(ana[1:])}, wrote); err != nil {
		t.Fatal(err)
	}
	r.eventually("the window", func() bool { _, open := b.Window(number, recipient.Person{Number: string(ana)}); return open })
	r.start()
	for _, tt := range []struct {
		campaign string
		to       job.Phone
		want     string
		open     bool
	}{
		{"c", ana, "accepted", true}, {"skip", ana, "suppressed window_open", true}, {"only", ana, "accepted", true},
		{"only", ben, "suppressed window_closed", false}, {"skip", ben, "accepted", false}, {"c", ben, "accepted", false},
	} {
		j := newTo("to-"+string(tt.to[1:]), tt.to)
		j.Campaign = tt.campaign
		r.publish(j)
		r.eventually("an outcome", func() bool { return len(r.find(j.Key())) == 1 })
		d := r.find(j.Key())[0].Data
		if got := strings.TrimSpace(string(d.Kind) + " " + string(d.Reason)); got != tt.want || d.WindowUntil.IsZero() == tt.open {
			t.Errorf("campaign %s to %s: %s, window until %s; want %s", tt.campaign, tt.to, got, d.WindowUntil, tt.want)
		}
		if off := d.WindowUntil.Sub(wrote.Add(24 * time.Hour)); tt.open && off.Abs() > time.Second {
			t.Errorf("the window is open until %s", d.WindowUntil)
		}
	}
}

// What a refusal says of the recipient counts from then on, before its outcome is on
// record.
func TestWhatRefusalsSayOfRecipients(t *testing.T) {
	refusal := func(code int) error {
		return &whatsapp.Error{Class: whatsapp.ClassRefusedRecipient, HTTPStatus: 400, Code: code}
	}
	for name, tt := range map[string]struct {
		code         int
		history      []string
		promo, plain job.Reason
	}{
		"opted out": {131050, []string{"opt_out 1 ", "rejected 1 recipient_refused"}, job.ReasonOptedOut, ""},
		"held":      {131049, []string{"rejected 1 recipient_refused"}, job.ReasonMarketingHold, ""},
		"bad":       {131026, []string{"rejected 1 recipient_refused"}, "", ""},
		"neither":   {130472, []string{"rejected 1 recipient_refused"}, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, func(token job.Token) error { return refusal(tt.code) })
			r.definitions()
			b := r.book()
			r.start()
			r.publish(newPromo("a", ana))
			r.awaitHistory("a", tt.history...)
			p := recipient.Person{Number: string(ana)}
			r.eventually("what stands against marketing", func() bool { return b.Check(p, number, true).Reason == tt.promo })
			if v := b.Check(p, number, false); v.Reason != tt.plain {
				t.Errorf("against others stands %+v", v)
			}
			if d := r.events("a")[0].Data; tt.code == 131050 && (d.Scope != "marketing" || d.Detail != "api" || d.Code != 131050 || d.To != ana || d.Outcome != "") {
				t.Errorf("event %+v", d)
			}
		})
	}
}

// A number that could not be reached in several campaigns is written to no more.
func TestBadNumbers(t *testing.T) {
	r := newRig(t, func(job.Token) error {
		return &whatsapp.Error{Class: whatsapp.ClassRefusedRecipient, HTTPStatus: 400, Code: 131026}
	})
	b := r.book()
	r.start()
	for _, c := range []string{"x", "x", "y", "z"} {
		j := newTo("j-"+c, ana)
		j.Campaign, j.ID = c, fmt.Sprintf("j%d", r.sentCount())
		r.publish(j)
		r.eventually("the refusal", func() bool { return len(r.find(j.Key())) == 1 })
	}
	r.eventually("that the number is bad", func() bool { return b.Stats().Bad == 1 })
	r.publish(newTo("last", ana))
	r.awaitHistory("last", "suppressed 0 bad_number")
	if r.sentCount() != 4 {
		t.Errorf("%d requests", r.sentCount())
	}
}

// renamed answers with another wa_id than the number, and a user id.
type renamed struct{ *rig }

func (a renamed) Send(ctx context.Context, from, token string, m *whatsapp.Message) (whatsapp.Accepted, error) {
	accepted, err := a.rig.Send(ctx, from, token, m)
	accepted.WaID, accepted.UserID = "541155550100", "AR.4711"
	return accepted, err
}

// Whoever is known by another name in an answer is one person from then on.
func TestIdentitiesAreLearnedFromAnswers(t *testing.T) {
	r := newRig(t, nil)
	b := r.book()
	r.cfg.API = renamed{r}
	r.start()
	r.publish(newTo("a", ana))
	r.awaitHistory("a", "accepted 1 ")
	if d := r.events("a")[0].Data; d.WaID != "541155550100" || d.UserID != "AR.4711" {
		t.Errorf("event %+v", d)
	}
	by := b.Canonical(recipient.Person{Number: string(ana)})
	r.eventually("one person", func() bool {
		return b.Canonical(recipient.Person{WaID: "541155550100"}) == by && b.Canonical(recipient.Person{UserID: "AR.4711"}) == by
	})
	must[bool](t)(b.OptOut(t.Context(), recipient.Person{UserID: "AR.4711"}, recipient.OptOut{Scope: recipient.All, Source: recipient.Keyword, Since: time.Now()}))
	r.eventually("the opt-out", func() bool { return b.Stats().OptedOut == 1 })
	r.publish(newTo("b", ana))
	r.awaitHistory("b", "suppressed 0 opted_out")
}

// Each quick reply of a message names its job, so that a tap does.
func TestQuickRepliesAreSigned(t *testing.T) {
	r := newRig(t, nil)
	r.definitions()
	r.cfg.PayloadKey = testKey()
	sent := make(chan *whatsapp.Message, 1)
	r.cfg.API = sendFunc(func(m *whatsapp.Message) { sent <- m })
	r.start()
	yes := "sí"
	j := newJob("a", job.Hold)
	j.Template.Params = &job.Params{Buttons: map[string]job.Button{"0": {Payload: &yes}}}
	r.publish(j)
	m := <-sent
	if len(m.Template.Components) != 2 {
		t.Fatalf("components %+v", m.Template.Components)
	}
	for i, author := range []string{yes, ""} {
		c := m.Template.Components[i]
		got, status := job.ParsePayload(testKey(), c.Parameters[0].Payload)
		if want := (job.SignedPayload{Key: j.Key(), Attempt: 1, Author: author}); got != want || status != job.PayloadValid || c.Index != fmt.Sprint(i) || c.SubType != "quick_reply" {
			t.Errorf("button %d: %+v, %s, of %+v", i, got, status, c)
		}
	}
	r.awaitHistory("a", "accepted 1 ")
}
