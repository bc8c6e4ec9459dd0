package app_test

import (
	"context"
	"encoding/json"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/wacast/wacast/pkg/app"
	"github.com/wacast/wacast/pkg/simulator"
)

const waba = "102290129340398"

// definition is a template as the API lists it.
func definition(name, language, status, body string) string {
	return `{"name":"` + name + `","language":"` + language + `","status":"` + status + `","category":"UTILITY","parameter_format":"POSITIONAL","components":[{"type":"BODY","text":"` + body + `"}]}`
}

func templateList(definitions ...string) json.RawMessage {
	return json.RawMessage("[" + strings.Join(definitions, ",") + "]")
}

// platform is a simulator with one account, one number and one template, and
// settings that fit it, but for NATS and Redis, which are away.
type platform struct {
	sim    simulator.Config
	env    map[string]string
	folder string
	// change is done once the simulator runs.
	change func(t *testing.T, s *simulator.Server)
	from   string
}

func newPlatform(t *testing.T) *platform {
	t.Helper()
	folder := t.TempDir()
	write(t, folder, "all.json", string(templateList(definition("hello", "en_US", "APPROVED", "Hi {{1}}"))))
	return &platform{
		folder: folder,
		sim: simulator.Config{MessagingLimit: "TIER_250", Accounts: []simulator.Account{{
			WABA: waba, Name: "Acme", Tokens: []string{"token-a"}, Apps: []string{"Acme receiver"},
			Numbers:   []simulator.Number{{ID: numberA, Name: "Acme Shop", Display: "+1 555 010 0199"}},
			Templates: []json.RawMessage{templateList(definition("hello", "en_US", "APPROVED", "Hi {{1}}"))},
		}}},
		env: map[string]string{
			"WACAST_ACCESS_TOKEN": "token-a", "WACAST_WABA_ID": waba, "WACAST_TEMPLATES": folder,
			"WACAST_NATS_URL": "nats://127.0.0.1:1", "WACAST_REDIS_URL": "redis://127.0.0.1:1/0",
		},
	}
}

