package job_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/wacast/wacast/pkg/job"
)

func hashOf(t *testing.T, in string) uint64 {
	t.Helper()
	j, err := job.Decode([]byte(in))
	if err != nil {
		t.Fatalf("%v: %s", err, in)
	}
	return j.BodyHash()
}

// Replicas of two builds compare hashes, so these may never change.
func TestBodyHashIsStable(t *testing.T) {
	for i, want := range []uint64{0xa46c500101d1771f, 0x2a65c815213a7f0} {
		if got := goldenJobs()[i].BodyHash(); got != want {
			t.Errorf("golden job %d: %#x, want %#x", i, got, want)
		}
	}
}

func TestBodyHashIgnoresTheSpelling(t *testing.T) {
	const a = `{"v":1,"id":"a","from":"1","to":"+5491155550100","template":{"name":"t","language":"en","vars":{"x":"é","y":[1,{"b":1,"a":2}]}},"send_at":"2026-11-22T18:00:00-03:00","metadata":{"k":"1","l":{"m":null,"n":"<&>"}}}`
	same := map[string]string{
		"white space":       "{ \"v\": 1, \"id\": \"a\",\n \"from\": \"1\", \"to\": \"+5491155550100\", \"template\": {\"name\": \"t\", \"language\": \"en\", \"vars\": {\"x\": \"é\", \"y\": [1, {\"b\": 1, \"a\": 2}]}}, \"send_at\": \"2026-11-22T18:00:00-03:00\", \"metadata\": {\"k\": \"1\", \"l\": {\"m\": null, \"n\": \"<&>\"}}}",
		"order of fields":   `{"metadata":{"l":{"n":"<&>","m":null},"k":"1"},"send_at":"2026-11-22T18:00:00-03:00","template":{"vars":{"y":[1,{"a":2,"b":1}],"x":"é"},"language":"en","name":"t"},"to":"+5491155550100","from":"1","id":"a","v":1}`,
		"escapes":           `{"v":1,"id":"\u0061","from":"1","to":"\u002b5491155550100","template":{"name":"t","language":"en","vars":{"x":"\u00e9","y":[1,{"b":1,"a":2}]}},"send_at":"2026-11-22T18:00:00-03:00","metadata":{"k":"1","l":{"m":null,"n":"\u003c\u0026\u003e"}}}`,
		"defaults in words": `{"v":1,"id":"a","from":"1","to":"+5491155550100","lane":"bulk","on_unknown":"hold","template":{"name":"t","language":"en","vars":{"x":"é","y":[1,{"b":1,"a":2}]}},"send_at":"2026-11-22T18:00:00-03:00","metadata":{"k":"1","l":{"m":null,"n":"<&>"}}}`,
		"another time zone": `{"v":1,"id":"a","from":"1","to":"+5491155550100","template":{"name":"t","language":"en","vars":{"x":"é","y":[1,{"b":1,"a":2}]}},"send_at":"2026-11-22T21:00:00.000Z","metadata":{"k":"1","l":{"m":null,"n":"<&>"}}}`,
	}
	want := hashOf(t, a)
	for name, in := range same {
		if got := hashOf(t, in); got != want {
			t.Errorf("%s changes the hash", name)
		}
	}
}

