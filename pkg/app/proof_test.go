package app

import (
	"errors"
	"testing"

	"github.com/wacast/wacast/pkg/sender"
	"github.com/wacast/wacast/pkg/whatsapp"
)

// changing is a secret that a test rotates; an empty one cannot be read.
type changing string

func (c *changing) Value() (string, error) {
	if *c == "" {
		return "", errors.New("no such file")
	}
	return string(*c), nil
}

// Which secret makes the proof, of which token, while either is rotated.
func TestProofs(t *testing.T) {
	token, first, second := changing("t1"), changing("s1"), changing("s2")
	cfg := Config{AppSecretProof: "on"}
	account := &sender.Account{WABA: "1", Token: &token, AppSecrets: []sender.Secret{&first, &second}}
	bare := &sender.Account{WABA: "2", Token: sender.Literal("t9")}
	api := cfg.prove(whatsapp.Config{}, []*sender.Account{bare, account})
	var p *proofs // its secrets are looked at in each step, as if a second had gone by
	step := func(what, of, secret string) {
		t.Helper()
		want := ""
		if secret != "" {
			want = whatsapp.AppSecretProof(secret, of)
		}
		if got := p.of(of); got != want {
			t.Errorf("%s: the proof of %s is %.8s, want %.8s with %s", what, of, got, want, secret)
		}
	}
	p = &proofs{owners: []*owner{newOwner(account)}}
	later := func() { p.refresh() }

	if got := api.Proof("t1"); got != whatsapp.AppSecretProof("s1", "t1") {
		t.Errorf("the client gets %s", got)
	}
	step("at first", "t1", "s1")
	step("an account without secrets", "t9", "")
	token = "t2"
	step("a new token is known at once", "t2", "s1")
	step("and the one before, of which a message is under way", "t1", "s1")
	old := p.of("t2")
	p.refused("t2", old)
	step("after a refusal", "t2", "s2")
	p.refused("t2", old)
	step("a refusal of what went before changes nothing", "t2", "s2")
	p.refused("t2", p.of("t2"))
	step("and round again", "t2", "s1")
	second = "s3"
	later()
	step("one that changes is the new one", "t2", "s3")
	p.refused("t2", p.of("t2"))
	step("unless it is not taken", "t2", "s1")
	first = ""
	later()
	step("a file that is away is as it was", "t2", "s1")
	if off := (&Config{AppSecretProof: "off"}).prove(whatsapp.Config{}, []*sender.Account{account}); off.Proof != nil || off.ProofRefused != nil {
		t.Error("proofs are made though they are off")
	}
}
