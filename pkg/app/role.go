package app

import (
	"errors"

	"github.com/wacast/wacast/pkg/sender"
)

// Role is what a process does; roles may be joined with |.
type Role uint8

// The roles.
const (
	// RoleWorker sends jobs.
	RoleWorker Role = 1 << iota
	// RoleWebhook takes webhooks, and processes them.
	RoleWebhook
	// RoleAll is every role there is.
	RoleAll = RoleWorker | RoleWebhook
)

func (r Role) has(other Role) bool { return r&other != 0 }

var errNoAppSecret = errors.New("app_secret (" + envPrefix + "APP_SECRET or " + envPrefix + "APP_SECRET_FILE): missing, and no account has app_secret_files: " +
	"without one no webhook can be told from a forgery; the app's dashboard shows it under App settings, Basic")

// secrets are those that may have signed a webhook.
type secrets []sender.Secret

func (c *Config) secrets(directory *sender.Directory) secrets {
	var all secrets
	for _, a := range directory.Accounts() {
		all = append(all, a.AppSecrets...)
	}
	return all
}

// AppSecrets are the secrets as they are now. One that cannot be read is left out:
// the others must go on to work.
func (s secrets) AppSecrets() []string {
	values := make([]string, 0, len(s))
	for _, secret := range s {
		if value, err := secret.Value(); err == nil {
			values = append(values, value)
		}
	}
	return values
}
