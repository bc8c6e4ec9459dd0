package job_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/wacast/wacast/pkg/job"
)

var update = flag.Bool("update", false, "write testdata anew")

// goldenJobs uses every form of version 1. The file made of them is what other
// languages may rely on: it may grow, and what is in it must stay readable.
func goldenJobs() []*job.Job {
	return []*job.Job{
		exampleJob(),
		{V: 1, ID: "m", From: "1", To: "+1234567", Template: job.Template{Name: "hello", Language: "en"}},
		withTemplate("text-header", job.Template{Params: &job.Params{
			Header: &job.Header{Text: new("Turno")},
			Body:   job.Named(map[string]string{"patient": "José \"Pepe\" Ñandú", "agent": "<Sofía> & co."}),
		}}),
		withTemplate("image-url", job.Template{Params: &job.Params{
			Header:  &job.Header{Image: &job.Media{Link: "https://example.test/taxi.png?v=1&w=2"}},
			Buttons: map[string]job.Button{"0": {Payload: new("")}, "9": {URL: new("TAXI-1")}},
		}}),
		withTemplate("video-code", job.Template{Params: &job.Params{
			Header:  &job.Header{Video: &job.Media{ID: "4711"}},
			Body:    &job.Body{List: []string{}},
			Buttons: map[string]job.Button{"1": {Code: new("AUT20")}},
		}}),
		withTemplate("document-flow", job.Template{Params: &job.Params{
			Header: &job.Header{Document: &job.Media{ID: "4712", Filename: "estudio.pdf"}},
			Buttons: map[string]job.Button{"0": {Flow: &job.Flow{
				Token: "c7", Data: json.RawMessage(`{"order":{"items":[1,2.50,-3e2],"ok":true}}`),
			}}},
		}}),
		withTemplate("location-otp", job.Template{Params: &job.Params{
			Header:  &job.Header{Location: &job.Location{Latitude: "-34.6037", Longitude: "-58.3816", Name: "Clínica", Address: "Av. Corrientes 1234"}},
			Body:    job.Positional("739204"),
			Buttons: map[string]job.Button{"0": {OTP: new("739204")}},
		}}),
		withTemplate("components", job.Template{Components: json.RawMessage(`[{"parameters":[{"action":{"thumbnail_product_retailer_id":"a1"},"type":"action"}],"sub_type":"CATALOG","type":"button"}]`)}),
		withTemplate("vars", job.Template{Vars: map[string]any{"name": "Inés", "age": json.Number("41"), "vip": true, "notes": nil, "tags": []any{"a", json.Number("1")}}}),
		withTemplate("empty", job.Template{Params: &job.Params{Buttons: map[string]job.Button{}}}),
		{V: 1, ID: "user:1", Campaign: "taxi", From: "106540352242922", UserID: "AR.13491208655302741918", OnUnknown: job.Resend, Lane: job.Bulk, Template: job.Template{Name: "taxi_coupon", Language: "es_AR", Vars: map[string]any{}}},
	}
}

// exampleJob is the contract's example.
func exampleJob() *job.Job {
	zone := time.FixedZone("", -3*3600)
	return &job.Job{
		V: 1, ID: "appt-8812-reminder", Campaign: "reminders-2026-11-23", From: "106540352242922", To: "+5491155550100",
		Lane: job.Transactional,
		Template: job.Template{Name: "appointment_confirmation", Language: "es_AR", Params: &job.Params{
			Body:    job.Positional("Emilia", "23 de noviembre, 09:30"),
			Buttons: map[string]job.Button{"0": {Payload: new("confirm")}, "1": {Payload: new("decline")}},
		}},
		SendAt:    time.Date(2026, 11, 22, 18, 0, 0, 0, zone),
		ExpiresAt: time.Date(2026, 11, 23, 9, 0, 0, 0, zone),
		ReplyBy:   time.Date(2026, 11, 22, 22, 0, 0, 0, zone),
		OnUnknown: job.Hold,
		Metadata:  json.RawMessage(`{"appointment":"8812"}`),
	}
}

func withTemplate(id string, t job.Template) *job.Job {
	t.Name, t.Language = "appointment_confirmation", "es_AR"
	return &job.Job{V: 1, ID: id, Campaign: "golden", From: "106540352242922", To: "+5491155550100", Template: t}
}

func TestGolden(t *testing.T) {
	const file = "testdata/v1.json"
	if *update {
		writeGolden(t, file)
	}
	lines := readGolden(t, file)
	want := goldenJobs()
	if len(lines) != len(want) {
		t.Fatalf("%s has %d jobs, want %d (go test -update writes it anew)", file, len(lines), len(want))
	}
	for i, line := range lines {
		got, err := job.DecodeStrict(line)
		if err != nil {
			t.Fatalf("job %d: %v", i, err)
		}
		if diff := cmp.Diff(want[i], got); diff != "" {
			t.Errorf("job %d decodes to something else (-want +got):\n%s", i, diff)
		}
		again, err := job.Encode(got)
		if err != nil {
			t.Fatalf("job %d: %v", i, err)
		}
		if diff := cmp.Diff(string(line), string(again)); diff != "" {
			t.Errorf("job %d encodes to something else (-want +got):\n%s", i, diff)
		}
	}
}

// The file is a list with one job a line, so that a diff of it can be read.
func readGolden(t *testing.T, file string) []json.RawMessage {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var jobs []json.RawMessage
	if err := json.Unmarshal(data, &jobs); err != nil {
		t.Fatal(err)
	}
	return jobs
}

func writeGolden(t *testing.T, file string) {
	t.Helper()
	var lines [][]byte
	for _, j := range goldenJobs() {
		line, err := job.Encode(j)
		if err != nil {
			t.Fatal(err)
		}
		lines = append(lines, line)
	}
	data := append([]byte("[\n"), bytes.Join(lines, []byte(",\n"))...)
	if err := os.WriteFile(file, append(data, "\n]\n"...), 0o644); err != nil {
		t.Fatal(err)
	}
}
