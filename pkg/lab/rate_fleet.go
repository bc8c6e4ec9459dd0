package lab

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"time"
)

const (
	// readyEvery is how often a worker is asked whether it is ready.
	readyEvery = 50 * time.Millisecond
	// startTimeout bounds how long workers take to be ready, stopTimeout to stop.
	startTimeout = 2 * time.Minute
	stopTimeout  = time.Minute
)

// fleet is worker processes.
type fleet struct {
	command func() *exec.Cmd
	environ []string
	workers []*process
}

// process is a worker process.
type process struct {
	cmd *exec.Cmd
	// admin gets the address of its /readyz once.
	admin chan string
	// ended is closed when it is gone; last is then what it said last of a problem.
	ended chan struct{}
	last  string
}

// start runs n workers and returns when all are ready.
func (f *fleet) start(ctx context.Context, n int) error {
	for range n {
		if err := f.add(); err != nil {
			return err
		}
	}
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	for _, p := range f.workers {
		if err := p.awaitReady(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (f *fleet) add() error {
	p := &process{cmd: f.command(), admin: make(chan string, 1), ended: make(chan struct{})}
	p.cmd.Env = f.environ
	said, err := p.cmd.StderrPipe()
	if err != nil {
		return err
	}
	if err := p.cmd.Start(); err != nil {
		return fmt.Errorf("start a worker: %w", err)
	}
	f.workers = append(f.workers, p)
	go p.listen(said)
	return nil
}

// listen reads the worker's log until it ends.
func (p *process) listen(said io.Reader) {
	defer close(p.ended)
	lines := bufio.NewScanner(said)
	for lines.Scan() {
		var line struct{ Level, Msg, Admin string }
		switch err := json.Unmarshal(lines.Bytes(), &line); {
		case err != nil || line.Level == "ERROR":
			p.last = lines.Text()
		case line.Msg == "wacast started":
			p.admin <- line.Admin
		}
	}
	_, _ = io.Copy(io.Discard, said) // what is left after a line that is too long
	_ = p.cmd.Wait()                 // how it ended is the business of who ended it
}

func (p *process) awaitReady(ctx context.Context) error {
	var addr string
	select {
	case addr = <-p.admin:
	case <-p.ended:
		return p.problem()
	case <-ctx.Done():
		return fmt.Errorf("start a worker: %w", ctx.Err())
	}
	tick := time.NewTicker(readyEvery)
	defer tick.Stop()
	for !isReady(ctx, "http://"+addr+"/readyz") {
		select {
		case <-tick.C:
		case <-p.ended:
			return p.problem()
		case <-ctx.Done():
			return fmt.Errorf("a worker does not become ready: %w", ctx.Err())
		}
	}
	return nil
}

func (p *process) problem() error { return fmt.Errorf("a worker ended by itself: %s", p.last) }

func isReady(ctx context.Context, url string) bool {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return false
	}
	req.Close = true // no connection is left to a process that will be killed
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return false
	}
	_ = resp.Body.Close()
	return resp.StatusCode == http.StatusOK
}

// replace kills a worker, without notice, and starts another.
func (f *fleet) replace(i int) error {
	p := f.workers[i]
	if err := p.cmd.Process.Kill(); err != nil {
		return fmt.Errorf("kill a worker: %w", err)
	}
	<-p.ended
	f.workers = append(f.workers[:i], f.workers[i+1:]...)
	return f.add()
}

// alive returns an error if a worker ended by itself.
func (f *fleet) alive() error {
	for _, p := range f.workers {
		select {
		case <-p.ended:
			return p.problem()
		default:
		}
	}
	return nil
}

// stop has all workers drain and waits for them.
func (f *fleet) stop() {
	for _, p := range f.workers {
		_ = p.cmd.Process.Signal(os.Interrupt) // it may be gone
	}
	late := time.NewTimer(stopTimeout)
	defer late.Stop()
	for _, p := range f.workers {
		select {
		case <-p.ended:
		case <-late.C:
			late.Reset(0) // the others had as long
			_ = p.cmd.Process.Kill()
			<-p.ended
		}
	}
	f.workers = nil
}
