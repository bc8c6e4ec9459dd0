package app

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestLoadPrecedence(t *testing.T) {
	file := filepath.Join(t.TempDir(), "wacast.yaml")
	write(t, file, "default_mps: 100\nmax_in_flight: 200\nnats:\n  url: nats://file:4222\nsend_timeout: 5s\n")
	cfg, warnings, err := Load(Sources{
		File:    file,
		Environ: []string{"WACAST_MAX_IN_FLIGHT=300", "WACAST_NATS_URL=nats://env:4222", "WACAST_REDIS_URL="},
		Flags:   map[string]string{"nats.url": "nats://flag:4222"},
	})
	if err != nil || len(warnings) != 0 {
		t.Fatalf("Load: %v, warnings %q", err, warnings)
	}
	got := []any{cfg.DefaultMPS, cfg.MaxInFlight, cfg.NATSURL, cfg.SendTimeout, cfg.RedisURL, cfg.DedupWindow, cfg.JobsMaxBytes}
	want := []any{100, 300, "nats://flag:4222", 5 * time.Second, "redis://127.0.0.1:6379/0", 7 * 24 * time.Hour, int64(2 << 30)}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("settings (-want +got):\n%s", diff)
	}
}

// Every wrong setting is reported at once, by its key and its variable.
func TestLoadReportsEverythingWrong(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "wacast.yaml")
	write(t, file, "default_mpss: 5\nsend_timeout: soon\n")
	write(t, filepath.Join(dir, "accounts", "one.yaml"), "waba_id: 1\nnumber: 5\n")
	_, warnings, err := Load(Sources{
		File: file,
		Environ: []string{
			"WACAST_DEFAULT_MPS=many", "WACAST_MAX_IN_FLIGHT=0", "WACAST_RATE_HEADROOM=2", "WACAST_JOBS_MAX_BYTES=2 apples",
			"WACAST_LOG_LEVEL=loud", "WACAST_NAMESPACE=No Good", "WACAST_EVENTS_MAX_AGE=8d", "WACAST_API_URL=graph",
			"WACAST_ACCESS_TOKEN=EAAsecret", "WACAST_ACCESS_TOKEN_FILE=/nowhere",
			"WACAST_TEMPLATES=/no/such/folder", "WACAST_ACCOUNTS_DIR=" + filepath.Join(dir, "accounts"), "WACAST_TYPO=1",
		},
	})
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{
		"default_mpss is no setting", `send_timeout (WACAST_SEND_TIMEOUT): "soon"`, `default_mps (WACAST_DEFAULT_MPS): "many"`,
		"max_in_flight (WACAST_MAX_IN_FLIGHT): 0 is below", "rate_headroom (WACAST_RATE_HEADROOM)", "jobs_max_bytes (WACAST_JOBS_MAX_BYTES)",
		"log.level (WACAST_LOG_LEVEL)", "namespace (WACAST_NAMESPACE)", "events_max_age (WACAST_EVENTS_MAX_AGE)", "api.url (WACAST_API_URL)",
		"access_token (WACAST_ACCESS_TOKEN): is given both", "templates (WACAST_TEMPLATES)", "one.yaml",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("the error lacks %q", want)
		}
	}
	if strings.Contains(err.Error(), "EAAsecret") {
		t.Error("the error shows the token")
	}
	if len(warnings) != 1 || !strings.Contains(warnings[0], "WACAST_TYPO") {
		t.Errorf("warnings %q, want one about WACAST_TYPO", warnings)
	}
	if t.Failed() {
		t.Log(err)
	}
}

