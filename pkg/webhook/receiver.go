package webhook

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"time"

	"github.com/wacast/wacast/pkg/queue"
	"github.com/wacast/wacast/pkg/sender"
	"github.com/wacast/wacast/pkg/whatsapp"
)

const (
	// MaxBody is the most that the platform sends at once (Cloud API fact sheet 5.3).
	MaxBody = 3 << 20
	// storeTimeout bounds the wait for NATS. The platform wants its answer within a
	// second, and repeats what it got no answer to.
	storeTimeout = 5 * time.Second
	// retryAfter is for a platform that asks when to come again.
	retryAfter = 10 * time.Second
	// maxChallenge is longer than any challenge of the handshake.
	maxChallenge = 256
)

// Store keeps webhooks until they are processed; [queue.Webhooks] does.
type Store interface {
	// Store returns once the body is safe.
	Store(ctx context.Context, hook queue.Hook) error
}

// Secrets are the app secrets that may have signed a webhook.
type Secrets interface {
	// AppSecrets are the secrets of all accounts as they are now, those of a
	// rotation side by side. It is asked for each webhook.
	AppSecrets() []string
}

// ReceiverConfig is what a receiver needs. Everything without a default is required.
type ReceiverConfig struct {
	Store   Store
	Secrets Secrets
	// VerifyToken is what the platform must know in the handshake. Without one,
	// every handshake is refused.
	VerifyToken sender.Secret
	// Forward also keeps what comes in for a [Forwarder].
	Forward bool
	// MaxRequests bounds the requests whose bodies are held at a time. Defaults to 256.
	MaxRequests int

	Metrics *Metrics
	Log     *slog.Logger
}

func (c ReceiverConfig) validate() error {
	return missing("receiver", map[string]bool{
		"Store": c.Store == nil, "Secrets": c.Secrets == nil, "Metrics": c.Metrics == nil, "Log": c.Log == nil,
	})
}

// missing names the fields of a config that are not set.
func missing(what string, fields map[string]bool) error {
	var bad []error
	for name, absent := range fields {
		if absent {
			bad = append(bad, fmt.Errorf("webhook %s config: %s is missing", what, name))
		}
	}
	return errors.Join(bad...)
}

// Receiver answers the platform, on whatever path it is mounted. A body is stored
// as it came; nothing in it is looked at.
type Receiver struct {
	cfg                ReceiverConfig
	places             chan struct{}
	storing            *trouble
	strangers, forgery *seldom
}

var _ http.Handler = (*Receiver)(nil)

// NewReceiver checks the config.
func NewReceiver(cfg ReceiverConfig) (*Receiver, error) {
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	if cfg.MaxRequests < 1 {
		cfg.MaxRequests = 256
	}
	return &Receiver{
		cfg: cfg, places: make(chan struct{}, cfg.MaxRequests),
		storing:   &trouble{what: "storing webhooks in NATS", log: cfg.Log},
		strangers: &seldom{every: time.Minute, log: cfg.Log}, forgery: &seldom{every: time.Minute, log: cfg.Log},
	}, nil
}

// Trouble is why webhooks cannot be taken at the moment; nil when they can. Only the
// next webhook can tell that it is over, so it ends by itself after some seconds: who
// is sent none because of it must get one to try.
func (rc *Receiver) Trouble() error { return rc.storing.recent() }

// ServeHTTP answers a handshake (GET) or takes a webhook (POST).
func (rc *Receiver) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch r.Method {
	case http.MethodGet:
		rc.handshake(w, r)
	case http.MethodPost:
		began := time.Now()
		rc.take(w, r)
		rc.cfg.Metrics.seconds.Observe(time.Since(began).Seconds())
	default:
		w.Header().Set("Allow", "GET, POST")
		http.Error(w, "only GET and POST", http.StatusMethodNotAllowed)
	}
}

