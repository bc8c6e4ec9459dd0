package job_test

import (
	"errors"
	"fmt"
	"time"

	"github.com/wacast/wacast/pkg/job"
)

func ExampleJob() {
	j := job.Job{
		V: job.Version, ID: "appt-8812-reminder", Campaign: "reminders-2026-11-23",
		From: "106540352242922", To: "+5491155550100", Lane: job.Transactional,
		Template: job.Template{Name: "appointment_confirmation", Language: "es_AR", Params: &job.Params{
			Body:    job.Positional("Emilia", "23 de noviembre, 09:30"),
			Buttons: map[string]job.Button{"0": {Payload: new("confirm")}, "1": {Payload: new("decline")}},
		}},
		ExpiresAt: time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC),
	}
	data, err := job.Encode(&j)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(len(data), "bytes")
	fmt.Println(j)
	// Output:
	// 357 bytes
	// job reminders-2026-11-23/appt-8812-reminder from 106540352242922 to +549********00: appointment_confirmation/es_AR
}

func ExampleDecode() {
	_, err := job.Decode([]byte(`{"v": 1, "id": "a.b", "from": "106540352242922", "to": "5491155550100",
		"template": {"name": "hello", "language": "en", "params": {"body": ["Emilia", 9]}}}`))

	var invalid *job.InvalidError
	if errors.As(err, &invalid) {
		for _, field := range invalid.Fields {
			fmt.Println(field.Field, "–", field.Problem)
		}
	}
	// Output:
	// template.params.body[1] – must be a string, not a number
	// id – must be 1 to 128 of A-Z a-z 0-9 _ : -
	// to – must be + and 7 to 15 digits
}

func ExampleParseToken() {
	token := job.Token{Namespace: "wacast", Attempt: 1, Key: job.Key{Campaign: "reminders", ID: "appt-8812"}}
	fmt.Println(token)

	parsed, ok := job.ParseToken("wacast/1/1/reminders/appt-8812")
	fmt.Println(parsed == token, ok)

	_, ok = job.ParseToken("another system's data")
	fmt.Println(ok)
	// Output:
	// wacast/1/1/reminders/appt-8812
	// true true
	// false
}
