package whatsapp

import (
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

func TestScrub(t *testing.T) {
	for _, tt := range []struct{ in, want string }{
		{"", ""},
		{"body: number of localizable_params (1) does not match (3)", "body: number of localizable_params (1) does not match (3)"},
		{"Session has expired on Monday, 21-Sep-26 06:00:00 PDT", "Session has expired on Monday, 21-Sep-26 06:00:00 PDT"},
		{"dial tcp 192.168.100.200:8443: connection refused", "dial tcp 192.168.100.200:8443: connection refused"},
		{"(#131056) limit", "(#131056) limit"},
		{"(#2494100) down", "(#2494100) down"},
		{"to 447700900456", "to […]"},
		{"to +44 (7700) 900-456.", "to […]."},
		{"+447700900456", "[…]"},
		{"wamid.HBgMNDQ3NzAw+/=_- x", "[…] x"},
		{"token EAABsbCS1iHgBO7dzZC", "token […]"},
		{"bad " + testToken + "!", "bad [token]!"},
		{"user US.13491208655302741918", "user […]"},
		{"from https://a:b@cdn.example.test:8443/x?sig=1, code 403", "from [URL at cdn.example.test:8443] code 403"},
		{"bad \xff byte", "bad \ufffd byte"},
	} {
		if got := scrub(tt.in, testToken, 2494100); got != tt.want {
			t.Errorf("scrub(%q) = %q, want %q", tt.in, got, tt.want)
		}
	}
	long := scrub(strings.Repeat("é", 1000), "")
	if len(long) > maxText+len("…") || !strings.HasSuffix(long, "é…") {
		t.Errorf("long text became %d bytes: …%q", len(long), long[len(long)-8:])
	}
}

func TestPrintedValuesAreMasked(t *testing.T) {
	m := &Message{To: testPhone, Template: Template{Name: "hello", Language: "en", Components: []Component{body(text("Amina"))}}}
	a := Accepted{MessageID: "wamid.HBgMNDQ3NzAwOTAwNDU2FQIAERgSNTM1RUY1Q0ExNjIwOTM0MDg3AA==", WaID: "447700900456", Status: StatusHeld}
	var log strings.Builder
	slog.New(slog.NewTextHandler(&log, nil)).Info("sent", "message", m, "accepted", a)
	for _, got := range []string{log.String(), fmt.Sprint(m, *m, a), fmt.Sprintf("%v %+v %#v %#v", m, a, *m, a)} {
		for _, secret := range []string{"7700900456", "NDQ3NzAw", "Amina"} {
			if strings.Contains(got, secret) {
				t.Errorf("%q shows %q", got, secret)
			}
		}
		if !strings.Contains(got, "hello/en") || !strings.Contains(got, string(StatusHeld)) {
			t.Errorf("%q does not say what it is about", got)
		}
	}
}

func TestTraceID(t *testing.T) {
	for in, want := range map[string]string{
		"Az8or2yhqkZfEZ-_4Qn_Bam": "Az8or2yhqkZfEZ-_4Qn_Bam",
		"447700900456":            "",
		"a b":                     "",
		strings.Repeat("a", 65):   "",
		"":                        "",
	} {
		if got := traceID(in); got != want {
			t.Errorf("traceID(%q) = %q, want %q", in, got, want)
		}
	}
}
