package app_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/wacast/wacast/pkg/job"
	"github.com/wacast/wacast/pkg/queue"
	"github.com/wacast/wacast/pkg/report"
	"github.com/wacast/wacast/pkg/simulator"
)

// A token that expires in the middle of 10,000 jobs and comes back: all are
// accepted once, none is rejected, and the log has one line about it.
func TestTokenExpiresAndComesBack(t *testing.T) {
	const n = 10_000
	r := newRig(t, simulator.Config{MPS: 1000})
	r.ready("one")
	v := r.view()
	r.publish(newJobs(numberA, "long", 0, n)...)
	r.eventually(func() (bool, string) { return r.sim.Stats().Accepted > n/10, "not begun" })
	r.sim.ExpireToken("token-a")
	r.eventually(func() (bool, string) {
		s, err := v.Status(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return len(s.Stopped) == 1 && s.Stopped[0].Code == 190, "no stop with code 190"
	})
	r.sim.RestoreToken("token-a")
	p := r.await(v, "long", ended(n))
	stats := r.sim.Stats()
	if p.Accepted != n || stats.Duplicates != 0 {
		t.Errorf("progress %+v, %d duplicates; want %d accepted once", p, stats.Duplicates, n)
	}
	if got := strings.Count(r.log.String(), "level=WARN msg=stopped"); got != 1 {
		t.Errorf("%d lines say that the account is stopped, want 1", got)
	}
	if s, err := v.Status(t.Context()); err != nil || len(s.Stopped) != 0 {
		t.Errorf("status %+v, %v; want nothing stopped", s, err)
	}
	if strings.Contains(r.log.String(), "token-a") {
		t.Error("the log shows the token")
	}
}

// Of two accounts the one with a dead token is stopped, and the other goes on.
func TestOneAccountStoppedTheOtherGoesOn(t *testing.T) {
	const n = 300
	sim := simulator.Config{MPS: 500, Accounts: []simulator.Account{
		{WABA: "111", Tokens: []string{"token-a"}, Numbers: []simulator.Number{{ID: numberA}}},
		{WABA: "222", Tokens: []string{"token-b"}, Numbers: []simulator.Number{{ID: numberB}}},
	}}
	dir := t.TempDir()
	write(t, dir, "token-a", "token-a")
	write(t, dir, "token-b", "token-b")
	write(t, dir, "accounts/a.yaml", "waba_id: 111\nnumbers: ["+numberA+"]\naccess_token_file: "+dir+"/token-a\n")
	write(t, dir, "accounts/b.yaml", "waba_id: 222\nnumbers: ["+numberB+"]\naccess_token_file: "+dir+"/token-b\n")
	r := newRig(t, sim, "WACAST_ACCOUNTS_DIR="+dir+"/accounts")
	r.sim.ExpireToken("token-a")
	r.ready("one")
	v := r.view()
	r.publish(append(newJobs(numberA, "a", 0, n), newJobs(numberB, "b", 0, n)...)...)
	if p := r.await(v, "b", ended(n)); p.Accepted != n {
		t.Errorf("the other account: %+v, want %d accepted", p, n)
	}
	p, err := v.Progress(t.Context(), "a")
	if err != nil || p.Ended() != 0 || p.Left() != n {
		t.Errorf("the stopped account: %+v, %v; want %d jobs untouched", p, err, n)
	}
	if got := r.sim.Stats().Refused[190]; got > 100 {
		t.Errorf("%d requests with the dead token: the account was hammered", got)
	}
	if s, err := v.Status(t.Context()); err != nil || len(s.Stopped) != 1 || s.Stopped[0].Name != "111" || s.Stopped[0].Reason != job.ReasonAccount {
		t.Errorf("status %+v, %v; want account 111 stopped", s, err)
	}

	// A job from a number of no account is rejected, and says why.
	r.publish(newJob("999", "stray", 1))
	if p := r.await(v, "stray", ended(1)); p.Rejected != 1 {
		t.Errorf("a stray number: %+v, want a rejection", p)
	}

	// A new token in the file lets the account go on, without a restart.
	r.sim.RestoreToken("token-a")
	if p := r.await(v, "a", ended(n)); p.Accepted != n {
		t.Errorf("after the token came back: %+v, want %d accepted", p, n)
	}
}

// A template that the API refuses for everybody stops only the jobs that use it.
func TestTemplateStopHoldsOnlyItsJobs(t *testing.T) {
	r := newRig(t, simulator.Config{Faults: []simulator.Rule{{Kind: simulator.Error, Code: 132015, Template: "paused"}}})
	r.ready("one")
	v := r.view()
	jobs := newJobs(numberA, "coupons", 0, 20)
	for _, j := range jobs {
		j.Template.Name = "paused"
	}
	r.publish(jobs...)
	r.publish(newJobs(numberA, "reminders", 0, 100)...)
	if p := r.await(v, "reminders", ended(100)); p.Accepted != 100 {
		t.Errorf("the other template: %+v, want all accepted", p)
	}
	r.eventually(func() (bool, string) {
		s, err := v.Status(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return len(s.Stopped) == 1 && s.Stopped[0].Scope == "template" && s.Stopped[0].Code == 132015, "no template stopped"
	})
	if p, err := v.Progress(t.Context(), "coupons"); err != nil || p.Ended() != 0 || p.Left() != 20 {
		t.Errorf("the stopped template: %+v, %v; want its jobs untouched", p, err)
	}
}

// A stopped template does not starve the other templates of its own queue.
func TestTemplateStopLeavesTheRestOfItsQueue(t *testing.T) {
	const n = 400
	r := newRig(t, simulator.Config{MPS: 200, Faults: []simulator.Rule{{Kind: simulator.Error, Code: 132015, Template: "paused"}}})
	r.ready("one")
	v := r.view()
	jobs := newJobs(numberA, "mixed", 0, n)
	for i, j := range jobs {
		if i%2 == 0 {
			j.Template.Name = "paused"
		}
	}
	r.publish(jobs...)
	// What is accepted is acked a moment later, and a job that changes its stream is seen
	// in both of them.
	p := r.await(v, "mixed", func(p *report.Progress) bool { return p.Accepted == n/2 && p.Left() <= n/2 })
	if p.Ended() != n/2 || p.Left() != n/2 {
		t.Errorf("progress %+v, want half accepted and half waiting", p)
	}
}

// What is on its way to a slow API does not keep a number from its rate.
func TestLatencyDoesNotCostRate(t *testing.T) {
	const n, mps = 1000, 100
	r := newRig(t, simulator.Config{MPS: mps, Latency: simulator.Latency{Base: 3 * time.Second}}, "WACAST_SEND_TIMEOUT=10s")
	r.ready("one")
	v := r.view()
	start := time.Now()
	r.publish(newJobs(numberA, "slow", 0, n)...)
	r.await(v, "slow", ended(n))
	// 10 s of slots and 3 s of latency; counting what is in flight, it would be 33 s.
	if took := time.Since(start); took > 25*time.Second {
		t.Errorf("%d messages at %d a second with 3 s of latency took %s", n, mps, took)
	}
}

// deadLetters counts a campaign's dead letters.
func (r *rig) deadLetters(campaign string) uint64 {
	r.t.Helper()
	dead, err := queue.NewDead(r.jetStream(), queue.Names{Namespace: r.config().Namespace})
	if err != nil {
		r.t.Fatal(err)
	}
	defer dead.Close()
	counts, err := dead.Count(r.t.Context(), campaign)
	if err != nil {
		r.t.Fatal(err)
	}
	var n uint64
	for _, c := range counts {
		n += c.Letters
	}
	return n
}

func write(t *testing.T, dir, name, content string) {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	past := time.Now().Add(-time.Minute)
	if err := os.Chtimes(path, past, past); err != nil {
		t.Fatal(err)
	}
}
