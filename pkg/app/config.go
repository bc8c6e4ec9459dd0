package app

import (
	"time"

	"github.com/wacast/wacast/pkg/sender"
)

// Config is every setting. A field's key is its name in the YAML file; its
// variable is WACAST_ and the key in upper case with . and - as _. A secret has
// no flag but a second variable that ends in _FILE and names a file, which is
// read again when it changes.
type Config struct {
	Namespace string `key:"namespace" default:"wacast" help:"prefix of subjects, streams and Redis keys"`

	NATSURL      string        `key:"nats.url" default:"nats://127.0.0.1:4222" help:"NATS servers, separated by commas: nats://, tls://, ws:// or wss://, with user:password@ or token@ before the host if need be"`
	NATSContext  string        `key:"nats.context" help:"context of the nats command line, by name or file; settings given beside it win"`
	NATSPassword sender.Secret `key:"nats.password" help:"password of the user that nats.url names, in place of one in the URL, or the token where it names none"`

	NATSCreds string `key:"nats.creds" help:"credentials file (JWT and seed) for NATS"`
	NATSNKey  string `key:"nats.nkey" help:"file with the seed of an nkey for NATS"`
	NATSCA    string `key:"nats.tls_ca" help:"file with the certificate authorities that NATS is believed by"`
	NATSCert  string `key:"nats.tls_cert" help:"file with the client certificate for NATS"`
	NATSKey   string `key:"nats.tls_key" help:"file with the key of nats.tls_cert"`
	NATSInbox string `key:"nats.inbox_prefix" help:"what the subjects begin with that answers come on, where the permissions of a NATS user name one: _INBOX_worker"`

	RedisURL      string        `key:"redis.url" default:"redis://127.0.0.1:6379/0" help:"Redis: redis://, rediss:// (TLS), unix://, redis+cluster://host1,host2 or redis+sentinel://host1,host2/master-name"`
	RedisPassword sender.Secret `key:"redis.password" help:"password for Redis, in place of one in the URL"`
	RedisCA       string        `key:"redis.tls_ca" help:"file with the certificate authorities that Redis is believed by"`
	RedisCert     string        `key:"redis.tls_cert" help:"file with the client certificate for Redis"`
	RedisKey      string        `key:"redis.tls_key" help:"file with the key of redis.tls_cert"`
	RedisTLSName  string        `key:"redis.tls_name" help:"name in the certificates of Redis, where it is not the host that is dialed"`

	APIURL     string `key:"api.url" default:"https://graph.facebook.com" help:"base URL of the Cloud API, or of a simulator"`
	APIVersion string `key:"api.version" default:"v26.0" help:"Graph API version"`

	AccessToken sender.Secret `key:"access_token" help:"token that serves every number without an account of its own"`
	AppSecret   sender.Secret `key:"app_secret" help:"secret of the app, which signs the webhooks of the account of access_token"`
	// AppSecretProof is a word, not a switch, so that a file may say what it is.
	AppSecretProof string `key:"app_secret_proof" default:"off" oneof:"off on" help:"on: every call of the API carries the proof (appsecret_proof) that an app with Require App Secret on wants. Of several app_secret_files the proof is made with the one that the platform takes, and with a new one as soon as its file has it: token and secret are rotated while wacast runs, and a new secret of the app costs its account one stop of 12 seconds, or until a file has it"`

	WABAID      string `key:"waba_id" help:"WhatsApp Business Account of access_token"`
	AccountsDir string `key:"accounts_dir" help:"folder with one YAML file an account"`
	Templates   string `key:"templates" help:"folder of template definitions, as the API lists them"`

	AdminAddr string `key:"admin.addr" default:":9090" help:"address of /metrics, /livez and /readyz"`

	WebhookAddr string        `key:"webhook.addr" default:":8080" help:"address of /webhook, where the platform posts statuses"`
	VerifyToken sender.Secret `key:"verify_token" help:"word that the platform repeats when the webhook is set up"`
	ForwardURL  string        `key:"forward_url" help:"where each webhook goes on to, unchanged: the address of a bot that was there before"`

	DefaultMPS   int           `key:"default_mps" default:"80" min:"1" help:"messages a second of a number, where neither the API nor wacast sender set says how many; below 80 it holds against the API's level STANDARD too"`
	RateHeadroom float64       `key:"rate_headroom" default:"0.019" help:"share of the limit left unused (of more than 80 a second, less), so that jitter on the way provokes no refusals"`
	MaxInFlight  int           `key:"max_in_flight" default:"1000" min:"1" help:"requests under way, over all numbers of a worker"`
	MaxAttempts  int           `key:"max_attempts" default:"6" min:"1" help:"attempts at a job that the API refuses for a passing fault, at most 100"`
	SendTimeout  time.Duration `key:"send_timeout" default:"20s" min:"1s" help:"longest wait for the API's answer, from then on the outcome is unknown"`
	DrainTimeout time.Duration `key:"drain_timeout" default:"25s" min:"1s" help:"longest wait for what is in flight at the end"`

	IdentityKey   sender.Secret `key:"identity_key" help:"secret that recipients are hashed with and button payloads signed with, at least 16 characters; without one it is made once and kept in NATS"`
	KeywordsOut   string        `key:"consent.keywords_out" help:"messages that opt out, as es: baja, parar; en: stop, in place of the words that wacast knows, or beside them after a leading +"`
	KeywordsIn    string        `key:"consent.keywords_in" help:"messages that opt in again, written like consent.keywords_out"`
	KeywordsScope string        `key:"consent.scope" default:"all" oneof:"all marketing" help:"what a message or button that opts out stops: all messages, or marketing"`
	BadAfter      int           `key:"consent.bad_after" default:"3" min:"1" help:"campaigns that must have found a number undeliverable (131026), until no more is sent to it"`

	MarketingCap       int           `key:"marketing_cap" default:"0" min:"0" help:"marketing messages that one person gets within marketing_cap_window, over all campaigns; 0 for any number"`
	MarketingCapWindow time.Duration `key:"marketing_cap_window" default:"24h" min:"1m" help:"period of marketing_cap"`

	UnknownDeadline time.Duration `key:"unknown_deadline" default:"15m" min:"1s" help:"how long an unknown outcome waits for its webhook, until on_unknown of its job decides"`

	DedupWindow  time.Duration `key:"dedup_window" default:"7d" min:"1m" help:"how long a job is remembered"`
	EventsMaxAge time.Duration `key:"events_max_age" default:"30d" min:"1m" help:"age limit of events, at least three times dedup_window"`
	DeadMaxAge   time.Duration `key:"dead_max_age" default:"30d" min:"1m" help:"age limit of dead letters"`
	JobsMaxBytes int64         `key:"jobs_max_bytes" default:"2GiB" min:"1MiB" help:"size of the job stream; beyond it publishers are refused"`
	Replicas     int           `key:"replicas" default:"1" min:"1" help:"copies of each stream in a NATS cluster"`

	LogLevel  string `key:"log.level" default:"info" oneof:"debug info warn error" help:"least level that is logged"`
	LogFormat string `key:"log.format" default:"text" oneof:"text json" help:"how a log line looks"`

	DataDir string `key:"data_dir" default:"data" help:"where the embedded NATS keeps its files"`

	// Accounts are those of the file's accounts list, then those of AccountsDir.
	Accounts []AccountConfig

	// nats holds what only a context of the nats command line can say; nil without.
	nats *natsContext
	// embedded says that NATS and Redis are in this process, and nobody else's.
	embedded bool
}

// AccountConfig is one account, in the list accounts of the YAML file or in a
// file of its own below accounts_dir.
type AccountConfig struct {
	WABAID          string   `koanf:"waba_id" need:"yes" help:"WhatsApp Business Account"`
	Portfolio       string   `koanf:"portfolio" help:"business portfolio that the account belongs to"`
	Numbers         []string `koanf:"numbers" need:"yes" help:"phone number ids that the account serves"`
	AccessTokenFile string   `koanf:"access_token_file" need:"yes" help:"file with the account's token, read again when it changes"`
	AppSecretFiles  []string `koanf:"app_secret_files" help:"files with the secrets of apps, read again when they change: any of them may have signed a webhook of the account, and one of them makes the proofs of app_secret_proof. Name two, and write a new secret into the one that is not in use: both are valid while it is rotated"`
	Templates       string   `koanf:"templates" help:"folder of the account's template definitions, in place of the setting templates"`
}
