package app_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nkeys"

	"github.com/wacast/wacast/pkg/app"
	"github.com/wacast/wacast/pkg/embed/embedtest"
	"github.com/wacast/wacast/pkg/simulator"
)

func TestNATSCredentials(t *testing.T) {
	dir := t.TempDir()
	ca := newAuthority(t)
	cert, key := ca.issue("localhost")
	clientCert, clientKey := ca.issue("wacast")
	tls := fmt.Sprintf("tls {cert_file: %q, key_file: %q, ca_file: %q, ", cert, key, ca.file)
	nkey, user := newUser(t, filepath.Join(dir, "seed"))
	_, stranger := newUser(t, filepath.Join(dir, "stranger"))
	operator, creds := operatorMode(t, filepath.Join(dir, "wacast.creds"))

	password := filepath.Join(dir, "password")
	must(t, os.WriteFile(password, []byte("hunter/2\n"), 0o600))

	tests := []struct {
		name, configuration, scheme string
		right, wrong                []string // variables; %s in a URL is host:port
	}{
		{"password", `authorization {user: "wa,cast", password: "hunter/2"}`, "nats://wa%2Ccast:hunter%2F2@", nil, []string{"WACAST_NATS_URL=nats://%s"}},
		{"password beside", `authorization {user: "wa,cast", password: "hunter/2"}`, "nats://wa%2Ccast@", []string{"WACAST_NATS_PASSWORD_FILE=" + password}, []string{"WACAST_NATS_PASSWORD=hunter3"}},
		{"token beside", `authorization {token: "hunter/2"}`, "nats://", []string{"WACAST_NATS_PASSWORD_FILE=" + password}, []string{"WACAST_NATS_PASSWORD=hunter3"}},
		{"token", `authorization {token: hunter2}`, "nats://hunter2@", nil, []string{"WACAST_NATS_URL=nats://hunter3@%s"}},
		{"nkey", "authorization {users: [{nkey: " + nkey + "}]}", "nats://", []string{"WACAST_NATS_NKEY=" + user}, []string{"WACAST_NATS_NKEY=" + stranger}},
		{"creds", operator, "nats://", []string{"WACAST_NATS_CREDS=" + creds}, nil},
		{"tls", tls + "verify: false}", "tls://", []string{"WACAST_NATS_TLS_CA=" + ca.file}, nil},
		{"client certificate", tls + "verify: true}", "nats://",
			[]string{"WACAST_NATS_TLS_CA=" + ca.file, "WACAST_NATS_TLS_CERT=" + clientCert, "WACAST_NATS_TLS_KEY=" + clientKey},
			[]string{"WACAST_NATS_TLS_CA=" + ca.file}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			server := embedtest.StartNATS(t, tt.configuration)
			addr := strings.Replace(server.Addr(), "127.0.0.1", "localhost", 1) // the name in its certificate
			if err := dialNATS(t, append([]string{"WACAST_NATS_URL=" + tt.scheme + addr}, tt.right...)); err != nil {
				t.Error(err)
			}
			wrong := []string{"WACAST_NATS_URL=" + tt.scheme + addr}
			for _, variable := range tt.wrong {
				wrong = append(wrong, strings.Replace(variable, "%s", addr, 1))
			}
			err := dialNATS(t, wrong)
			if err == nil {
				t.Fatal("connected without the right credentials")
			}
			if strings.Contains(err.Error(), "hunter") {
				t.Errorf("the error holds a password: %v", err)
			}
		})
	}
}

// dialNATS connects as a command does, and makes sure that it may do something.
func dialNATS(t *testing.T, env []string) error {
	t.Helper()
	cfg, warnings, err := app.Load(app.Sources{Environ: env})
	if err != nil || len(warnings) > 0 {
		t.Fatal(err, warnings)
	}
	nc, err := app.DialOnce(cfg)
	if err != nil {
		return err
	}
	defer nc.Close()
	return nc.Flush()
}

// A worker that is refused goes on trying: its credentials may be rotated, on
// either side.
func TestNATSRefusedMeanwhile(t *testing.T) {
	const configuration = `authorization {user: wacast, password: %s}`
	server := embedtest.StartNATS(t, fmt.Sprintf(configuration, "old"))
	r := newRig(t, simulator.Config{}, "WACAST_NATS_URL=nats://wacast:hunter2@"+server.Addr())
	a := r.start("w")
	// The client alone would give up at the second refusal.
	r.eventually(func() (bool, string) { return server.Connections() >= 3, "it gave up" })
	if _, missing := readyz(t, a); !strings.Contains(missing["nats"], "Authorization Violation") {
		t.Errorf("/readyz says %q", missing["nats"])
	}
	server.Restart(fmt.Sprintf(configuration, "hunter2"))
	if err := a.AwaitReady(t.Context(), patience); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(r.log.String(), "hunter2") {
		t.Error("the log holds the password")
	}
}

