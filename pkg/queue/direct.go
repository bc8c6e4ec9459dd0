package queue

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

const (
	// directWindow is how many messages are asked for before the first has come.
	directWindow = 256
	// directWait is how long an answer may take before it is asked for again.
	directWait = 2 * time.Second
)

// direct reads messages by their sequences, without a consumer. Any replica of a
// stream answers such a question, also one that lags behind; so what it does not
// have is asked of the leader.
type direct struct {
	nc     *nats.Conn
	stream string
}

// get passes the data of each message to fn, with its index, in any order; nil for
// one that is not there. A server that does not answer is asked again until ctx ends.
func (d direct) get(ctx context.Context, sequences []uint64, fn func(i int, data []byte)) error {
	ctx, cancel := withTimeout(ctx, apiTimeout)
	defer cancel()
	for start := 0; start < len(sequences); start += directWindow {
		open := make([]int, 0, directWindow)
		for i := start; i < min(start+directWindow, len(sequences)); i++ {
			if sequences[i] == 0 {
				fn(i, nil)
				continue
			}
			open = append(open, i)
		}
		for len(open) > 0 {
			doubtful, err := d.round(ctx, sequences, open, fn)
			if err == nil {
				doubtful, err = d.askLeader(ctx, sequences, doubtful, fn)
			}
			if err != nil {
				return err
			}
			if open = doubtful; len(open) > 0 && !wait(ctx, troublePause) {
				return context.Cause(ctx)
			}
		}
	}
	return nil
}

// round asks once for what is open and returns what nobody could give.
func (d direct) round(ctx context.Context, sequences []uint64, open []int, fn func(int, []byte)) ([]int, error) {
	inbox := d.nc.NewInbox() + "."
	answers := make(chan *nats.Msg, len(open)) // one for each question
	sub, err := d.nc.ChanSubscribe(inbox+"*", answers)
	if err != nil {
		return nil, fmt.Errorf("subscribe to answers: %w", err)
	}
	defer func() { _ = sub.Unsubscribe() }() // fails on a closed connection only
	subject := jetstream.DefaultAPIPrefix + "DIRECT.GET." + d.stream
	for at, i := range open {
		question := append(strconv.AppendUint(append(make([]byte, 0, 32), `{"seq":`...), sequences[i], 10), '}')
		if err := d.nc.PublishRequest(subject, inbox+strconv.Itoa(at), question); err != nil {
			return nil, fmt.Errorf("ask for messages: %w", err)
		}
	}
	given := make([]bool, len(open))
	collectAnswers(ctx, answers, len(open), func(m *nats.Msg) {
		at, err := strconv.Atoi(m.Subject[len(inbox):])
		if err == nil && at < len(open) && len(m.Header[jetstream.SequenceHeader]) > 0 {
			given[at] = true
			fn(open[at], m.Data)
		}
	})
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	var missed []int
	for at, ok := range given {
		if !ok {
			missed = append(missed, open[at])
		}
	}
	return missed, nil
}

// collectAnswers receives n answers, unless one is late or ctx ends.
func collectAnswers(ctx context.Context, answers <-chan *nats.Msg, n int, fn func(*nats.Msg)) {
	timer := time.NewTimer(directWait)
	defer timer.Stop()
	for range n {
		select {
		case m := <-answers:
			fn(m)
			timer.Reset(directWait)
		case <-timer.C:
			return
		case <-ctx.Done():
			return
		}
	}
}

// askLeader asks for one message after the other, and returns those that there was
// no answer for.
func (d direct) askLeader(ctx context.Context, sequences []uint64, doubtful []int, fn func(int, []byte)) ([]int, error) {
	for n, i := range doubtful {
		data, err := d.fromLeader(ctx, sequences[i])
		switch {
		case err == nil:
			fn(i, data)
		case ctx.Err() != nil:
			return nil, context.Cause(ctx)
		case errors.Is(err, nats.ErrNoResponders), errors.Is(err, context.DeadlineExceeded):
			return doubtful[n:], nil // a server that restarts
		default:
			return nil, missing(err)
		}
	}
	return nil, nil
}

// fromLeader returns nil for a message that is not there.
func (d direct) fromLeader(ctx context.Context, sequence uint64) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, directWait)
	defer cancel()
	m, err := d.nc.RequestWithContext(ctx, jetstream.DefaultAPIPrefix+"STREAM.MSG.GET."+d.stream, fmt.Appendf(nil, `{"seq":%d}`, sequence))
	if err != nil {
		return nil, err
	}
	answer, err := readMessage(m.Data)
	if answer == nil {
		return nil, err
	}
	return answer.data, nil
}

// message is one of a stream.
type message struct {
	sequence uint64
	at       time.Time
	data     []byte
}

// readMessage reads the leader's answer to a question for a message; nil for none.
func readMessage(data []byte) (*message, error) {
	var answer struct {
		Error   *jetstream.APIError `json:"error"`
		Message struct {
			Sequence uint64    `json:"seq"`
			Time     time.Time `json:"time"`
			Data     []byte    `json:"data"`
		} `json:"message"`
	}
	if err := json.Unmarshal(data, &answer); err != nil {
		return nil, err
	}
	switch api := answer.Error; {
	case api != nil && api.ErrorCode == codeNoMessage:
		return nil, nil
	case api != nil:
		return nil, api
	}
	return &message{sequence: answer.Message.Sequence, at: answer.Message.Time, data: answer.Message.Data}, nil
}