// handshake answers with the challenge who knows the verify token (fact sheet 5.1).
func (rc *Receiver) handshake(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	challenge := query.Get("hub.challenge")
	if query.Get("hub.mode") != "subscribe" || len(challenge) > maxChallenge || !rc.knows(query.Get("hub.verify_token")) {
		rc.strangers.warn("webhook handshakes are refused: compare the verify token with verify_token (WACAST_VERIFY_TOKEN)")
		http.Error(w, "handshake refused", http.StatusForbidden)
		return
	}
	rc.cfg.Log.Info("the webhook address was verified")
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	_, _ = io.WriteString(w, challenge)
}

// knows compares in a time that tells nothing of the token, not even its length.
func (rc *Receiver) knows(given string) bool {
	if rc.cfg.VerifyToken == nil {
		return false
	}
	token, err := rc.cfg.VerifyToken.Value()
	if err != nil {
		rc.cfg.Log.Error("the verify token cannot be read", "error", err)
		return false
	}
	a, b := sha256.Sum256([]byte(given)), sha256.Sum256([]byte(token))
	return subtle.ConstantTimeCompare(a[:], b[:]) == 1 && token != ""
}

// take stores a webhook and says what became of it by its status code.
func (rc *Receiver) take(w http.ResponseWriter, r *http.Request) {
	select {
	case rc.places <- struct{}{}:
		defer func() { <-rc.places }()
	default:
		rc.later(w, resultBusy)
		return
	}
	body, err := read(w, r)
	var tooBig *http.MaxBytesError
	switch {
	case errors.As(err, &tooBig):
		rc.refuse(w, resultTooBig, http.StatusRequestEntityTooLarge)
		return
	case err != nil:
		rc.refuse(w, resultBrokenOff, http.StatusBadRequest)
		return
	}
	if !whatsapp.VerifySignature(body, r.Header.Get(whatsapp.SignatureHeader), rc.cfg.Secrets.AppSecrets()...) {
		rc.forgery.warn("webhooks with a wrong signature are refused: compare the app secret with app_secret (WACAST_APP_SECRET)")
		rc.refuse(w, resultSignature, http.StatusUnauthorized)
		return
	}
	// Whoever posted may be gone by now; what is signed is stored all the same.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), storeTimeout)
	defer cancel()
	hook := queue.Hook{Body: body, Header: keptHeaders(r.Header), Forward: rc.cfg.Forward}
	if rc.storing.note(rc.cfg.Store.Store(ctx, hook)) != nil {
		rc.later(w, resultStoreFailed)
		return
	}
	rc.cfg.Metrics.body(resultStored)
	w.WriteHeader(http.StatusOK)
}

// read takes no more memory than has arrived, whatever the header says.
func read(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	if r.ContentLength > MaxBody {
		w.Header().Set("Connection", "close") // instead of reading what nobody wants
		return nil, &http.MaxBytesError{Limit: MaxBody}
	}
	var body bytes.Buffer
	body.Grow(int(min(max(r.ContentLength, 0), 16<<10)) + bytes.MinRead)
	_, err := body.ReadFrom(http.MaxBytesReader(w, r.Body, MaxBody))
	return body.Bytes(), err
}

func (rc *Receiver) refuse(w http.ResponseWriter, result string, status int) {
	rc.cfg.Metrics.body(result)
	http.Error(w, result, status)
}

// later has the platform send the webhook again.
func (rc *Receiver) later(w http.ResponseWriter, result string) {
	w.Header().Set("Retry-After", strconv.Itoa(int(retryAfter.Seconds())))
	rc.refuse(w, result, http.StatusServiceUnavailable)
}

// kept are the headers that a bot behind a [Forwarder] may look at: with the body,
// they are all that the signatures cover or explain.
var kept = []string{"Content-Type", "User-Agent", "X-Hub-Signature", whatsapp.SignatureHeader}

func keptHeaders(h http.Header) map[string]string {
	header := make(map[string]string, len(kept))
	for _, name := range kept {
		if value := h.Get(name); value != "" {
			header[name] = value
		}
	}
	return header
}