func TestNATSContext(t *testing.T) {
	home := t.TempDir()
	t.Setenv("HOME", home)
	t.Setenv("XDG_CONFIG_HOME", "")
	_, _ = newUser(t, filepath.Join(home, "seed"))
	nkey, _ := newUser(t, filepath.Join(home, "seed"))
	server := embedtest.StartNATS(t, fmt.Sprintf("authorization {users: [{nkey: %s}, {user: u, password: hunter2}]}", nkey))
	url := "nats://" + server.Addr()
	context := func(name string, set map[string]any) string {
		t.Helper()
		file := map[string]any{ // what nats context add writes
			"description": "prod", "url": "", "socks_proxy": "", "token": "", "user": "", "password": "", "creds": "", "nkey": "",
			"cert": "", "key": "", "ca": "", "nsc": "", "jetstream_domain": "", "jetstream_api_prefix": "", "inbox_prefix": "", "user_jwt": "",
			"color_scheme": "red", "tls_first": false, "windows_ca_certs_match": nil,
		}
		for key, value := range set {
			file[key] = value
		}
		data, err := json.Marshal(file)
		must(t, err)
		path := filepath.Join(home, ".config", "nats", "context", name+".json")
		must(t, os.MkdirAll(filepath.Dir(path), 0o700))
		must(t, os.WriteFile(path, data, 0o600))
		return path
	}
	context("key", map[string]any{"url": url, "nkey": "~/seed"})
	byFile := context("password", map[string]any{"url": url, "user": "u", "password": "hunter2", "inbox_prefix": "_INBOX_w"})
	context("proxy", map[string]any{"url": url, "socks_proxy": "socks5://hunter2@p", "jetstream_domain": "leaf"})
	context("bare", nil)

	for name, env := range map[string][]string{
		"by name":          {"WACAST_NATS_CONTEXT=key"},
		"by file":          {"WACAST_NATS_CONTEXT=" + byFile},
		"URL beside it":    {"WACAST_NATS_CONTEXT=bare", "WACAST_NATS_URL=nats://u:hunter2@" + server.Addr()},
		"key instead of …": {"WACAST_NATS_CONTEXT=password", "WACAST_NATS_NKEY=" + filepath.Join(home, "seed")},
	} {
		if err := dialNATS(t, env); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, want := range map[string]string{
		"proxy": "jetstream_domain, socks_proxy", "bare": "names no server", "nowhere": "nats context ls",
	} {
		_, _, err := app.Load(app.Sources{Environ: []string{"WACAST_NATS_CONTEXT=" + name}})
		if err == nil || !strings.Contains(err.Error(), "nats.context (WACAST_NATS_CONTEXT)") || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", name, err, want)
		} else if strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: the error holds a secret: %v", name, err)
		}
	}
	cfg, _, err := app.Load(app.Sources{Environ: []string{"WACAST_NATS_CONTEXT=password"}})
	must(t, err)
	if text := fmt.Sprintf("%+v %v", cfg, cfg.Redacted()); strings.Contains(text, "hunter2") || cfg.NATSURL != url {
		t.Errorf("settings %s, want the context's URL and no password", text)
	}
}

// newUser writes the seed of an nkey to a file.
func newUser(t *testing.T, file string) (public, path string) {
	t.Helper()
	pair, err := nkeys.CreateUser()
	must(t, err)
	return publicKey(t, pair), seedFile(t, pair, file)
}

func publicKey(t *testing.T, pair nkeys.KeyPair) string {
	t.Helper()
	public, err := pair.PublicKey()
	must(t, err)
	return public
}

func seedFile(t *testing.T, pair nkeys.KeyPair, path string) string {
	t.Helper()
	seed, err := pair.Seed()
	must(t, err)
	must(t, os.WriteFile(path, seed, 0o600))
	return path
}

// operatorMode is the configuration of a server that believes an operator's
// tokens, and the credentials file of a user.
func operatorMode(t *testing.T, path string) (configuration, creds string) {
	t.Helper()
	operator, err := nkeys.CreateOperator()
	must(t, err)
	account, err := nkeys.CreateAccount()
	must(t, err)
	user, err := nkeys.CreateUser()
	must(t, err)
	system, err := nkeys.CreateAccount()
	must(t, err)

	sign := func(claims jwt.Claims, by nkeys.KeyPair) string {
		t.Helper()
		token, err := claims.Encode(by)
		must(t, err)
		return token
	}
	operatorClaims := jwt.NewOperatorClaims(publicKey(t, operator))
	operatorClaims.SystemAccount = publicKey(t, system)
	accountClaims, systemClaims := jwt.NewAccountClaims(publicKey(t, account)), jwt.NewAccountClaims(publicKey(t, system))
	userToken := sign(jwt.NewUserClaims(publicKey(t, user)), account)
	seed, err := user.Seed()
	must(t, err)
	file, err := jwt.FormatUserConfig(userToken, seed)
	must(t, err)
	must(t, os.WriteFile(path, file, 0o600))
	return fmt.Sprintf("operator: %s\nsystem_account: %s\nresolver: MEMORY\nresolver_preload: {%s: %s, %s: %s}",
		sign(operatorClaims, operator), publicKey(t, system), publicKey(t, account), sign(accountClaims, operator),
		publicKey(t, system), sign(systemClaims, operator)), path
}
