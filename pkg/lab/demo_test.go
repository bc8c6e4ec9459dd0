package lab

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/wacast/wacast/pkg/job"
	"github.com/wacast/wacast/pkg/report"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// emptyTemp makes a folder for temporary files and checks in the end that none is
// left in it.
func emptyTemp(t *testing.T) {
	t.Helper()
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	t.Cleanup(func() {
		left, err := os.ReadDir(dir)
		if err != nil || len(left) > 0 {
			t.Errorf("left behind: %v, %v", left, err)
		}
	})
}

func TestDemo(t *testing.T) {
	emptyTemp(t)
	var out strings.Builder
	result, err := Demo(context.Background(), DemoOptions{Out: &out})
	if err != nil {
		t.Fatalf("%v\n%s", err, &out)
	}
	for _, want := range []string{
		"│ Hola Ezequiel Güemes, le recordamos su turno", // a preview
		"not published: appointments.csv, line 59: invalid job: to: must be + and 7 to 15 digits",
		"appointments: all 118 jobs are published a second time",
		"rejected: recipient_refused (Cloud API code 131026)",
		"lost the answers of 5, which webhooks settled; 0 are unknown",
		"✋ +549********23 writes the word: no more messages",
		"✋ +549********02 taps the button: no more messages",
		"✋ +549********77 says so to WhatsApp: no more promotions",
		"8 suppressed: opted_out",
		"8 people have opted out, and got nothing after that.",
		"Nothing was lost, nothing was sent twice.",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the output lacks %q", want)
		}
	}
	if strings.Contains(out.String(), "\x1b") {
		t.Error("the output is redrawn where it cannot be")
	}
	type figures struct{ Published, Accepted, Rejected, Suppressed, Duplicate, Unknown uint64 }
	got := make(map[string]figures)
	for _, p := range result.Campaigns {
		got[p.ID] = figures{p.Published, p.Accepted, p.Rejected, p.Suppressed, p.Duplicate, p.Unknown}
	}
	want := map[string]figures{
		"appointments":  {236, 115, 5, 0, 116, 0}, // its bad parameters are rejected both times
		"resume":        {58, 56, 2, 0, 0, 0},
		"taxi-coupon":   {70, 66, 4, 0, 0, 0},
		"taxi-reminder": {70, 58, 4, 8, 0, 0},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error("campaigns (-want +got):", diff)
	}
	if s := result.Simulator; s.Accepted != 295 || s.Duplicates != 0 || s.Unwanted != 0 || result.OptedOut != 8 || result.Seconds <= 0 {
		t.Errorf("the simulator saw %+v in %v s, want 295 accepted, once each, and none after the %d opt-outs", s, result.Seconds, result.OptedOut)
	}
	a := result.Campaigns[0]
	// What a slow machine sends after the time for answers waits for none.
	answered, inTime := a.Confirmed+a.Declined+a.NoAnswer, result.Seconds < 6
	if a.Confirmed < 50 || a.Declined < 10 || answered > a.Accepted || inTime && answered < a.Accepted {
		t.Errorf("of %d, %d confirmed, %d declined, %d did not answer", a.Accepted, a.Confirmed, a.Declined, a.NoAnswer)
	}
	if r := result.Campaigns[1]; r.Replies < 20 || r.Replies > 45 {
		t.Errorf("%d replies to the agents", r.Replies)
	}
	if t.Failed() {
		t.Log(out.String())
	}
}

// canceller interrupts the demo as soon as it has shown some words.
type canceller struct {
	words  string
	cancel context.CancelFunc
}

func (c canceller) Write(p []byte) (int, error) {
	if strings.Contains(string(p), c.words) {
		c.cancel()
	}
	return len(p), nil
}

// Not earlier: a nats-server that is closed while it makes a stream leaves
// goroutines behind.
func TestDemoIsInterrupted(t *testing.T) {
	for _, at := range []string{"Confirmation of", "jobs published to JetStream", "accepted"} {
		t.Run(at, func(t *testing.T) {
			emptyTemp(t)
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			if _, err := Demo(ctx, DemoOptions{Out: canceller{at, cancel}}); !errors.Is(err, context.Canceled) {
				t.Errorf("Demo = %v, want Canceled", err)
			}
		})
	}
}

func TestJudge(t *testing.T) {
	t.Parallel()
	stored := map[string]uint64{"a": 10, "b": 5}
	for name, c := range map[string]struct {
		change func(*Result)
		want   []error
	}{
		"all is well":                         {func(*Result) {}, nil},
		"sent to who had opted out":           {func(r *Result) { r.Simulator.Unwanted = 1 }, []error{errHarried}},
		"sent twice":                          {func(r *Result) { r.Simulator.Duplicates = 1 }, []error{errDoubled}},
		"no outcome":                          {func(r *Result) { r.Campaigns[0].Rejected-- }, []error{errLost}},
		"one outcome too many":                {func(r *Result) { r.Campaigns[0].Expired++ }, []error{errLost}},
		"queued":                              {func(r *Result) { r.Campaigns[1].Queued = 1 }, []error{errLost}},
		"scheduled":                           {func(r *Result) { r.Campaigns[1].Scheduled = 1 }, []error{errLost}},
		"in flight":                           {func(r *Result) { r.Campaigns[1].InFlight = 1 }, []error{errLost}},
		"sent, and nobody knows":              {func(r *Result) { r.Simulator.Accepted++ }, []error{errLost}},
		"an unknown one was not taken":        {func(r *Result) { r.Simulator.Accepted-- }, nil},
		"on record, and never sent":           {func(r *Result) { r.Simulator.Accepted -= 2 }, []error{errLost}},
		"an unknown one was not counted":      {func(r *Result) { r.Campaigns[0].Unknown--; r.Campaigns[0].Cancelled++ }, []error{errLost}},
		"sent twice and recorded as accepted": {func(r *Result) { r.Simulator.Duplicates, r.Simulator.Accepted = 2, 13 }, []error{errDoubled, errLost}},
	} {
		t.Run(name, func(t *testing.T) {
			r := &Result{
				Campaigns: []*report.Progress{
					{ID: "a", Accepted: 5, Rejected: 2, Duplicate: 2, Unknown: 1},
					{ID: "b", Accepted: 5},
				},
				Simulator: Seen{Accepted: 11},
			}
			c.change(r)
			err := r.judge(stored)
			for _, verdict := range []error{errLost, errDoubled, errHarried} {
				want := false
				for _, w := range c.want {
					want = want || w == verdict
				}
				if errors.Is(err, verdict) != want {
					t.Errorf("%q: got %v, want %v", verdict, err, c.want)
				}
			}
		})
	}
}

func TestJobOfToken(t *testing.T) {
	t.Parallel()
	token := func(namespace string, attempt int, id string) string {
		return job.Token{Namespace: namespace, Attempt: attempt, Key: job.Key{Campaign: "c", ID: id}}.String()
	}
	first := JobOfToken(token("wacast", 1, "a"))
	if again := JobOfToken(token("wacast", 2, "a")); again != first {
		t.Errorf("a second attempt is %q, the first was %q", again, first)
	}
	for _, other := range []string{JobOfToken(token("wacast", 1, "b")), JobOfToken(token("other", 1, "a")), JobOfToken("x")} {
		if other == first {
			t.Errorf("another job is %q too", other)
		}
	}
}
