package app_test

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/wacast/wacast/pkg/app"
	"github.com/wacast/wacast/pkg/embed/embedtest"
	"github.com/wacast/wacast/pkg/job"
	"github.com/wacast/wacast/pkg/policy"
	"github.com/wacast/wacast/pkg/simulator"
	"github.com/wacast/wacast/pkg/whatsapp"
)

var update = flag.Bool("update", false, "write deploy/reference.md anew")

// The reference says what the code does: it is made of the settings, the schemas,
// the metrics and the tables, and compared here.
func TestReference(t *testing.T) {
	r := newRig(t, simulator.Config{}, "WACAST_APP_SECRET=s3cret", "WACAST_WEBHOOK_ADDR=127.0.0.1:0")
	path := filepath.Join(embedtest.Root(t), "deploy", "reference.md")
	want := reference(t, everyRole(r))
	if *update {
		must(t, os.WriteFile(path, []byte(want), 0o644))
		return
	}
	got, err := os.ReadFile(path)
	must(t, err)
	if diff := cmp.Diff(strings.Split(string(got), "\n"), strings.Split(want, "\n")); diff != "" {
		t.Errorf("deploy/reference.md is not what the code says; run go test ./pkg/app -run TestReference -update, and look at what changed (-file +code):\n%s", diff)
	}
}

// everyRole is an app that has all metrics.
func everyRole(r *rig) *app.App {
	a, err := app.New(app.Options{Config: r.config(), Log: r.log.logger(), Roles: app.RoleAll, WorkerID: "w"})
	must(r.t, err)
	a.Start()
	r.t.Cleanup(func() { _ = a.Stop(context.Background()) })
	must(r.t, a.AwaitReady(r.t.Context(), patience))
	return a
}

func reference(t *testing.T, a *app.App) string {
	t.Helper()
	var b strings.Builder
	b.WriteString(`# Reference

Made of the code by ` + "`go test ./pkg/app -run TestReference -update`" + `; a test compares it. Change the code, not this file.

- [Settings](#settings) · [Redis URLs](#redis-urls) · [NATS](#nats) · [Accounts](#accounts)
- [Jobs](#jobs) · [Events](#events) · [Reasons](#reasons)
- [Metrics](#metrics) · [Logs](#logs) · [Traces](#traces)
- [What an answer of the Cloud API leads to](#what-an-answer-of-the-cloud-api-leads-to) · [Error codes of the Cloud API](#error-codes-of-the-cloud-api)

`)
	writeSettings(&b)
	writeAccounts(&b)
	writeSchema(t, &b, "Jobs", job.Schema())
	writeSchema(t, &b, "Events", job.EventSchema())
	writeReasons(t, &b)
	writeMetrics(t, &b, a)
	writeLogKeys(&b)
	writeTraces(&b)
	writePolicy(t, &b)
	writeCodes(&b)
	return b.String()
}

func writeSettings(b *strings.Builder) {
	b.WriteString(`## Settings

Defaults, then the YAML file, then the environment, then flags: the later wins. In the file a key's dots are levels, or stay
dots. Its flag is the key with - for . and _; a secret has none. A secret is given by its variable, or by a file that
the second variable (in the settings file, the key with ` + "`_file`" + `) names and that is read again when it changes. A duration is
such as ` + "`90s`, `15m` or `7d`, a size `1048576`, `512MiB` or `2GiB`" + `. ` + "`wacast schema config`" + ` prints the JSON Schema of the file,
` + "`wacast config print`" + ` what is in force, ` + "`wacast config check`" + ` what is wrong.

`)
	t := newTable(b, "key", "variable", "default", "")
	for _, s := range app.Settings() {
		variable := "`" + s.Env + "`"
		if s.Secret {
			variable += ", `" + s.FileEnv() + "`"
		}
		help := s.Help
		if s.Min != "" {
			help += "; at least " + s.Min
		}
		if len(s.OneOf) > 0 {
			help += ": " + strings.Join(s.OneOf, ", ")
		}
		t.row(code(s.Key), variable, code(s.Default), help)
	}
	b.WriteString("\n`WACAST_CONFIG` names the file, as `--config` does.\n\n" + redisURLs + natsForms + rotation)
}

