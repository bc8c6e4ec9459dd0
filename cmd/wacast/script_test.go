package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/rogpeppe/go-internal/testscript"
	"go.uber.org/goleak"

	"github.com/wacast/wacast/pkg/embed"
	"github.com/wacast/wacast/pkg/embed/embedtest"
	"github.com/wacast/wacast/pkg/job"
	"github.com/wacast/wacast/pkg/queue"
	"github.com/wacast/wacast/pkg/sender"
)

// TestMain lets scripts run this command as a program: the test binary runs main
// when it is called by that name.
func TestMain(m *testing.M) {
	testscript.Main(leakless{m}, map[string]func(){"wacast": main})
}

// leakless fails a run that leaves goroutines behind.
type leakless struct{ m *testing.M }

func (l leakless) Run() int {
	// Settings of whoever runs the tests are none of theirs.
	for _, entry := range os.Environ() {
		name, _, _ := strings.Cut(entry, "=")
		if strings.HasPrefix(name, "WACAST_") && !strings.HasPrefix(name, "WACAST_TEST_") && !strings.HasPrefix(name, "WACAST_REQUIRE_") {
			if err := os.Unsetenv(name); err != nil {
				panic(err)
			}
		}
	}
	code := l.m.Run()
	if err := goleak.Find(); code == 0 && err != nil {
		fmt.Println("goleak:", err)
		return 1
	}
	return code
}

// patience bounds every wait of a script.
const patience = 30 * time.Second

// TestScripts runs the scripts of testdata/script, which say what the command
// does. They know these commands beside those of testscript:
//
//   - exits CODE PROGRAM ARG…: runs a program that must exit with the code
//   - await REGEXP PROGRAM ARG…: runs it until it succeeds and prints what matches
//   - get URL: prints what the URL answers, once it does
//   - post URL BODY: prints what the URL answers to a POST, which must be 200
//   - json FILE [FIELD…]: the file (or stdout) holds one JSON value, an object with
//     at least these fields
//   - port NAME: sets the variable to a free port
//   - nats [bare | MAXBYTES]: starts NATS for the script and sets WACAST_NATS_URL;
//     with wacast's streams unless bare, that of jobs of so many bytes
//   - redis: sets WACAST_REDIS_URL
//   - jobs FILE CAMPAIGN N: writes N good jobs of a campaign into a file
//   - stopped SCOPE NAME CODE DETAIL: puts a stop where workers share them
//   - lose SEQUENCE…: deletes messages of the stream of jobs
func TestScripts(t *testing.T) {
	redis := embedtest.Redis(t)
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(e *testscript.Env) error {
			// Redis is shared with other scripts; a namespace is not.
			e.Setenv("WACAST_NAMESPACE", "s-"+strings.ToLower(strings.TrimPrefix(filepath.Base(e.WorkDir), "script-")))
			// With the race detector every program would wait for a second at its end.
			e.Setenv("GORACE", "atexit_sleep_ms=0")
			return nil
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"exits":   exits,
			"await":   await,
			"get":     get,
			"post":    post,
			"json":    isJSON,
			"port":    port,
			"nats":    startNATS,
			"redis":   func(ts *testscript.TestScript, _ bool, _ []string) { ts.Setenv("WACAST_REDIS_URL", redis.URL) },
			"jobs":    writeJobs,
			"stopped": putStop,
			"lose":    lose,
		},
	})
}

