package app_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/wacast/wacast/pkg/queue"
	"github.com/wacast/wacast/pkg/simulator"
)

// examplesDir holds one folder a language.
const examplesDir = "../../deploy/examples"

// The program that uses no library shows the wire contract to any language: a job
// is published, refused while the stream is full, published again, sent, and its
// outcome read with a durable consumer.
func TestPythonExample(t *testing.T) {
	python := findPython(t)
	r := newRig(t, simulator.Config{}, "WACAST_JOBS_MAX_BYTES=1MiB")
	if lines, err := r.example(python, "appt-1").wait(); err == nil || !strings.Contains(lines, "no stream takes it") {
		t.Errorf("where no worker ever ran it ends with %v:\n%s", err, lines)
	}
	if err := r.ready("w-1").Stop(context.Background()); err != nil { // it leaves the streams
		t.Fatal(err)
	}
	r.fill()

	program := r.example(python, "appt-1")
	program.await("'err_code': 10077")
	r.ready("w-2") // which empties the stream
	lines, err := program.wait()
	if err != nil {
		t.Errorf("%v:\n%s", err, lines)
	}
	if want := "event reminders/appt-1 accepted"; !strings.Contains(lines, want) {
		t.Errorf("it does not print %q:\n%s", want, lines)
	}
	if accepted := r.sim.Stats().Accepted; accepted != 1 {
		t.Errorf("the API accepted %d messages, want 1", accepted)
	}
	r.eventually(func() (bool, string) {
		c, err := r.jetStream().Consumer(t.Context(), queue.Names{Namespace: r.config().Namespace}.EventsStream(), "crm")
		if err != nil {
			t.Fatal(err)
		}
		info := c.CachedInfo()
		return info.AckFloor.Consumer == 1, fmt.Sprintf("of the durable consumer: %d events acked, %d not", info.AckFloor.Consumer, info.NumAckPending)
	})
}

// Longer ones are not read.
func TestExamplesAreShort(t *testing.T) {
	files, err := filepath.Glob(examplesDir + "/*/*")
	if err != nil || len(files) < 4 {
		t.Fatalf("examples: %v, %v", files, err)
	}
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		if n := strings.Count(string(text), "\n"); n > 40 {
			t.Errorf("%s has %d lines, want at most 40", f, n)
		}
	}
}

func findPython(t *testing.T) string {
	t.Helper()
	python, err := exec.LookPath("python3")
	switch {
	case err == nil:
		return python
	case os.Getenv("CI") != "":
		t.Fatal("CI must have python3:", err)
	}
	t.Skip("there is no python3 to run the example with:", err)
	return ""
}

// fill publishes until the stream of jobs takes no more, not even a small one.
// What it publishes is no job, and workers reject it at once.
func (r *rig) fill() {
	r.t.Helper()
	for _, size := range []int{32 << 10, 1 << 10, 100} {
		for full := false; !full; {
			_, err := r.jetStream().Publish(r.t.Context(), r.jobSubject(numberB, "filler"), make([]byte, size))
			var refused *jetstream.APIError
			if full = errors.As(err, &refused) && refused.ErrorCode == 10077; err != nil && !full {
				r.t.Fatal(err)
			}
		}
	}
}

// program is an example that runs.
type program struct {
	t     *testing.T
	cmd   *exec.Cmd
	out   *bufio.Reader
	lines strings.Builder
}

// example starts the Python example, which publishes a job with an id.
func (r *rig) example(python, id string) *program {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), patience)
	r.t.Cleanup(cancel)
	p := &program{t: r.t, cmd: exec.CommandContext(ctx, python, filepath.Join(examplesDir, "python", "plain.py"), id)}
	p.cmd.Env = append(os.Environ(), "WACAST_NATS_URL="+r.nats.ClientURL(), "WACAST_NAMESPACE="+r.config().Namespace)
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		r.t.Fatal(err)
	}
	p.cmd.Stderr = p.cmd.Stdout
	p.out = bufio.NewReader(out)
	if err := p.cmd.Start(); err != nil {
		r.t.Fatal(err)
	}
	return p
}

// await reads what it prints until a line holds the text.
func (p *program) await(text string) {
	p.t.Helper()
	for {
		line, err := p.out.ReadString('\n')
		p.lines.WriteString(line)
		if strings.Contains(line, text) {
			return
		}
		if err != nil {
			p.t.Fatalf("it never prints %q: %v, %v:\n%s", text, err, p.cmd.Wait(), &p.lines)
		}
	}
}

// wait returns all it printed, and its error if it ended with one.
func (p *program) wait() (string, error) {
	_, err := io.Copy(&p.lines, p.out)
	return p.lines.String(), errors.Join(err, p.cmd.Wait())
}