func TestBodyHashSeesEveryField(t *testing.T) {
	changes := map[string]func(*job.Job){
		"v":            func(j *job.Job) { j.V = 2 },
		"id":           func(j *job.Job) { j.ID += "x" },
		"campaign":     func(j *job.Job) { j.Campaign = "" },
		"from":         func(j *job.Job) { j.From += "1" },
		"to":           func(j *job.Job) { j.To = "+5491155550101" },
		"user_id":      func(j *job.Job) { j.To, j.UserID = "", "AR.1" },
		"lane":         func(j *job.Job) { j.Lane = job.Bulk },
		"name":         func(j *job.Job) { j.Template.Name = "t" },
		"language":     func(j *job.Job) { j.Template.Language = "es" },
		"body":         func(j *job.Job) { j.Template.Params.Body.List[0] = "Emilio" },
		"body order":   func(j *job.Job) { j.Template.Params.Body = job.Positional("23 de noviembre, 09:30", "Emilia") },
		"body by name": func(j *job.Job) { j.Template.Params.Body = job.Named(map[string]string{"name": "Emilia"}) },
		"no body":      func(j *job.Job) { j.Template.Params.Body = nil },
		"header":       func(j *job.Job) { j.Template.Params.Header = &job.Header{Text: new("x")} },
		"image":        func(j *job.Job) { j.Template.Params.Header = &job.Header{Image: &job.Media{ID: "1"}} },
		"video":        func(j *job.Job) { j.Template.Params.Header = &job.Header{Video: &job.Media{ID: "1"}} },
		"document":     func(j *job.Job) { j.Template.Params.Header = &job.Header{Document: &job.Media{ID: "1"}} },
		"link":         func(j *job.Job) { j.Template.Params.Header = &job.Header{Document: &job.Media{Link: "1"}} },
		"filename":     func(j *job.Job) { j.Template.Params.Header = &job.Header{Document: &job.Media{ID: "1", Filename: "1"}} },
		"latitude":     func(j *job.Job) { j.Template.Params.Header = &job.Header{Location: &job.Location{Latitude: "1"}} },
		"longitude":    func(j *job.Job) { j.Template.Params.Header = &job.Header{Location: &job.Location{Longitude: "1"}} },
		"place":        func(j *job.Job) { j.Template.Params.Header = &job.Header{Location: &job.Location{Name: "1"}} },
		"address":      func(j *job.Job) { j.Template.Params.Header = &job.Header{Location: &job.Location{Address: "1"}} },
		"payload":      func(j *job.Job) { j.Template.Params.Buttons["0"] = job.Button{Payload: new("x")} },
		"url":          func(j *job.Job) { j.Template.Params.Buttons["0"] = job.Button{URL: new("x")} },
		"code":         func(j *job.Job) { j.Template.Params.Buttons["0"] = job.Button{Code: new("x")} },
		"otp":          func(j *job.Job) { j.Template.Params.Buttons["0"] = job.Button{OTP: new("x")} },
		"flow":         func(j *job.Job) { j.Template.Params.Buttons["0"] = job.Button{Flow: &job.Flow{}} },
		"flow token":   func(j *job.Job) { j.Template.Params.Buttons["0"] = job.Button{Flow: &job.Flow{Token: "x"}} },
		"flow data": func(j *job.Job) {
			j.Template.Params.Buttons["0"] = job.Button{Flow: &job.Flow{Data: json.RawMessage(`{}`)}}
		},
		"button":      func(j *job.Job) { j.Template.Params.Buttons["2"] = j.Template.Params.Buttons["0"] },
		"components":  func(j *job.Job) { j.Template.Params, j.Template.Components = nil, json.RawMessage(`[]`) },
		"vars":        func(j *job.Job) { j.Template.Params, j.Template.Vars = nil, map[string]any{} },
		"vars value":  func(j *job.Job) { j.Template.Params, j.Template.Vars = nil, map[string]any{"a": "b"} },
		"no params":   func(j *job.Job) { j.Template.Params = nil },
		"send_at":     func(j *job.Job) { j.SendAt = j.SendAt.Add(time.Nanosecond) },
		"expires_at":  func(j *job.Job) { j.ExpiresAt = j.ExpiresAt.Add(time.Nanosecond) },
		"reply_by":    func(j *job.Job) { j.ReplyBy = j.ReplyBy.Add(time.Nanosecond) },
		"no send_at":  func(j *job.Job) { j.SendAt = time.Time{} },
		"on_unknown":  func(j *job.Job) { j.OnUnknown = job.Resend },
		"metadata":    func(j *job.Job) { j.Metadata = json.RawMessage(`{"appointment":8812}`) },
		"no metadata": func(j *job.Job) { j.Metadata = nil },
	}
	seen := map[uint64]string{exampleJob().BodyHash(): "nothing"}
	for name, change := range changes {
		j := exampleJob()
		change(j)
		hash := j.BodyHash()
		if other, ok := seen[hash]; ok {
			t.Errorf("changing %s gives the same hash as changing %s", name, other)
		}
		seen[hash] = name
	}
}
