package app_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nkeys"
	"github.com/redis/go-redis/v9"

	"github.com/wacast/wacast/pkg/app"
	"github.com/wacast/wacast/pkg/embed/embedtest"
	"github.com/wacast/wacast/pkg/job"
	"github.com/wacast/wacast/pkg/report"
	"github.com/wacast/wacast/pkg/simulator"
	"github.com/wacast/wacast/pkg/whatsapp"
	"github.com/wacast/wacast/producer"
)

// sends publishes a campaign with the settings as they are, and waits until each of its
// messages was sent once.
func (r *rig) sends(campaign string, n int) {
	r.t.Helper()
	nc, err := app.DialOnce(r.config())
	must(r.t, err)
	defer nc.Close()
	p, err := producer.New(nc, producer.Config{Namespace: r.config().Namespace})
	must(r.t, err)
	defer p.Close()
	_, err = p.PublishAll(r.t.Context(), func(yield func(*job.Job, error) bool) {
		for _, j := range newJobs(numberA, campaign, 0, n) {
			if !yield(j, nil) {
				return
			}
		}
	}, func(rejection producer.Rejection) { r.t.Error(rejection.Err) })
	must(r.t, err)
	v, err := app.OpenView(r.t.Context(), r.config())
	must(r.t, err)
	defer v.Close()
	r.await(v, campaign, func(p *report.Progress) bool { return p.Accepted == uint64(n) })
	if d := r.sim.Stats().Duplicates; d != 0 {
		r.t.Errorf("%s: %d were sent twice", campaign, d)
	}
}

// replace writes files over others, as a renewed Secret does.
func replace(t *testing.T, files map[string]string) {
	t.Helper()
	for to, from := range files {
		data, err := os.ReadFile(from)
		must(t, err)
		must(t, os.WriteFile(to, data, 0o600))
	}
}

// issuer signs credentials of NATS users.
type issuer struct {
	t       *testing.T
	account nkeys.KeyPair
}

// newIssuer is the configuration of a server that believes it.
func newIssuer(t *testing.T) (*issuer, string) {
	t.Helper()
	operator, err := nkeys.CreateOperator()
	must(t, err)
	account, err := nkeys.CreateAccount()
	must(t, err)
	system, err := nkeys.CreateAccount()
	must(t, err)
	i := &issuer{t: t, account: account}
	oc := jwt.NewOperatorClaims(publicKey(t, operator))
	oc.SystemAccount = publicKey(t, system)
	ac := jwt.NewAccountClaims(publicKey(t, account))
	ac.Limits.JetStreamLimits = jwt.JetStreamLimits{MemoryStorage: -1, DiskStorage: -1, Streams: -1, Consumer: -1}
	sc := jwt.NewAccountClaims(publicKey(t, system))
	return i, fmt.Sprintf("operator: %s\nsystem_account: %s\nresolver: MEMORY\nresolver_preload: {%s: %s, %s: %s}",
		i.sign(oc, operator), publicKey(t, system), publicKey(t, account), i.sign(ac, operator), publicKey(t, system), i.sign(sc, operator))
}

func (i *issuer) sign(claims jwt.Claims, by nkeys.KeyPair) string {
	i.t.Helper()
	token, err := claims.Encode(by)
	must(i.t, err)
	return token
}

// issue writes the credentials of another user, with another seed.
func (i *issuer) issue(path string, valid time.Duration) {
	i.t.Helper()
	user, err := nkeys.CreateUser()
	must(i.t, err)
	claims := jwt.NewUserClaims(publicKey(i.t, user))
	claims.Expires = time.Now().Add(valid).Unix()
	seed, err := user.Seed()
	must(i.t, err)
	file, err := jwt.FormatUserConfig(i.sign(claims, i.account), seed)
	must(i.t, err)
	must(i.t, os.WriteFile(path, file, 0o600))
}

