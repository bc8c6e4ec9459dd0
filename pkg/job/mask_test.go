package job_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/wacast/wacast/pkg/job"
)

const (
	secretDigits = "5491155550100"
	secretWamid  = "wamid.HBgNNTQ5MTE1NTU1MDEwMBUCABEYEjQwNUEyRDk4QjE3QUYyQzU2RAA="
	secretUser   = "AR.13491208655302741918"
)

// secretJob holds the number in every place a number can be in.
func secretJob() job.Job {
	return job.Job{
		V: 1, ID: "a", Campaign: "c", From: "1", To: "+" + secretDigits,
		Template: job.Template{
			Name: "t", Language: "es",
			Params:     &job.Params{Body: job.Positional(secretDigits)},
			Components: json.RawMessage(`["` + secretDigits + `"]`),
			Vars:       map[string]any{"phone": "+" + secretDigits},
		},
		Metadata: json.RawMessage(`{"phone":"` + secretDigits + `"}`),
	}
}

func secretEvent() job.Event {
	return job.NewEvent("test", time.Unix(0, 0), job.EventData{
		Kind: job.Accepted, Campaign: "c", ID: "a", From: "1", To: "+" + secretDigits, WaID: secretDigits, UserID: secretUser,
		Wamid: secretWamid, Text: secretDigits, Payload: secretDigits, Detail: secretDigits,
		Metadata: json.RawMessage(`{"phone":"` + secretDigits + `"}`),
	})
}

// TestNothingPrintsANumber prints and logs, in every way, each type that holds a
// number.
func TestNothingPrintsANumber(t *testing.T) {
	j, e := secretJob(), secretEvent()
	user := job.Job{ID: "a", UserID: secretUser}
	values := map[string]any{
		"Phone": j.To, "WaID": e.Data.WaID, "Wamid": e.Data.Wamid,
		"Job": j, "*Job": &j, "Template": j.Template, "*Template": &j.Template, "Job to a user": user, "*Job to a user": &user,
		"Event": e, "*Event": &e, "EventData": e.Data, "*EventData": &e.Data,
		"[]Phone": []job.Phone{j.To}, "[]Job": []job.Job{j}, "struct": struct {
			J job.Job
			E job.EventData
		}{j, e.Data},
	}
	for name, value := range values {
		t.Run(name, func(t *testing.T) {
			for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%30s", "%-30q"} {
				noSecret(t, verb, fmt.Sprintf(verb, value))
			}
			noSecret(t, "Sprint", fmt.Sprint(value))
			noSecret(t, "text", logged(value, func(b *bytes.Buffer) slog.Handler { return slog.NewTextHandler(b, nil) }))
			if name == "struct" || strings.HasPrefix(name, "[]") {
				return // a JSON handler writes these as they are on the wire
			}
			noSecret(t, "JSON", logged(value, func(b *bytes.Buffer) slog.Handler { return slog.NewJSONHandler(b, nil) }))
		})
	}
}

func logged(value any, handler func(*bytes.Buffer) slog.Handler) string {
	var b bytes.Buffer
	slog.New(handler(&b)).Info("sent", "value", value)
	return b.String()
}

func noSecret(t *testing.T, how, out string) {
	t.Helper()
	hex := fmt.Sprintf("%x", secretDigits)
	for _, secret := range []string{secretDigits, secretWamid, secretUser, hex, strings.ToUpper(hex), secretWamid[10:30]} {
		if strings.Contains(out, secret) {
			t.Errorf("%s shows %q", how, out)
			return
		}
	}
	if out == "" {
		t.Errorf("%s shows nothing", how)
	}
}

func TestPhoneString(t *testing.T) {
	for in, want := range map[job.Phone]string{
		"+5491155550100":    "+549********00",
		"+1234567":          "+*****67",
		"5491155550100":     "5491*******00",
		"":                  "",
		"+12":               "***",
		"+1234567890123456": "+123***********56",
	} {
		if got := in.String(); got != want {
			t.Errorf("%d digits: %q, want %q", len(in), got, want)
		}
	}
}

func TestMaskedValuesKeepTheirUse(t *testing.T) {
	j := secretJob()
	const want = "job c/a from 1 to +549********00: t/es"
	if got := fmt.Sprint(&j); got != want {
		t.Errorf("a job prints as %q, want %q", got, want)
	}
	e := secretEvent()
	e.Data.Reason = job.ReasonTimeout
	if got, want := fmt.Sprint(e), "accepted c/a to +549********00: timeout"; got != want {
		t.Errorf("an event prints as %q, want %q", got, want)
	}
	if got, want := fmt.Sprintf("%16s|%-16v|%q", j.To, j.To, j.To), `  +549********00|+549********00  |"+549********00"`; got != want {
		t.Errorf("width and quotes: %q, want %q", got, want)
	}
	if got, want := e.Data.Wamid.String(), "…U2RAA="; got != want {
		t.Errorf("a wamid prints as %q, want %q", got, want)
	}
	data, err := json.Marshal(j.To)
	if err != nil || string(data) != `"+`+secretDigits+`"` {
		t.Errorf("on the wire a number is %s, %v", data, err)
	}
}
