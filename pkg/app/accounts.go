package app

import (
	"cmp"

	"github.com/wacast/wacast/pkg/sender"
)

// directory makes the accounts of the settings. The one token serves every number
// that is in no account of its own.
func (c *Config) directory() (*sender.Directory, error) {
	var accounts []*sender.Account
	for _, a := range c.Accounts {
		accounts = append(accounts, &sender.Account{
			WABA: a.WABAID, Portfolio: a.Portfolio, Numbers: a.Numbers,
			Token: sender.File(a.AccessTokenFile), Templates: cmp.Or(a.Templates, c.Templates),
			AppSecrets: files(a.AppSecretFiles),
		})
	}
	if c.AccessToken != nil {
		accounts = append(accounts, &sender.Account{
			WABA: cmp.Or(c.WABAID, sender.DefaultWABA), Token: c.AccessToken, Templates: c.Templates,
		})
		if c.AppSecret != nil {
			accounts[len(accounts)-1].AppSecrets = []sender.Secret{c.AppSecret}
		}
	}
	return sender.NewDirectory(accounts, c.DefaultMPS)
}

func files(paths []string) []sender.Secret {
	var secrets []sender.Secret
	for _, path := range paths {
		secrets = append(secrets, sender.File(path))
	}
	return secrets
}
