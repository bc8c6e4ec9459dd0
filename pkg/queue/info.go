package queue

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// apiTimeout bounds a request to the JetStream API whose context has no deadline.
const apiTimeout = 5 * time.Second

// streamInfo is what wacast asks of STREAM.INFO: one answer is one snapshot.
type streamInfo struct {
	Error *jetstream.APIError `json:"error"`
	// Total is how many subjects there are; one answer holds the first of them.
	Total int `json:"total"`
	State struct {
		Messages uint64            `json:"messages"`
		First    uint64            `json:"first_seq"`
		Last     uint64            `json:"last_seq"`
		Subjects map[string]uint64 `json:"subjects"`
	} `json:"state"`
}

// readInfo asks for a stream's state and, with a filter, for how many messages
// each matching subject has. No message is read for it.
func readInfo(ctx context.Context, nc *nats.Conn, stream, filter string) (*streamInfo, error) {
	var all *streamInfo
	for {
		request := struct {
			Filter string `json:"subjects_filter,omitempty"`
			Offset int    `json:"offset,omitempty"`
		}{Filter: filter}
		if all != nil {
			request.Offset = len(all.State.Subjects)
		}
		page, err := requestInfo(ctx, nc, stream, request)
		if err != nil {
			return nil, fmt.Errorf("stream %s: %w", stream, err)
		}
		if all == nil {
			all = page
		} else {
			maps.Copy(all.State.Subjects, page.State.Subjects)
		}
		if len(page.State.Subjects) == 0 || len(all.State.Subjects) >= page.Total {
			return all, nil
		}
	}
}

func requestInfo(ctx context.Context, nc *nats.Conn, stream string, request any) (*streamInfo, error) {
	body, err := json.Marshal(request)
	if err != nil {
		return nil, err
	}
	ctx, cancel := withTimeout(ctx, apiTimeout)
	defer cancel()
	m, err := nc.RequestWithContext(ctx, jetstream.DefaultAPIPrefix+"STREAM.INFO."+stream, body)
	if err != nil {
		return nil, missing(err)
	}
	info := new(streamInfo)
	if err := json.Unmarshal(m.Data, info); err != nil {
		return nil, err
	}
	if info.Error != nil {
		return nil, missing(info.Error)
	}
	return info, nil
}

// missing turns the absence of a stream, or of JetStream, into what to do about it.
func missing(err error) error {
	switch {
	case errors.Is(err, jetstream.ErrStreamNotFound):
		return ErrNoStream
	case errors.Is(err, nats.ErrNoResponders):
		return fmt.Errorf("JetStream does not answer: %w: wait for the server, or start it with -js", err)
	}
	return err
}

// withTimeout adds a deadline to a context that has none.
func withTimeout(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	if _, ok := ctx.Deadline(); ok {
		return ctx, func() {}
	}
	return context.WithTimeout(ctx, d)
}
