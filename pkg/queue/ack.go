package queue

import (
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// readAck reads the server's answer to a published message.
func readAck(m *nats.Msg) Ack {
	if len(m.Data) == 0 && m.Header.Get("Status") == "503" {
		return Ack{Err: ErrNoStream}
	}
	if ack, ok := scanAck(m.Data); ok {
		return ack
	}
	var answer struct {
		Error *jetstream.APIError `json:"error"`
		jetstream.PubAck
	}
	switch err := json.Unmarshal(m.Data, &answer); {
	case err != nil:
		return Ack{Err: fmt.Errorf("read ack: %w", err)}
	case answer.Error != nil:
		return Ack{Err: refusal(answer.Error)}
	case answer.Stream == "":
		return Ack{Err: fmt.Errorf("read ack: %w", jetstream.ErrInvalidJSAck)}
	}
	return Ack{Sequence: answer.Sequence, Duplicate: answer.Duplicate}
}

// scanAck reads the answer of nearly every message, {"stream":"S","seq":7}, which
// as JSON costs more than all else that is done with an ack.
func scanAck(data []byte) (Ack, bool) {
	rest, ok := bytes.CutPrefix(data, []byte(`{"stream":"`))
	if !ok {
		return Ack{}, false
	}
	end := bytes.IndexByte(rest, '"')
	if end <= 0 {
		return Ack{}, false
	}
	if rest, ok = bytes.CutPrefix(rest[end:], []byte(`","seq":`)); !ok {
		return Ack{}, false
	}
	var seq uint64
	i := 0
	for ; i < len(rest) && i < 19 && rest[i] >= '0' && rest[i] <= '9'; i++ {
		seq = seq*10 + uint64(rest[i]-'0')
	}
	return Ack{Sequence: seq}, i > 0 && string(rest[i:]) == "}"
}
