package app_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/wacast/wacast/pkg/app"
	"github.com/wacast/wacast/pkg/job"
	"github.com/wacast/wacast/pkg/report"
	"github.com/wacast/wacast/pkg/simulator"
)

// readyz asks an app whether it is ready, and what is missing.
func readyz(t *testing.T, a *app.App) (status int, missing map[string]string) {
	t.Helper()
	status, body := get(t, a, "/readyz")
	var answer struct{ Missing map[string]string }
	if err := json.Unmarshal([]byte(body), &answer); err != nil {
		t.Fatalf("%v: %s", err, body)
	}
	return status, answer.Missing
}

func get(t *testing.T, a *app.App, path string) (int, string) {
	t.Helper()
	resp, err := http.Get("http://" + a.AdminAddr() + path)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(body)
}

// Servers that are not there yet are waited for: the process lives, says what is
// missing, and starts to work by itself.
func TestWaitsForServers(t *testing.T) {
	r := newRig(t, simulator.Config{})
	nats, redis := newProxy(t, r.nats.ClientURL()), newProxy(t, r.redis.URL)
	r.env = append(r.env, "WACAST_NATS_URL=nats://"+nats.addr, "WACAST_REDIS_URL=redis://"+redis.addr)
	nats.cut()
	redis.cut()
	a := r.start("one")
	r.eventually(func() (bool, string) {
		status, missing := readyz(t, a)
		return status == http.StatusServiceUnavailable && missing["nats"] != "" && missing["redis"] != "", fmt.Sprint(status, missing)
	})
	if status, body := get(t, a, "/livez"); status != http.StatusOK {
		t.Errorf("/livez answers %d %s while servers are away", status, body)
	}
	nats.mend()
	r.eventually(func() (bool, string) {
		_, missing := readyz(t, a)
		waits := strings.Contains(r.log.String(), "waiting for Redis")
		return waits && missing["nats"] == "" && missing["redis"] != "", fmt.Sprint(missing)
	})
	redis.mend()
	if err := a.AwaitReady(t.Context(), patience); err != nil {
		t.Fatal(err)
	}
	if status, missing := readyz(t, a); status != http.StatusOK || len(missing) != 0 {
		t.Errorf("/readyz answers %d %v", status, missing)
	}
	for _, want := range []string{`waiting for NATS`, `waiting for Redis`, `Redis has come`} {
		if got := strings.Count(r.log.String(), want); got != 1 {
			t.Errorf("%d log lines with %q, want 1:\n%s", got, want, r.log)
		}
	}
}

// A Redis that goes away stops the sending and loses nothing; it goes on by itself.
func TestRedisAwayMeanwhile(t *testing.T) {
	const n = 400
	r := newRig(t, simulator.Config{MPS: 200})
	redis := newProxy(t, r.redis.URL)
	r.env = append(r.env, "WACAST_REDIS_URL=redis://"+redis.addr)
	a := r.ready("one")
	v := r.view()
	r.publish(newJobs(numberA, "gap", 0, n)...)
	r.await(v, "gap", func(p *report.Progress) bool { return p.Accepted > n/10 })
	redis.cut()
	r.eventually(func() (bool, string) {
		_, missing := readyz(t, a)
		return missing["redis"] != "", fmt.Sprint(missing)
	})
	before := r.sim.Stats().Accepted
	time.Sleep(300 * time.Millisecond) // that nothing is sent can only be seen over time
	if sent := r.sim.Stats().Accepted - before; sent > 0 {
		t.Errorf("%d messages were sent without Redis", sent)
	}
	redis.mend()
	p := r.await(v, "gap", ended(n))
	if stats := r.sim.Stats(); p.Accepted+p.Unknown != n || stats.Duplicates != 0 || int64(p.Accepted) != stats.Accepted {
		t.Errorf("progress %+v, simulator accepted %d, %d twice", p, stats.Accepted, stats.Duplicates)
	}
}

// A NATS that restarts costs a pause.
func TestNATSRestartsMeanwhile(t *testing.T) {
	const n = 400
	r := newRig(t, simulator.Config{MPS: 200})
	r.ready("one")
	v := r.view()
	jobs := newJobs(numberA, "restart", 0, n)
	for _, j := range jobs {
		j.Lane = job.Transactional // an ack that is lost is noticed after 5 seconds, not 30
	}
	r.publish(jobs...)
	r.await(v, "restart", func(p *report.Progress) bool { return p.Accepted > n/10 })
	if err := r.nats.Restart(); err != nil {
		t.Fatal(err)
	}
	r.eventually(func() (bool, string) {
		p, err := v.Progress(t.Context(), "restart")
		if err != nil {
			return false, err.Error()
		}
		return p.Ended() >= n && p.Left() == 0, fmt.Sprintf("%+v", *p)
	})
	p, err := v.Progress(t.Context(), "restart")
	if err != nil {
		t.Fatal(err)
	}
	if stats := r.sim.Stats(); p.Accepted != n || p.Ended() != n || stats.Duplicates != 0 || stats.Accepted != n {
		t.Errorf("progress %+v, simulator accepted %d, %d twice; want %d once", p, stats.Accepted, stats.Duplicates, n)
	}
}

