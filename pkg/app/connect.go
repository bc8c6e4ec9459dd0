package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
)

// connectWait is the pause between two tries at a server that is away.
const connectWait = time.Second

// dialNATS connects in the background, for as long as it takes, and says in the
// log what it waits for. Refused credentials are tried again too: they may be
// rotated, and a connection that gave up would need a restart.
func dialNATS(cfg Config, log *slog.Logger) (*nats.Conn, error) {
	opts, err := cfg.natsOptions()
	if err != nil {
		return nil, err
	}
	nc, err := nats.Connect(cfg.natsServers(), append(opts,
		nats.RetryOnFailedConnect(true),
		nats.IgnoreAuthErrorAbort(),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) {
			if err != nil {
				log.Error("NATS is away, sending waits for it", "error", err)
			}
		}),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) {
			if errors.Is(err, nats.ErrPermissionViolation) {
				log.Error("NATS refuses something: compare the user's permissions with deploy/nats/permissions.conf", "error", err)
				return
			}
			log.Warn("NATS reports a problem, which is tried again", "error", err)
		}),
		nats.ReconnectHandler(func(*nats.Conn) { log.Info("NATS is back") }),
	)...)
	if err != nil {
		return nil, settingError("nats.url", withoutURL(err))
	}
	return nc, nil
}

// DialOnce connects for a single command, which fails at once where a worker
// would wait.
func DialOnce(cfg Config) (*nats.Conn, error) {
	opts, err := cfg.natsOptions()
	if err != nil {
		return nil, err
	}
	nc, err := nats.Connect(cfg.natsServers(), opts...)
	if err != nil {
		return nil, fmt.Errorf("connect to NATS at %s (%sNATS_URL): %w", withoutPassword(cfg.NATSURL), envPrefix, withoutURL(err))
	}
	return nc, nil
}

// natsAway says why there is no connection, as far as the server said it.
func natsAway(nc *nats.Conn, url string) error {
	if err := nc.LastError(); err != nil {
		return fmt.Errorf("not connected to %s: %w", withoutPassword(url), withoutURL(err))
	}
	return fmt.Errorf("not connected to %s", withoutPassword(url))
}

// natsOptions makes options of the settings. Files are read now, so that what is
// wrong with them is known at once, and again at each connection.
func (c *Config) natsOptions() ([]nats.Option, error) {
	opts := []nats.Option{nats.Name("wacast"), nats.MaxReconnects(-1), nats.ReconnectWait(connectWait)}
	opts = append(opts, c.nats.options()...)
	if c.NATSInbox != "" {
		opts = append(opts, nats.CustomInboxPrefix(c.NATSInbox))
	}
	var bad []error
	add := func(key string, option nats.Option, err error) {
		if err == nil {
			err = option(new(nats.Options)) // this is where it reads its files
		}
		if err != nil {
			bad = append(bad, settingError(key, err))
			return
		}
		opts = append(opts, option)
	}
	if c.NATSPassword != nil {
		option, err := c.natsLogin()
		add("nats.password", option, err)
	}
	if c.NATSCreds != "" {
		_, err := os.ReadFile(c.NATSCreds)
		add("nats.creds", nats.UserCredentials(c.NATSCreds), err)
	}
	if c.NATSNKey != "" {
		option, err := nats.NkeyOptionFromSeed(c.NATSNKey)
		add("nats.nkey", option, err)
	}
	if c.NATSCA != "" {
		add("nats.tls_ca", nats.RootCAs(c.NATSCA), nil)
	}
	if c.NATSCert != "" || c.NATSKey != "" {
		_, err := clientCertificate("nats.tls_cert", c.NATSCert, c.NATSKey)
		if err != nil {
			bad = append(bad, err)
		} else {
			opts = append(opts, nats.ClientCert(c.NATSCert, c.NATSKey))
		}
	}
	return opts, errors.Join(bad...)
}

// natsLogin gives each connection the password as it is then, so that a rotated one
// needs no restart.
func (c *Config) natsLogin() (nats.Option, error) {
	if c.NATSCreds != "" || c.NATSNKey != "" {
		return nil, errors.New("nats.creds or nats.nkey is given too; choose one")
	}
	user, err := natsUser(c.NATSURL)
	if err != nil {
		return nil, err
	}
	password := func() string {
		value, _ := c.NATSPassword.Value() // what is empty is refused, and tried again
		return value
	}
	if user == "" {
		return nats.TokenHandler(password), nil
	}
	return nats.UserInfoHandler(func() (string, string) { return user, password() }), nil
}

// natsUser is the one that every address of a list names.
func natsUser(list string) (user string, err error) {
	for i, one := range strings.Split(list, ",") {
		u, err := parseServer(one)
		if err != nil {
			return "", errNATSURL
		}
		if _, given := u.User.Password(); given {
			return "", errors.New("nats.url holds a password too; choose one")
		}
		if i > 0 && u.User.Username() != user {
			return "", errors.New("the addresses of nats.url name different users")
		}
		user = u.User.Username()
	}
	return user, nil
}

// natsServers is the list without users where the password is beside it: the client would
// take a user alone for a token.
func (c *Config) natsServers() string {
	if c.NATSPassword == nil {
		return c.NATSURL
	}
	servers := strings.Split(c.NATSURL, ",")
	for i, one := range servers {
		if u, err := parseServer(one); err == nil && u.User != nil {
			u.User = nil
			servers[i] = u.String()
		}
	}
	return strings.Join(servers, ",")
}

// checkNATSURL checks a list of servers as [nats.Connect] takes it. The error
// never quotes it: it may hold a password.
func checkNATSURL(list string) error {
	for one := range strings.SplitSeq(list, ",") {
		u, err := parseServer(one)
		if err != nil || u.Host == "" || !slices.Contains([]string{"nats", "tls", "ws", "wss"}, u.Scheme) {
			return errNATSURL
		}
	}
	return nil
}

// parseServer reads one address of a list, whose scheme may be left out.
func parseServer(one string) (*url.URL, error) {
	one = strings.TrimSpace(one)
	if !strings.Contains(one, "://") {
		one = "nats://" + one
	}
	return url.Parse(one)
}

var errNATSURL = errors.New("must be a list of servers such as nats://host1:4222,nats://host2:4222, with tls:// for TLS; " +
	": / ? # @ , in a password are written as %3A %2F %3F %23 %40 %2C")

// await repeats do until it works or ctx ends, and says once what it waits for
// and once that it came.
func await(ctx context.Context, log *slog.Logger, what string, do func(context.Context) error) error {
	var since time.Time
	for {
		err := do(ctx)
		if err == nil {
			if !since.IsZero() {
				log.Info(what+" has come", "waited", time.Since(since).Round(time.Millisecond))
			}
			return nil
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if since.IsZero() {
			since = time.Now()
			log.Warn("waiting for "+what, "error", err)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(connectWait):
		}
	}
}

// withoutURL replaces an error that quotes an address, or a piece of one: it may
// be of a password.
func withoutURL(err error) error {
	if quoted := new(url.Error); errors.As(err, &quoted) {
		return errNATSURL
	}
	return err
}
