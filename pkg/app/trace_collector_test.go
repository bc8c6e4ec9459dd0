package app_test

import (
	"compress/gzip"
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	otlp "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
)

// otlpReceiver takes spans as a collector does, over HTTP or gRPC.
type otlpReceiver struct {
	collector.UnimplementedTraceServiceServer
	t   *testing.T
	url string

	mu       sync.Mutex
	spans    []*otlp.Span
	resource map[string]string
	headers  []string        // of the last request, with their values
	all      strings.Builder // of everything that came, as text
	refusal  string          // what is answered instead; empty takes spans
	requests int
}

// newOTLPReceiver starts one that speaks HTTP, with TLS if there is a configuration.
func newOTLPReceiver(t *testing.T, over ...*tls.Config) *otlpReceiver {
	t.Helper()
	r := &otlpReceiver{t: t}
	server := httptest.NewUnstartedServer(r)
	if len(over) > 0 {
		server.TLS = over[0]
		server.StartTLS()
	} else {
		server.Start()
	}
	t.Cleanup(server.Close)
	r.url = strings.Replace(server.URL, "127.0.0.1", "localhost", 1)
	return r
}

// newGRPCReceiver starts one that speaks gRPC.
func newGRPCReceiver(t *testing.T, over ...*tls.Config) *otlpReceiver {
	t.Helper()
	r := &otlpReceiver{t: t, url: "http://"}
	var opts []grpc.ServerOption
	if len(over) > 0 {
		r.url, opts = "https://", []grpc.ServerOption{grpc.Creds(credentials.NewTLS(over[0]))}
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	server := grpc.NewServer(opts...)
	collector.RegisterTraceServiceServer(server, r)
	served := make(chan struct{})
	go func() { defer close(served); _ = server.Serve(listener) }()
	t.Cleanup(func() { server.Stop(); <-served })
	r.url += fmt.Sprintf("localhost:%d", listener.Addr().(*net.TCPAddr).Port)
	return r
}

func (r *otlpReceiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	var body io.Reader = req.Body
	if req.Header.Get("Content-Encoding") == "gzip" {
		body = must2[*gzip.Reader](r.t)(gzip.NewReader(req.Body))
	}
	data, err := io.ReadAll(body)
	export := new(collector.ExportTraceServiceRequest)
	if req.Header.Get("Content-Type") == "application/json" {
		r.mu.Lock()
		r.all.Write(data) // its ids are no protojson
		r.mu.Unlock()
		if !json.Valid(data) {
			r.t.Errorf("no JSON: %s", data)
		}
	} else if err == nil {
		err = proto.Unmarshal(data, export)
	}
	if err != nil || req.URL.Path != "/v1/traces" {
		r.t.Errorf("%s: %v", req.URL.Path, err)
	}
	w.Header().Set("Content-Type", "application/x-protobuf")
	if refusal := r.take(export, req.Header); refusal != "" {
		http.Error(w, refusal, http.StatusBadRequest)
	}
}

// Export takes spans over gRPC.
func (r *otlpReceiver) Export(ctx context.Context, export *collector.ExportTraceServiceRequest) (*collector.ExportTraceServiceResponse, error) {
	md, _ := metadata.FromIncomingContext(ctx)
	if refusal := r.take(export, md); refusal != "" {
		return nil, status.Error(codes.Unauthenticated, refusal)
	}
	return &collector.ExportTraceServiceResponse{}, nil
}

func (r *otlpReceiver) take(export *collector.ExportTraceServiceRequest, headers map[string][]string) (refusal string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.requests++
	r.headers = nil
	for name, values := range headers {
		r.headers = append(r.headers, strings.ToLower(name)+": "+strings.Join(values, ", "))
	}
	if r.refusal != "" {
		return r.refusal
	}
	r.all.WriteString(export.String())
	for _, of := range export.GetResourceSpans() {
		r.resource = map[string]string{}
		for _, a := range of.GetResource().GetAttributes() {
			r.resource[a.GetKey()] = a.GetValue().GetStringValue()
		}
		for _, scope := range of.GetScopeSpans() {
			r.spans = append(r.spans, scope.GetSpans()...)
		}
	}
	return ""
}

// refuse has it answer so from now on; nothing has it take spans.
func (r *otlpReceiver) refuse(text string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.refusal = text
}

// asked is how many requests came.
func (r *otlpReceiver) asked() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.requests
}

// lines are the spans: name, trace, parent and attributes.
func (r *otlpReceiver) lines() (lines []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, s := range r.spans {
		line := fmt.Sprintf("%s %x %x", s.GetName(), s.GetTraceId(), s.GetParentSpanId())
		for _, a := range s.GetAttributes() {
			v := a.GetValue()
			if text := v.GetStringValue(); text != "" {
				line += fmt.Sprintf(" %s=%s", a.GetKey(), text)
			} else {
				line += fmt.Sprintf(" %s=%d", a.GetKey(), v.GetIntValue())
			}
		}
		lines = append(lines, line)
	}
	slices.Sort(lines)
	return lines
}
