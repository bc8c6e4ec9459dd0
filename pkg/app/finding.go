package app

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/wacast/wacast/pkg/sender"
	"github.com/wacast/wacast/pkg/whatsapp"
)

// Level says how much a [Finding] matters.
type Level string

// The levels. What is Failed keeps messages from being sent, or could not be seen.
const (
	OK      Level = "ok"
	Warning Level = "warning"
	Failed  Level = "failed"
)

// Finding is one thing that was looked at.
type Finding struct {
	// Name is what was looked at, such as token or number 106540352242922.
	Name  string `json:"name"`
	Level Level  `json:"level"`
	Text  string `json:"text"`
	// Remedy is what to do about it; empty if all is well.
	Remedy string `json:"remedy,omitempty"`
}

// Examine looks at all that sending needs: settings, the Cloud API's view of
// token, numbers, account, webhook and templates, then NATS and Redis. It changes
// nothing. from limits it to one number and its account; empty is all of them.
func Examine(ctx context.Context, cfg Config, from string) []Finding {
	x := &examination{cfg: cfg, from: from}
	if accounts := x.settings(); len(accounts) > 0 {
		x.accounts(ctx, accounts)
	}
	x.nats(ctx)
	x.redis(ctx)
	return x.findings
}

// examination collects findings.
type examination struct {
	cfg      Config
	from     string
	api      *whatsapp.Client
	findings []Finding
	// several says that findings have to name their account.
	several bool
}

func (x *examination) ok(name, format string, args ...any) {
	x.findings = append(x.findings, Finding{Name: name, Level: OK, Text: fmt.Sprintf(format, args...)})
}

func (x *examination) warn(name, text, remedy string) {
	x.findings = append(x.findings, Finding{Name: name, Level: Warning, Text: text, Remedy: remedy})
}

func (x *examination) fail(name, text, remedy string) {
	x.findings = append(x.findings, Finding{Name: name, Level: Failed, Text: text, Remedy: remedy})
}

// refused is a failure in the API's words. remedy replaces the general one.
func (x *examination) refused(name string, err error, remedy string) {
	text := err.Error()
	var e *whatsapp.Error
	if errors.As(err, &e) {
		text = strings.TrimSuffix(text, "; "+e.Remedy())
		if remedy == "" {
			remedy = e.Remedy()
		}
	}
	x.fail(name, text, remedy)
}

const (
	howToken = "Make a temporary token on the app's WhatsApp > API Setup page (it lasts 24 hours), or a lasting one of a system user in Business Settings, " +
		"with whatsapp_business_messaging and whatsapp_business_management; give it in WACAST_ACCESS_TOKEN_FILE."
	howNumber = "Take the phone number ID (not the telephone number) from the app's WhatsApp > API Setup page, and assign its account to the token's system user."
	howWABA   = "Set waba_id (WACAST_WABA_ID) to the WhatsApp Business Account ID that the app's WhatsApp > API Setup page shows, and assign it to the token's system user."
)

// settings finds the accounts that are examined; none if that cannot go on.
func (x *examination) settings() []*sender.Account {
	const name = "settings"
	directory, err := x.cfg.directory()
	if err != nil {
		x.fail(name, err.Error(), "Correct them; wacast config check tells whether they are right.")
		return nil
	}
	accounts := directory.Accounts()
	if len(accounts) == 0 {
		x.fail(name, "there is no access token", howToken)
		return nil
	}
	if x.from != "" {
		n, err := directory.Lookup(x.from)
		if err != nil {
			x.fail("number "+x.from, "it belongs to no account of the settings", "Add the number to the numbers of its account.")
			return nil
		}
		accounts = []*sender.Account{n.Account}
	}
	x.api, err = whatsapp.New(x.cfg.prove(whatsapp.Config{BaseURL: x.cfg.APIURL, Version: x.cfg.APIVersion, Timeout: x.cfg.SendTimeout}, accounts))
	if err != nil {
		x.fail(name, err.Error(), "Correct api.url (WACAST_API_URL) and api.version (WACAST_API_VERSION).")
		return nil
	}
	x.several = len(accounts) > 1
	x.ok(name, "account %s", listed(names(accounts)))
	if x.simulated() {
		x.warn("api", withoutPassword(x.cfg.APIURL)+" is not Meta's: a simulator reaches no phone", "To send for real, unset api.url (WACAST_API_URL).")
	}
	return accounts
}

func names(accounts []*sender.Account) []string {
	ids := make([]string, len(accounts))
	for i, a := range accounts {
		ids[i] = a.WABA
	}
	return ids
}

// simulated reports whether messages go elsewhere than to Meta.
func (x *examination) simulated() bool {
	u, err := url.Parse(x.cfg.APIURL)
	return err != nil || u.Host != "graph.facebook.com"
}

// of names a finding about an account.
func (x *examination) of(name string, a *sender.Account) string {
	if x.several {
		return name + " of " + a.WABA
	}
	return name
}
