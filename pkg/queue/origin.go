package queue

import (
	"strconv"

	"github.com/nats-io/nats.go"

	"github.com/wacast/wacast/pkg/job"
)

// Headers of a job that wacast has put off. They are believed on the stream of jobs
// that are put off alone, to which only wacast publishes.
const (
	headerKind    = "Wacast-Kind"
	headerAttempt = "Wacast-Attempt"
	headerWas     = "Wacast-Was"
)

// origin writes down which publication a job is that is published again, and how
// far it came.
func (s *Scheduled) origin(h nats.Header) {
	h[headerKind] = []string{s.Kind}
	h[HeaderStream] = []string{s.Stream}
	h[HeaderSequence] = []string{strconv.FormatUint(s.Sequence, 10)}
	if s.Attempt > 0 {
		h[headerAttempt] = []string{strconv.Itoa(s.Attempt)}
	}
	if s.Was != "" {
		h[headerWas] = []string{string(s.Was)}
	}
	writeTraceparent(h, s.Traceparent)
}

// writeTraceparent keeps a job in its trace.
func writeTraceparent(h nats.Header, t job.Traceparent) {
	if t != "" {
		h[job.TraceparentHeader] = []string{string(t)}
	}
}

func readTraceparent(h nats.Header) job.Traceparent {
	text := h.Get(job.TraceparentHeader)
	if text == "" {
		text = h.Get("Traceparent")
	}
	return job.ParseTraceparent(text)
}

// origin is what the headers of a message that was put off tell.
type origin struct {
	kind     string
	stream   string
	sequence uint64
	attempt  int
	was      job.Kind
}

// readOrigin reports false for a message that does not say which publication it is:
// an earlier build has put it off, and it is a publication of its own.
func readOrigin(h nats.Header) (origin, bool) {
	o := origin{kind: h.Get(headerKind), stream: h.Get(HeaderStream), was: job.Kind(h.Get(headerWas))}
	var err error
	if o.sequence, err = strconv.ParseUint(h.Get(HeaderSequence), 10, 64); err != nil || o.sequence == 0 || o.stream == "" {
		return origin{}, false
	}
	o.attempt, _ = strconv.Atoi(h.Get(headerAttempt)) // none is 0
	return o, true
}
