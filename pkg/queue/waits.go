package queue

import (
	"context"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/wacast/wacast/pkg/job"
)

// Waits reports whether a job is put off for a kind of waiting and its time has not
// come.
func (l *Later) Waits(ctx context.Context, kind, sender string, key job.Key) (bool, error) {
	js, err := jetstream.New(l.nc)
	if err != nil {
		return false, err
	}
	stream, err := js.Stream(ctx, l.names.LaterStream())
	if err == nil {
		_, err = stream.GetLastMsgForSubject(ctx, l.names.LaterSubject(kind, sender, key))
	}
	switch {
	case errors.Is(err, jetstream.ErrMsgNotFound):
		return false, nil
	case err != nil:
		return false, fmt.Errorf("look for what is put off: %w", missing(err))
	}
	return true, nil
}