func TestLoadAccounts(t *testing.T) {
	dir := t.TempDir()
	token := filepath.Join(dir, "token")
	write(t, token, "EAAx")
	write(t, filepath.Join(dir, "accounts", "a.yaml"), "waba_id: 102290129340398\nportfolio: p1\nnumbers: [106540352242922, \"106540352242923\"]\naccess_token_file: "+token+"\n")
	write(t, filepath.Join(dir, "accounts", "notes.txt"), "not an account")
	cfg, _, err := Load(Sources{Environ: []string{"WACAST_ACCOUNTS_DIR=" + filepath.Join(dir, "accounts")}})
	if err != nil {
		t.Fatal(err)
	}
	want := []AccountConfig{{WABAID: "102290129340398", Portfolio: "p1", Numbers: []string{"106540352242922", "106540352242923"}, AccessTokenFile: token}}
	if diff := cmp.Diff(want, cfg.Accounts); diff != "" {
		t.Errorf("accounts (-want +got):\n%s", diff)
	}
	d, err := cfg.directory()
	if err != nil {
		t.Fatal(err)
	}
	if n, err := d.Lookup("106540352242923"); err != nil || n.Account.WABA != "102290129340398" {
		t.Errorf("Lookup = %+v, %v", n, err)
	}
}

func TestPrintHidesSecrets(t *testing.T) {
	cfg, _, err := Load(Sources{Environ: []string{
		"WACAST_ACCESS_TOKEN=EAAsecret", "WACAST_REDIS_URL=redis://user:hunter2@host:6379/1?client_name=tok", "WACAST_NATS_URL=nats://u:hunter2@host:4222",
	}})
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	if err := cfg.Print(&out); err != nil {
		t.Fatal(err)
	}
	for _, secret := range []string{"EAAsecret", "hunter2", "=tok"} {
		if strings.Contains(out.String(), secret) {
			t.Errorf("the output shows %s", secret)
		}
	}
	// What is printed is a settings file that reads back the same.
	file := filepath.Join(t.TempDir(), "printed.yaml")
	write(t, file, strings.ReplaceAll(out.String(), "[secret]", "x"))
	again, _, err := Load(Sources{File: file, Environ: []string{"WACAST_REDIS_URL=redis://h", "WACAST_NATS_URL=nats://h"}})
	if err != nil {
		t.Fatal(err)
	}
	again.AccessToken, again.RedisURL, again.NATSURL = cfg.AccessToken, cfg.RedisURL, cfg.NATSURL
	if diff := cmp.Diff(cfg.Redacted(), again.Redacted()); diff != "" {
		t.Errorf("read back (-want +got):\n%s", diff)
	}
	for _, s := range Settings() {
		if !strings.Contains(out.String(), s.Key+":") || !strings.Contains(out.String(), s.Env) {
			t.Errorf("the output lacks %s", s.Key)
		}
	}
}

func TestWithoutPassword(t *testing.T) {
	for in, want := range map[string]string{
		"nats://127.0.0.1:4222":                                 "nats://127.0.0.1:4222",
		"nats://u:hunter2@a:4222,nats://hunter2@b:4222,tls://c": "nats://xxxxx@a:4222,nats://xxxxx@b:4222,tls://c",
		"u:hunter2@a:4222":                                      "[secret]",
		"nats://u:hunter2%zz@a:4222":                            "nats://xxxxx@a:4222",
		"redis://u:hunt/er2,#@h:6379":                           "redis://xxxxx@h:6379",
		"redis://u:hunt?er2@h:6379":                             "[secret]",
		"redis://h:6379/1?password=hunt@er2":                    "[secret]",
		"redis+sentinel://u:hunter2@a:1,b/m/0?x=hunter2":        "redis+sentinel://xxxxx@a:1,b/m/0?[secret]",
		"redis+cluster://a,b:7000":                              "redis+cluster://a,b:7000",
		"redis://h:6379/1?password=hunter2":                     "redis://h:6379/1?[secret]",
		"2GiB, or so":                                           "2GiB, or so",
		"":                                                      "",
	} {
		if got := withoutPassword(in); got != want {
			t.Errorf("withoutPassword(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestDurationsAndSizesRoundTrip(t *testing.T) {
	for _, s := range Settings() {
		if d, err := parseDuration(s.Default); err == nil {
			if back, err := parseDuration(formatDuration(d)); err != nil || back != d {
				t.Errorf("%s: %s becomes %s", s.Key, s.Default, formatDuration(d))
			}
		}
	}
	for _, n := range []int64{0, 1, 1023, 1024, 5 << 20, 3 << 30, 1<<40 + 1} {
		if back, err := parseBytes(formatBytes(n)); err != nil || back != n {
			t.Errorf("%d becomes %s", n, formatBytes(n))
		}
	}
}

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}
