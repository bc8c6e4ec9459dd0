package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/wacast/wacast/pkg/lab"
	"github.com/wacast/wacast/pkg/simulator"
)

func newSimulator() *cobra.Command {
	var cfg simulator.Config
	var addr string
	var files simulatorFiles
	c := &cobra.Command{
		Use: "simulator", Short: "Stands in for the WhatsApp Cloud API", Args: noArgs,
		Long: `Stands in for the WhatsApp Cloud API: it judges every message as the API documents
it, holds each number to its throughput in a sliding second, and counts what it
accepted twice. Give workers --api-url http://ADDR and any WACAST_ACCESS_TOKEN.

What it saw is at /_sim/stats, /_sim/messages and /_sim/duplicates; tokens, limits
and faults change at run time with POST /_sim/tokens, PUT /_sim/numbers/ID and
POST /_sim/faults; POST /_sim/app {"app_secrets": ["…"]} gives the app a new secret.

With --webhook-url it posts the statuses of what it accepted there, signed with the
app secret, and again until the answer is 200. What became of them is at
/_sim/webhooks; POST {"paused": true} or {"faults": […]} to change it.

With --webhook-answers people answer what they read: the file is a list of rules, each
with the share of the messages that it takes, such as
  [{"share": 0.6, "answers": [{"button": "Confirm", "delay": "2s"}]},
   {"share": 0.02, "answers": [{"text": "STOP"}]}]
POST /_sim/answers replaces them, and POST /_sim/inbound posts a message, or any
webhook value, at once. POST /_sim/templates/NAME {"status": "PAUSED"} stops a template
and tells so, POST /_sim/numbers/ID/upgrade {"mps": 1000} raises a number's throughput.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if _, _, err := net.SplitHostPort(addr); err != nil {
				return usageError{fmt.Errorf("--addr: %w", err)}
			}
			if err := readSimulator(&cfg, files); err != nil {
				return usageError{err}
			}
			return serveSimulator(cmd, cfg, addr)
		},
	}
	f := c.Flags()
	f.StringVar(&addr, "addr", "127.0.0.1:8090", "address to listen on")
	f.IntVar(&cfg.MPS, "mps", simulator.DefaultMPS, "messages a second of each number")
	f.DurationVar(&cfg.Latency.Base, "latency", 50*time.Millisecond, "time until an answer")
	f.DurationVar(&cfg.Latency.Spread, "latency-spread", 0, "random time added to the latency")
	f.Uint64Var(&cfg.Seed, "seed", 1, "makes faults and latencies repeatable")
	f.StringVar(&files.templates, "templates-dir", "", "folder of template definitions, as the API lists them; without it templates are not judged")
	f.StringSliceVar(&cfg.TestRecipients, "test-number-recipients", nil, "make every number a test number: it sends to these only (at most five), others are refused with 131030")
	f.StringVar(&files.faults, "faults", "", "file with a JSON list of faults")
	f.BoolVar(&files.requireSecret, "require-app-secret", false, "refuse calls without the proof of the app secret, as an app with Require App Secret on does; workers then need app_secret_proof: on")
	webhookFlags(c, &cfg.Webhook, &files)
	return c
}

// simulatorFiles are what the flags name.
type simulatorFiles struct {
	templates, faults, secret, webhookFaults, answers string

	requireSecret bool
}

func webhookFlags(c *cobra.Command, w *simulator.Webhook, files *simulatorFiles) {
	f := c.Flags()
	f.StringVar(&w.URL, "webhook-url", "", "where status webhooks go; needs an app secret")
	f.StringVar(&files.secret, "app-secret-file", "", "file with the app secret that signs webhooks, and that --require-app-secret is about (default: WACAST_APP_SECRET)")
	f.DurationVar(&w.Sent.Base, "webhook-sent", 200*time.Millisecond, "time from the answer to the status sent")
	f.DurationVar(&w.Delivered.Base, "webhook-delivered", time.Second, "time from the answer to the status delivered")
	f.DurationVar(&w.Read.Base, "webhook-read", 5*time.Second, "time from the answer to the status read")
	f.StringVar(&files.webhookFaults, "webhook-faults", "", "file with a JSON list of faults of webhooks")
	f.StringVar(&files.answers, "webhook-answers", "", "file with a JSON list of rules by which people answer")
	f.IntVar(&w.Batch, "webhook-batch", simulator.DefaultBatch, "most updates in a webhook")
	f.BoolVar(&w.Conversation, "webhook-conversation", false, "add the conversation object, as API versions to v23 do")
	f.Float64Var(&w.RetrySpeed, "webhook-retry-speed", 1, "how many times faster than the platform failed webhooks are repeated")
}

// readSimulator reads the files that the flags name.
func readSimulator(cfg *simulator.Config, names simulatorFiles) error {
	cfg.DedupKey = lab.JobOfToken
	if err := readTemplates(cfg, names.templates); err != nil {
		return err
	}
	if err := readSecret(cfg, names); err != nil {
		return err
	}
	if err := readList(names.faults, "--faults", &cfg.Faults); err != nil {
		return err
	}
	if err := readList(names.webhookFaults, "--webhook-faults", &cfg.Webhook.Faults); err != nil {
		return err
	}
	return readList(names.answers, "--webhook-answers", &cfg.Webhook.Answers)
}

// readSecret reads what webhooks are signed with, and calls are proved by: what a receiver
// and a worker beside the simulator are told.
func readSecret(cfg *simulator.Config, names simulatorFiles) error {
	cfg.Webhook.Secret = os.Getenv("WACAST_APP_SECRET")
	if names.secret != "" {
		secret, err := os.ReadFile(names.secret)
		if err != nil {
			return fmt.Errorf("--app-secret-file: %w", err)
		}
		if cfg.Webhook.Secret = strings.TrimSpace(string(secret)); cfg.Webhook.Secret == "" {
			return errors.New("--app-secret-file: the file is empty")
		}
	}
	if cfg.Webhook.URL != "" && cfg.Webhook.Secret == "" {
		return errors.New("--webhook-url needs --app-secret-file or WACAST_APP_SECRET, to sign with")
	}
	if names.requireSecret {
		if cfg.Webhook.Secret == "" {
			return errors.New("--require-app-secret needs --app-secret-file or WACAST_APP_SECRET, to know the proofs by")
		}
		cfg.AppSecrets = []string{cfg.Webhook.Secret}
	}
	return nil
}

func readTemplates(cfg *simulator.Config, dir string) error {
	if dir == "" {
		return nil
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.json"))
	if err != nil || len(files) == 0 {
		return fmt.Errorf("--templates-dir: %s holds no .json file", dir)
	}
	for _, f := range files {
		data, err := os.ReadFile(f)
		if err != nil {
			return fmt.Errorf("--templates-dir: %w", err)
		}
		cfg.Templates = append(cfg.Templates, data)
	}
	return nil
}

// readList reads the JSON file that a flag names, if it names one.
func readList(file, flag string, into any) error {
	if file == "" {
		return nil
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return fmt.Errorf("%s: %w", flag, err)
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return fmt.Errorf("%s: %s: %w", flag, file, err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return fmt.Errorf("%s: %s holds more than one list", flag, file)
	}
	return nil
}

func serveSimulator(cmd *cobra.Command, cfg simulator.Config, addr string) error {
	s, err := simulator.New(cfg)
	if err != nil {
		return usageError{err}
	}
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return hintError{fmt.Errorf("--addr: %w", err), "give another --addr; 127.0.0.1:0 takes a free port"}
	}
	if err := printSimulator(cmd, "http://"+l.Addr().String(), cfg.MPS); err != nil {
		return errors.Join(err, l.Close())
	}
	return s.Serve(cmd.Context(), l)
}

func printSimulator(cmd *cobra.Command, url string, mps int) error {
	if jsonOutput(cmd) {
		return printJSON(cmd, struct {
			URL string `json:"url"`
			MPS int    `json:"mps"`
		}{url, mps})
	}
	_, err := fmt.Fprintf(cmd.OutOrStdout(), "simulator of the Cloud API at %s (%s a second a number), what it saw at /_sim/stats\n", url, count(mps, "message"))
	return err
}
