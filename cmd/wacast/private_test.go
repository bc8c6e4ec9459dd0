package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/wacast/wacast/pkg/embed"
	"github.com/wacast/wacast/pkg/embed/embedtest"
)

// shownWhole are the commands that print people's numbers and ids whole, since that is
// what they are for, and for whom. Whatever else a command prints, and everything on
// standard error, is masked; messages are shown as they are written (send, campaign plan
// and template render show one). Beside these, whole numbers are in the files that a
// person names or gives: the report and the rejected rows, which only their owner may
// read.
var shownWhole = []struct{ command, flag, forWhom string }{
	{"campaign report", "--file -", "whoever takes the outcomes back into their own system"},
	{"recipient export", "", "the person who asks what is held about them"},
}

// whole reports whether a command may show people.
func whole(line string) bool {
	return slices.ContainsFunc(shownWhole, func(c struct{ command, flag, forWhom string }) bool {
		return strings.HasPrefix(line, c.command+" ") && strings.Contains(line+" ", c.flag+" ")
	})
}

// person is any telephone number of the session, as people may write it; a message id,
// which has one in it; a business-scoped user id; and what only the settings hold.
var person = regexp.MustCompile(strings.Join(strings.Split("1155550", ""), `[ ().-]*`) + `[ ().-]*\d[ ().-]*\d[ ().-]*\d` +
	`|wamid\.[0-9A-Za-z+/=_-]{8,}|AR\.[0-9]{6,}|token-of-the-session|secret-of-the-session`)

// session is a command line whose whole output is looked at.
type session struct {
	t   *testing.T
	dir string
	env []string
}

// run runs a command, of which only those in [shownWhole] show whom it is about.
func (s *session) run(stdin string, args ...string) (stdout, stderr string) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), patience)
	defer cancel()
	cmd := s.command(ctx, args...)
	var out, errs bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(stdin), &out, &errs
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) || ctx.Err() != nil {
		s.t.Fatalf("wacast %q: %v\n%s", args, err, &errs)
	}
	line := strings.Join(args, " ")
	if found := person.FindString(errs.String()); found != "" {
		s.t.Errorf("wacast %s: standard error shows %q:\n%s", line, found, &errs)
	}
	if found := person.FindString(out.String()); found != "" && !whole(line) {
		s.t.Errorf("wacast %s: standard output shows %q:\n%s", line, found, &out)
	}
	return out.String(), errs.String()
}

func (s *session) command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "wacast", args...)
	cmd.Dir, cmd.Env = s.dir, s.env
	return cmd
}

// background runs a command until the test ends. What it printed is looked at then.
func (s *session) background(args ...string) {
	s.t.Helper()
	cmd := s.command(context.Background(), args...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGINT)
		_ = cmd.Wait()
		if found := person.FindString(out.String()); found != "" || out.Len() == 0 {
			s.t.Errorf("wacast %q shows %q:\n%s", args, found, &out)
		}
	})
}

// until repeats a command until its output has what is wanted.
func (s *session) until(want string, args ...string) {
	s.t.Helper()
	for deadline := time.Now().Add(patience); ; time.Sleep(50 * time.Millisecond) { // leaves the cores to what is waited for
		out, errs := s.run("", args...)
		if regexp.MustCompile(`(?m)` + want).MatchString(out) {
			return
		}
		if time.Now().After(deadline) {
			s.t.Fatalf("wacast %q never shows %s:\n%s%s", args, want, out, errs)
		}
	}
}

const (
	numberOfSession = "106540352242922"
	rowsOfSession   = `phone,name
+5491155550100,Emilia
+54 9 11 5555-0101,Bruno
5491155550102,Carla
+5491155550103,Dario
+5491155550103,Dario again
11 5555-0104,Elsa
hello +5491155550105,Fito
`
	templatesOfSession = `{"data": [{"id": "1", "name": "appointment", "language": "es_AR", "status": "APPROVED", "category": "UTILITY", "components": [
  {"type": "BODY", "text": "Hola {{1}}."}, {"type": "BUTTONS", "buttons": [{"type": "QUICK_REPLY", "text": "Voy"}]}]}]}`
)