// start runs the simulator and reads the settings.
func (p *platform) start(t *testing.T) app.Config {
	t.Helper()
	s, err := simulator.New(p.sim)
	if err != nil {
		t.Fatal(err)
	}
	api := httptest.NewServer(s)
	t.Cleanup(api.Close)
	if p.change != nil {
		p.change(t, s)
	}
	env := []string{"WACAST_API_URL=" + api.URL}
	for k, v := range p.env {
		env = append(env, k+"="+v)
	}
	cfg, _, err := app.Load(app.Sources{Environ: env})
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

// want is a finding: the text and the remedy match the expressions.
type want struct {
	name         string
	level        app.Level
	text, remedy string
}

func (w want) check(t *testing.T, findings []app.Finding) {
	t.Helper()
	var same []app.Finding
	for _, f := range findings {
		if f.Name != w.name {
			continue
		}
		same = append(same, f)
		if f.Level == w.level && regexp.MustCompile(w.text).MatchString(f.Text) && regexp.MustCompile(w.remedy).MatchString(f.Remedy) && (w.remedy == "") == (f.Remedy == "") {
			return
		}
	}
	t.Errorf("%s: got %+v, want %+v", w.name, same, w)
}

func TestExamineAllIsWell(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	findings := app.Examine(t.Context(), p.start(t), "")
	for _, w := range []want{
		{"settings", app.OK, "account " + waba, ""},
		{"api", app.Warning, "not Meta's", "unset api.url"},
		{"token", app.OK, "^valid, without an end$", ""},
		{"number " + numberA, app.OK, "^Acme Shop, ends in 99, connected, messaging limit TIER_250$", ""},
		{"quality " + numberA, app.OK, "GREEN", ""},
		{"throughput " + numberA, app.OK, "STANDARD allows 80 messages a second, which workers go by", ""},
		{"account " + waba, app.OK, "^Acme$", ""},
		{"webhook", app.OK, "Acme receiver is subscribed", ""},
		{"templates", app.OK, "1 in the folder", ""},
		{"nats", app.Failed, "127.0.0.1:1", "nats-server -js"},
		{"redis", app.Failed, "127.0.0.1:1", "redis-server"},
	} {
		w.check(t, findings)
	}
	if len(findings) != 11 {
		t.Errorf("%d findings: %+v", len(findings), findings)
	}
	for _, f := range findings {
		if strings.Contains(f.Text+f.Remedy, "token-a") || strings.Contains(f.Text+f.Remedy, "0100199") || strings.Contains(f.Text, "010 01") {
			t.Errorf("%s shows the token or the telephone number: %s", f.Name, f.Text)
		}
	}
}

func TestExamineFindings(t *testing.T) {
	tests := []struct {
		name  string
		setup func(t *testing.T, p *platform)
		want  want
	}{
		{"no token", func(_ *testing.T, p *platform) { delete(p.env, "WACAST_ACCESS_TOKEN") },
			want{"settings", app.Failed, "no access token", "temporary token"}},
		{"an unknown token", func(_ *testing.T, p *platform) { p.env["WACAST_ACCESS_TOKEN"] = "token-b" },
			want{"token", app.Failed, "190", "temporary token"}},
		{"an expired token", func(_ *testing.T, p *platform) {
			p.change = func(_ *testing.T, s *simulator.Server) { s.ExpireToken("token-a") }
		}, want{"token", app.Failed, "190/463 .*expired", "temporary token"}},
		{"a token for a day", func(_ *testing.T, p *platform) {
			p.change = func(_ *testing.T, s *simulator.Server) {
				s.ExpireTokenAt("token-a", time.Now().Add(23*time.Hour+time.Minute))
			}
		}, want{"token", app.Warning, `^valid, but only until .* UTC \(23 hours\)$`, "system user"}},
		{"a token for a year", func(_ *testing.T, p *platform) {
			p.change = func(_ *testing.T, s *simulator.Server) { s.ExpireTokenAt("token-a", time.Now().AddDate(1, 0, 0)) }
		}, want{"token", app.OK, "^valid until 20", ""}},
		{"nobody answers", func(_ *testing.T, p *platform) {
			p.env["WACAST_API_URL"] = "http://127.0.0.1:1"
		}, want{"token", app.Failed, "no answer from the cloud api: .*refused", "API URL"}},
		{"a wrong number", func(_ *testing.T, p *platform) { p.from = numberB },
			want{"number " + numberB, app.Failed, "100/33", "not the telephone number"}},
		{"a number of another account", func(_ *testing.T, p *platform) {
			p.from = numberB
			p.sim.Accounts = append(p.sim.Accounts, simulator.Account{WABA: "222", Tokens: []string{"token-a"}, Numbers: []simulator.Number{{ID: numberB}}})
		}, want{"number " + numberB, app.Failed, "none of account " + waba + ", which has " + numberA, "Correct waba_id"}},
		{"quality RED", func(_ *testing.T, p *platform) { p.sim.Accounts[0].Numbers[0].Quality = "RED" },
			want{"quality " + numberA, app.Warning, "^RED", "less marketing"}},
		{"quality YELLOW", func(_ *testing.T, p *platform) { p.sim.Accounts[0].Numbers[0].Quality = "YELLOW" },
			want{"quality " + numberA, app.Warning, "^YELLOW", "WhatsApp Manager"}},
		{"not rated", func(_ *testing.T, p *platform) { p.sim.Accounts[0].Numbers[0].Quality = "UNKNOWN" },
			want{"quality " + numberA, app.OK, "not rated yet", ""}},
		{"not registered", func(_ *testing.T, p *platform) { p.sim.Accounts[0].Numbers[0].Status = "PENDING" },
			want{"number " + numberA, app.Failed, "cannot send: phone_number: 133010", "Register"}},
		{"a default too high", func(_ *testing.T, p *platform) { p.env["WACAST_DEFAULT_MPS"] = "500" },
			want{"throughput " + numberA, app.OK, "STANDARD allows 80 messages a second, which workers go by", ""}},
		{"a low default", func(_ *testing.T, p *platform) { p.env["WACAST_DEFAULT_MPS"] = "20" },
			want{"throughput " + numberA, app.OK, "the default of 20 holds, which is less", ""}},
		{"another throughput", func(_ *testing.T, p *platform) { p.sim.MPS = 500 },
			want{"throughput " + numberA, app.OK, "not told; the default of 80 messages a second holds", ""}},
		{"throughput HIGH", func(_ *testing.T, p *platform) {
			p.sim.MPS, p.env["WACAST_DEFAULT_MPS"] = 1000, "1000"
		}, want{"throughput " + numberA, app.OK, "HIGH allows 1000", ""}},
		{"a wrong account", func(_ *testing.T, p *platform) { p.env["WACAST_WABA_ID"] = "999" },
			want{"account 999", app.Failed, "100/33", "waba_id"}},
		{"no account", func(_ *testing.T, p *platform) { delete(p.env, "WACAST_WABA_ID"); p.from = numberA },
			want{"account", app.Warning, "waba_id is not set", "WACAST_WABA_ID"}},
		{"neither account nor number", func(_ *testing.T, p *platform) { delete(p.env, "WACAST_WABA_ID") },
			want{"number", app.Warning, "no number is known", "--from"}},
		{"an account without numbers", func(_ *testing.T, p *platform) { p.sim.Accounts[0].Numbers = nil },
			want{"numbers", app.Warning, "no phone number", "--from"}},
		{"no webhook", func(_ *testing.T, p *platform) { p.sim.Accounts[0].Apps = nil },
			want{"webhook", app.Warning, "delivered stays 0, and an outcome that is unknown cannot settle", "POST /" + waba + "/subscribed_apps"}},
		{"no folder", func(_ *testing.T, p *platform) { delete(p.env, "WACAST_TEMPLATES") },
			want{"templates", app.Warning, "the API lists 1, but there is no folder", "wacast template pull"}},
		{"an empty folder", func(t *testing.T, p *platform) {
			if err := os.Remove(filepath.Join(p.folder, "all.json")); err != nil {
				t.Fatal(err)
			}
		}, want{"templates", app.Failed, "no .*json file", "wacast template pull"}},
		{"not at the API", func(t *testing.T, p *platform) {
			write(t, p.folder, "more.json", definition("gone", "es", "APPROVED", "x"))
		}, want{"templates", app.Failed, `not at the API: gone \(es\)`, "wacast template pull"}},
		{"in another language", func(t *testing.T, p *platform) {
			write(t, p.folder, "all.json", definition("hello", "en", "APPROVED", "Hi {{1}}"))
		}, want{"templates", app.Failed, `hello \(en\), which it has in en_US`, "exact language codes"}},
		{"another text", func(t *testing.T, p *platform) {
			write(t, p.folder, "all.json", definition("hello", "en_US", "APPROVED", "Hi {{1}} {{2}}"))
		}, want{"templates", app.Failed, `differs from the API's: hello \(en_US\)`, "wacast template pull"}},
		{"paused", func(_ *testing.T, p *platform) {
			p.sim.Accounts[0].Templates = []json.RawMessage{templateList(definition("hello", "en_US", "PAUSED", "Hi {{1}}"))}
		}, want{"templates", app.Warning, `cannot be sent: hello \(en_US\) is PAUSED`, "WhatsApp Manager"}},
		{"the folder's status is old", func(_ *testing.T, p *platform) {
			p.sim.Accounts[0].Templates = []json.RawMessage{templateList(definition("hello", "en_US", "PAUSED", "Hi {{1}}"))}
		}, want{"templates", app.Warning, `out of date: hello \(en_US\) is PAUSED`, "wacast template pull"}},
		{"not in the folder", func(_ *testing.T, p *platform) {
			p.sim.Accounts[0].Templates = append(p.sim.Accounts[0].Templates, templateList(definition("new", "en_US", "APPROVED", "x")))
		}, want{"templates", app.Warning, `not in the folder, so jobs with them are rejected: new \(en_US\)`, "wacast template pull"}},
		{"an empty folder, and nothing to fill it with", func(t *testing.T, p *platform) {
			if err := os.Remove(filepath.Join(p.folder, "all.json")); err != nil {
				t.Fatal(err)
			}
			p.sim.Accounts[0].Templates = nil
		}, want{"templates", app.Failed, "no template definitions", "unset templates"}},
		{"a simulator without templates", func(_ *testing.T, p *platform) { p.sim.Accounts[0].Templates = nil },
			want{"templates", app.Warning, "takes any", "--templates-dir"}},
		{"a real token at the simulator", func(_ *testing.T, p *platform) { p.env["WACAST_ACCESS_TOKEN"] = "EAAreal" },
			want{"token", app.Failed, "looks like a real one", "token"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p := newPlatform(t)
			tt.setup(t, p)
			tt.want.check(t, app.Examine(t.Context(), p.start(t), p.from))
		})
	}
}

// A dead token is said once; what needs it is not asked.
func TestExamineStopsAtADeadToken(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	p.env["WACAST_ACCESS_TOKEN"] = "token-b"
	for _, f := range app.Examine(t.Context(), p.start(t), "") {
		switch f.Name {
		case "settings", "api", "token", "nats", "redis":
		default:
			t.Errorf("%+v", f)
		}
	}
}

func TestExamineServers(t *testing.T) {
	r := newRig(t, simulator.Config{})
	streams := want{"nats", app.Warning, "with JetStream; not there yet: .*", "a worker creates them"}
	streams.check(t, app.Examine(t.Context(), r.config(), numberA))
	r.ready("one")
	findings := app.Examine(t.Context(), r.config(), numberA)
	streams.level, streams.text, streams.remedy = app.OK, "all streams are as they should be", ""
	streams.check(t, findings)
	for _, f := range findings {
		if f.Name == "redis" && f.Level == app.Failed {
			t.Errorf("%+v", f)
		}
	}
	old := r.config()
	old.JobsMaxBytes /= 2
	streams.level, streams.text, streams.remedy = app.Warning, "max_bytes is ", "Restart a worker"
	streams.check(t, app.Examine(t.Context(), old, numberA))
}

// Redis that evicts is no place for the ledger.
func TestExamineRedisThatEvicts(t *testing.T) {
	for policy, w := range map[string]want{
		"allkeys-lru": {"redis", app.Failed, "maxmemory-policy is allkeys-lru", "noeviction"},
		"noeviction":  {"redis", app.OK, "^Redis 8.0.0, noeviction, with an append-only file$", ""},
		"":            {"redis", app.Warning, "does not tell", "noeviction"},
	} {
		w.check(t, app.Examine(t.Context(), redisConfig(t, fakeRedis(t, policy)), ""))
	}
}

func redisConfig(t *testing.T, url string) app.Config {
	t.Helper()
	p := newPlatform(t)
	p.env["WACAST_REDIS_URL"] = url
	return p.start(t)
}

func TestPullTemplates(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	p.sim.Accounts[0].Templates = []json.RawMessage{templateList(
		definition("hello", "en_US", "PAUSED", "Hi {{1}}"), definition("news", "en", "APPROVED", "<b> & so on"), definition("same", "en", "APPROVED", "x"), definition("text", "en", "APPROVED", "new"),
	)}
	own := filepath.Join(p.folder, waba+".json")
	if err := os.Rename(filepath.Join(p.folder, "all.json"), filepath.Join(p.folder, "all.txt")); err != nil {
		t.Fatal(err)
	}
	write(t, p.folder, waba+".json", `{"data":`+string(templateList(
		definition("hello", "en_US", "APPROVED", "Hi {{1}}"), definition("old", "en", "APPROVED", "x"), definition("same", "en", "APPROVED", "x"), definition("text", "en", "APPROVED", "old"),
	))+`}`)
	cfg := p.start(t)
	got, err := app.PullTemplates(t.Context(), cfg, "", false)
	if err != nil {
		t.Fatal(err)
	}
	wantPull(t, got, app.Pull{
		Account: waba, File: own, Templates: 4, Added: []string{"news (en) APPROVED"}, Removed: []string{"old (en)"},
		Changed: []string{"hello (en_US) PAUSED, was APPROVED", "text (en) has a new text"}, LeftOut: []string{},
	})
	info, err := os.Stat(own)
	if err != nil || info.Mode().Perm() != 0o644 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	data, err := os.ReadFile(own)
	if err != nil || !strings.Contains(string(data), `"<b> & so on"`) || !strings.Contains(string(data), `"id"`) {
		t.Errorf("%s, %v", data, err)
	}
	if files, _ := os.ReadDir(p.folder); len(files) != 2 {
		t.Errorf("%d files are left in the folder", len(files))
	}
	again, err := app.PullTemplates(t.Context(), cfg, waba, false)
	if err != nil || len(again.Added)+len(again.Removed)+len(again.Changed) != 0 {
		t.Errorf("again: %+v, %v", again, err)
	}
	catalog, _, err := app.OpenTemplates(cfg, "")
	if err != nil || len(catalog.All()) != 4 {
		t.Errorf("the folder: %v", err)
	}
}

func TestPullTemplatesRefuses(t *testing.T) {
	tests := []struct {
		name  string
		setup func(t *testing.T, p *platform)
		waba  string
		want  error
		text  string
	}{
		{"an empty list", func(_ *testing.T, p *platform) { p.sim.Accounts[0].Templates = nil }, "", app.ErrNoTemplates, waba},
		{"another file has it", func(*testing.T, *platform) {}, "", app.ErrDefinedTwice, "hello (en_US) in .*all.json"},
		{"no folder", func(_ *testing.T, p *platform) { delete(p.env, "WACAST_TEMPLATES") }, "", app.ErrNoFolder, "WACAST_TEMPLATES"},
		{"another account", func(*testing.T, *platform) {}, "222", app.ErrChooseAccount, "no account 222, but " + waba},
		{"no account id", func(_ *testing.T, p *platform) { delete(p.env, "WACAST_WABA_ID") }, "", nil, "must be digits.*waba_id"},
		{"an unknown token", func(_ *testing.T, p *platform) { p.env["WACAST_ACCESS_TOKEN"] = "token-b" }, "", nil, "190"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p := newPlatform(t)
			tt.setup(t, p)
			_, err := app.PullTemplates(t.Context(), p.start(t), tt.waba, false)
			wantError(t, err, tt.want, tt.text)
			if files, _ := os.ReadDir(p.folder); len(files) != 1 {
				t.Errorf("%d files are in the folder", len(files))
			}
		})
	}
}

func TestPullNothingByForce(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	p.sim.Accounts[0].Templates = nil
	got, err := app.PullTemplates(context.Background(), p.start(t), "", true)
	if err != nil || got.Templates != 0 {
		t.Errorf("%+v, %v", got, err)
	}
}
