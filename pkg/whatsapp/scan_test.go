package whatsapp

import (
	"testing"
)

const usual = `{"messaging_product":"whatsapp","contacts":[{"input":"+447700900456","wa_id":"447700900456"}],"messages":[{"id":"wamid.HBgM=="}]}`

func TestScanAcceptedTakesTheUsualForm(t *testing.T) {
	for body, want := range map[string]Accepted{
		usual: {MessageID: "wamid.HBgM==", WaID: "447700900456", Status: StatusAccepted},
		`{"messaging_product":"whatsapp","contacts":[{"input":"x","wa_id":"1"}],"messages":[{"id":"w","message_status":"held_for_quality_assessment"}]}`: {MessageID: "w", WaID: "1", Status: StatusHeld},
	} {
		if got, ok := scanAccepted([]byte(body)); !ok || got != want {
			t.Errorf("%s: %v %#v", body, ok, got)
		}
	}
}

// Whatever the scanner takes, encoding/json reads the same; what it does not take
// is no loss.
func FuzzScanAccepted(f *testing.F) {
	f.Add([]byte(usual))
	f.Add([]byte(usual[:len(usual)-1]))
	f.Add([]byte(`{"messaging_product":"whatsapp","contacts":[{"input":"\"","wa_id":"1"}],"messages":[{"id":"w"}]}`))
	f.Add([]byte(usual + " "))
	f.Add([]byte(`{"messaging_product":"whatsapp","contacts":[{"input":"","wa_id":""}],"messages":[{"id":"","message_status":"new"}]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		got, ok := scanAccepted(body)
		if !ok {
			return
		}
		a, err := parseAnswer(body)
		if err != nil || len(a.Messages) != 1 {
			t.Fatalf("%q is no answer, but was taken as %#v", body, got)
		}
		if want := accepted(&a, usageHeaders{}); got != want {
			t.Fatalf("%q: %#v, encoding/json reads %#v", body, got, want)
		}
	})
}