const redisURLs = `### Redis URLs

| URL | |
| --- | --- |
| ` + "`redis://user:password@host:6379/0`" + ` | one server; user, password, port and database may be left out |
| ` + "`rediss://host:6380/0`" + ` | with TLS; ` + "`redis.tls_…`" + ` name the files where the system's authorities are not enough |
| ` + "`unix://user:password@/path/to/socket?db=0`" + ` | on a socket |
| ` + "`redis+cluster://host1:6379,host2:6379`" + ` | a Redis Cluster; the hosts lead to all the others |
| ` + "`redis+sentinel://host1:26379,host2:26379/master-name/0`" + ` | the master that Sentinels know by that name; user and password are those of Redis, ` + "`?sentinel_username=…&sentinel_password=…`" + ` those of the Sentinels |

` + "`rediss+cluster://` and `rediss+sentinel://`" + ` are these with TLS, where each server proves the name it is dialed by, or
` + "`redis.tls_name`. `redis.password`" + ` stands in place of the password in a URL and may be rotated while wacast runs. The query
may set what the client knows, such as ` + "`pool_size=50`, `read_timeout=3s` or `dial_timeout=1s`" + `; commands are never repeated by
the client, whatever it says. Redis needs ` + "`maxmemory-policy noeviction`" + ` and persistence: what it forgets may be sent twice.

`

const natsForms = `### NATS

` + "`nats.url`" + ` lists servers: ` + "`nats://user:password@host1:4222,nats://token@host2:4222`, with `tls://`, `ws://` or `wss://`" + ` where
need be. ` + "`nats.password`" + ` stands in place of the password in the URLs, which then name the user alone (` + "`nats://worker@host1:4222`" + `), or none
for a token. ` + "`nats.creds`" + ` is a file as ` + "`nsc`" + ` writes it, ` + "`nats.nkey`" + ` a file with a seed. ` + "`nats.context`" + ` takes all of it from a
context of the ` + "`nats`" + ` command, in ` + "`$XDG_CONFIG_HOME/nats/context/<name>.json`" + ` or another file; what is set beside it wins, and a
context that uses what wacast does not support (a proxy, a JetStream domain, nsc) is refused. Refused credentials
are tried again until they are right.

`

// rotation is what the tests of rotation prove.
const rotation = `### What is replaced while wacast runs

Write the new value into the file: nothing is restarted, and nothing lost or sent twice. Of what is given as a value and not as
a file nothing can be replaced.

| file of | read again | what happens |
| --- | --- | --- |
| ` + "`access_token`, `access_token_file`" + ` of an account | each second | the next message has the new token; end the old one in Meta's Business settings then |
| ` + "`app_secret`, `app_secret_files`" + ` | each second | webhooks of either secret are taken while both have a file; the proof (` + "`app_secret_proof`" + `) changes at once with a file, or when the platform takes no other. Meta ends the old secret's proofs when it makes the new one: the account stops until a file has that, and is tried again after 10 to 12 seconds |
| ` + "`verify_token`" + ` | each second | |
| ` + "`redis.password`" + ` | at each connection | connections that stand stay; after ` + "`ACL SETUSER wacast >NEW`" + ` and the file, take the old one away |
| ` + "`redis.tls_ca`, `redis.tls_cert`, `redis.tls_key`" + ` | at each connection | |
| ` + "`nats.password`" + ` | at each connection | ` + "`nats-server --signal reload`" + ` puts out who has the old one; sending waits until the file has the new one, and goes on within a second |
| ` + "`nats.creds`" + ` | at each connection | the server ends a connection when its JWT does; have the new file there before |
| ` + "`nats.tls_ca`, `nats.tls_cert`, `nats.tls_key`" + ` | at each connection | |
| ` + "`templates`" + ` | when it changes | |

A restart, one process after the other, is what takes: an nkey (` + "`nats.nkey`" + `) that is another user's, a password in a URL, a list of accounts.
` + "`identity_key`" + ` is for good: with another one nobody would be known who opted out.

`