// Credentials of NATS that end are replaced under a worker, before they end or after.
func TestNATSCredsRotate(t *testing.T) {
	creds := filepath.Join(t.TempDir(), "wacast.creds")
	issuer, configuration := newIssuer(t)
	server := embedtest.StartNATS(t, configuration)
	r := newRig(t, simulator.Config{}, "WACAST_NATS_URL=nats://"+server.Addr(), "WACAST_NATS_CREDS="+creds)
	issuer.issue(creds, 5*time.Second) // the rig waits for its turn
	a := r.ready("w")
	r.sends("first", 20)
	issuer.issue(creds, 15*time.Second)
	away := func(times int) {
		t.Helper()
		r.eventually(func() (bool, string) {
			return strings.Count(r.log.String(), `msg="NATS is away`) >= times, "it was never put out"
		})
	}
	away(1)
	must(t, a.AwaitReady(t.Context(), patience))
	r.sends("second", 20)
	// Too late: the worker was refused meanwhile, and says so.
	away(2)
	r.eventually(func() (bool, string) {
		_, missing := readyz(t, a)
		return missing["nats"] != "", "it is ready without credentials"
	})
	issuer.issue(creds, time.Hour)
	r.eventually(func() (bool, string) {
		ready, missing := readyz(t, a)
		return ready == http.StatusOK, fmt.Sprint(missing)
	})
	r.sends("third", 20)
}

// The password of a NATS user is replaced under a worker.
func TestNATSPasswordRotates(t *testing.T) {
	const configuration = `authorization {user: worker, password: %s}`
	server := embedtest.StartNATS(t, fmt.Sprintf(configuration, "hunter1"))
	dir := t.TempDir()
	write(t, dir, "password", "hunter1")
	r := newRig(t, simulator.Config{}, "WACAST_NATS_URL=nats://worker@"+server.Addr(), "WACAST_NATS_PASSWORD_FILE="+filepath.Join(dir, "password"))
	r.ready("w")
	r.sends("first", 20)
	server.Restart(fmt.Sprintf(configuration, "hunter2"))
	r.eventually(func() (bool, string) {
		return strings.Contains(r.log.String(), `msg="NATS is away`), "the server keeps whom it does not know"
	})
	write(t, dir, "password", "hunter2")
	r.sends("second", 20)
	if strings.Contains(r.log.String(), "hunter") {
		t.Error("the log holds the password")
	}
}

// Certificates of NATS, the client's, the server's and the authority that signed both, are
// replaced under a worker: the server takes none of the old ones any more.
func TestNATSCertificatesRotate(t *testing.T) {
	configuration := func(a *authority, user string) string {
		cert, key := a.issue("localhost")
		return fmt.Sprintf("tls {cert_file: %q, key_file: %q, ca_file: %q, verify_and_map: true}\nauthorization {users: [{user: %s}]}", cert, key, a.file, user)
	}
	old, renewed := newAuthority(t), newAuthority(t)
	cert, key := old.issue("wacast-1")
	newCert, newKey := renewed.issue("wacast-2")
	server := embedtest.StartNATS(t, configuration(old, "wacast-1"))
	r := newRig(t, simulator.Config{}, "WACAST_NATS_URL=tls://"+strings.Replace(server.Addr(), "127.0.0.1", "localhost", 1),
		"WACAST_NATS_TLS_CA="+old.file, "WACAST_NATS_TLS_CERT="+cert, "WACAST_NATS_TLS_KEY="+key)
	r.ready("w")
	r.sends("first", 20)
	ca := old.file
	server.Restart(configuration(renewed, "wacast-2"))
	r.eventually(func() (bool, string) {
		return strings.Contains(r.log.String(), `msg="NATS is away`), "the server keeps whom it does not know"
	})
	replace(t, map[string]string{ca: renewed.file, cert: newCert, key: newKey})
	r.sends("second", 20)
}

