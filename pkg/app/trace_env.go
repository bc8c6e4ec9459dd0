package app

import (
	"cmp"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
)

// traceSettings are OpenTelemetry's variables, as far as wacast reads them itself. The
// library reads all the others.
type traceSettings struct {
	protocol string
	// plain has spans go without TLS: nothing says where to, and a collector beside this
	// process has no certificate.
	plain bool
	// secrets are what the variables hold that no log may.
	secrets []string
}

// Protocols of OTLP. The second is what OpenTelemetry recommends.
const (
	protocolGRPC     = "grpc"
	protocolHTTP     = "http/protobuf"
	protocolHTTPJSON = "http/json"
)

// Where variables are told twice, the one for traces wins.
const (
	otlpPrefix   = "OTEL_EXPORTER_OTLP_"
	tracesPrefix = otlpPrefix + "TRACES_"
)

// readTraceSettings returns what the variables ask for, or nil where they want no spans.
// A variable that cannot be followed is an error: the library would go on without it, and
// write what it holds, be it a secret, to standard error.
func readTraceSettings(getenv func(string) string) (*traceSettings, error) {
	env := func(name string) string { return strings.TrimSpace(getenv(name)) }
	exporter := env("OTEL_TRACES_EXPORTER")
	endpoint := cmp.Or(env(tracesPrefix+"ENDPOINT"), env(otlpPrefix+"ENDPOINT"))
	switch {
	case strings.EqualFold(env("OTEL_SDK_DISABLED"), "true"), exporter == "none", exporter == "" && endpoint == "":
		return nil, nil
	case exporter != "" && exporter != "otlp":
		return nil, fmt.Errorf("OTEL_TRACES_EXPORTER: %s is not built in: set it to otlp or none", strconv.Quote(exporter))
	}
	s := &traceSettings{protocol: cmp.Or(env(tracesPrefix+"PROTOCOL"), env(otlpPrefix+"PROTOCOL"), protocolHTTP)}
	s.plain = endpoint == "" && !isSet(env, "CERTIFICATE", "CLIENT_CERTIFICATE", "INSECURE")
	s.secrets = append(secretsOf(env(otlpPrefix+"HEADERS")), secretsOf(env(tracesPrefix+"HEADERS"))...)
	return s, s.check(env)
}

func isSet(env func(string) string, names ...string) bool {
	return slices.ContainsFunc(names, func(name string) bool { return env(otlpPrefix+name) != "" || env(tracesPrefix+name) != "" })
}

// check returns all that is wrong with the variables.
func (s *traceSettings) check(env func(string) string) error {
	var errs []error
	look := func(name string, check func(string) error) {
		if value := env(name); value != "" {
			if err := check(value); err != nil {
				errs = append(errs, fmt.Errorf("%s: %w", name, err))
			}
		}
	}
	for _, prefix := range []string{otlpPrefix, tracesPrefix} {
		look(prefix+"PROTOCOL", oneOf(protocolGRPC, protocolHTTP, protocolHTTPJSON))
		look(prefix+"ENDPOINT", s.checkEndpoint)
		look(prefix+"HEADERS", checkHeaders)
		look(prefix+"COMPRESSION", oneOf("gzip", "none"))
		look(prefix+"INSECURE", oneOf("true", "false"))
		look(prefix+"TIMEOUT", checkCount)
		look(prefix+"CERTIFICATE", checkAuthorities)
		look(prefix+"CLIENT_CERTIFICATE", func(file string) error { return checkPair(file, env(prefix+"CLIENT_KEY")) })
	}
	for _, name := range []string{"SCHEDULE_DELAY", "EXPORT_TIMEOUT", "MAX_QUEUE_SIZE", "MAX_EXPORT_BATCH_SIZE"} {
		look("OTEL_BSP_"+name, checkCount)
	}
	look("OTEL_TRACES_SAMPLER", oneOf("always_on", "always_off", "traceidratio", "parentbased_always_on", "parentbased_always_off", "parentbased_traceidratio"))
	if strings.HasSuffix(env("OTEL_TRACES_SAMPLER"), "traceidratio") {
		look("OTEL_TRACES_SAMPLER_ARG", checkShare)
	}
	return errors.Join(errs...)
}

func oneOf(words ...string) func(string) error {
	return func(value string) error {
		if slices.Contains(words, value) {
			return nil
		}
		return fmt.Errorf("%s is not built in: set it to one of %s", strconv.Quote(value), strings.Join(words, ", "))
	}
}

// checkEndpoint does not repeat the value: a URL may hold a password. What gRPC names
// otherwise, as host:port, goes by TLS.
func (s *traceSettings) checkEndpoint(value string) error {
	u, err := url.Parse(value)
	isURL := err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != ""
	if isURL || err == nil && s.protocol == protocolGRPC && u.Scheme != "http" && u.Scheme != "https" {
		return nil
	}
	port := "4318"
	if s.protocol == protocolGRPC {
		port = "4317"
	}
	return fmt.Errorf("is no URL: set it to one such as http://collector:%s or https://collector:%s", port, port)
}

var errHeaders = errors.New("is not of the form name=value,name=value, with % and what it stands for where a value holds a comma or a %")

func checkHeaders(value string) error {
	for pair := range strings.SplitSeq(value, ",") {
		name, text, found := strings.Cut(pair, "=")
		if _, err := url.PathUnescape(text); !found || err != nil || !isToken(strings.TrimSpace(name)) {
			return errHeaders
		}
	}
	return nil
}

// isToken reports whether a header may be named so.
func isToken(name string) bool {
	return name != "" && !strings.ContainsFunc(name, func(c rune) bool {
		return c <= ' ' || c > '~' || strings.ContainsRune(`"(),/:;<=>?@[\]{}`, c)
	})
}

// leastSecret keeps words of headers that everybody uses out of the secrets.
const leastSecret = 7

// secretsOf are the words of the values of headers, as they are written and as they are meant.
func secretsOf(headers string) (secrets []string) {
	for pair := range strings.SplitSeq(headers, ",") {
		_, text, _ := strings.Cut(pair, "=")
		meant, _ := url.PathUnescape(text)
		for _, word := range append(strings.Fields(text), strings.Fields(meant)...) {
			if len(word) >= leastSecret {
				secrets = append(secrets, word)
			}
		}
	}
	return secrets
}

// maxCount bounds the queue of spans, and with it what a collector that is away costs.
const maxCount = 1_000_000

func checkCount(value string) error {
	if n, err := strconv.Atoi(value); err != nil || n < 1 || n > maxCount {
		return fmt.Errorf("%s is no number from 1 to %d; times are in milliseconds", strconv.Quote(value), maxCount)
	}
	return nil
}

func checkShare(value string) error {
	if share, err := strconv.ParseFloat(value, 64); err != nil || !(share >= 0 && share <= 1) {
		return fmt.Errorf("%s is no share from 0 to 1", strconv.Quote(value))
	}
	return nil
}

func checkAuthorities(file string) error {
	pem, err := os.ReadFile(file)
	if err == nil && !x509.NewCertPool().AppendCertsFromPEM(pem) {
		err = fmt.Errorf("%s holds no certificate in PEM", file)
	}
	return err
}

func checkPair(certificate, key string) error {
	if key == "" {
		return errors.New("needs a key: set the variable that ends in CLIENT_KEY too")
	}
	_, err := tls.LoadX509KeyPair(certificate, key)
	return err
}
