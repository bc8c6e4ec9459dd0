package app_test

import (
	"strings"
	"testing"

	"github.com/wacast/wacast/pkg/app"
	"github.com/wacast/wacast/pkg/queue"
	"github.com/wacast/wacast/pkg/recipient"
)

var _ recipient.Bucket = (*queue.Bucket)(nil)

func TestConsentSettings(t *testing.T) {
	for name, wrong := range map[string][]string{
		"identity_key (WACAST_IDENTITY_KEY)":         {"WACAST_IDENTITY_KEY=short"},
		"consent.keywords_out (WACAST_CONSENT_KEYW":  {"WACAST_CONSENT_KEYWORDS_OUT=es: !!!"},
		"consent.scope (WACAST_CONSENT_SCOPE)":       {"WACAST_CONSENT_SCOPE=some"},
		"consent.bad_after (WACAST_CONSENT_BAD_AFTE": {"WACAST_CONSENT_BAD_AFTER=0"},
	} {
		if _, _, err := app.Load(app.Sources{Environ: wrong}); err == nil || !strings.Contains(err.Error(), name) || strings.Contains(err.Error(), "short") && !strings.Contains(err.Error(), "identity key: must") {
			t.Errorf("%v: %v", wrong, err)
		}
	}
	cfg, _, err := app.Load(app.Sources{Environ: []string{"WACAST_CONSENT_KEYWORDS_OUT=+ es: basta", "WACAST_CONSENT_KEYWORDS_IN=hola"}})
	if err != nil {
		t.Fatal(err)
	}
	words, err := cfg.Keywords()
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string][2]bool{"¡Basta!": {true, false}, "stop": {true, false}, "hola": {false, true}, "start": {}} {
		if out, in := words.Match(text); out != want[0] || in != want[1] {
			t.Errorf("%q = %v, %v", text, out, in)
		}
	}
}
