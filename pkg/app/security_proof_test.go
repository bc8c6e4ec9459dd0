package app_test

import (
	"context"
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/wacast/wacast/pkg/app"
	"github.com/wacast/wacast/pkg/report"
	"github.com/wacast/wacast/pkg/simulator"
	"github.com/wacast/wacast/pkg/whatsapp"
)

// proved is a wacast whose account has two files of app secrets, on an app that requires
// its secret.
type proved struct {
	*rig
	dir string
	v   *app.View
}

func newProved(t *testing.T) *proved {
	t.Helper()
	dir := t.TempDir()
	for name, value := range map[string]string{"token": "token-of-the-start", "first": "secret-1", "second": "secret-0"} {
		write(t, dir, name, value)
	}
	write(t, dir, "accounts/a.yaml", fmt.Sprintf("waba_id: 1\nnumbers: [%s]\naccess_token_file: %[2]s/token\napp_secret_files: [%[2]s/first, %[2]s/second]\n", numberA, dir))
	r := newRig(t, simulator.Config{AppSecrets: []string{"secret-1"}, MPS: 100},
		"WACAST_ACCOUNTS_DIR="+filepath.Join(dir, "accounts"), "WACAST_APP_SECRET_PROOF=on")
	return &proved{rig: r, dir: dir}
}

// during sends a campaign, has something happen once some of it is sent, and waits for
// the rest: nothing is lost, nothing doubled.
func (p *proved) during(campaign string, happens func()) {
	p.t.Helper()
	const n = 150
	p.publish(newJobs(numberA, campaign, 0, n)...)
	p.await(p.v, campaign, func(pr *report.Progress) bool { return pr.Accepted > 20 })
	happens()
	p.await(p.v, campaign, accepted(n))
	if pr := p.await(p.v, campaign, ended(n)); pr.Accepted != n {
		p.t.Errorf("%s ended with %+v", campaign, pr)
	}
}

// stops are how long each stop of the account was, in the words of the log. Two replicas
// may end the same one, at the same moment.
func (p *proved) stops() (lasted []time.Duration) {
	p.t.Helper()
	var last time.Time
	ended := regexp.MustCompile(`time=(\S+) level=INFO msg="goes on" scope=account \S+ reason=account_refused stopped_for=(\S+)`)
	for _, found := range ended.FindAllStringSubmatch(p.log.String(), -1) {
		at, err := time.Parse(time.RFC3339, found[1])
		must(p.t, err)
		d, err := time.ParseDuration(found[2])
		must(p.t, err)
		if at.Add(-d).After(last) { // it began after the one before had ended
			lasted = append(lasted, d)
		}
		last = at
	}
	return lasted
}

// Token and app secret are rotated under two workers that send: they go on, after one
// short stop at most where the platform ends the old secret at once. Nothing shows a
// secret.
func TestProofRotates(t *testing.T) {
	p := newProved(t)
	p.ready("one")
	p.ready("two")
	p.v = p.view()
	p.during("token", func() { write(t, p.dir, "token", "token-of-later") })
	if st := p.sim.Stats(); st.Unproved != 0 || len(p.stops()) != 0 {
		t.Errorf("a token was rotated, and %d calls were without its proof, %v stopped", st.Unproved, p.stops())
	}
	// The second of the files has what the platform takes now.
	p.during("listed", func() { must(t, p.sim.SetAppSecrets("secret-0")) })
	listed := p.stops()
	// No file has it: nothing is sent until one does, and that is said.
	p.during("unknown", func() {
		must(t, p.sim.SetAppSecrets("secret-2"))
		p.eventually(func() (bool, string) {
			return strings.Count(p.log.String(), "msg=stopped scope=account") > len(listed), "no stop"
		})
		write(t, p.dir, "first", "secret-2")
	})
	all := p.stops()
	t.Logf("stopped for %v and %v", listed, all[len(listed):])
	for _, d := range all {
		if d > 20*time.Second { // the first try comes after 10 to 12
			t.Errorf("stopped for %v", d)
		}
	}
	if len(listed) != 1 || len(all) != 2 {
		t.Errorf("%d stops, then %d", len(listed), len(all)-len(listed))
	}
	if st := p.sim.Stats(); st.Accepted != 450 || st.Duplicates != 0 || st.DuplicateTokens != 0 {
		t.Errorf("%+v", st)
	}
	p.hides()
}

func (p *proved) hides() {
	p.t.Helper()
	log := p.log.String()
	for _, token := range []string{"token-of-the-start", "token-of-later"} {
		for _, secret := range []string{"secret-0", "secret-1", "secret-2"} {
			for _, hidden := range []string{token, secret, whatsapp.AppSecretProof(secret, token), "appsecret_proof="} {
				if strings.Contains(log, hidden) {
					p.t.Errorf("the log holds %s", hidden)
				}
			}
		}
	}
}

// What a worker reads at its start, which is more than it sends, is proved as well, and
// teaches it which of the secrets it is.
func TestProofOfReads(t *testing.T) {
	p := newProved(t)
	must(t, p.sim.SetAppSecrets("secret-0"))
	a := p.ready("one")
	p.eventually(func() (bool, string) {
		_, metrics := get(t, a, "/metrics")
		return strings.Contains(metrics, `wacast_token_valid{account="1"} 1`) && strings.Contains(p.log.String(), "messaging limit"), metrics
	})
	p.publish(newJobs(numberA, "c", 0, 20)...)
	p.await(p.view(), "c", accepted(20))
	if n := len(p.stops()); n != 0 {
		t.Errorf("%d stops", n)
	}
	for _, f := range app.Examine(t.Context(), p.config(), "") {
		if f.Name == "app secret" && f.Level == app.OK {
			return
		}
	}
	t.Error("check finds nothing of the app secret")
}

// Where the proof is missing or nobody's, the stop and the finding say what to set.
func TestProofIsMissing(t *testing.T) {
	for name, tc := range map[string]struct {
		env  []string
		want []string
	}{
		"off":   {nil, []string{"app_secret_proof: on (WACAST_APP_SECRET_PROOF=on)", "WACAST_APP_SECRET_FILE"}},
		"wrong": {[]string{"WACAST_APP_SECRET=another", "WACAST_APP_SECRET_PROOF=on"}, []string{"WACAST_APP_SECRET_FILE", "app_secret_files"}},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, simulator.Config{AppSecrets: []string{"secret-1"}}, tc.env...)
			a := r.ready("one")
			r.publish(newJobs(numberA, "c", 0, 3)...)
			r.eventually(func() (bool, string) { return strings.Contains(r.log.String(), "msg=stopped scope=account"), "no stop" })
			must(t, a.Stop(context.Background()))
			_, stop, _ := strings.Cut(r.log.String(), "msg=stopped scope=account")
			stop, _, _ = strings.Cut(stop, "\n")
			finding := fmt.Sprint(app.Examine(t.Context(), r.config(), numberA))
			for _, want := range tc.want {
				if !strings.Contains(stop, want) || !strings.Contains(finding, want) {
					t.Errorf("%q is not in both of\n%s\n%s", want, stop, finding)
				}
			}
			if n := r.sim.Stats().Accepted; n != 0 {
				t.Errorf("%d were sent", n)
			}
		})
	}
}