func newSession(t *testing.T) *session {
	t.Helper()
	server, err := embed.StartNATS(embed.NATSOptions{Dir: t.TempDir(), Port: -1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	redis := embedtest.Redis(t)
	s := &session{t: t, dir: t.TempDir()}
	for name, text := range map[string]string{
		"rows.csv": rowsOfSession, "api/all.json": templatesOfSession, "templates/.keep": "", "optouts.csv": "phone\n+5491155550120\n11 5555-0121\nno +5491155550122\n",
		"faults.json":  `[{"kind":"error","code":131026,"recipients":["5491155550103"]},{"kind":"lost_after","recipients":["5491155550130"]}]`,
		"answers.json": `[{"recipients":["+5491155550100"],"answers":[{"text":"call me: +5491155550100"},{"text":"STOP","delay":"10ms"}]},{"recipients":["+5491155550110"],"answers":[{"button":"Voy"}]}]`,
		"spring.yaml":  "campaign: spring\nfrom: " + numberOfSession + "\ntemplate: appointment\nlanguage: es_AR\nfile: rows.csv\nto: '{{.phone}}'\nparams:\n  body.1: '{{.name}}'\n",
		"token":        "token-of-the-session", "secret": "secret-of-the-session",
	} {
		path := filepath.Join(s.dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte(text), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	simulator, admin, hook := freePort(t), freePort(t), freePort(t)
	s.env = append(os.Environ(), "GORACE=atexit_sleep_ms=0", "USER=ana", "WACAST_NAMESPACE="+strings.ToLower(redis.Namespace), "WACAST_NATS_URL="+server.ClientURL(),
		"WACAST_REDIS_URL="+redis.URL, "WACAST_API_URL=http://"+simulator, "WACAST_ADMIN_ADDR="+admin, "WACAST_WEBHOOK_ADDR="+hook,
		"WACAST_ACCESS_TOKEN_FILE=token", "WACAST_APP_SECRET_FILE=secret", "WACAST_APP_SECRET_PROOF=on", "WACAST_VERIFY_TOKEN=word", "WACAST_WABA_ID=102290129340398",
		"WACAST_TEMPLATES=templates", "WACAST_LOG_LEVEL=debug", "WACAST_JOBS_MAX_BYTES=16MiB")
	s.background("simulator", "--addr", simulator, "--templates-dir", "api", "--require-app-secret", "--app-secret-file", "secret", "--faults", "faults.json",
		"--webhook-url", "http://"+hook+"/webhook", "--webhook-answers", "answers.json", "--webhook-sent", "10ms", "--webhook-delivered", "20ms", "--webhook-read", "30ms")
	for deadline := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) { // nothing signals that it listens
		resp, err := http.Get("http://" + simulator + "/livez")
		if err == nil {
			resp.Body.Close()
			http.DefaultClient.CloseIdleConnections()
			return s
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
	}
}

// A whole session of the command line, right and wrong, in words and in JSON, shows
// nobody, except where that is what a command is for; and nothing a secret.
func TestSessionShowsNobody(t *testing.T) {
	s := newSession(t)
	both := func(stdin string, args ...string) {
		t.Helper()
		s.run(stdin, args...)
		s.run(stdin, append(args, "-o", "json")...)
	}
	for _, line := range []string{"template pull", "template ls", "template show appointment", "template lint", "config check", "config print", "version"} {
		both("", strings.Fields(line)...)
	}
	s.background("all")
	s.until("^ready$", "health", "--ready")
	s.sendAll(both)
	s.lookAtAll(both)
	s.misuse(both)
	s.showWhole()
	s.files()
}

// sendAll has jobs of each fate: read, rejected, unknown, refused as rows.
func (s *session) sendAll(both func(string, ...string)) {
	s.t.Helper()
	send := []string{"send", "--campaign", "reminders", "--from", numberOfSession, "--template", "appointment", "--language", "es_AR",
		"--file", "rows.csv", "--to", "{{.phone}}", "--param", "body.1={{.name}}"}
	both("", append(send, "--dry-run")...)
	both("", append(send, "--dry-run", "--region", "AR")...)
	s.run("n\n", send...)
	s.run("", append(send, "--yes", "--wait")...)
	both("", "campaign", "plan", "spring.yaml")
	s.run("", "campaign", "start", "spring.yaml", "--yes")
	one := func(to string) {
		s.run("", "send", "--campaign", "single", "--from", numberOfSession, "--template", "appointment", "--language", "es_AR", "--to", to, "--param", "body.1=Emilia", "--yes")
	}
	one("+5491155550110")
	one("+5491155550130")
	job := `{"v":1,"id":"%s","campaign":"lines","from":"` + numberOfSession + `","to":"%s","template":{"name":"appointment","language":"es_AR","params":{"body":["Emilia"]}}}` + "\n"
	lines := fmt.Sprintf(job, "good", "+5491155550140") + fmt.Sprintf(job, "bad", "5491155550141") + fmt.Sprintf(job, "good", "+5491155550142") + "not JSON +5491155550143\n" +
		`{"v":1,"id":"x","to":"+5491155550144","phone +5491155550144":1}` + "\n"
	both(lines, "publish")
	s.until(`^ +rejected +1$`, "campaign", "status", "reminders")
	s.until(`^ +read +1$`, "campaign", "status", "lines")
}

// lookAtAll runs what shows the state of things, and what changes it.
func (s *session) lookAtAll(both func(string, ...string)) {
	s.t.Helper()
	s.until(`opted_out`, "suppression", "ls")
	for _, line := range []string{
		"check", "check --from " + numberOfSession, "campaign ls", "campaign status reminders", "campaign watch reminders", "campaign verify reminders", "campaign report single --unknown",
		"campaign report reminders --file report.csv", "campaign retry reminders", "campaign retry reminders --yes", "campaign close spring",
		"job explain good --campaign lines", "job explain none --campaign lines", "job resend good --campaign lines", "job cancel good --campaign lines --reason x",
		"dead ls", "dead ls --jobs", "dead replay", "dead replay --yes", "sender ls", "sender set " + numberOfSession + " --mps 50", "status", "queue ls", "queue topology",
		"suppression add +5491155550150 --reason +5491155550150", "suppression import optouts.csv --column phone", "suppression ls", "suppression remove +5491155550150",
		"pause --from " + numberOfSession + " --reason asked-by-+5491155550151", "status", "sender ls", "resume --from " + numberOfSession, "ledger rebuild", "health",
		"recipient forget +5491155550100 --reason asked-by-+5491155550152", "campaign cancel spring --reason told-by-+54-9-11-5555-0153",
	} {
		both("", strings.Fields(line)...)
	}
	for _, id := range ids(s.run("", "dead", "ls", "--jobs", "-o", "json")) {
		both("", "job", "explain", id, "--campaign", "reminders")
		both("", "job", "resend", id, "--campaign", "reminders")
	}
}

// ids are those of jobs in an answer.
func ids(text, _ string) (found []string) {
	for _, m := range regexp.MustCompile(`"id": "([^"]+)"`).FindAllStringSubmatch(text, 3) {
		found = append(found, m[1])
	}
	return found
}

// misuse puts numbers where none belong. Without the + they would be ids.
func (s *session) misuse(both func(string, ...string)) {
	s.t.Helper()
	for _, line := range []string{
		"N", "help N", "version N", "schema N", "health N", "check N", "check --from N", "status N", "publish N", "config check N", "config print N", "worker N", "worker --N", "worker --max-in-flight N",
		"sender set N --mps 5", "sender ls N", "pause --from N --reason x", "pause --campaign N --reason x", "pause --template N --account 1 --reason x",
		"pause --account N --reason x", "resume --from N", "job explain N", "job explain x --campaign N", "job cancel N --campaign N --reason x", "job resend N --campaign N",
		"campaign status N", "campaign verify N", "campaign report N --file x", "campaign report reminders --file N/x", "campaign close N", "campaign cancel N --reason x", "campaign watch N",
		"campaign plan N", "campaign start N", "campaign retry N", "dead ls --campaign N", "dead ls --id N", "dead ls --code N", "dead ls --reason N", "template show N", "template render N", "template ls N",
		"suppression ls N", "suppression import N", "suppression import optouts.csv --column N", "suppression add N x", "suppression add xN", "suppression add Nx", "suppression add --user-id N",
		"suppression add N --scope N", "suppression add N --from N", "recipient exportx N", "recipient forget N", "recipient forget N x --reason y", "recipient show N",
		"send --to N", "send --from N --to N --template N --language N", "send --campaign N --from " + numberOfSession + " --template appointment --language es_AR --to N --param N --yes",
		"send --campaign c --from " + numberOfSession + " --template appointment --language es_AR --to Nx --param body.1=Emilia --yes", "send --file N", "queue ls N", "ledger rebuild N",
	} {
		both("", strings.Fields(strings.ReplaceAll(line, "N", "+5491155550160"))...)
	}
	// Where a number belongs, it is known as one without the + too.
	for _, line := range []string{"suppression add 5491155550160 x", "suppression add 5491155550160x", "suppression add 5491155550160 --scope x", "recipient forget 5491155550160x --reason y",
		"send --campaign c --from " + numberOfSession + " --template appointment --language es_AR --to 5491155550160 --param body.1=Emilia --yes"} {
		both("", strings.Fields(line)...)
	}
}

// showWhole proves that the list of what is shown whole is not out of date.
func (s *session) showWhole() {
	s.t.Helper()
	for name, out := range map[string]string{
		"campaign report": first(s.run("", "campaign", "report", "reminders", "--file", "-")),
		"in JSON":         first(s.run("", "recipient", "export", "+5491155550110", "-o", "json")),
		"in words":        first(s.run("", "recipient", "export", "+5491155550110")),
	} {
		if !person.MatchString(out) {
			s.t.Errorf("%s shows nobody:\n%s", name, out)
		}
	}
}

func first(out, _ string) string { return out }

// files looks at what the session has left: only its owner may read what holds a number.
func (s *session) files() {
	s.t.Helper()
	given := regexp.MustCompile(`^(rows|optouts)\.csv$|^(faults|answers)\.json$|^token$|^secret$`)
	held := 0
	err := fs.WalkDir(os.DirFS(s.dir), ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || given.MatchString(path) {
			return err
		}
		data, err := os.ReadFile(filepath.Join(s.dir, path))
		if err != nil || !person.Match(data) {
			return err
		}
		held++
		if info, err := entry.Info(); err != nil || info.Mode().Perm() != 0o600 {
			s.t.Errorf("%s holds people, and has the mode %v", path, info.Mode())
		}
		return nil
	})
	if err != nil || held < 2 {
		s.t.Errorf("%d files hold people, which the report and the rejected rows do: %v", held, err)
	}
}

func freePort(t *testing.T) string {
	t.Helper()
	return fmt.Sprintf("127.0.0.1:%d", embedtest.Port(t))
}