// Draining finishes and records what is in flight, gives back the rest, and says
// so at /readyz; another replica does what is left, and nobody gets anything twice.
func TestDrainHandsOver(t *testing.T) {
	const n = 300
	r := newRig(t, simulator.Config{MPS: 200, Latency: simulator.Latency{Base: 500 * time.Millisecond}})
	one := r.ready("one")
	v := r.view()
	r.publish(newJobs(numberA, "handover", 0, n)...)
	r.await(v, "handover", func(p *report.Progress) bool { return p.Accepted > n/10 })

	var stopping sync.WaitGroup
	stopping.Go(func() {
		if err := one.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	})
	r.eventually(func() (bool, string) { // answers take half a second, so there is time to see it
		status, missing := readyz(t, one)
		return status == http.StatusServiceUnavailable && missing["draining"] != "", fmt.Sprint(missing)
	})
	stopping.Wait()
	p, err := v.Progress(t.Context(), "handover")
	if err != nil {
		t.Fatal(err)
	}
	if stats := r.sim.Stats(); p.Unknown != 0 || int64(p.Accepted) != stats.Accepted || p.Accepted == n {
		t.Errorf("after draining %+v, the simulator accepted %d; want the same and some left", p, stats.Accepted)
	}
	r.ready("two")
	p = r.await(v, "handover", ended(n))
	if stats := r.sim.Stats(); p.Accepted != n || stats.Accepted != n || stats.Duplicates != 0 {
		t.Errorf("in the end %+v, simulator %d accepted, %d twice", p, stats.Accepted, stats.Duplicates)
	}
}

// Stop is bounded even when answers never come; what was in flight is unknown.
func TestDrainIsBounded(t *testing.T) {
	r := newRig(t, simulator.Config{Faults: []simulator.Rule{{Kind: simulator.Hang, After: true}}},
		"WACAST_DRAIN_TIMEOUT=4s", "WACAST_SEND_TIMEOUT=30s")
	a := r.ready("one")
	v := r.view()
	r.publish(newJobs(numberA, "hanging", 0, 5)...)
	r.eventually(func() (bool, string) { return r.sim.Stats().Accepted == 5, "not all requests arrived" })
	start := time.Now()
	if err := a.Stop(context.Background()); err == nil {
		t.Error("no error says that the drain timeout was over")
	}
	if took := time.Since(start); took > 10*time.Second {
		t.Errorf("stopping took %s", took)
	}
	if p, err := v.Progress(t.Context(), "hanging"); err != nil || p.Unknown != 5 {
		t.Errorf("progress %+v, %v; want 5 unknown", p, err)
	}
}

func TestStopBeforeStartAndTwice(t *testing.T) {
	r := newRig(t, simulator.Config{})
	a, err := app.New(app.Options{Config: r.config(), Log: r.log.logger()})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := a.Stop(t.Context()); err != nil {
			t.Error(err)
		}
	}
	a.Start() // does nothing any more
}

func TestAdminAddressInUse(t *testing.T) {
	r := newRig(t, simulator.Config{})
	a := r.start("one")
	r.env = append(r.env, "WACAST_ADMIN_ADDR="+a.AdminAddr())
	if _, err := app.New(app.Options{Config: r.config(), Log: r.log.logger()}); err == nil || !strings.Contains(err.Error(), "WACAST_ADMIN_ADDR") {
		t.Errorf("a second app at the same address: %v, want an error that names the setting", err)
	}
}

// proxy passes TCP on to a server until it is cut.
type proxy struct {
	t               *testing.T
	addr            string
	network, target string

	mu       sync.Mutex
	listener net.Listener
	conns    map[net.Conn]struct{}
	running  sync.WaitGroup
}

func newProxy(t *testing.T, url string) *proxy {
	t.Helper()
	network, rest, _ := strings.Cut(url, "://")
	target, _, _ := strings.Cut(rest, "/")
	if network == "unix" {
		target = rest
	} else {
		network = "tcp"
	}
	p := &proxy{t: t, addr: "127.0.0.1:0", network: network, target: target, conns: make(map[net.Conn]struct{})}
	p.mend()
	t.Cleanup(p.cut)
	return p
}

// mend takes connections again, at the same address.
func (p *proxy) mend() {
	p.t.Helper()
	l, err := net.Listen("tcp", p.addr)
	if err != nil {
		p.t.Fatal(err)
	}
	p.mu.Lock()
	p.listener, p.addr = l, l.Addr().String()
	p.mu.Unlock()
	p.running.Go(func() { p.serve(l) })
}

// cut breaks every connection and takes no more.
func (p *proxy) cut() {
	p.mu.Lock()
	if p.listener != nil {
		_ = p.listener.Close()
		p.listener = nil
	}
	for c := range p.conns {
		_ = c.Close()
	}
	p.mu.Unlock()
	p.running.Wait()
}

func (p *proxy) serve(l net.Listener) {
	for {
		in, err := l.Accept()
		if err != nil {
			return
		}
		out, err := net.Dial(p.network, p.target)
		if err != nil || !p.keep(in, out) {
			_ = in.Close()
			continue
		}
		p.pipe(in, out)
		p.pipe(out, in)
	}
}

// keep registers a pair of connections, unless the proxy was cut meanwhile.
func (p *proxy) keep(pair ...net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range pair {
		if p.listener == nil {
			_ = c.Close()
			continue
		}
		p.conns[c] = struct{}{}
	}
	return p.listener != nil
}

func (p *proxy) pipe(to, from net.Conn) {
	p.running.Go(func() {
		_, _ = io.Copy(to, from) // ends when either side is closed
		_ = to.Close()
		_ = from.Close()
	})
}
