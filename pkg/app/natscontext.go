package app

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/nats-io/nats.go"

	"github.com/wacast/wacast/pkg/sender"
)

// natsContext is what a context of the nats command line says. Its file has more
// keys; one that is used and not known here is refused, since a connection without
// its proxy or its domain is another connection.
type natsContext struct {
	URL, Creds, NKey, CA, Cert, Key string
	User                            string
	Password, Token                 sender.Secret
	InboxPrefix                     string
	TLSFirst                        bool
}

// readNATSContext finds a context by the name the nats command gives it, or by its
// file.
func readNATSContext(name string) (*natsContext, error) {
	path := name
	if !strings.ContainsRune(name, filepath.Separator) {
		dir, err := natsConfigDir()
		if err != nil {
			return nil, err
		}
		path = filepath.Join(dir, "context", name+".json")
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("%w (nats context ls lists them)", err)
	}
	var file map[string]any
	if err := json.Unmarshal(data, &file); err != nil {
		return nil, fmt.Errorf("%s: not a context in JSON", path) // the text may hold a password
	}
	c, err := newNATSContext(file)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return c, nil
}

// natsConfigDir is where the nats command keeps its contexts, on every system.
func natsConfigDir() (string, error) {
	if dir := os.Getenv("XDG_CONFIG_HOME"); dir != "" {
		return filepath.Join(dir, "nats"), nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", err
	}
	return filepath.Join(home, ".config", "nats"), nil
}

// newNATSContext takes every key out of the file's and refuses what is left.
func newNATSContext(file map[string]any) (*natsContext, error) {
	text := func(key string) string {
		s, _ := file[key].(string)
		if s != "" {
			delete(file, key)
		}
		return s
	}
	path := func(key string) string { return expandPath(text(key)) }
	c := &natsContext{
		URL: text("url"), Creds: path("creds"), NKey: path("nkey"), CA: path("ca"), Cert: path("cert"), Key: path("key"),
		User: text("user"), Password: literalOrNil(text("password")), Token: literalOrNil(text("token")), InboxPrefix: text("inbox_prefix"),
	}
	if first, ok := file["tls_first"].(bool); ok {
		c.TLSFirst = first
		delete(file, "tls_first")
	}
	var unknown []string
	for key, value := range file {
		switch empty := fmt.Sprint(value); {
		case empty == "" || empty == "false" || empty == "[]" || value == nil:
		case key == "name" || key == "description" || key == "color_scheme":
		default:
			unknown = append(unknown, key)
		}
	}
	if len(unknown) > 0 {
		slices.Sort(unknown)
		return nil, fmt.Errorf("it sets %s, which wacast does not support", strings.Join(unknown, ", "))
	}
	return c, nil
}

func literalOrNil(value string) sender.Secret {
	if value == "" {
		return nil
	}
	return sender.Literal(value)
}

// expandPath does for a path what the nats command does.
func expandPath(path string) string {
	path = os.ExpandEnv(path)
	if rest, ok := strings.CutPrefix(path, "~"); ok {
		if home, err := os.UserHomeDir(); err == nil {
			return home + rest
		}
	}
	return path
}

// useNATSContext fills in what the settings leave open. Credentials are taken
// whole or not at all: a mixture would be somebody else's.
func (c *Config) useNATSContext(urlGiven bool) error {
	if c.NATSContext == "" {
		return nil
	}
	context, err := readNATSContext(c.NATSContext)
	if err != nil {
		return settingError("nats.context", err)
	}
	if !urlGiven {
		if context.URL == "" {
			return settingError("nats.context", errors.New("the context names no server, nor does nats.url"))
		}
		c.NATSURL = context.URL
	}
	if c.NATSCreds == "" && c.NATSNKey == "" && c.NATSPassword == nil {
		c.NATSCreds, c.NATSNKey = context.Creds, context.NKey
	} else {
		context.User, context.Password, context.Token = "", nil, nil
	}
	if c.NATSCA == "" {
		c.NATSCA = context.CA
	}
	if c.NATSCert == "" && c.NATSKey == "" {
		c.NATSCert, c.NATSKey = context.Cert, context.Key
	}
	c.nats = context
	return nil
}

// options are those that no setting has.
func (c *natsContext) options() []nats.Option {
	if c == nil {
		return nil
	}
	value := func(s sender.Secret) string {
		if s == nil {
			return ""
		}
		v, _ := s.Value() // a literal that is not empty
		return v
	}
	var opts []nats.Option
	if c.User != "" {
		opts = append(opts, nats.UserInfo(c.User, value(c.Password)))
	}
	if c.Token != nil {
		opts = append(opts, nats.Token(value(c.Token)))
	}
	if c.InboxPrefix != "" {
		opts = append(opts, nats.CustomInboxPrefix(c.InboxPrefix))
	}
	if c.TLSFirst {
		opts = append(opts, nats.TLSHandshakeFirst())
	}
	return opts
}
