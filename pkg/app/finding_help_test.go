package app_test

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/wacast/wacast/pkg/app"
	"github.com/wacast/wacast/pkg/job"
	"github.com/wacast/wacast/pkg/queue"
	"github.com/wacast/wacast/pkg/simulator"
)

func wantPull(t *testing.T, got *app.Pull, want app.Pull) {
	t.Helper()
	if diff := cmp.Diff(want, *got); diff != "" {
		t.Errorf("pull (-want +got):\n%s", diff)
	}
}

func wantError(t *testing.T, err, want error, text string) {
	t.Helper()
	if err == nil || want != nil && !errors.Is(err, want) || !regexp.MustCompile(strings.NewReplacer("(", `\(`, ")", `\)`).Replace(text)).MatchString(err.Error()) {
		t.Errorf("error %v, want %v with %q", err, want, text)
	}
}

// fakeRedis answers as much of the protocol as an examination asks, with a policy
// that a real server could not be given without harm to other tests.
func fakeRedis(t *testing.T, policy string) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	t.Cleanup(func() {
		_ = l.Close()
		all.Wait()
	})
	info := "redis_version:8.0.0\r\naof_enabled:1\r\n"
	if policy != "" {
		info += "maxmemory_policy:" + policy + "\r\n"
	}
	all.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			all.Go(func() { answerRedis(conn, info) })
		}
	})
	return "redis://" + l.Addr().String() + "/0"
}

func answerRedis(conn net.Conn, info string) {
	defer conn.Close()
	for r := bufio.NewReader(conn); ; {
		args, err := readCommand(r)
		if err != nil {
			return
		}
		switch strings.ToLower(args[0]) {
		case "ping":
			_, err = fmt.Fprint(conn, "+PONG\r\n")
		case "info":
			_, err = fmt.Fprintf(conn, "$%d\r\n%s\r\n", len(info), info)
		default:
			_, err = fmt.Fprint(conn, "-ERR unknown command\r\n")
		}
		if err != nil {
			return
		}
	}
}

// readCommand reads an array of bulk strings.
func readCommand(r *bufio.Reader) ([]string, error) {
	var n int
	if _, err := fmt.Fscanf(r, "*%d\r\n", &n); err != nil {
		return nil, err
	}
	args := make([]string, n)
	for i := range args {
		var size int
		if _, err := fmt.Fscanf(r, "$%d\r\n", &size); err != nil {
			return nil, err
		}
		line, err := r.ReadString('\n')
		if err != nil {
			return nil, err
		}
		args[i] = strings.TrimSpace(line)
	}
	return args, nil
}

// A test number refuses whoever is not on its list; event and dead letter say what
// to do about it.
func TestTestNumberRefusalTellsTheRemedy(t *testing.T) {
	r := newRig(t, simulator.Config{TestRecipients: []string{"+5491100000000"}})
	r.ready("one")
	v := r.view()
	r.publish(newJobs(numberA, "first", 0, 2)...)
	p := r.await(v, "first", ended(2))
	if p.Accepted != 1 || p.Rejected != 1 {
		t.Errorf("progress %+v", p)
	}
	names := queue.Names{Namespace: r.config().Namespace}
	events, err := queue.NewEvents(r.jetStream(), names)
	if err != nil {
		t.Fatal(err)
	}
	defer events.Close()
	details := make(map[string]string)
	err = events.Read(t.Context(), queue.Filter{Kinds: []job.Kind{job.Rejected}}, func(e *queue.Recorded) error {
		details["event"] = e.Event.Data.Detail
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	dead, err := r.jetStream().Stream(t.Context(), names.DeadStream())
	if err != nil {
		t.Fatal(err)
	}
	letter, err := dead.GetMsg(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	details["dead letter"] = letter.Header.Get(queue.HeaderDetail)
	for _, what := range []string{"event", "dead letter"} {
		detail := details[what]
		if !strings.Contains(detail, "131030") || !strings.Contains(detail, "Add the recipient to the test number's allow-list") || strings.Contains(detail, "5491100000") {
			t.Errorf("%s: detail %q", what, detail)
		}
	}
}
