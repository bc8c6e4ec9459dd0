package recipient_test

import (
	"testing"
	"time"

	"github.com/wacast/wacast/pkg/job"
	"github.com/wacast/wacast/pkg/recipient"
)

// word is what somebody says at a time, in seconds.
type word struct {
	at     int
	out    bool
	scope  recipient.Scope
	number string
	// changed is what the book answers.
	changed bool
}

func orders() map[string]struct {
	words []word
	want  [2]job.Reason // any message, and marketing, from one number of ours
} {
	none, both, marketing := [2]job.Reason{}, [2]job.Reason{job.ReasonOptedOut, job.ReasonOptedOut}, [2]job.Reason{"", job.ReasonOptedOut}
	all, promo := recipient.All, recipient.Marketing
	return map[string]struct {
		words []word
		want  [2]job.Reason
	}{
		"in order":                        {[]word{{1, true, all, "", true}, {2, false, all, "", true}}, none},
		"a STOP late":                     {[]word{{2, false, all, "", false}, {1, true, all, "", false}}, none},
		"a START late":                    {[]word{{3, true, all, "", true}, {2, false, all, "", false}}, both},
		"a START late, of two STOPs":      {[]word{{1, true, all, "", true}, {3, true, all, "", false}, {2, false, all, "", false}}, both},
		"a STOP repeated after a START":   {[]word{{1, true, all, "", true}, {2, false, all, "", true}, {1, true, all, "", false}}, none},
		"a new STOP after a START":        {[]word{{1, true, all, "", true}, {2, false, all, "", true}, {3, true, all, "", true}}, both},
		"START ends marketing too":        {[]word{{1, true, promo, "", true}, {2, false, all, "", true}}, none},
		"START ends that of a number":     {[]word{{1, true, all, ours, true}, {2, false, all, "", true}}, none},
		"a number's end is no other's":    {[]word{{1, true, all, "", true}, {2, false, all, ours, false}}, both},
		"resume leaves STOP":              {[]word{{1, true, all, "", true}, {2, false, promo, "", false}}, both},
		"stop late, after resume":         {[]word{{2, false, promo, "", false}, {1, true, promo, "", false}}, none},
		"STOP late, after resume":         {[]word{{2, false, promo, "", false}, {1, true, all, "", true}}, both},
		"resume late, after a newer stop": {[]word{{2, true, promo, "", true}, {1, false, promo, "", false}}, marketing},
	}
}

// What was said last counts, in whichever order it comes.
func TestOrder(t *testing.T) {
	t.Parallel()
	for name, c := range orders() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, ctx := inMemory().open(t), t.Context()
			for i, w := range c.words {
				at := since.Add(time.Duration(w.at) * time.Second)
				var changed bool
				if w.out {
					changed = done[bool](t)(b.OptOut(ctx, emilia, recipient.OptOut{Scope: w.scope, Number: w.number, Source: recipient.Keyword, Since: at}))
				} else {
					changed = done[bool](t)(b.OptIn(ctx, emilia, recipient.OptIn{Scope: w.scope, Number: w.number, At: at}))
				}
				if changed != w.changed {
					t.Errorf("word %d: changed = %v", i, changed)
				}
			}
			eventually(t, "the last word counts", func() bool { return reasons(b, emilia, ours) == c.want })
		})
	}
}

// An opt-in is forgotten with its person.
func TestForgetOptIn(t *testing.T) {
	t.Parallel()
	buckets := inMemory()
	b := buckets.open(t)
	done[bool](t)(b.OptIn(t.Context(), emilia, recipient.OptIn{Scope: recipient.All, At: since}))
	id := string(secret.IDs(emilia)[0])
	held := func() (e recipient.Entry) {
		_ = buckets[0].Update(t.Context(), id, func(value []byte) ([]byte, error) {
			e = done[recipient.Entry](t)(recipient.ReadEntry(value))
			return value, nil
		})
		return e
	}
	if e := held(); len(e.OptIns) != 1 {
		t.Fatalf("held: %+v", e)
	}
	eventually(t, "nothing is held", func() bool {
		if kept := done[bool](t)(b.Forget(t.Context(), emilia)); kept {
			t.Error("an opt-in was kept")
		}
		return len(held().OptIns) == 0
	})
}
