package webhook_test

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/wacast/wacast/pkg/webhook"
)

func newServer(t *testing.T, handler http.HandlerFunc) *webhook.Server {
	t.Helper()
	return must[*webhook.Server](t)(webhook.NewServer("127.0.0.1:0", handler, slog.New(slog.DiscardHandler)))
}

func TestServerServesOnePath(t *testing.T) {
	s := newServer(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) })
	s.Start()
	s.Start()
	defer func() { _ = s.Stop(context.Background()) }()
	client := &http.Client{Transport: new(http.Transport)}
	defer client.CloseIdleConnections()
	for path, want := range map[string]int{"/webhook": 418, "/webhook/": 418, "/": 404, "/metrics": 404, "/webhook/more": 404} {
		resp := must[*http.Response](t)(client.Get("http://" + s.Addr() + path))
		resp.Body.Close()
		if resp.StatusCode != want {
			t.Errorf("%s: %d, want %d", path, resp.StatusCode, want)
		}
	}
}

// Stop answers what is under way, and takes nothing new.
func TestServerStops(t *testing.T) {
	entered, leave := make(chan struct{}), make(chan struct{})
	s := newServer(t, func(w http.ResponseWriter, _ *http.Request) {
		close(entered)
		<-leave
		_, _ = io.WriteString(w, "done")
	})
	s.Start()
	answered := make(chan string, 1)
	client := &http.Client{Transport: new(http.Transport)}
	defer client.CloseIdleConnections()
	go func() {
		resp, err := client.Get("http://" + s.Addr() + webhook.Path)
		if err != nil {
			answered <- err.Error()
			return
		}
		defer resp.Body.Close()
		body, _ := io.ReadAll(resp.Body)
		answered <- string(body)
	}()
	<-entered
	stopped := make(chan error, 2)
	for range 2 {
		go func() { stopped <- s.Stop(context.Background()) }()
	}
	eventually(t, "nothing new is taken", func() bool {
		conn, err := net.Dial("tcp", s.Addr())
		if err == nil {
			conn.Close()
		}
		return err != nil
	})
	close(leave)
	if got := <-answered; got != "done" {
		t.Error(got)
	}
	for range 2 {
		if err := <-stopped; err != nil {
			t.Error(err)
		}
	}
}

func TestServerStopIsBounded(t *testing.T) {
	entered, leave := make(chan struct{}), make(chan struct{})
	s := newServer(t, func(http.ResponseWriter, *http.Request) { close(entered); <-leave })
	s.Start()
	client := &http.Client{Transport: new(http.Transport)}
	go func() {
		if resp, err := client.Get("http://" + s.Addr() + webhook.Path); err == nil {
			resp.Body.Close()
		}
	}()
	<-entered
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if err := s.Stop(ctx); err == nil || !strings.Contains(err.Error(), "stop serving webhooks") {
		t.Errorf("error %v", err)
	}
	close(leave)
}

func TestServerStopBeforeStart(t *testing.T) {
	s := newServer(t, func(http.ResponseWriter, *http.Request) {})
	for range 2 {
		if err := s.Stop(t.Context()); err != nil {
			t.Error(err)
		}
	}
	s.Start() // does nothing any more
	if conn, err := net.Dial("tcp", s.Addr()); err == nil {
		conn.Close()
		t.Error("the address is still served")
	}
}

// A port in use is an error at the start, and who sends a header slowly is cut off.
func TestServerLimits(t *testing.T) {
	s := newServer(t, func(http.ResponseWriter, *http.Request) {})
	s.Start()
	defer func() { _ = s.Stop(context.Background()) }()
	if _, err := webhook.NewServer(s.Addr(), http.NotFoundHandler(), slog.New(slog.DiscardHandler)); err == nil {
		t.Error("two servers on one port")
	}
	conn := must[net.Conn](t)(net.Dial("tcp", s.Addr()))
	defer conn.Close()
	if _, err := io.WriteString(conn, "POST /webhook HTTP/1.1\r\nX: "+strings.Repeat("x", 64<<10)); err != nil {
		return // cut off already
	}
	if err := conn.SetReadDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	answer, _ := io.ReadAll(conn)
	if !strings.HasPrefix(string(answer), "HTTP/1.1 431") {
		t.Errorf("a header of 64 KiB: %.60s", answer)
	}
}
