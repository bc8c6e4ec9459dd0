package job_test

import (
	"strings"
	"testing"
	"testing/quick"

	"github.com/wacast/wacast/pkg/job"
)

func TestTokenRoundTrip(t *testing.T) {
	const ids = "ABCabc019_:-"
	roundTrip := func(campaign, id []byte, attempt uint16) bool {
		want := job.Token{Namespace: "wacast", Attempt: int(attempt) + 1, Key: job.Key{
			Campaign: spell(campaign, "ABCabc019-", 64),
			ID:       "i" + spell(id, ids, 127),
		}}
		got, ok := job.ParseToken(want.String())
		return ok && got == want
	}
	if err := quick.Check(roundTrip, nil); err != nil {
		t.Error(err)
	}
}

// spell turns any bytes into a text of the given letters.
func spell(b []byte, letters string, longest int) string {
	var s strings.Builder
	for _, c := range b[:min(len(b), longest)] {
		s.WriteByte(letters[int(c)%len(letters)])
	}
	return s.String()
}

func TestTokenFitsTheCallbackData(t *testing.T) {
	const callbackData = 512 // Cloud API fact sheet 1.2
	longest := job.Token{
		Namespace: strings.Repeat("n", 64), Attempt: 1 << 31,
		Key: job.Key{Campaign: strings.Repeat("c", 64), ID: strings.Repeat("i", 128)},
	}
	if n := len(longest.String()); n > callbackData || n > 64+220 {
		t.Errorf("the longest token has %d characters", n)
	}
}

func TestParseTokenRefuses(t *testing.T) {
	for name, in := range map[string]string{
		"nothing":               "",
		"another system's data": "order 4711",
		"too few parts":         "wacast/1/1/c",
		"too many parts":        "wacast/1/1/c/a/b",
		"another version":       "wacast/2/1/c/a",
		"attempt 0":             "wacast/1/0/c/a",
		"attempt -1":            "wacast/1/-1/c/a",
		"attempt 01":            "wacast/1/01/c/a",
		"attempt +1":            "wacast/1/+1/c/a",
		"no attempt":            "wacast/1//c/a",
		"no campaign":           "wacast/1/1//a",
		"no id":                 "wacast/1/1/c/",
		"a campaign with colon": "wacast/1/1/c:c/a",
		"an id with a dot":      "wacast/1/1/c/a.a",
		"an id too long":        "wacast/1/1/c/" + strings.Repeat("a", 129),
	} {
		if token, ok := job.ParseToken(in); ok {
			t.Errorf("%s is read as %+v", name, token)
		}
	}
}

func FuzzParseToken(f *testing.F) {
	f.Add("wacast/1/1/_/a")
	f.Add("wacast/1/12/reminders-2026-11-23/appt-8812:reminder")
	f.Add("/1/1/c/a")
	f.Add("wacast/1/99999999999999999999/c/a")
	f.Fuzz(func(t *testing.T, s string) {
		if token, ok := job.ParseToken(s); ok && token.String() != s {
			t.Errorf("%q is read as %q", s, token.String())
		}
	})
}
