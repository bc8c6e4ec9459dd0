package app_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/wacast/wacast/pkg/app"
	"github.com/wacast/wacast/pkg/embed/embedtest"
	"github.com/wacast/wacast/pkg/job"
	"github.com/wacast/wacast/pkg/queue"
	"github.com/wacast/wacast/pkg/recipient"
	"github.com/wacast/wacast/pkg/report"
	"github.com/wacast/wacast/pkg/simulator"
)

// The one who is to be forgotten, and what else the person is known by.
const (
	forgottenNumber = "+5491100000003" // that of newJob's third
	forgottenWaID   = "541100000003"
	forgottenUser   = "AR.13491208655302741918"
)

func forgotten() recipient.Person { return recipient.Person{Number: forgottenNumber} }

// withPerson fills everything with ten people, one of whom is to be forgotten: sent
// messages with statuses and a reply, a dead letter, a job in a paused queue and one
// that is scheduled, a webhook in quarantine, a message to the user id alone.
func withPerson(t *testing.T) (*rig, *app.Operator) {
	t.Helper()
	r := newRig(t, simulator.Config{})
	r.ready("one")
	o := r.operator()
	jobs := newJobs(numberA, "c1", 0, 10)
	wrong := newJob(numberA, "c1", 3)
	wrong.ID, wrong.From = "wrong", numberB // on a subject of another number
	onlyUser := newJob(numberA, "c1", 11)
	onlyUser.ID, onlyUser.To, onlyUser.UserID = "by-user", "", forgottenUser
	r.publishRaw(r.jobSubject(numberA, "c1"), encode(t, wrong))
	r.publish(append(jobs, onlyUser)...)
	r.await(o.View, "c1", ended(12))
	r.publish(newJob(numberA, "c2", 9))
	r.await(o.View, "c2", ended(1))
	if err := o.PauseCampaign(t.Context(), "c2", "test"); err != nil {
		t.Fatal(err)
	}
	later := newJob(numberA, "c1", 3)
	later.ID, later.SendAt = "later-"+forgottenNumber[1:], time.Now().Add(time.Hour)
	r.publish(append(newJobs(numberA, "c2", 0, 9), later)...)
	r.await(o.View, "c1", func(p *report.Progress) bool { return p.Scheduled == 1 })
	r.answersOf(t)
	odd := fmt.Sprintf(`{"entry":[{"wa_id":"%s"}`, forgottenWaID)
	r.publishRaw(r.config().Namespace+".webhooks.odd", odd)
	r.publishRaw(r.config().Namespace+".webhooks.odd", `{"entry":[{"wa_id":"5491155550199"}`)
	return r, o
}

// answersOf records what webhooks tell of the person, who has another wa_id and a user id.
func (r *rig) answersOf(t *testing.T) {
	t.Helper()
	events, err := queue.NewEvents(r.jetStream(), queue.Names{Namespace: r.config().Namespace})
	if err != nil {
		t.Fatal(err)
	}
	defer events.Close()
	var told []job.Event
	for _, kind := range []job.Kind{job.Sent, job.Delivered, job.Reply, job.Confirmed} {
		told = append(told, job.NewEvent("test", time.Now(), job.EventData{
			Kind: kind, Campaign: "c1", ID: "row-000003", From: numberA, To: forgottenNumber, WaID: forgottenWaID, UserID: forgottenUser, Attempt: 1,
		}))
	}
	// One that knows the user id only, and comes before anything else could say who it is.
	told = append(told, job.NewEvent("test", time.Now(), job.EventData{Kind: job.OptOut, UserID: forgottenUser, From: numberA, Scope: "marketing"}))
	if _, err := events.Record(t.Context(), told); err != nil {
		t.Fatal(err)
	}
}