// Password and certificates of Redis are replaced under a worker: its ACL user has another
// password, and server, client and authority have new certificates.
func TestRedisRotates(t *testing.T) {
	old, renewed := newAuthority(t), newAuthority(t)
	port := embedtest.Port(t)
	serverCert, serverKey := old.issue("redis.internal")
	embedtest.Spawn(t, port, "--port", "0", "--tls-port", fmt.Sprint(port), "--tls-cert-file", serverCert, "--tls-key-file", serverKey,
		"--tls-ca-cert-file", old.file, "--tls-auth-clients", "yes", "--user", "wacast", "on", ">old", "~*", "+@all", "--user", "admin", "on", ">admin", "~*", "+@all")
	cert, key := old.issue("wacast")
	password := filepath.Join(t.TempDir(), "password")
	must(t, os.WriteFile(password, []byte("old\n"), 0o600))
	admin := dial(t, &redis.Options{Addr: fmt.Sprintf("127.0.0.1:%d", port), Username: "admin", Password: "admin", TLSConfig: old.client("redis.internal", cert, key)})
	r := newRig(t, simulator.Config{}, fmt.Sprintf("WACAST_REDIS_URL=rediss://wacast@127.0.0.1:%d/0", port), "WACAST_REDIS_PASSWORD_FILE="+password,
		"WACAST_REDIS_TLS_CA="+old.file, "WACAST_REDIS_TLS_NAME=redis.internal", "WACAST_REDIS_TLS_CERT="+cert, "WACAST_REDIS_TLS_KEY="+key)
	r.ready("w")
	r.sends("first", 20)

	putOut := func() {
		t.Helper()
		must(t, admin.ClientKillByFilter(t.Context(), "USER", "wacast").Err())
	}
	must(t, admin.ACLSetUser(t.Context(), "wacast", "resetpass", ">new").Err())
	must(t, os.WriteFile(password, []byte("new\n"), 0o600))
	putOut()
	r.sends("second", 20)

	newServerCert, newServerKey := renewed.issue("redis.internal")
	newCert, newKey := renewed.issue("wacast")
	must(t, admin.Do(t.Context(), "config", "set", "tls-cert-file", newServerCert, "tls-key-file", newServerKey, "tls-ca-cert-file", renewed.file).Err())
	replace(t, map[string]string{old.file: renewed.file, cert: newCert, key: newKey})
	putOut()
	r.sends("third", 20)
	for _, hidden := range []string{"wacast:old", "wacast:new"} {
		if strings.Contains(r.log.String(), hidden) {
			t.Errorf("the log holds %s", hidden)
		}
	}
}

// What the webhook address goes by, the verify token and the app secret, is replaced under
// the receiver.
func TestWebhookSecretsRotate(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "secret", "secret-1")
	write(t, dir, "word", "word-1")
	r := newRig(t, simulator.Config{}, "WACAST_APP_SECRET_FILE="+filepath.Join(dir, "secret"), "WACAST_VERIFY_TOKEN_FILE="+filepath.Join(dir, "word"), "WACAST_WEBHOOK_ADDR=127.0.0.1:0")
	url := "http://" + r.both().WebhookAddr() + "/webhook"
	expect := func(secret, word string, status int) {
		t.Helper()
		r.eventually(func() (bool, string) {
			body := `{"object":"whatsapp_business_account","entry":[]}`
			req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader(body))
			must(t, err)
			req.Header.Set(whatsapp.SignatureHeader, whatsapp.Sign([]byte(body), secret))
			posted, err := http.DefaultClient.Do(req)
			must(t, err)
			posted.Body.Close()
			shaken, err := http.Get(url + "?hub.mode=subscribe&hub.challenge=1&hub.verify_token=" + word)
			must(t, err)
			shaken.Body.Close()
			return (posted.StatusCode == http.StatusOK) == (status == http.StatusOK) && (shaken.StatusCode == http.StatusOK) == (status == http.StatusOK),
				fmt.Sprintf("%s is answered %s, %s %s", secret, posted.Status, word, shaken.Status)
		})
	}
	expect("secret-1", "word-1", http.StatusOK)
	expect("secret-02", "word-02", http.StatusUnauthorized)
	write(t, dir, "secret", "secret-02")
	write(t, dir, "word", "word-02")
	expect("secret-02", "word-02", http.StatusOK)
	expect("secret-1", "word-1", http.StatusUnauthorized)
}
