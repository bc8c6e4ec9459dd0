package queue

import (
	"encoding/json"
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

func TestReadAck(t *testing.T) {
	for _, tt := range []struct {
		name, data string
		want       Ack
		err        error
	}{
		{"stored", `{"stream":"S","seq":7}`, Ack{Sequence: 7}, nil},
		{"stored in a domain", `{"stream":"S","domain":"hub","seq":7}`, Ack{Sequence: 7}, nil},
		{"known already", `{"stream":"S","seq":7,"duplicate":true}`, Ack{Sequence: 7, Duplicate: true}, nil},
		{"the last sequence there is", `{"stream":"S","seq":18446744073709551615}`, Ack{Sequence: math.MaxUint64}, nil},
		{"full", `{"error":{"code":503,"err_code":10077,"description":"maximum bytes exceeded"},"stream":"S","seq":0}`, Ack{}, ErrFull},
		{"full, another way", `{"error":{"code":503,"err_code":10077,"description":"maximum messages exceeded"}}`, Ack{}, ErrFull},
		{"full account", `{"error":{"code":400,"err_code":10002,"description":"resource limits exceeded for account"}}`, Ack{}, ErrFull},
		{"scheduled already", `{"error":{"code":400,"err_code":10071,"description":"wrong last sequence: 4"},"stream":"S","seq":0}`, Ack{}, errScheduled},
		{"scheduled already, replicated", `{"error":{"code":400,"err_code":10164,"description":"wrong last sequence"}}`, Ack{}, errScheduled},
		{"schedules are off", `{"error":{"code":400,"err_code":10188,"description":"message schedules is disabled"}}`, Ack{}, jetstream.ErrMessageSchedulesDisabled},
		{"no stream named", `{"seq":7}`, Ack{}, jetstream.ErrInvalidJSAck},
		{"empty", ``, Ack{}, errAny},
		{"cut off", `{"stream":"S","seq":7`, Ack{}, errAny},
		{"no number", `{"stream":"S","seq":}`, Ack{}, errAny},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := readAck(&nats.Msg{Data: []byte(tt.data)})
			if tt.err == nil && got != tt.want {
				t.Errorf("got %+v, want %+v", got, tt.want)
			}
			if tt.err == errAny && got.Err == nil || tt.err != nil && tt.err != errAny && !errors.Is(got.Err, tt.err) {
				t.Errorf("error %v, want %v", got.Err, tt.err)
			}
		})
	}
	none := readAck(&nats.Msg{Header: nats.Header{"Status": {"503"}}})
	if !errors.Is(none.Err, ErrNoStream) {
		t.Errorf("no responders: %v, want ErrNoStream", none.Err)
	}
}

// errAny stands in tables for an error of any kind.
var errAny = errors.New("any")

// What the quick reader reads, encoding/json must read the same, if it is JSON.
func FuzzScanAck(f *testing.F) {
	f.Add([]byte(`{"stream":"WACAST_JOBS","seq":123}`))
	f.Add([]byte(`{"stream":"S","seq":0000}`))
	f.Add([]byte(`{"stream":"S","seq":7}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		ack, ok := scanAck(data)
		if !ok {
			return
		}
		var want jetstream.PubAck
		if err := json.Unmarshal(data, &want); err != nil {
			return
		}
		if ack.Sequence != want.Sequence || want.Duplicate || ack.Duplicate {
			t.Errorf("%q gives %+v, want %+v", data, ack, want)
		}
	})
}

func TestWhichRefusalsMayPass(t *testing.T) {
	for _, tt := range []struct {
		api  jetstream.APIError
		want bool
	}{
		{jetstream.APIError{Code: 503, ErrorCode: 10008, Description: "JetStream system temporarily unavailable"}, true},
		{jetstream.APIError{Code: 503, ErrorCode: 10023, Description: "insufficient resources"}, true},
		{jetstream.APIError{Code: 409, ErrorCode: codeInProcess}, true},
		{jetstream.APIError{Code: 503, ErrorCode: codeStoreFailed, Description: "no space left on device"}, false},
		{jetstream.APIError{Code: 400, ErrorCode: 10054, Description: "message size exceeds maximum allowed"}, false},
	} {
		if got := passing(&tt.api); got != tt.want {
			t.Errorf("%s may pass: %v, want %v", tt.api.Description, got, tt.want)
		}
	}
}

func TestServerVersions(t *testing.T) {
	for version, old := range map[string]bool{
		"2.12.0": false, "2.12.0-preview.1": false, "2.15.2": false, "3.0.0": false, "v2.14.1": false,
		"2.11.9": true, "2.9.0": true, "1.4.1": true,
		"": false, "dev": false, // somebody's own build
	} {
		err := checkServer(version)
		if errors.Is(err, ErrServerTooOld) != old {
			t.Errorf("%q: %v, want too old %v", version, err, old)
		}
	}
}

func TestErrorsNameTheRemedy(t *testing.T) {
	for _, tt := range []struct {
		err  error
		want string
	}{
		{nats.ErrNoResponders, "-js"},
		{jetstream.ErrJetStreamNotEnabledForAccount, "enable JetStream"},
		{&jetstream.APIError{Code: 500, ErrorCode: 10047, Description: "insufficient storage resources available"}, "WACAST_JOBS_MAX_BYTES"},
	} {
		got := explain(tt.err)
		if !errors.Is(got, tt.err) || !strings.Contains(got.Error(), tt.want) {
			t.Errorf("%v is explained as %v, want %q in it", tt.err, got, tt.want)
		}
	}
}
