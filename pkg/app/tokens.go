package app

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/wacast/wacast/pkg/sender"
	"github.com/wacast/wacast/pkg/whatsapp"
)

const (
	// tokensEvery is how often the API is asked about each token, and tokensRetry how
	// soon again when it did not say. A token that was replaced is asked about at once.
	tokensEvery   = 24 * time.Hour
	tokensRetry   = 15 * time.Minute
	tokensLook    = time.Minute
	tokensTimeout = 10 * time.Second
)

// tokens asks the API about the access tokens, so that one which is about to expire
// is known of before nothing is sent any more. Nothing else depends on it.
type tokens struct {
	api interface {
		Token(ctx context.Context, token string) (whatsapp.Token, error)
	}
	accounts []*sender.Account
	log      *slog.Logger

	expires, valid *prometheus.GaugeVec
	asked          map[*sender.Account]askedToken
}

// askedToken is what was asked last of an account, and when to ask again.
type askedToken struct {
	value string
	again time.Time
}

func newTokens(api *whatsapp.Client, accounts []*sender.Account, registerer prometheus.Registerer, log *slog.Logger) *tokens {
	t := &tokens{
		api: api, accounts: accounts, log: log, asked: make(map[*sender.Account]askedToken),
		expires: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "wacast_token_expires_timestamp_seconds",
			Help: "When the account's access token expires, as Unix time; accounts whose token never does are left out.",
		}, []string{"account"}),
		valid: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "wacast_token_valid",
			Help: "1 while the platform takes the account's access token, 0 when it said that it does not; left out until it said either.",
		}, []string{"account"}),
	}
	registerer.MustRegister(t.expires, t.valid)
	return t
}

// watchTokens keeps asking until the app stops.
func (a *App) watchTokens(api *whatsapp.Client) {
	t := newTokens(api, a.accounts.Accounts(), a.registry, a.log)
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { t.run(ctx) })
	a.closer("tokens", func() { cancel(); running.Wait() })
}

func (t *tokens) run(ctx context.Context) {
	tick := time.NewTicker(tokensLook)
	defer tick.Stop()
	for {
		for _, account := range t.accounts {
			t.look(ctx, account, time.Now())
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// look asks about an account's token if it is another one, or if it is time to.
func (t *tokens) look(ctx context.Context, account *sender.Account, now time.Time) {
	value, err := account.Token.Value()
	if err != nil {
		return // the worker says so, with the file's name
	}
	if last := t.asked[account]; last.value == value && now.Before(last.again) {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, tokensTimeout)
	defer cancel()
	token, err := t.api.Token(ctx, value)
	if ctx.Err() != nil && err != nil {
		return
	}
	wait := tokensEvery + rand.N(tokensEvery/10) // replicas do not ask together
	if !t.judge(account.WABA, token, err) {
		wait = tokensRetry
	}
	t.asked[account] = askedToken{value, now.Add(wait)}
}

// judge notes what the API said, and reports whether it said anything of the token.
func (t *tokens) judge(waba string, token whatsapp.Token, err error) bool {
	var e *whatsapp.Error
	switch {
	case err == nil:
		t.valid.WithLabelValues(waba).Set(1)
		if token.Expires.IsZero() {
			t.expires.DeleteLabelValues(waba)
			return true
		}
		t.expires.WithLabelValues(waba).Set(float64(token.Expires.Unix()))
		if left := time.Until(token.Expires); left < soon {
			t.log.Warn("an access token expires soon", "account", waba, "in", roughly(left), "do", howToken)
		}
		return true
	case errors.As(err, &e) && e.DeadToken():
		t.valid.WithLabelValues(waba).Set(0)
		t.log.Error("the platform does not take an access token", "account", waba, "error", err)
		return true
	}
	t.log.Debug("the API does not tell about an access token", "account", waba, "error", err)
	return false
}
