package job_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/wacast/wacast/pkg/job"
)

func fullEvent() job.Event {
	return job.NewEvent("wacast", time.Date(2026, 11, 22, 21, 0, 0, 5e6, time.UTC), job.EventData{
		Kind: job.Settled, Campaign: "reminders-2026-11-23", ID: "appt-8812-reminder", From: "106540352242922",
		To: "+5491155550100", UserID: secretUser, Lane: job.Transactional, Template: "appointment_confirmation", Language: "es_AR",
		Attempt: 2, Reason: job.ReasonTimeout, Outcome: job.Accepted, Code: 130429, Detail: "Rate limit hit", Wamid: secretWamid,
		WaID: "5491155550100", Payload: "confirm", Text: "Confirmar", Count: 3, Stream: "WACAST_JOBS", Sequence: 12,
		Metadata: json.RawMessage(`{"appointment":"8812"}`),
	})
}

func TestEventRoundTrip(t *testing.T) {
	want := fullEvent()
	data, err := job.EncodeEvent(&want)
	if err != nil {
		t.Fatal(err)
	}
	got, err := job.DecodeEvent(data)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, *got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	// encoding/json reads and writes the same, for those who use it.
	var plain job.Event
	if err := json.Unmarshal(data, &plain); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, plain); diff != "" {
		t.Errorf("encoding/json (-want +got):\n%s", diff)
	}
	if marshalled, err := json.Marshal(want); err != nil || string(marshalled) != string(data) {
		t.Errorf("encoding/json writes %s, %v\nwant %s", marshalled, err, data)
	}
}

func TestDecodeEventIgnoresWhatItDoesNotKnow(t *testing.T) {
	got, err := job.DecodeEvent([]byte(`{"specversion":"1.0","traceparent":"x","data":{"kind":"accepted","id":"a","new":{"x":[1]}}}`))
	if err != nil {
		t.Fatal(err)
	}
	if got.Data.Kind != job.Accepted || got.Key() != (job.Key{ID: "a"}) {
		t.Errorf("got %+v", got)
	}
}

func TestDecodeEventRefuses(t *testing.T) {
	for in, want := range map[string]string{
		`{"data":{"to":5491155550100}}`:     "decode event: data.to: must be a string, not a number",
		`{"data":{"code":"5491155550100"}}`: "decode event: data.code: must be a whole number, not a string",
		`{"time":"5491155550100"}`:          "decode event: time: must be RFC 3339 with a time zone, such as 2026-11-22T18:00:00-03:00",
		`{"data":`:                          "decode event: event: is not JSON: it ends too early",
	} {
		_, err := job.DecodeEvent([]byte(in))
		var field *job.FieldError
		if !errors.As(err, &field) || err.Error() != want {
			t.Errorf("%s: %v\nwant %s", in, err, want)
		}
	}
}

func TestEncodeEventRefusesBadMetadata(t *testing.T) {
	e := fullEvent()
	e.Data.Metadata = json.RawMessage(`{"phone":5491155550100`)
	if data, err := job.EncodeEvent(&e); err == nil || longNumber.MatchString(err.Error()) {
		t.Errorf("gives %s, %v", data, err)
	}
}

func TestEventID(t *testing.T) {
	at := time.Unix(1, 0)
	base := job.EventData{Kind: job.Accepted, Campaign: "c", ID: "a", Attempt: 1, Stream: "s", Sequence: 7}
	id := func(at time.Time, change func(*job.EventData)) string {
		data := base
		change(&data)
		return job.NewEvent("wacast", at, data).ID
	}
	nothing := func(*job.EventData) {}
	if got, want := id(at, nothing), "c/a/accepted/1/s/7"; got != want {
		t.Errorf("id is %q, want %q", got, want)
	}
	if id(at, nothing) != id(at.Add(time.Hour), nothing) {
		t.Error("an outcome recorded again later has another id")
	}
	reply := func(wamid job.Wamid) func(*job.EventData) {
		return func(d *job.EventData) { d.Kind, d.Wamid = job.Reply, wamid }
	}
	if id(at, reply("wamid.1")) == id(at, reply("wamid.2")) {
		t.Error("two replies have one id")
	}
	if id(at, reply("wamid.1")) != id(at.Add(1), reply("wamid.1")) {
		t.Error("one reply has two ids")
	}
	if strings.Contains(id(at, reply(secretWamid)), secretWamid) {
		t.Error("the id holds the wamid")
	}
	paused := func(d *job.EventData) { d.Kind, d.ID = job.CampaignChanged, "" }
	if id(at, paused) == id(at.Add(1), paused) {
		t.Error("two changes of a campaign have one id")
	}
}

func TestKindsAreAllDifferent(t *testing.T) {
	seen := map[job.Kind]bool{}
	for _, k := range job.Kinds() {
		if seen[k] {
			t.Errorf("%s is listed twice", k)
		}
		seen[k] = true
	}
	for _, k := range job.Outcomes() {
		if !k.IsOutcome() {
			t.Errorf("%s is listed as an outcome and is none", k)
		}
	}
	if n := len(job.Outcomes()); n != 7 {
		t.Errorf("there are %d outcomes, want 7", n)
	}
	if job.Settled.IsOutcome() || job.Delivered.IsOutcome() {
		t.Error("settled and delivered end no job")
	}
}
