package job_test

import (
	"strings"
	"testing"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/wacast/wacast/pkg/job"
)

var (
	payloadKey  = []byte("0123456789abcdef0123456789abcdef")
	reminderKey = job.Key{Campaign: "reminders-2026-11-23", ID: "appt-8812-reminder"}
)

func TestSignPayload(t *testing.T) {
	longest := job.Key{Campaign: strings.Repeat("c", 64), ID: strings.Repeat("i", 128)}
	room := job.MaxPayload - len("wc1.") - 12 - len("/1/") - 64 - len("/") - 128 - len("/")
	tests := []struct {
		name   string
		key    []byte
		job    job.Key
		author string
		ok     bool
	}{
		{"an author's payload", payloadKey, reminderKey, "confirm", true},
		{"none", payloadKey, reminderKey, "", true},
		{"slashes and spaces", payloadKey, reminderKey, "a/b c//", true},
		{"one of wacast's own form", payloadKey, reminderKey, "wc1.AAAAAAAAAAAA/1/_/x/", true},
		{"no campaign", payloadKey, job.Key{ID: "a:1"}, "sí, confirmo ✅", true},
		{"the longest", payloadKey, longest, strings.Repeat("x", room), true},
		{"one too many", payloadKey, longest, strings.Repeat("x", room+1), false},
		{"the longest, not ASCII", payloadKey, longest, strings.Repeat("ñ", room), true},
		{"beyond the basic plane", payloadKey, longest, strings.Repeat("👍", room/2), true},
		{"beyond it, one too many", payloadKey, longest, strings.Repeat("👍", room/2+1), false},
		{"no UTF-8", payloadKey, reminderKey, "a\xff", false},
		{"no key", nil, reminderKey, "confirm", false},
		{"no job", payloadKey, job.Key{}, "confirm", false},
		{"an id with a slash", payloadKey, job.Key{ID: "a/b"}, "confirm", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			signed, ok := job.SignPayload(tt.key, tt.job, 1, tt.author)
			if ok != tt.ok || !ok && signed != "" {
				t.Fatalf("%q, %v", signed, ok)
			}
			if !ok {
				return
			}
			if n := utf8.RuneCountInString(signed); n > job.MaxPayload {
				t.Errorf("%d characters", n)
			}
			got, status := job.ParsePayload(tt.key, signed)
			want := job.SignedPayload{Key: tt.job, Attempt: 1, Author: tt.author}
			if status != job.PayloadValid || got != want {
				t.Errorf("%q is read as %+v, %v", signed, got, status)
			}
		})
	}
}

// A recipient can write what they like: nothing but what was signed counts as signed.
func TestParsePayloadOfOthers(t *testing.T) {
	signed, _ := job.SignPayload(payloadKey, reminderKey, 2, "confirm")
	other, _ := job.SignPayload(payloadKey, reminderKey, 2, "decline")
	for name, tt := range map[string]struct {
		payload string
		want    job.PayloadStatus
	}{
		"none":                   {"", job.PayloadNone},
		"the author's own":       {"confirm", job.PayloadNone},
		"a label":                {"Stop promotions", job.PayloadNone},
		"another version":        {"wc2" + signed[3:], job.PayloadNone},
		"the mark alone":         {"wc1.", job.PayloadForged},
		"another author":         {strings.Replace(signed, "confirm", "decline", 1), job.PayloadForged},
		"another job":            {strings.Replace(signed, "8812", "8813", 1), job.PayloadForged},
		"another attempt":        {strings.Replace(signed, "/2/", "/1/", 1), job.PayloadForged},
		"the code of another":    {other[:16] + signed[16:], job.PayloadForged},
		"cut off":                {signed[:len(signed)-1], job.PayloadForged},
		"with something after":   {signed + " ", job.PayloadForged},
		"in upper case":          {strings.ToUpper(signed), job.PayloadNone},
		"with an upper-case tap": {signed[:4] + strings.ToUpper(signed[4:]), job.PayloadForged},
	} {
		if got, status := job.ParsePayload(payloadKey, tt.payload); status != tt.want || got != (job.SignedPayload{}) {
			t.Errorf("%s: %+v, %v", name, got, status)
		}
	}
	for _, key := range [][]byte{nil, []byte("another key")} {
		if got, status := job.ParsePayload(key, signed); status != job.PayloadForged || got != (job.SignedPayload{}) {
			t.Errorf("with key %q: %+v, %v", key, got, status)
		}
	}
}

// The form may not change: buttons that were sent are tapped days later.
func TestPayloadForm(t *testing.T) {
	const want = "wc1.cvItrjusr4j2/1/reminders-2026-11-23/appt-8812-reminder/confirm"
	if got, _ := job.SignPayload(payloadKey, reminderKey, 1, "confirm"); got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

// FuzzParsePayload: nothing panics, nothing that was not signed is valid, and what
// was signed comes back as it was, within the limit however one counts.
func FuzzParsePayload(f *testing.F) {
	signed, _ := job.SignPayload(payloadKey, reminderKey, 1, "confirm")
	f.Add(signed, "confirm", "appt-1", 1)
	f.Add("wc1.", "ñ👍", "a:b", 0)
	f.Add("wc1.AAAAAAAAAAAA/1/_/x/", strings.Repeat("é", 200), "", -1)
	f.Fuzz(func(t *testing.T, s, author, id string, attempt int) {
		if got, status := job.ParsePayload(payloadKey, s); status == job.PayloadValid {
			if again, _ := job.SignPayload(payloadKey, got.Key, got.Attempt, got.Author); again != s {
				t.Fatalf("%q is valid and was not signed", s)
			}
		} else if got != (job.SignedPayload{}) {
			t.Fatalf("%q is %v and says %+v", s, status, got)
		}
		want := job.SignedPayload{Key: job.Key{ID: id}, Attempt: attempt, Author: author}
		signed, ok := job.SignPayload(payloadKey, want.Key, attempt, author)
		if !ok {
			return
		}
		if n := len(utf16.Encode([]rune(signed))); n > job.MaxPayload {
			t.Errorf("%d characters", n)
		}
		if got, status := job.ParsePayload(payloadKey, signed); status != job.PayloadValid || got != want {
			t.Errorf("%+v came back as %+v, %v", want, got, status)
		}
		if _, status := job.ParsePayload(payloadKey[1:], signed); status != job.PayloadForged {
			t.Errorf("another key: %v", status)
		}
	})
}

func BenchmarkSignPayload(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		job.SignPayload(payloadKey, reminderKey, 1, "confirm")
	}
}
