package app

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/wacast/wacast/pkg/sender"
	"github.com/wacast/wacast/pkg/whatsapp"
)

// Permissions of a token.
const (
	scopeMessaging  = "whatsapp_business_messaging"
	scopeManagement = "whatsapp_business_management"
)

// soon is when the end of a token is worth a warning.
const soon = 7 * 24 * time.Hour

func (x *examination) accounts(ctx context.Context, accounts []*sender.Account) {
	defer x.api.Close()
	for _, a := range accounts {
		token, err := a.Token.Value()
		if err != nil {
			x.fail(x.of("token", a), err.Error(), howToken)
			continue
		}
		if x.token(ctx, a, token) {
			x.account(ctx, a, token)
		}
	}
}

// token reports whether it makes sense to ask the API more.
func (x *examination) token(ctx context.Context, a *sender.Account, token string) bool {
	name := x.of("token", a)
	t, err := x.api.Token(ctx, token)
	var e *whatsapp.Error
	switch {
	case err == nil:
		x.judgeToken(name, t)
		if x.cfg.AppSecretProof == "on" {
			x.ok(x.of("app secret", a), "every call carries its proof, which the API takes")
		}
		return true
	case errors.As(err, &e) && e.RefusesProof():
		x.refused(x.of("app secret", a), err, "")
		return false
	case errors.As(err, &e) && e.DeadToken():
		x.refused(name, err, howToken)
		return false
	case e != nil && e.Coded():
		// Some tokens may not be asked about; what follows shows whether it works.
		x.warn(name, "the API does not tell about it: "+strings.TrimSuffix(err.Error(), "; "+e.Remedy()), e.Remedy())
		return true
	}
	x.refused(name, err, "")
	return false
}

func (x *examination) judgeToken(name string, t whatsapp.Token) {
	left := time.Until(t.Expires)
	switch {
	case len(t.Scopes) > 0 && !slices.Contains(t.Scopes, scopeMessaging):
		x.fail(name, "it lacks the permission "+scopeMessaging+": it cannot send", howToken)
	case len(t.Scopes) > 0 && !slices.Contains(t.Scopes, scopeManagement):
		x.warn(name, "it lacks the permission "+scopeManagement+": account, webhook and templates cannot be read", howToken)
	case t.Expires.IsZero():
		x.ok(name, "valid, without an end")
	case left < soon:
		x.warn(name, fmt.Sprintf("valid, but only until %s (%s)", t.Expires.UTC().Format("2006-01-02 15:04 MST"), roughly(left)),
			"Good for a first try; for production make a token of a system user that does not end.")
	default:
		x.ok(name, "valid until %s", t.Expires.UTC().Format(time.DateOnly))
	}
}

// roughly says a duration in its largest whole unit.
func roughly(d time.Duration) string {
	for _, unit := range []struct {
		size time.Duration
		name string
	}{{24 * time.Hour, "days"}, {time.Hour, "hours"}, {time.Minute, "minutes"}} {
		if n := int(d / unit.size); n > 1 {
			return fmt.Sprintf("%d %s", n, unit.name)
		}
	}
	return "a minute"
}

// account looks at numbers, account, webhook and templates.
func (x *examination) account(ctx context.Context, a *sender.Account, token string) {
	ids := a.Numbers
	if x.from != "" {
		ids = []string{x.from}
	}
	for _, id := range ids {
		x.number(ctx, id, token)
	}
	if a.WABA == sender.DefaultWABA {
		x.warn("account", "waba_id is not set: account, webhook and templates are not looked at", howWABA)
		if len(ids) == 0 {
			x.warn("number", "no number is known", "Name one: wacast check --from PHONE_NUMBER_ID")
		}
		return
	}
	if !x.waba(ctx, a, token) {
		return
	}
	x.members(ctx, a, token, ids)
	x.webhook(ctx, a, token)
	x.templates(ctx, a, token)
}

// waba reports whether the account can be read.
func (x *examination) waba(ctx context.Context, a *sender.Account, token string) bool {
	name := "account " + a.WABA
	account, err := x.api.Account(ctx, a.WABA, token)
	switch {
	case errors.Is(err, &whatsapp.Error{Code: 100, Subcode: 33}):
		x.refused(name, err, howWABA)
	case err != nil:
		x.refused(name, err, "")
	case account.Review != "" && account.Review != "APPROVED":
		x.warn(name, fmt.Sprintf("%s, its review is %s", account.Name, account.Review), "Look at the account's state in WhatsApp Manager.")
	default:
		x.ok(name, "%s", account.Name)
	}
	return err == nil
}

// members checks that the numbers belong to the account. Without any in the
// settings, the account's own are looked at.
func (x *examination) members(ctx context.Context, a *sender.Account, token string, ids []string) {
	name := x.of("numbers", a)
	numbers, err := x.api.Numbers(ctx, a.WABA, token)
	if err != nil {
		x.refused(name, err, "")
		return
	}
	own := make([]string, len(numbers))
	for i, n := range numbers {
		own[i] = n.ID
	}
	for _, id := range ids {
		if !slices.Contains(own, id) {
			x.fail("number "+id, "it is none of account "+a.WABA+", which has "+listed(own),
				"Correct waba_id, or the account that the number is listed in: its templates and its webhook are looked up there.")
		}
	}
	if len(ids) > 0 {
		return
	}
	if len(own) == 0 {
		x.warn(name, "the account has no phone number, or none was used yet", "Add one in WhatsApp Manager, or name one: wacast check --from PHONE_NUMBER_ID")
	}
	for _, id := range own {
		x.number(ctx, id, token)
	}
}

// webhook: sending needs none.
func (x *examination) webhook(ctx context.Context, a *sender.Account, token string) {
	name := x.of("webhook", a)
	apps, err := x.api.Subscriptions(ctx, a.WABA, token)
	switch {
	case err != nil:
		x.refused(name, err, "")
	case len(apps) == 0:
		x.warn(name, "no app is subscribed: delivered stays 0, and an outcome that is unknown cannot settle",
			"Sending needs nothing. To learn of deliveries, subscribe the app: POST /"+a.WABA+"/subscribed_apps.")
	default:
		names := make([]string, len(apps))
		for i, app := range apps {
			names[i] = app.Name
		}
		x.ok(name, "%s is subscribed", listed(names))
	}
}

// listed names the first of many.
func listed(names []string) string {
	const most = 5
	switch {
	case len(names) == 0:
		return "none"
	case len(names) > most:
		return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
	}
	return strings.Join(names, ", ")
}
