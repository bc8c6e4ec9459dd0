package app

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/wacast/wacast/pkg/sender"
	"github.com/wacast/wacast/pkg/whatsapp"
)

// proofEvery is how soon a rotated secret is noticed, beside what its file takes; a
// rotated token is at once.
const proofEvery = time.Second

// proofs makes the proof of each account's token. It is asked before every message.
//
// Of several secrets it takes the first, after a refusal the next, and one that changes at
// once: which of them the platform takes while one is rotated, or which is that of the
// token's app where an account has webhooks of several, only the platform knows.
type proofs struct {
	mu     sync.Mutex
	read   time.Time
	owners []*owner
	known  map[string]string // by token
}

// owner is an account with a token and secrets.
type owner struct {
	account *sender.Account
	secrets []string // as they were read last; empty where one never could be
	place   int      // of the one that makes the proofs
	// token is the account's, and before the one it had: a message may be under way to
	// ask with it.
	token, before string
}

// prove has the calls of a client carry proofs, where they are wanted: one made with the
// secret of another app than the token's would have every call refused.
func (c *Config) prove(api whatsapp.Config, accounts []*sender.Account) whatsapp.Config {
	if c.AppSecretProof != "on" {
		return api
	}
	p := new(proofs)
	for _, a := range accounts {
		if a.Token != nil && len(a.AppSecrets) > 0 {
			p.owners = append(p.owners, newOwner(a))
		}
	}
	api.Proof, api.ProofRefused = p.of, p.refused
	return api
}

// of is empty for a token whose account has no secret.
func (p *proofs) of(token string) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	if _, ok := p.known[token]; !ok || time.Since(p.read) >= proofEvery {
		p.refresh()
	}
	return p.known[token]
}

// refused takes the next secret, unless that was done since the proof was made.
func (p *proofs) refused(token, proof string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.known[token] != proof {
		return
	}
	for _, o := range p.owners {
		if token == o.token || token == o.before {
			o.place++
		}
	}
	p.refresh()
}

// refresh reads tokens and secrets as they are now. p.mu is held.
func (p *proofs) refresh() {
	p.read, p.known = time.Now(), make(map[string]string, 2*len(p.owners))
	for _, o := range p.owners {
		if token, err := o.account.Token.Value(); err == nil && token != o.token {
			o.token, o.before = token, o.token
		}
		secret := o.secret()
		if secret == "" {
			continue
		}
		for _, token := range []string{o.before, o.token} {
			if token != "" {
				p.known[token] = whatsapp.AppSecretProof(secret, token)
			}
		}
	}
}

func newOwner(a *sender.Account) *owner {
	return &owner{account: a, secrets: make([]string, len(a.AppSecrets))}
}

// secret is the one whose turn it is. One that cannot be read is passed over; without
// any the API says what is missing.
func (o *owner) secret() string {
	for i, s := range o.account.AppSecrets {
		value, err := s.Value()
		if err != nil {
			continue // it keeps what it was
		}
		if o.secrets[i] != "" && o.secrets[i] != value {
			o.place = i
		}
		o.secrets[i] = value
	}
	for i := range o.secrets {
		if value := o.secrets[(o.place+i)%len(o.secrets)]; value != "" {
			return value
		}
	}
	return ""
}

// watchProofs has each replica find out which secret is taken as soon as any of them
// meets a refusal: the next message to be tried may be this one's.
func (a *App) watchProofs(api *whatsapp.Client, stops *sender.Stops) {
	if a.cfg.AppSecretProof != "on" {
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() {
		for ctx.Err() == nil {
			changed := stops.Changed()
			for _, stop := range stops.List() {
				a.learnProof(ctx, api, stop)
			}
			select {
			case <-ctx.Done():
			case <-changed:
			}
		}
	})
	a.closer("proofs", func() { cancel(); running.Wait() })
}

// learnProof asks something that changes nothing; the client takes another secret where
// it is refused.
func (a *App) learnProof(ctx context.Context, api *whatsapp.Client, stop sender.Stop) {
	if stop.Scope != sender.ScopeAccount || !whatsapp.AboutProof(stop.Code, stop.Detail) {
		return
	}
	for _, account := range a.accounts.Accounts() {
		if account.WABA != stop.Name || len(account.AppSecrets) < 2 {
			continue
		}
		if token, err := account.Token.Value(); err == nil {
			ctx, cancel := context.WithTimeout(ctx, tokensTimeout)
			_, _ = api.Token(ctx, token) // what else is wrong with it, the stop and the metrics say
			cancel()
		}
	}
}

// checkProof finds accounts that could prove nothing.
func (c *Config) checkProof() error {
	if c.AppSecretProof != "on" {
		return nil
	}
	var bad []error
	if c.AccessToken != nil && c.AppSecret == nil {
		bad = append(bad, errors.New("the app secret of access_token is missing: app_secret_file ("+envPrefix+"APP_SECRET_FILE)"))
	}
	for _, a := range c.Accounts {
		if len(a.AppSecretFiles) == 0 {
			bad = append(bad, fmt.Errorf("account %s has no app_secret_files", a.WABAID))
		}
	}
	if len(bad) == 0 {
		return nil
	}
	return settingError("app_secret_proof", fmt.Errorf("is on, but %w", errors.Join(bad...)))
}