func writeAccounts(b *strings.Builder) {
	b.WriteString("## Accounts\n\nOne YAML file an account in `accounts_dir`, or a list `accounts` in the settings file.\n\n")
	t := newTable(b, "field", "", "")
	for _, f := range app.AccountFields() {
		t.row(code(f.Key), map[bool]string{true: "required"}[f.Required], f.Help)
	}
	b.WriteString("\n")
}

func writeReasons(t *testing.T, b *strings.Builder) {
	b.WriteString("## Reasons\n\nWhy a job ended as it did, or why it waits: the same words in events, dead letters, logs and metrics.\n\n")
	said := comments(t, "pkg/job/reason.go")
	table := newTable(b, "reason", "")
	for _, r := range job.Reasons() {
		table.row(code(string(r)), said[string(r)])
	}
	b.WriteString("\n")
}

func writeMetrics(t *testing.T, b *strings.Builder, a *app.App) {
	t.Helper()
	b.WriteString("## Metrics\n\n`/metrics` at `admin.addr`, beside those of Go and of the process. No label holds a telephone number or a job's id.\n\n")
	table := newTable(b, "metric", "labels", "")
	for _, m := range describe(t, a) {
		table.row(code(m.name), code(m.labels), m.help)
	}
	b.WriteString("\n")
}

func writePolicy(t *testing.T, b *strings.Builder) {
	b.WriteString("## What an answer of the Cloud API leads to\n\nThe class is a label of `wacast_sends_total`. A wait is the first one and the longest; each lasts up to half as long again.\n\n")
	said := comments(t, "pkg/whatsapp/classes.go")
	table := newTable(b, "class", "what happened", "the job", "stopped or slowed", "wait")
	for _, class := range whatsapp.Classes() {
		first, last := policy.Decide(class, 1, policy.Limits{}, 0), policy.Decide(class, 1000, policy.Limits{MaxAttempts: 1001}, 0)
		reach, does := "", ""
		switch first.Do {
		case policy.Settle:
			does = fmt.Sprintf("ends: %s %s", first.Outcome, first.Reason)
		case policy.Retry:
			does = "is sent again"
			if first.CountsAttempt {
				does += ", at most `max_attempts` times"
			}
			if first.Slow != policy.ScopeNone {
				reach = "slows the " + first.Slow.String()
			}
		case policy.GiveBack:
			does, reach = "goes back untouched", "stops the "+first.Stop.String()+" until a probe goes through"
		}
		wait := ""
		if first.Delay > 0 {
			wait = first.Delay.String()
			if last.Delay != first.Delay {
				wait += " to " + last.Delay.String()
			}
		}
		table.row(code(class.String()), said[className(class)], does, reach, wait)
	}
	b.WriteString("\n")
}

func writeCodes(b *strings.Builder) {
	b.WriteString("## Error codes of the Cloud API\n\nA code that is not here is judged by its HTTP status.\n\n")
	table := newTable(b, "code", "class", "what happened", "what to do")
	for _, c := range whatsapp.Codes() {
		name := fmt.Sprint(c.Code)
		if c.Subcode != 0 {
			name += fmt.Sprintf("/%d", c.Subcode)
		}
		table.row(name, code(c.Class.String()), c.Meaning, c.Remedy)
	}
	for _, r := range whatsapp.Ranges() {
		table.row(fmt.Sprintf("%d–%d", r.First, r.Last), code(r.Row.Class.String()), r.Row.Meaning, r.Row.Remedy)
	}
}
