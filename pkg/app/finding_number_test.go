package app

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/wacast/wacast/pkg/whatsapp"
)

// What no simulated number says.
func TestCanSend(t *testing.T) {
	limited := whatsapp.Health{CanSend: "LIMITED", Entities: []whatsapp.HealthEntity{
		{Type: "PHONE_NUMBER", CanSend: "LIMITED", Info: []string{"The display name is not approved yet."}}, {Type: "WABA", CanSend: "AVAILABLE"},
	}}
	blocked := whatsapp.Health{CanSend: "BLOCKED", Entities: []whatsapp.HealthEntity{
		{Type: "WABA", CanSend: "BLOCKED", Errors: []whatsapp.HealthError{{Code: 141006, Description: "Payment failed.", Solution: "Add a card."}}},
	}}
	tests := []struct {
		name   string
		number whatsapp.Number
		want   Finding
	}{
		{"limited", whatsapp.Number{VerifiedName: "Acme", Status: "CONNECTED", Health: limited},
			Finding{"number 1", Warning, "Acme, connected; it can send, with limits: phone_number: The display name is not approved yet.", "WhatsApp Manager shows what is missing."}},
		{"blocked", whatsapp.Number{VerifiedName: "Acme", Health: blocked},
			Finding{"number 1", Failed, "Acme; it cannot send: waba: 141006 Payment failed.", "Add a card."}},
		{"blocked, nobody says why", whatsapp.Number{VerifiedName: "Acme", Health: whatsapp.Health{CanSend: "BLOCKED"}},
			Finding{"number 1", Failed, "Acme; it cannot send: no reason is given", "WhatsApp Manager shows what is missing."}},
		{"flagged", whatsapp.Number{VerifiedName: "Acme", Status: "FLAGGED"},
			Finding{"number 1", Warning, "Acme, flagged", "If sends are refused: register the number with the Cloud API, or look at it in WhatsApp Manager."}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var x examination
			x.canSend("1", tt.number)
			if diff := cmp.Diff([]Finding{tt.want}, x.findings); diff != "" {
				t.Errorf("finding (-want +got):\n%s", diff)
			}
		})
	}
}

func TestJudgeToken(t *testing.T) {
	tests := []struct {
		name  string
		token whatsapp.Token
		want  Level
		text  string
	}{
		{"all permissions", whatsapp.Token{Scopes: []string{scopeManagement, scopeMessaging}}, OK, "valid, without an end"},
		{"permissions untold", whatsapp.Token{}, OK, "valid, without an end"},
		{"cannot send", whatsapp.Token{Scopes: []string{scopeManagement}}, Failed, "it lacks the permission whatsapp_business_messaging: it cannot send"},
		{"cannot read", whatsapp.Token{Scopes: []string{scopeMessaging}}, Warning, "it lacks the permission whatsapp_business_management: account, webhook and templates cannot be read"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var x examination
			x.judgeToken("token", tt.token)
			if f := x.findings[0]; f.Level != tt.want || f.Text != tt.text {
				t.Errorf("%+v", f)
			}
		})
	}
}

func TestRoughly(t *testing.T) {
	for d, want := range map[time.Duration]string{
		23*time.Hour + 59*time.Minute: "23 hours", 50 * time.Hour: "2 days", 26 * time.Hour: "26 hours", 90 * time.Minute: "90 minutes", 70 * time.Second: "a minute", 0: "a minute",
	} {
		if got := roughly(d); got != want {
			t.Errorf("%s: %s, want %s", d, got, want)
		}
	}
}
