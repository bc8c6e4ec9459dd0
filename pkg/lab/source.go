package lab

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"iter"
	"strings"
	"time"

	"github.com/wacast/wacast/pkg/job"
	"github.com/wacast/wacast/pkg/simulator"
	"github.com/wacast/wacast/pkg/template"
	"github.com/wacast/wacast/producer"
)

//go:embed demo
var demoFiles embed.FS

// plan is one campaign of the demo.
type plan struct {
	ID          string            `json:"id"`
	Title       string            `json:"title"`
	File        string            `json:"file"`
	Template    string            `json:"template"`
	Language    string            `json:"language"`
	Lane        job.Lane          `json:"lane"`
	Expressions map[string]string `json:"expressions"`
	Note        string            `json:"note"`
	// AnswersWithin is how long after the start an answer counts.
	AnswersWithin simulator.Duration `json:"answers_within"`
	// AfterAnswers holds the campaign back until people have answered the others.
	AfterAnswers bool `json:"after_answers"`

	replyBy     time.Time
	expressions *template.Expressions
}

// script is the demo's data.
type script struct {
	Campaigns  []*plan `json:"campaigns"`
	Recipients struct {
		NotOnWhatsApp []string `json:"not_on_whatsapp"`
		AnswerLost    []string `json:"answer_lost"`
		OptOut        []struct {
			To   string           `json:"to"`
			Does simulator.Answer `json:"does"`
		} `json:"opt_out"`
	} `json:"recipients"`
	// Answers are what all others do with what they read.
	Answers   []simulator.AnswerRule `json:"answers"`
	templates []byte
}

func readScript() (*script, error) {
	data, err := demoFiles.ReadFile("demo/campaigns.json")
	if err != nil {
		return nil, err
	}
	s := new(script)
	if err := json.Unmarshal(data, s); err != nil {
		return nil, fmt.Errorf("demo/campaigns.json: %w", err)
	}
	for _, p := range s.Campaigns {
		if p.expressions, err = template.CompileExpressions(p.Expressions); err != nil {
			return nil, fmt.Errorf("campaign %s: %w", p.ID, err)
		}
	}
	s.templates, err = demoFiles.ReadFile("demo/templates.json")
	return s, err
}

// people are the rules by which the recipients answer: those who opt out of the first
// promotion come first.
func (s *script) people() []simulator.AnswerRule {
	var rules []simulator.AnswerRule
	for _, one := range s.Recipients.OptOut {
		rules = append(rules, simulator.AnswerRule{Recipients: []string{one.To}, Times: 1, Answers: []simulator.Answer{one.Does}})
	}
	return append(rules, s.Answers...)
}

// jobs turns the selected rows into jobs from a number. A row that makes no job is
// yielded as an error that names its line.
func (p *plan) jobs(from string) iter.Seq2[*job.Job, error] {
	return func(yield func(*job.Job, error) bool) {
		f, err := demoFiles.Open("demo/" + p.File)
		if err != nil {
			yield(nil, err)
			return
		}
		defer f.Close()
		rows, err := producer.ReadRows(f, producer.RowOptions{})
		if err != nil {
			yield(nil, fmt.Errorf("%s: %w", p.File, err))
			return
		}
		for row, err := range rows.All() {
			var j *job.Job
			selected := false
			if err == nil {
				j, selected, err = p.job(from, row)
			}
			if err != nil {
				err = fmt.Errorf("%s, line %d: %w", p.File, row.Line, err)
			}
			if (selected || err != nil) && !yield(j, err) {
				return
			}
		}
	}
}

func (p *plan) job(from string, row producer.Row) (j *job.Job, selected bool, err error) {
	where, err := p.expressions.Text("where", row.Vars)
	if err != nil || p.expressions.Has("where") && where != "true" {
		return nil, false, err
	}
	to, err := p.expressions.Text("to", row.Vars)
	if err != nil {
		return nil, true, err
	}
	j = &job.Job{
		V: job.Version, ID: personID(to), Campaign: p.ID, From: from, To: job.Phone(to), Lane: p.Lane,
		Template: job.Template{Name: p.Template, Language: p.Language, Vars: row.Vars}, ReplyBy: p.replyBy,
	}
	return j, true, j.Validate()
}

// personID makes one message a person: the same recipient has the same id in
// every run. A digest, because ids are logged.
func personID(to string) string {
	sum := sha256.Sum256([]byte(to))
	return hex.EncodeToString(sum[:8])
}

// preview renders the campaign's first row as its recipient will read it.
func (p *plan) preview(catalog *template.Catalog) (string, error) {
	definition, err := catalog.Lookup(p.Template, p.Language)
	if err != nil {
		return "", err
	}
	for j, err := range p.jobs("1") {
		if err != nil {
			continue
		}
		params, err := p.expressions.Params(j.Template.Vars)
		if err != nil {
			return "", err
		}
		rendered, err := definition.Render(&job.Template{Name: p.Template, Language: p.Language, Params: params})
		if err != nil {
			return "", err
		}
		return strings.TrimRight(definition.Preview(rendered), "\n"), nil
	}
	return "", fmt.Errorf("%s has no good row", p.File)
}
