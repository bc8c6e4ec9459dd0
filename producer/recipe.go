package producer

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/wacast/wacast/pkg/job"
	"github.com/wacast/wacast/pkg/template"
)

// Recipe makes jobs of rows. It may be used by one goroutine at a time.
type Recipe struct {
	// Job is what all jobs have in common: campaign, from, lane, the template's name
	// and language.
	Job job.Job
	// Expressions give the rest for each row: to and the parameters; where selects
	// rows; id names the job where the recipient does not; send_at, expires_at and
	// reply_by replace those of Job.
	Expressions *template.Expressions
	// Number reads the recipient's telephone number. Defaults to [Number].
	Number func(text string) (job.Phone, error)
	// Check judges a filled template. Defaults to none.
	Check func(*job.Template) error
}

// Make makes a row's job, its parameters filled in. There is none for a row that is
// not selected. The error is a [*RowError].
func (r *Recipe) Make(row Row) (*job.Job, error) {
	m := making{Recipe: r, row: row, job: r.Job}
	if !m.selected() {
		return nil, m.err()
	}
	m.recipient()
	m.identity()
	m.times()
	m.params()
	if len(m.bad) == 0 {
		m.check()
	}
	if err := m.err(); err != nil {
		return nil, err
	}
	return &m.job, nil
}

// making is one row on its way to a job, and what is wrong with it.
type making struct {
	*Recipe
	row Row
	job job.Job
	bad []job.FieldError
}

func (m *making) wrong(field, problem string) {
	m.bad = append(m.bad, job.FieldError{Field: field, Problem: problem})
}

func (m *making) err() error {
	if len(m.bad) == 0 {
		return nil
	}
	return &RowError{Line: m.row.Line, Fields: m.bad}
}

// text applies an expression; it is false where that goes wrong.
func (m *making) text(key string) (string, bool) {
	text, err := m.Expressions.Text(key, m.row.Vars)
	m.expression(err)
	return text, err == nil
}

// expression notes what is wrong with an expression, under its key.
func (m *making) expression(err error) {
	var joined interface{ Unwrap() []error }
	if errors.As(err, &joined) {
		for _, one := range joined.Unwrap() {
			m.expression(one)
		}
		return
	}
	var bad *template.ExprError
	if errors.As(err, &bad) {
		m.wrong(bad.Key, bad.Text)
	} else if err != nil {
		m.wrong("", err.Error())
	}
}

func (m *making) selected() bool {
	if !m.Expressions.Has("where") {
		return true
	}
	switch text, ok := m.text("where"); {
	case !ok:
	case text == "true":
		return true
	case text != "false":
		m.wrong("where", `yields neither true nor false; compare, as in {{eq .city "La Plata"}}`)
	}
	return false
}

func (m *making) recipient() {
	text, ok := m.text("to")
	if !ok {
		return
	}
	read := m.Number
	if read == nil {
		read = Number
	}
	to, err := read(text)
	if err != nil {
		m.wrong("to", err.Error())
	}
	m.job.To = to
}

// identity is the id's expression or, for one message a person, the recipient's
// digest: ids are logged, so they hold no number.
func (m *making) identity() {
	if !m.Expressions.Has("id") {
		m.job.ID = personID(m.job.Campaign, m.job.To)
		return
	}
	id, ok := m.text("id")
	switch {
	case !ok:
	case isScientific(id):
		m.wrong("id", errScientific.Error())
	case m.job.To != "" && strings.Contains(id, string(m.job.To[1:])):
		m.wrong("id", "holds the telephone number; ids are logged, so take another column or none")
	}
	m.job.ID = id
}

func personID(campaign string, to job.Phone) string {
	sum := sha256.Sum256([]byte(campaign + "/" + string(to)))
	return hex.EncodeToString(sum[:12])
}

func (m *making) times() {
	for _, at := range []struct {
		key  string
		time *time.Time
	}{{"send_at", &m.job.SendAt}, {"expires_at", &m.job.ExpiresAt}, {"reply_by", &m.job.ReplyBy}} {
		text, ok := m.text(at.key)
		if !ok || text == "" {
			continue
		}
		var err error
		if *at.time, err = time.Parse(time.RFC3339, text); err != nil {
			m.wrong(at.key, "must be a time with its zone, such as 2026-11-22T18:00:00-03:00")
		}
	}
}

func (m *making) params() {
	params, err := m.Expressions.Params(m.row.Vars)
	m.expression(err)
	if err == nil {
		m.job.Template.Params = params
		m.scientific(params)
	}
}

// scientific refuses what a spreadsheet has made of a long number.
func (m *making) scientific(p *job.Params) {
	look := func(field, text string) {
		if holdsScientific(text) {
			m.wrong(field, "holds a number that "+errScientific.Error())
		}
	}
	if p.Header != nil && p.Header.Text != nil {
		look("header.text", *p.Header.Text)
	}
	if p.Body != nil {
		for i, text := range p.Body.List {
			look("body."+strconv.Itoa(i+1), text)
		}
		for name, text := range p.Body.Named {
			look("body."+name, text)
		}
	}
	for index, b := range p.Buttons {
		for field, text := range map[string]*string{"payload": b.Payload, "url": b.URL, "code": b.Code} {
			if text != nil {
				look("buttons."+index+"."+field, *text)
			}
		}
	}
}

// check asks the contract, then the template.
func (m *making) check() {
	err := m.job.Validate()
	if err == nil && m.Check != nil {
		err = m.Check(&m.job.Template)
	}
	var invalid *job.InvalidError
	var misfit *template.ParamError
	switch {
	case errors.As(err, &invalid):
		for _, f := range invalid.Fields {
			m.wrong(paramKey(f.Field), f.Problem)
		}
	case errors.As(err, &misfit):
		for _, p := range misfit.Problems {
			m.wrong(paramKey(p.Path), p.Text)
		}
	case err != nil:
		m.wrong("", err.Error())
	}
}

// paramKey is the key of the expression that fills a place in the job: body.2 for
// template.params.body[1].
func paramKey(path string) string {
	key := strings.TrimPrefix(path, "template.params.")
	index, ok := strings.CutPrefix(key, "body[")
	if n, err := strconv.Atoi(strings.TrimSuffix(index, "]")); ok && err == nil {
		return fmt.Sprintf("body.%d", n+1)
	}
	return cmp.Or(key, path)
}
