package sender

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"github.com/wacast/wacast/pkg/job"
)

// ErrUnknown marks a number of no account.
var ErrUnknown = errors.New("number belongs to no account")

// DefaultWABA names the one account of a wacast that was configured without a
// list and without a WABA id.
const DefaultWABA = "default"

// Account is one WhatsApp Business Account and what is needed to send for it.
// It is read only once a [Directory] holds it.
type Account struct {
	// WABA is the account's id; [DefaultWABA] when none was given.
	WABA string
	// Portfolio is the business portfolio whose messaging limit the account shares.
	Portfolio string
	// Numbers are phone number ids. An account without numbers serves every
	// number that no other account has; there can be only one.
	Numbers []string
	// Token is the access token, never empty when it is read.
	Token Secret
	// AppSecrets sign the account's webhooks; any one of them will do.
	AppSecrets []Secret
	// Templates is the folder of the account's template definitions; empty when
	// it has none and parameters cannot be checked.
	Templates string
}

// Group names the portfolio whose messaging limit the account shares: its own WABA
// stands for one that was not given.
func (a *Account) Group() string { return cmp.Or(a.Portfolio, a.WABA) }

// Number is one business phone number, ready to send.
type Number struct {
	// ID is the phone number id, the number's name in the Cloud API.
	ID      string
	Account *Account
	// MPS is the number's limit in messages a second (Cloud API fact sheet 3.1).
	MPS int
}

// Directory finds the account of a number. It is safe for concurrent use.
type Directory struct {
	accounts []*Account
	byNumber map[string]*Account
	fallback *Account
	mps      int
}

// NewDirectory checks the accounts and returns their directory; mps is the limit
// of a number that has none of its own. The error names every conflict.
func NewDirectory(accounts []*Account, mps int) (*Directory, error) {
	d := &Directory{accounts: slices.Clone(accounts), byNumber: make(map[string]*Account), mps: mps}
	var bad []error
	if mps < 1 {
		bad = append(bad, fmt.Errorf("default limit is %d messages a second, it must be at least 1", mps))
	}
	for _, a := range accounts {
		if len(a.Numbers) == 0 {
			if d.fallback != nil {
				bad = append(bad, fmt.Errorf("accounts %s and %s both list no numbers; only one may serve all the others", d.fallback.WABA, a.WABA))
			}
			d.fallback = a
		}
		for _, n := range a.Numbers {
			if !job.ValidSender(n) {
				bad = append(bad, fmt.Errorf("account %s: %q is no phone number id (digits, as the API lists it)", a.WABA, n))
			}
			if other, taken := d.byNumber[n]; taken {
				bad = append(bad, fmt.Errorf("number %s is listed in accounts %s and %s", n, other.WABA, a.WABA))
			}
			d.byNumber[n] = a
		}
	}
	if err := errors.Join(bad...); err != nil {
		return nil, err
	}
	return d, nil
}

// Lookup finds a number, or returns [ErrUnknown].
func (d *Directory) Lookup(id string) (Number, error) {
	a := d.byNumber[id]
	if a == nil && job.ValidSender(id) {
		a = d.fallback
	}
	if a == nil {
		return Number{}, fmt.Errorf("%w: %s (add it to an account's numbers)", ErrUnknown, id)
	}
	return Number{ID: id, Account: a, MPS: d.mps}, nil
}

// Accounts lists the accounts in the order they were given.
func (d *Directory) Accounts() []*Account { return slices.Clone(d.accounts) }
