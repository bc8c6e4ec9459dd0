package app

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"regexp"

	"github.com/go-viper/mapstructure/v2"
	"github.com/knadh/koanf/v2"

	"github.com/wacast/wacast/pkg/sender"
)

// maxAttempts is well below what the ledger can count.
const maxAttempts = 100

var validNamespace = regexp.MustCompile(`^[a-z][a-z0-9_-]{0,31}$`)

// check holds the rules between settings and those of a setting's own form. It
// returns everything that is wrong.
func (c *Config) check() error {
	var bad []error
	add := func(key, format string, args ...any) {
		bad = append(bad, settingError(key, fmt.Errorf(format, args...)))
	}
	if !validNamespace.MatchString(c.Namespace) {
		add("namespace", "%q must be 1 to 32 of a-z 0-9 _ -, starting with a letter", c.Namespace)
	}
	if u, err := url.Parse(c.APIURL); err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
		add("api.url", "must be an http or https URL")
	}
	if c.MaxAttempts > maxAttempts {
		add("max_attempts", "%d is above the most, %d", c.MaxAttempts, maxAttempts)
	}
	bad = append(bad, c.checkConsent(), c.checkServers(), c.checkProof())
	if _, _, err := net.SplitHostPort(c.AdminAddr); err != nil {
		add("admin.addr", "%q must be host:port, or :port for all addresses of the machine", c.AdminAddr)
	}
	if c.EventsMaxAge < 3*c.DedupWindow {
		add("events_max_age", "%s is less than three times dedup_window (%s), which a lost Redis is rebuilt from", formatDuration(c.EventsMaxAge), formatDuration(c.DedupWindow))
	}
	if c.Templates != "" {
		if info, err := os.Stat(c.Templates); err != nil || !info.IsDir() {
			add("templates", "%s is no folder", c.Templates)
		}
	}
	for i, a := range c.Accounts {
		bad = append(bad, a.check(i)...)
	}
	return errors.Join(bad...)
}

// settingError names the setting that is wrong, in the file and in the environment.
func settingError(key string, err error) error {
	return fmt.Errorf("%s (%s%s): %w", key, envPrefix, envName(key), err)
}

// checkServers makes what connects to NATS and Redis, without connecting.
func (c *Config) checkServers() error {
	var bad []error
	if err := checkNATSURL(c.NATSURL); err != nil {
		bad = append(bad, settingError("nats.url", err))
	}
	_, err := c.natsOptions()
	bad = append(bad, err)
	rdb, err := dialRedis(*c)
	if err == nil {
		err = rdb.Close()
	}
	return errors.Join(append(bad, err)...)
}

// check reads the token once, so that an empty file is found before it is needed.
func (a *AccountConfig) check(i int) []error {
	var bad []error
	name := a.WABAID
	if name == "" {
		name = fmt.Sprintf("number %d", i+1)
		bad = append(bad, fmt.Errorf("account %s: waba_id is missing", name))
	}
	if a.AccessTokenFile == "" {
		bad = append(bad, fmt.Errorf("account %s: access_token_file is missing", name))
	} else if _, err := sender.File(a.AccessTokenFile).Value(); err != nil {
		bad = append(bad, fmt.Errorf("account %s: access_token_file: %w", name, err))
	}
	if len(a.Numbers) == 0 {
		bad = append(bad, fmt.Errorf("account %s: numbers is empty; list its phone number ids", name))
	}
	return bad
}

// unmarshalStrict reads a part of k and refuses keys that mean nothing.
func unmarshalStrict(k *koanf.Koanf, path string, into any) error {
	return k.UnmarshalWithConf(path, into, koanf.UnmarshalConf{
		Tag: "koanf",
		// An id that YAML reads as a number is meant as text.
		DecoderConfig: &mapstructure.DecoderConfig{ErrorUnused: true, WeaklyTypedInput: true},
	})
}
