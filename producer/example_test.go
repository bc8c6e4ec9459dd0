package producer_test

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/wacast/wacast/pkg/job"
	"github.com/wacast/wacast/pkg/template"
	"github.com/wacast/wacast/producer"
)

func ExampleNew() {
	nc, stop := exampleServer() // yours: nats.Connect(url)
	defer stop()
	p, err := producer.New(nc, producer.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer p.Close()
	j := &job.Job{
		V: job.Version, ID: "appt-8812", Campaign: "reminders", From: "106540352242922", To: "+5491155550100",
		Template: job.Template{Name: "appointment_confirmation", Language: "es_AR", Params: &job.Params{Body: job.Positional("Emilia", "09:30")}},
	}
	for range 2 { // safe: it is one job
		receipt, err := p.Publish(context.Background(), j)
		fmt.Println(receipt.Sequence, receipt.Duplicate, err)
	}
	j.To = "11 5555 0100"
	_, err = p.Publish(context.Background(), j)
	fmt.Println(err)
	// Output:
	// 1 false <nil>
	// 1 true <nil>
	// invalid job: to: must be + and 7 to 15 digits
}

func ExampleProducer_PublishAll() {
	nc, stop := exampleServer() // yours: nats.Connect(url)
	defer stop()
	p, err := producer.New(nc, producer.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer p.Close()
	// Any source will do: rows of a database, a file, a channel.
	patients := []string{"+5491155550100", "11 5555 0101", "+5491155550102"}
	jobs := func(yield func(*job.Job, error) bool) {
		for i, to := range patients {
			j := &job.Job{
				V: job.Version, ID: fmt.Sprintf("patient-%d", i+1), Campaign: "reminders", From: "106540352242922", To: job.Phone(to),
				Template: job.Template{Name: "appointment_confirmation", Language: "es_AR"},
			}
			if !yield(j, nil) {
				return
			}
		}
	}
	stats, err := p.PublishAll(context.Background(), jobs, func(r producer.Rejection) {
		fmt.Printf("job %d: %v\n", r.Number, r.Err)
	})
	switch {
	case errors.Is(err, producer.ErrFull):
		fmt.Println("wait until workers have sent some, then publish all of it again:", err)
	case err != nil:
		fmt.Println(err)
	}
	fmt.Println(stats.Published, "published,", stats.Rejected, "rejected")
	// Output:
	// job 2: invalid job: to: must be + and 7 to 15 digits
	// 2 published, 1 rejected
}

func ExampleLines() {
	file := strings.NewReader(`{"v": 1, "id": "a", "from": "106540352242922", "to": "+5491155550100", "template": {"name": "hello", "language": "en"}}
{"v": 1, "id": "b", "from": "106540352242922", "too": "+5491155550101", "template": {"name": "hello", "language": "en"}}
`)
	for j, err := range producer.Lines(file) {
		if err != nil {
			fmt.Println(err)
			continue
		}
		fmt.Println(j.ID)
	}
	// Output:
	// a
	// line 2: invalid job: too: is no field of a job (wacast schema job lists them); to: is missing: give to (a telephone number) or user_id (a business-scoped user id)
}

func ExamplePass() {
	file := strings.NewReader("phone;name\n+54 9 11 5555-0100;Emilia\n5.49112E+12;Bruno\n+5491155550102;Carla\n")
	rows, err := producer.ReadRows(file, producer.RowOptions{})
	if err != nil {
		fmt.Println(err)
		return
	}
	expressions, err := template.CompileExpressions(map[string]string{"to": "{{.phone}}", "body.1": "{{.name}}"})
	if err != nil {
		fmt.Println(err)
		return
	}
	pass := &producer.Pass{
		Rows: rows,
		Recipe: &producer.Recipe{
			Job: job.Job{
				V: job.Version, Campaign: "reminders", From: "106540352242922",
				Template: job.Template{Name: "appointment_confirmation", Language: "es_AR"},
			},
			Expressions: expressions,
		},
		Rejected: func(_ producer.Row, bad *producer.RowError) { fmt.Println(bad) },
	}
	for j := range pass.Jobs() { // or p.PublishAll(ctx, pass.Jobs(), nil)
		fmt.Println(j.To, j.Template.Params.Body.List)
	}
	if err := pass.Err(); err != nil {
		fmt.Println(err)
	}
	// Output:
	// +549********00 [Emilia]
	// line 3: to: is in scientific notation: a spreadsheet has rounded it; give the column the format Text there and export again
	// +549********02 [Carla]
}
