package embedtest

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// reaper kills what it was told of when its standard input ends, which it also does
// when the test process dies without a goodbye.
const reaper = `pids=' '
while read -r what pid; do case $what in
+) pids="$pids$pid " ;;
-) pids="${pids%% $pid *} ${pids#* $pid }" ;;
esac; done
kill -KILL $pids 2>/dev/null`

// Wards are the processes of one test. None of them outlives it.
type Wards struct {
	// Dir is where their logs are.
	Dir string
	// Nice has them run when nothing else wants to: what go test tests beside them may
	// measure time.
	Nice bool

	tb   testing.TB
	mu   sync.Mutex
	pipe io.WriteCloser
	all  []*Process
}

// NewWards returns none yet. The ends of their logs are told if the test fails.
func NewWards(tb testing.TB) *Wards {
	tb.Helper()
	cmd := exec.Command("/bin/sh", "-c", reaper)
	pipe, err := cmd.StdinPipe()
	must(tb, err)
	must(tb, cmd.Start())
	w := &Wards{tb: tb, Dir: tb.ArtifactDir(), pipe: pipe}
	tb.Cleanup(func() {
		for _, p := range w.all {
			p.Kill()
		}
		must(tb, pipe.Close())
		_ = cmd.Wait() // it had nobody left to kill, which is an error to it
		if tb.Failed() {
			w.tell()
		}
	})
	return w
}

// endTimeout is how long a process may take to end that was asked to.
const endTimeout = time.Minute

// maxTold is how much of each log is told when a test fails.
const maxTold = 3 << 10

// tell shows the ends of the logs, those of wacast first.
func (w *Wards) tell() {
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
			w.tb.Logf("--- %s\n%s", p.Name, said)
		}
	}
}

// Process is a program that a test starts, stops and kills, again and again.
type Process struct {
	// Name is what tests say of it, and that of its log.
	Name string

	wards  *Wards
	log    string
	args   []string
	env    []string
	cmd    *exec.Cmd
	exited chan struct{}
}

// Program describes a process that does not run yet.
func (w *Wards) Program(name string, args, env []string) *Process {
	p := &Process{wards: w, Name: name, log: filepath.Join(w.Dir, name+".log"), args: args, env: env}
	w.all = append(w.all, p)
	return p
}

// Start starts it; what it says goes to the end of its log.
func (p *Process) Start() {
	tb := p.wards.tb
	tb.Helper()
	log, err := os.OpenFile(p.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	must(tb, err)
	defer log.Close()
	fmt.Fprintf(log, "=== %s\n", strings.Join(p.args, " "))
	args := p.wards.nice(p.args)
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Env, cmd.Stdout, cmd.Stderr = p.env, log, log
	must(tb, cmd.Start())
	p.wards.note("+", cmd.Process.Pid)
	p.cmd, p.exited = cmd, make(chan struct{})
	go func(done chan<- struct{}) {
		_ = cmd.Wait() // its log says why
		p.wards.note("-", cmd.Process.Pid)
		close(done)
	}(p.exited)
}

// nice is a command that becomes the program, with the priority that is wanted.
func (w *Wards) nice(args []string) []string {
	if !w.Nice {
		return args
	}
	return append([]string{"nice", "-n", "15"}, args...)
}

func (w *Wards) note(what string, pid int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	fmt.Fprintf(w.pipe, "%s %d\n", what, pid)
}

// Running reports whether it was started and has not ended.
func (p *Process) Running() bool {
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

// Kill ends it without a goodbye, kill -9.
func (p *Process) Kill() {
	if p.Running() {
		p.signal(syscall.SIGKILL)
		<-p.exited
	}
}

// End asks it to end, and waits until it has.
func (p *Process) End() {
	p.wards.tb.Helper()
	p.signal(syscall.SIGTERM)
	select {
	case <-p.exited:
	case <-time.After(endTimeout):
		p.wards.tb.Fatalf("%s was asked to end and has not", p.Name)
	}
}

// Stop keeps it from running, until [Process.Cont].
func (p *Process) Stop() { p.signal(syscall.SIGSTOP) }

// Cont lets it go on.
func (p *Process) Cont() { p.signal(syscall.SIGCONT) }

func (p *Process) signal(s syscall.Signal) {
	p.wards.tb.Helper()
	if err := p.cmd.Process.Signal(s); err != nil && p.Running() {
		p.wards.tb.Errorf("signal %v to %s: %v", s, p.Name, err)
	}
}

// Run runs a program to its end and returns what it wrote and its exit code.
func (w *Wards) Run(args, env []string, input io.Reader) (out string, code int) {
	w.tb.Helper()
	args = w.nice(args)
	cmd := exec.CommandContext(w.tb.Context(), args[0], args[1:]...)
	cmd.Env, cmd.Stdin = env, input
	both, err := cmd.CombinedOutput()
	if cmd.ProcessState == nil {
		w.tb.Fatal(err)
	}
	return string(both), cmd.ProcessState.ExitCode()
}

// PlainEnv is the environment without settings of wacast.
func PlainEnv() []string {
	var env []string
	for _, e := range os.Environ() {
		if !strings.HasPrefix(e, "WACAST_") {
			env = append(env, e)
		}
	}
	return env
}

func must(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}
