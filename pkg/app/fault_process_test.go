package app_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// programs are the binaries that a test breaks.
type programs struct{ wacast, nats string }

// buildPrograms builds them without the race detector, which is for the tests: it
// would slow them down until other things break first.
func buildPrograms(t *testing.T) programs {
	t.Helper()
	dir := t.TempDir()
	p := programs{wacast: filepath.Join(dir, "wacast"), nats: filepath.Join(dir, "nats-server")}
	goBuild(t, p.wacast, "./cmd/wacast")
	goBuild(t, p.nats, "./pkg/app/testdata/nats")
	return p
}

// buildOffset builds a wacast whose clock CLOCK_OFFSET puts off by seconds. A Go
// program asks the kernel for the time without a library that could be changed under
// it, so this is done to its runtime, in assembly.
func buildOffset(t *testing.T) string {
	t.Helper()
	if runtime.GOOS != "linux" || runtime.GOARCH != "amd64" {
		t.Skip("clocks can be put off on linux/amd64 only")
	}
	dir := t.TempDir()
	over := make(map[string]string)
	for _, name := range []string{"clock_linux_amd64.go", "clock_linux_amd64.s"} {
		over[filepath.Join(root(t), "cmd", "wacast", name)] = filepath.Join(root(t), "pkg", "app", "testdata", "nats", name)
	}
	data, err := json.Marshal(map[string]any{"Replace": over})
	must(t, err)
	overlay := filepath.Join(dir, "overlay.json")
	must(t, os.WriteFile(overlay, data, 0o600))
	goBuild(t, filepath.Join(dir, "wacast"), "-overlay", overlay, "./cmd/wacast")
	return filepath.Join(dir, "wacast")
}

func goBuild(t *testing.T, into string, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", append([]string{"build", "-o", into}, args...)...)
	cmd.Dir = root(t)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %v\n%s", cmd.Args, err, out)
	}
}

// guardian kills what it was told of when its standard input ends, which it also
// does when the test process dies without a goodbye.
const guardian = `pids=' '
while read -r what pid; do case $what in
+) pids="$pids$pid " ;;
-) pids="${pids%% $pid *} ${pids#* $pid }" ;;
esac; done
kill -KILL $pids 2>/dev/null`

// wards are the processes of one test. None of them outlives it.
type wards struct {
	t    *testing.T
	dir  string // of their logs
	mu   sync.Mutex
	pipe io.WriteCloser
	all  []*process
}

func newWards(t *testing.T) *wards {
	t.Helper()
	cmd := exec.Command("/bin/sh", "-c", guardian)
	pipe, err := cmd.StdinPipe()
	must(t, err)
	must(t, cmd.Start())
	w := &wards{t: t, dir: t.ArtifactDir(), pipe: pipe}
	t.Cleanup(func() {
		for _, p := range w.all {
			p.kill()
		}
		must(t, pipe.Close())
		_ = cmd.Wait() // it had nobody left to kill, which is an error to it
		if t.Failed() {
			w.tell()
		}
	})
	return w
}

// maxTold is how much of each log is told when a test fails.
const maxTold = 3 << 10

// tell shows the ends of the logs, those of wacast first.
func (w *wards) tell() {
	for _, p := range slices.Backward(w.all) {
		said, err := os.ReadFile(p.log)
		if err != nil {
			continue
		}
		if len(said) > maxTold {
			said = said[len(said)-maxTold:]
			said = said[bytes.IndexByte(said, '\n')+1:]
		}
		if len(said) > 0 {
			w.t.Logf("--- %s\n%s", p.name, said)
		}
	}
}

// process is a program that a test starts, stops and kills, again and again.
type process struct {
	wards  *wards
	name   string
	log    string
	args   []string
	env    []string
	cmd    *exec.Cmd
	exited chan struct{}
}

// program describes a process that does not run yet.
func (w *wards) program(name string, args, env []string) *process {
	p := &process{wards: w, name: name, log: filepath.Join(w.dir, name+".log"), args: args, env: env}
	w.all = append(w.all, p)
	return p
}

// start starts it; what it says goes to the end of its log.
func (p *process) start() {
	t := p.wards.t
	t.Helper()
	log, err := os.OpenFile(p.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	must(t, err)
	defer log.Close()
	fmt.Fprintf(log, "=== %s\n", strings.Join(p.args, " "))
	cmd := exec.Command(p.args[0], p.args[1:]...)
	cmd.Env, cmd.Stdout, cmd.Stderr = p.env, log, log
	must(t, cmd.Start())
	p.wards.note("+", cmd.Process.Pid)
	p.cmd, p.exited = cmd, make(chan struct{})
	go func(done chan<- struct{}) {
		_ = cmd.Wait() // its log says why
		p.wards.note("-", cmd.Process.Pid)
		close(done)
	}(p.exited)
}

func (w *wards) note(what string, pid int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	fmt.Fprintf(w.pipe, "%s %d\n", what, pid)
}

// running reports whether it was started and has not ended.
func (p *process) running() bool {
	if p.cmd == nil {
		return false
	}
	select {
	case <-p.exited:
		return false
	default:
		return true
	}
}

// kill ends it without a goodbye, kill -9.
func (p *process) kill() {
	if p.running() {
		p.signal(syscall.SIGKILL)
		<-p.exited
	}
}

// end asks it to end, and waits until it has.
func (p *process) end() {
	p.wards.t.Helper()
	p.signal(syscall.SIGTERM)
	select {
	case <-p.exited:
	case <-time.After(faultPatience):
		p.wards.t.Fatalf("%s was asked to end and has not", p.name)
	}
}

// stop keeps it from running, until cont.
func (p *process) stop() { p.signal(syscall.SIGSTOP) }
func (p *process) cont() { p.signal(syscall.SIGCONT) }

func (p *process) signal(s syscall.Signal) {
	p.wards.t.Helper()
	if err := p.cmd.Process.Signal(s); err != nil && p.running() {
		p.wards.t.Errorf("signal %v to %s: %v", s, p.name, err)
	}
}

// run runs a program to its end and returns what it wrote and its exit code.
func (w *wards) run(args, env []string, input io.Reader) (out string, code int) {
	w.t.Helper()
	cmd := exec.CommandContext(w.t.Context(), args[0], args[1:]...)
	cmd.Env, cmd.Stdin = env, input
	both, err := cmd.CombinedOutput()
	if cmd.ProcessState == nil {
		w.t.Fatal(err)
	}
	return string(both), cmd.ProcessState.ExitCode()
}

// plainEnv is the environment without settings of wacast.
func plainEnv() []string {
	var env []string
	for _, e := range os.Environ() {
		if !strings.HasPrefix(e, "WACAST_") {
			env = append(env, e)
		}
	}
	return env
}