func exits(ts *testscript.TestScript, _ bool, args []string) {
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	code := 0
	var exit *exec.ExitError
	if err := ts.Exec(args[1], args[2:]...); errors.As(err, &exit) {
		code = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if code != want {
		ts.Fatalf("exit code %d, want %d", code, want)
	}
}

func await(ts *testscript.TestScript, _ bool, args []string) {
	want, err := regexp.Compile(`(?m)` + args[0])
	ts.Check(err)
	for deadline := time.Now().Add(patience); ; {
		err := ts.Exec(args[1], args[2:]...)
		if err == nil && want.MatchString(ts.ReadFile("stdout")) {
			return
		}
		if time.Now().After(deadline) {
			ts.Fatalf("not in time: %v", err)
		}
		time.Sleep(50 * time.Millisecond) // leaves the cores to what is waited for
	}
}

func get(ts *testscript.TestScript, _ bool, args []string) {
	client := http.Client{Timeout: patience}
	defer client.CloseIdleConnections()
	for deadline := time.Now().Add(patience); ; {
		resp, err := client.Get(args[0])
		if err == nil {
			defer resp.Body.Close()
			_, err = io.Copy(ts.Stdout(), resp.Body)
			ts.Check(err)
			return
		}
		if time.Now().After(deadline) {
			ts.Fatalf("not in time: %v", err)
		}
		time.Sleep(20 * time.Millisecond) // nothing signals that a program listens
	}
}

func post(ts *testscript.TestScript, _ bool, args []string) {
	client := http.Client{Timeout: patience}
	defer client.CloseIdleConnections()
	resp, err := client.Post(args[0], "application/json", strings.NewReader(args[1]))
	ts.Check(err)
	defer resp.Body.Close()
	_, err = io.Copy(ts.Stdout(), resp.Body)
	ts.Check(err)
	if resp.StatusCode != http.StatusOK {
		ts.Fatalf("it is answered %s", resp.Status)
	}
}

func isJSON(ts *testscript.TestScript, _ bool, args []string) {
	data := []byte(ts.ReadFile(args[0]))
	if len(args) == 1 {
		if !json.Valid(data) {
			ts.Fatalf("no JSON")
		}
		return
	}
	var object map[string]json.RawMessage
	ts.Check(json.Unmarshal(data, &object))
	for _, field := range args[1:] {
		if _, ok := object[field]; !ok {
			ts.Fatalf("no field %s", field)
		}
	}
}

// port looks below the ports that the system gives to clients, where nobody takes
// it before the program that it is for.
func port(ts *testscript.TestScript, _ bool, args []string) {
	for {
		p := strconv.Itoa(20_000 + rand.IntN(12_000))
		if l, err := net.Listen("tcp", "127.0.0.1:"+p); err == nil {
			ts.Check(l.Close())
			ts.Setenv(args[0], p)
			return
		}
	}
}

func startNATS(ts *testscript.TestScript, _ bool, args []string) {
	server, err := embed.StartNATS(embed.NATSOptions{Dir: ts.MkAbs("nats"), Port: -1})
	ts.Check(err)
	ts.Defer(server.Close)
	ts.Setenv("WACAST_NATS_URL", server.ClientURL())
	maxBytes := int64(16 << 20)
	switch {
	case len(args) == 0:
	case args[0] == "bare":
		return
	default:
		maxBytes, err = strconv.ParseInt(args[0], 10, 64)
		ts.Check(err)
	}
	withJetStream(ts, func(ctx context.Context, js jetstream.JetStream) error {
		_, err := queue.Ensure(ctx, js, queue.Settings{Names: names(ts), JobsMaxBytes: maxBytes}.Topology())
		return err
	})
}

// withJetStream connects to the script's NATS for a moment.
func withJetStream(ts *testscript.TestScript, do func(context.Context, jetstream.JetStream) error) {
	nc, err := nats.Connect(ts.Getenv("WACAST_NATS_URL"))
	ts.Check(err)
	defer nc.Close()
	js, err := jetstream.New(nc)
	ts.Check(err)
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	ts.Check(do(ctx, js))
}

func names(ts *testscript.TestScript) queue.Names {
	return queue.Names{Namespace: ts.Getenv("WACAST_NAMESPACE")}
}

func writeJobs(ts *testscript.TestScript, _ bool, args []string) {
	n, err := strconv.Atoi(args[2])
	ts.Check(err)
	var text strings.Builder
	for i := range n {
		data, err := job.Encode(&job.Job{
			V: job.Version, ID: fmt.Sprintf("j%d", i), Campaign: args[1], From: "106540352242922", To: job.Phone(fmt.Sprintf("+549115555%04d", i)),
			Template: job.Template{Name: "hello_world", Language: "en_US"},
		})
		ts.Check(err)
		fmt.Fprintf(&text, "%s\n", data)
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(text.String()), 0o600))
}

func putStop(ts *testscript.TestScript, _ bool, args []string) {
	code, err := strconv.Atoi(args[2])
	ts.Check(err)
	withJetStream(ts, func(ctx context.Context, js jetstream.JetStream) error {
		bucket, err := queue.OpenBucket(ctx, js, names(ts).SendersBucket())
		if err != nil {
			return err
		}
		value, err := json.Marshal(sender.Stop{
			Scope: sender.Scope(args[0]), Name: args[1], Reason: job.ReasonAccount, Code: code, Detail: args[3],
			By: "worker-1", Since: time.Now().UTC(), Until: time.Now().Add(time.Minute).UTC(),
		})
		if err != nil {
			return err
		}
		return bucket.Put(ctx, "stop."+args[0]+"."+args[1], value)
	})
}

func lose(ts *testscript.TestScript, _ bool, args []string) {
	withJetStream(ts, func(ctx context.Context, js jetstream.JetStream) error {
		s, err := js.Stream(ctx, names(ts).JobsStream())
		if err != nil {
			return err
		}
		for _, arg := range args {
			sequence, err := strconv.ParseUint(arg, 10, 64)
			ts.Check(err)
			if err := s.DeleteMsg(ctx, sequence); err != nil {
				return err
			}
		}
		return nil
	})
}
