package queue

import (
	"errors"
	"fmt"
	"strings"

	"github.com/nats-io/nats.go/jetstream"
)

var (
	// ErrFull marks a stream that takes no more: publish again when it has emptied.
	ErrFull = errors.New("the stream is full")
	// ErrNoStream marks a subject no stream listens on.
	ErrNoStream = errors.New("no stream takes the message: start a wacast worker once, which creates the streams, and check WACAST_NATS_URL and WACAST_NAMESPACE")
	// ErrNoAck marks a message the server did not ack in time. It may be stored:
	// publishing it again is safe.
	ErrNoAck = errors.New("the server did not ack in time; publish again, the message id keeps it from being stored twice")
	// ErrClosed marks the use of something that was closed.
	ErrClosed = errors.New("closed")
)

// Error codes of the JetStream API that nats.go has no names for.
const (
	codeAccountFull    jetstream.ErrorCode = 10002 // resource limits exceeded for account
	codeNoMessage      jetstream.ErrorCode = 10037 // no message found
	codeNoSequence     jetstream.ErrorCode = 10043 // the same, of one to be deleted
	codeDeleteFailed   jetstream.ErrorCode = 10057 // the same, among others
	codeWrongSequence  jetstream.ErrorCode = 10071 // wrong last sequence
	codeWrongSequenceR jetstream.ErrorCode = 10164 // the same, of a replicated stream
	codeStoreFailed    jetstream.ErrorCode = 10077 // maximum bytes, maximum messages or a disk error
	codeInProcess      jetstream.ErrorCode = 10158 // duplicate message id is in process
)

// errScheduled marks a message whose subject has one already.
var errScheduled = errors.New("already scheduled")

func apiError(err error) *jetstream.APIError {
	var api *jetstream.APIError
	if errors.As(err, &api) {
		return api
	}
	var js jetstream.JetStreamError
	if errors.As(err, &js) {
		return js.APIError()
	}
	return nil
}

// refusal turns the server's refusal of a message into an error callers match.
func refusal(api *jetstream.APIError) error {
	switch api.ErrorCode {
	case codeAccountFull:
		return fmt.Errorf("%w: %s", ErrFull, api.Description)
	case codeStoreFailed:
		if strings.HasPrefix(api.Description, "maximum ") {
			return fmt.Errorf("%w: %s", ErrFull, api.Description)
		}
	case codeWrongSequence, codeWrongSequenceR:
		return errScheduled
	}
	return api
}

// passing reports whether a refusal may be gone in a moment: a stream without a
// leader, a server that is shutting down, the first copy still under way.
func passing(api *jetstream.APIError) bool {
	return api.ErrorCode == codeInProcess || api.Code == 503 && api.ErrorCode != codeStoreFailed
}

// isGone reports that a message to be deleted is not there.
func isGone(err error) bool {
	api := apiError(err)
	if api == nil {
		return false
	}
	switch api.ErrorCode {
	case codeNoMessage, codeNoSequence:
		return true
	case codeDeleteFailed:
		return api.Description == "no message found" || api.Description == "deleted message"
	}
	return false
}
