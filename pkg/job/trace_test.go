package job_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	"github.com/wacast/wacast/pkg/job"
)

const exampleTrace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

func TestParseTraceparent(t *testing.T) {
	got := job.ParseTraceparent(exampleTrace)
	if got != exampleTrace || got.TraceID() != "4bf92f3577b34da6a3ce929d0e0e4736" {
		t.Errorf("%q has trace %q", got, got.TraceID())
	}
	for name, text := range map[string]string{
		"nothing":         "",
		"short":           exampleTrace[:54],
		"long":            exampleTrace + "-00",
		"another version": "01" + exampleTrace[2:],
		"upper case":      strings.ToUpper(exampleTrace),
		"no hexadecimals": "00-4bf92f3577b34da6a3ce929d0e0e473g-00f067aa0ba902b7-01",
		"no dashes":       strings.ReplaceAll(exampleTrace, "-", "_"),
		"no trace":        "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
		"no span":         "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
		"bad flags":       exampleTrace[:53] + "x1",
	} {
		if got := job.ParseTraceparent(text); got != "" || got.TraceID() != "" {
			t.Errorf("%s: %q is taken for %q", name, text, got)
		}
	}
}

func TestTraceparentOfAContext(t *testing.T) {
	ctx := context.Background()
	if job.WithTraceparent(ctx, "") != ctx || job.TraceparentOf(ctx) != "" {
		t.Error("a context without a trace has one")
	}
	if got := job.TraceparentOf(job.WithTraceparent(ctx, exampleTrace)); got != exampleTrace {
		t.Errorf("the context has %q", got)
	}
}

// An event has its trace where CloudEvents' extension for distributed tracing puts it.
func TestEventTraceparent(t *testing.T) {
	e := fullEvent()
	e.Traceparent = exampleTrace
	data, err := job.EncodeEvent(&e)
	if err != nil {
		t.Fatal(err)
	}
	var envelope map[string]any
	if err := json.Unmarshal(data, &envelope); err != nil || envelope["traceparent"] != exampleTrace {
		t.Errorf("the envelope has %v, %v", envelope["traceparent"], err)
	}
	got, err := job.DecodeEvent(data)
	if err != nil || got.Traceparent != exampleTrace {
		t.Errorf("read as %q, %v", got.Traceparent, err)
	}
	if plain, err := json.Marshal(e); err != nil || string(plain) != string(data) {
		t.Errorf("encoding/json writes %s, %v\nwant %s", plain, err, data)
	}
	if got, err := job.DecodeEvent([]byte(`{"traceparent":"garbage","data":{}}`)); err != nil || got.Traceparent != "" {
		t.Errorf("garbage is read as %q, %v", got.Traceparent, err)
	}
}

// Jobs without a trace pay nothing for those that have one.
func TestNoTraceAllocatesNothing(t *testing.T) {
	ctx, e, traced := context.Background(), fullEvent(), fullEvent()
	traced.Traceparent = exampleTrace
	buffer := make([]byte, 0, 4096)
	encode := func(e *job.Event) func() {
		return func() {
			if _, err := job.AppendEvent(buffer, e); err != nil {
				t.Error(err)
			}
		}
	}
	without, with := testing.AllocsPerRun(100, encode(&e)), testing.AllocsPerRun(100, encode(&traced))
	if without != with {
		t.Errorf("an event without a trace is written with %v allocations, one with a trace with %v", without, with)
	}
	if n := testing.AllocsPerRun(100, func() {
		if job.TraceparentOf(job.WithTraceparent(ctx, "")) != "" || job.ParseTraceparent(exampleTrace).TraceID() == "" {
			t.Error("wrong")
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
