package app

import (
	"sync"
	"time"

	"github.com/wacast/wacast/pkg/sender"
	"github.com/wacast/wacast/pkg/whatsapp"
)

// proofEvery is how soon a rotated secret is noticed; a rotated token is at once.
const proofEvery = time.Second

// proofs knows the proof of each account's token. It is asked before every message.
type proofs struct {
	accounts []*sender.Account

	mu    sync.Mutex
	read  time.Time
	known map[string]string
}

// appSecretProof is nil where proofs are not wanted: one made with the secret of
// another app than the token's would have every call refused.
func (c *Config) appSecretProof(accounts []*sender.Account) func(token string) string {
	if c.AppSecretProof != "on" {
		return nil
	}
	p := &proofs{accounts: accounts}
	return p.of
}

// of is empty for a token whose account has no secret.
func (p *proofs) of(token string) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	proof, ok := p.known[token]
	if now := time.Now(); !ok || now.Sub(p.read) >= proofEvery {
		p.read = now
		p.refresh()
		proof = p.known[token]
	}
	return proof
}

// refresh takes the first of an account's secrets. One that cannot be read is none:
// the API says then what is missing. p.mu is held.
func (p *proofs) refresh() {
	p.known = make(map[string]string, len(p.accounts))
	for _, a := range p.accounts {
		if a.Token == nil || len(a.AppSecrets) == 0 {
			continue
		}
		token, err := a.Token.Value()
		if err != nil {
			continue
		}
		if secret, err := a.AppSecrets[0].Value(); err == nil {
			p.known[token] = whatsapp.AppSecretProof(secret, token)
		}
	}
}
