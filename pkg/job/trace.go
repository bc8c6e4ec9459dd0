package job

import (
	"context"
	"strings"
)

// Traceparent is a W3C trace context of version 00, such as
// 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01: the trace that a job belongs
// to, and the span in it that published the job. It is empty where there is none.
type Traceparent string

// TraceparentHeader is the header of a published job that holds its [Traceparent], as
// any publisher may set it.
const TraceparentHeader = "traceparent"

// Where the parts of a traceparent are: version, trace, span, flags.
const (
	traceAt, traceEnd = 3, 35
	spanAt, spanEnd   = 36, 52
	traceparentLen    = 55
)

// ParseTraceparent returns a traceparent, or none where the text is not one: what a
// stranger wrote beside a job must not keep it from being sent.
func ParseTraceparent(text string) Traceparent {
	const zeros = "00000000000000000000000000000000"
	ok := len(text) == traceparentLen && strings.HasPrefix(text, "00-") && text[traceEnd] == '-' && text[spanEnd] == '-' &&
		lowerHex(text[traceAt:traceEnd]) && lowerHex(text[spanAt:spanEnd]) && lowerHex(text[spanEnd+1:]) &&
		text[traceAt:traceEnd] != zeros && text[spanAt:spanEnd] != zeros[:spanEnd-spanAt]
	if !ok {
		return ""
	}
	return Traceparent(text)
}

func lowerHex(text string) bool {
	for i := range len(text) {
		if c := text[i]; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

// TraceID is the trace's 32 hexadecimal digits, as logs name it; empty where there is none.
func (t Traceparent) TraceID() string {
	if len(t) != traceparentLen {
		return ""
	}
	return string(t[traceAt:traceEnd])
}

type traceKey struct{}

// WithTraceparent has jobs that are published with the context belong to a trace. None
// changes nothing.
func WithTraceparent(ctx context.Context, t Traceparent) context.Context {
	if t == "" {
		return ctx
	}
	return context.WithValue(ctx, traceKey{}, t)
}

// TraceparentOf is what [WithTraceparent] gave the context, or none.
func TraceparentOf(ctx context.Context) Traceparent {
	t, _ := ctx.Value(traceKey{}).(Traceparent)
	return t
}