// mentions lists the messages of all streams that name the person.
func (r *rig) mentions(t *testing.T) (found []string) {
	t.Helper()
	js, names := r.jetStream(), queue.Names{Namespace: r.config().Namespace}
	for _, name := range []string{names.EventsStream(), names.DeadStream(), names.JobsStream(), names.LaterStream(), names.WebhooksStream()} {
		s, err := js.Stream(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		info, err := s.Info(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for seq := max(1, info.State.FirstSeq); seq <= info.State.LastSeq; seq++ {
			m, err := s.GetMsg(t.Context(), seq)
			if errors.Is(err, jetstream.ErrMsgNotFound) {
				continue
			}
			if err != nil {
				t.Fatal(err)
			}
			for _, alias := range []string{forgottenNumber[1:], forgottenWaID, forgottenUser, "row-000003"} {
				if all := append([]byte(m.Subject+fmt.Sprint(m.Header)), m.Data...); bytes.Contains(all, []byte(alias)) {
					found = append(found, fmt.Sprintf("%s %s %s", name, m.Subject, m.Data))
					break
				}
			}
		}
	}
	return found
}

// books are the accounts and counts of the campaigns.
type books struct {
	Progress map[string]*report.Progress
	Accounts map[string]*report.Accounts
	Reasons  map[string]map[report.Ending]uint64
}

func booksOf(t *testing.T, o *app.Operator) books {
	t.Helper()
	b := books{map[string]*report.Progress{}, map[string]*report.Accounts{}, map[string]map[report.Ending]uint64{}}
	for _, id := range []string{"c1", "c2"} {
		p, err := o.Progress(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		// Jobs of a pause may count as being with a worker.
		p.Rate, p.ETASeconds, p.Queued, p.InFlight = 0, nil, p.Queued+p.InFlight, 0
		b.Progress[id] = p
		if b.Accounts[id], err = o.Verify(t.Context(), id, 0); err != nil {
			t.Fatal(err)
		}
		if b.Reasons[id], err = o.Reasons(t.Context(), id); err != nil {
			t.Fatal(err)
		}
	}
	return b
}

// after is how the books stand once the person is forgotten: the two jobs that waited
// have ended, and nothing else has changed.
func (b books) after() books {
	b.Progress["c1"].Scheduled--
	b.Progress["c2"].Queued--
	for id, a := range b.Accounts {
		b.Progress[id].Suppressed++
		a.Present--
		a.Ended++
		if a.Outcomes == nil {
			a.Outcomes = make(map[job.Kind]uint64)
		}
		a.Outcomes[job.Suppressed]++
		b.Reasons[id][report.Ending{Kind: job.Suppressed, Reason: job.ReasonErased}]++
	}
	return b
}

// equal compares with how the books stand; the server may need a moment until its
// consumers no longer count what was erased.
func (b books) equal(t *testing.T, when string, o *app.Operator) {
	t.Helper()
	var got books
	diff := "never looked"
	for deadline := time.Now().Add(10 * time.Second); diff != "" && time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		got = booksOf(t, o)
		diff = cmp.Diff(b, got, cmpopts.EquateEmpty())
	}
	if diff != "" {
		t.Errorf("%s (-want +got):%s", when, diff)
	}
	for id, a := range got.Accounts {
		if !a.OK {
			t.Errorf("%s: the accounts of %s differ: %+v", when, id, *a)
		}
	}
}

// A person who is forgotten is named nowhere any more, and every count stays.
func TestForget(t *testing.T) {
	r, o := withPerson(t)
	before := booksOf(t, o)
	if before.Progress["c1"].Delivered != 1 || before.Progress["c1"].Replies != 1 || before.Progress["c1"].Scheduled != 1 || before.Progress["c2"].Left() != 9 || before.Progress["c1"].Rejected != 1 {
		t.Fatalf("before: %+v %+v", before.Progress["c1"], before.Progress["c2"])
	}
	if n := len(r.mentions(t)); n < 10 {
		t.Fatalf("%d messages name the person, want more", n)
	}
	if _, err := o.Forget(t.Context(), forgotten(), "asked by mail from "+forgottenNumber, patience); !errors.Is(err, app.ErrReason) {
		t.Errorf("a reason with the number = %v, want ErrReason", err)
	}
	f, err := o.Forget(t.Context(), forgotten(), "asked by mail", patience)
	if err != nil {
		t.Fatal(err)
	}
	f.ClaimsUntil = nil
	// row-000003, wrong, by-user; sent, delivered, reply, confirmed; opt_out; two suppressed.
	want := &app.Forgotten{Events: 10, Jobs: 2, Letters: 1, Webhooks: 1, Suppressed: 2, Aliases: 3}
	if diff := cmp.Diff(want, f); diff != "" {
		t.Error("(-want +got):", diff)
	}
	if left := r.mentions(t); len(left) > 0 {
		t.Errorf("%d messages still name the person: %s", len(left), strings.Join(left, "\n"))
	}
	wanted := before.after()
	wanted.equal(t, "forgotten", o)
	// Once more finds nothing, and changes nothing.
	f, err = o.Forget(t.Context(), forgotten(), "asked by mail", patience)
	if diff := cmp.Diff(&app.Forgotten{Aliases: 1}, f); err != nil || diff != "" {
		t.Error(err, "(-want +got):", diff)
	}
	wanted.equal(t, "forgotten twice", o)
	// What is left goes out as ever, and nothing to the person.
	sent := r.sim.Stats().Accepted
	if _, err := o.ResumeCampaign(t.Context(), "c2", "test"); err != nil {
		t.Fatal(err)
	}
	p := r.await(o.View, "c2", ended(10))
	if p.Accepted != 9 || p.Suppressed != 1 || r.sim.Stats().Accepted != sent+8 {
		t.Errorf("after the pause: %+v", p)
	}
	r.balanced(o, "c2", 10)
}

// A forget that is killed again and again, at any moment, is finished by the next one;
// the accounts are right at each of them.
func TestForgetIsKilled(t *testing.T) {
	if testing.Short() {
		t.Skip("builds and kills a program")
	}
	r, o := withPerson(t)
	const replies = 300 // so that erasing takes a while
	for i := range replies {
		r.reply(t, i)
	}
	before := booksOf(t, o)
	if got := before.Progress["c1"].Replies; got != replies+1 {
		t.Fatalf("%d replies, want %d", got, replies+1)
	}
	wanted := before.after()
	program := filepath.Join(t.TempDir(), "wacast")
	embedtest.Build(t, program, "./cmd/wacast")
	seen := make(map[int]bool)
	for kills := 0; ; kills++ {
		cmd := exec.CommandContext(t.Context(), program, "recipient", "forget", forgottenNumber, "--reason", "test", "--yes")
		cmd.Env = r.env
		out := new(bytes.Buffer)
		cmd.Stdout, cmd.Stderr = out, out
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		timer := time.AfterFunc(time.Duration(20+kills*8)*time.Millisecond, func() { _ = cmd.Process.Kill() })
		err := cmd.Wait()
		timer.Stop()
		if err == nil {
			t.Logf("finished after %d kills, %d of them in the middle: %s", kills, len(seen), out)
			break
		}
		if cmd.ProcessState.Exited() {
			t.Fatalf("%v: %s", err, out)
		}
		left := len(r.mentions(t))
		seen[left] = true
		for id, a := range booksOf(t, o).Accounts {
			if !a.OK {
				t.Errorf("%d messages left: the accounts of %s differ: %+v", left, id, *a)
			}
		}
	}
	if left := r.mentions(t); len(left) > 0 {
		t.Errorf("%d messages still name the person: %s", len(left), strings.Join(left, "\n"))
	}
	if len(seen) < 3 {
		t.Errorf("killed in %d different places, want some more", len(seen))
	}
	wanted.equal(t, "after all the kills", o)
}

// reply records one more reply of the person.
func (r *rig) reply(t *testing.T, i int) {
	t.Helper()
	e := job.NewEvent("test", time.Now(), job.EventData{
		Kind: job.Reply, Campaign: "c1", ID: "row-000003", From: numberA, To: forgottenNumber, Wamid: job.Wamid(fmt.Sprint("wamid.", i)), Text: "hola",
	})
	data, err := job.EncodeEvent(&e)
	if err != nil {
		t.Fatal(err)
	}
	r.publishRaw(queue.Names{Namespace: r.config().Namespace}.EventSubject(job.Reply, numberA, e.Key()), string(data))
}

// Export shows what forget erases.
func TestExport(t *testing.T) {
	_, o := withPerson(t)
	d, err := o.Export(t.Context(), recipient.Person{UserID: forgottenUser})
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]int{"events": len(d.Events), "jobs": len(d.Jobs), "letters": len(d.Letters), "webhooks": len(d.Webhooks)}
	if diff := cmp.Diff(map[string]int{"events": 8, "jobs": 2, "letters": 1, "webhooks": 1}, got); diff != "" {
		t.Error("(-want +got):", diff)
	}
	if diff := cmp.Diff([]string{"+541100000003", forgottenNumber}, d.Numbers); diff != "" {
		t.Error("numbers (-want +got):", diff)
	}
	if diff := cmp.Diff([]string{forgottenUser}, d.UserIDs); diff != "" || len(d.IDs) != 3 {
		t.Error("user ids (-want +got):", diff, d.IDs)
	}
	if err := json.NewEncoder(io.Discard).Encode(d); err != nil {
		t.Error(err)
	}
	if _, err := o.Export(t.Context(), recipient.Person{Number: "+5491199999999"}); err != nil {
		t.Errorf("of nobody: %v", err)
	}
}

// BenchmarkExport is what finding a person among a hundred thousand events takes;
// a million takes ten times that.
func BenchmarkExport(b *testing.B) {
	server := embedtest.NATS(b)
	nc := embedtest.Dial(b, server)
	js, err := jetstream.New(nc)
	if err != nil {
		b.Fatal(err)
	}
	names := queue.Names{Namespace: "wacast"}
	if _, err := queue.Ensure(b.Context(), js, queue.Settings{Names: names}.Topology()); err != nil {
		b.Fatal(err)
	}
	events, err := queue.NewEvents(js, names)
	if err != nil {
		b.Fatal(err)
	}
	defer events.Close()
	const n, batch = 100_000, 5000
	for first := 0; first < n; first += batch {
		var some []job.Event
		for i := first; i < first+batch; i++ {
			j := newJob(numberA, "c1", i)
			some = append(some, job.NewEvent("test", time.Now(), job.EventData{
				Kind: job.Accepted, Campaign: "c1", ID: j.ID, From: numberA, To: j.To, WaID: j.To[1:], Stream: "WACAST_JOBS", Sequence: uint64(i + 1), Attempt: 1,
				Template: "appointment", Language: "es_AR", Wamid: "wamid.HBgNNTQ5MTEwMDAwMDAwMBUCABEYEjdFRkM2QkY4NTg0RjQ1RDIxAA==",
			}))
		}
		if _, err := events.Record(b.Context(), some); err != nil {
			b.Fatal(err)
		}
	}
	cfg, _, err := app.Load(app.Sources{Environ: []string{"WACAST_NATS_URL=" + server.ClientURL(), "WACAST_ACCESS_TOKEN=token-a"}})
	if err != nil {
		b.Fatal(err)
	}
	o, err := app.OpenOperator(b.Context(), cfg, "ana@host")
	if err != nil {
		b.Fatal(err)
	}
	defer o.Close()
	for b.Loop() {
		if d, err := o.Export(b.Context(), forgotten()); err != nil || len(d.Events) != 1 {
			b.Fatal(len(d.Events), err)
		}
	}
	b.ReportMetric(float64(n)*float64(b.N)/b.Elapsed().Seconds(), "events/s")
}
