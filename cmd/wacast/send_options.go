package main

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/spf13/pflag"

	"github.com/wacast/wacast/pkg/job"
	"github.com/wacast/wacast/pkg/template"
	"github.com/wacast/wacast/producer"
)

// sendOptions are the flags of wacast send.
type sendOptions struct {
	campaign, from, template, language string
	file, encoding, delimiter          string
	to, id, where                      string
	params                             []string
	lane, region                       string
	sendAt, expiresAt, replyBy         string
	limit                              int
	pace                               paceOptions
	reach                              reachOptions
	dryRun, yes, wait                  bool
	// origin is the campaign file that all of it is from, content what that holds, and mark
	// the plan that it must be; empty with flags.
	origin, mark string
	content      []byte
}

// add adds the flags that say what is sent: those that a campaign file has too.
func (o *sendOptions) add(f *pflag.FlagSet) {
	f.StringVar(&o.campaign, "campaign", "", "campaign id")
	f.StringVar(&o.from, "from", "", "phone number id of the business number")
	f.StringVar(&o.template, "template", "", "name of the template")
	f.StringVar(&o.language, "language", "", "language code of the template, such as es_AR")
	f.StringVar(&o.file, "file", "", "file of recipients, CSV or NDJSON; - is standard input")
	f.StringVar(&o.to, "to", "", "telephone number, an expression with --file")
	f.StringArrayVar(&o.params, "param", nil, "parameter as KEY=EXPRESSION: body.1, body.name, header.text, buttons.0.payload, …")
	f.StringVar(&o.id, "id", "", "expression for the id of a message (default: one message a person)")
	f.StringVar(&o.where, "where", "", "expression that yields true for the rows to send")
	f.StringVar(&o.lane, "lane", "", "bulk or transactional (default bulk)")
	f.StringVar(&o.region, "region", "", "country of national numbers, such as AR")
	f.StringVar(&o.sendAt, "send-at", "", "earliest time, RFC 3339 or an expression")
	f.StringVar(&o.expiresAt, "expires-at", "", "latest time, RFC 3339 or an expression")
	f.IntVar(&o.limit, "limit", 0, "send no more than so many messages of the file")
	f.StringVar(&o.replyBy, "reply-by", "", "when a missing answer counts as none, RFC 3339 or an expression")
	o.pace.add(f)
	o.reach.add(f)
	f.StringVar(&o.encoding, "encoding", "utf-8", "encoding of the file: "+strings.Join(encodings, ", "))
	f.StringVar(&o.delimiter, "delimiter", "", "what separates cells (default: found in the first line)")
}

// blame has whoever wrote a campaign file look there.
func (o *sendOptions) blame(err error) error {
	if o.origin == "" {
		return err
	}
	return usageError{hintError{fmt.Errorf("%s: %w", o.origin, err), fileHint}}
}

// recipe makes of the flags what makes jobs of rows. The error is all that is
// wrong with them.
func (o *sendOptions) recipe() (*producer.Recipe, error) {
	expressions, errs := o.expressions()
	errs = append(errs, o.missing()...)
	errs = append(errs, o.misplaced()...)
	errs = append(errs, o.pace.wrong(o.file)...)
	errs = append(errs, o.reach.wrong()...)
	r := &producer.Recipe{Job: job.Job{
		V: job.Version, Campaign: o.campaign, From: o.from, Lane: job.Lane(o.lane),
		Template: job.Template{Name: o.template, Language: o.language},
	}}
	if o.region != "" {
		region, err := newRegion(o.region)
		if err != nil {
			errs = append(errs, err)
		} else {
			r.Number = region.number
		}
	}
	if len(errs) == 0 {
		errs = o.wrong(r.Job)
	}
	var err error
	if r.Expressions, err = template.CompileExpressions(expressions); err != nil {
		errs = append(errs, err)
	}
	if err := errors.Join(errs...); err != nil {
		return nil, usageError{err}
	}
	return r, nil
}

func (o *sendOptions) expressions() (map[string]string, []error) {
	expressions := map[string]string{"to": o.to}
	for key, source := range map[string]string{"id": o.id, "where": o.where, "send_at": o.sendAt, "expires_at": o.expiresAt, "reply_by": o.replyBy} {
		if source != "" {
			expressions[key] = source
		}
	}
	var errs []error
	for _, p := range o.params {
		key, source, ok := strings.Cut(p, "=")
		switch {
		case !ok || !strings.Contains(key, "."):
			errs = append(errs, fmt.Errorf("--param is KEY=EXPRESSION, such as body.1={{.name}}, not %q", p))
		case expressions[key] != "":
			errs = append(errs, fmt.Errorf("--param %s is given twice", key))
		default:
			expressions[key] = source
		}
	}
	return expressions, errs
}

// missing names the flags without which nothing can be sent.
func (o *sendOptions) missing() []error {
	var names []string
	for _, f := range []struct{ name, value string }{
		{"--campaign", o.campaign}, {"--from", o.from}, {"--template", o.template}, {"--language", o.language}, {"--to", o.to},
	} {
		if f.value == "" {
			names = append(names, f.name)
		}
	}
	if len(names) == 0 {
		return nil
	}
	return []error{fmt.Errorf("missing: %s", strings.Join(names, ", "))}
}

// misplaced are flags that do not go together, or cannot be read.
func (o *sendOptions) misplaced() []error {
	var errs []error
	bad := func(wrong bool, format string, args ...any) {
		if wrong {
			errs = append(errs, fmt.Errorf(format, args...))
		}
	}
	bad(o.file == "" && (o.where != "" || o.limit != 0), "--where and --limit need a --file")
	bad(o.file == "" && strings.Contains(o.to, "{{"), "--to is an expression, which needs a --file; without one it is the telephone number")
	bad(o.limit < 0, "--limit must be 0 or more")
	bad(!slices.Contains(encodings, o.encoding), "--encoding is one of %s", strings.Join(encodings, ", "))
	bad(!validDelimiter(o.delimiter), "--delimiter must be one character, and no quote or line break")
	now := time.Now()
	for flag, text := range map[string]string{"--send-at": o.sendAt, "--expires-at": o.expiresAt, "--reply-by": o.replyBy} {
		if text == "" || strings.Contains(text, "{{") {
			continue
		}
		at, err := time.Parse(time.RFC3339, text)
		bad(err != nil, "%s must be a time with its zone, such as 2026-11-22T18:00:00-03:00, or an expression that yields one", flag)
		bad(err == nil && flag != "--send-at" && at.Before(now), "%s is over", flag)
	}
	return errs
}

func validDelimiter(s string) bool {
	return s == "" || utf8.RuneCountInString(s) == 1 && utf8.ValidString(s) && !strings.ContainsAny(s, "\"\r\n\ufffd")
}

// wrong asks the contract about what all jobs have in common.
func (o *sendOptions) wrong(j job.Job) []error {
	j.ID, j.To = "probe", "+10000000"
	if o.sendAt != "" && o.expiresAt != "" {
		j.SendAt, _ = time.Parse(time.RFC3339, o.sendAt)
		j.ExpiresAt, _ = time.Parse(time.RFC3339, o.expiresAt)
	}
	var invalid *job.InvalidError
	if !errors.As(j.Validate(), &invalid) {
		return nil
	}
	var errs []error
	for _, f := range invalid.Fields {
		name := strings.TrimSuffix(strings.TrimPrefix(f.Field, "template."), ".name")
		if f.Field == "template.name" {
			name = "template"
		}
		errs = append(errs, fmt.Errorf("--%s %s", strings.ReplaceAll(name, "_", "-"), f.Problem))
	}
	return errs
}

// definitionIn finds a template that may be sent.
func definitionIn(folder, name, language string) (*template.Definition, error) {
	catalog, err := template.LoadDir(os.DirFS(folder))
	if err != nil {
		return nil, hintError{fmt.Errorf("templates (WACAST_TEMPLATES) in %s: %w", folder, err), "wacast template pull brings those of the API"}
	}
	definition, err := catalog.Lookup(name, language)
	if err == nil {
		err = definition.Sendable()
	}
	if err != nil {
		return nil, hintError{fmt.Errorf("%w (by the definitions in %s)", err, folder), "take another --template or --language, or bring the folder up to date: wacast template pull"}
	}
	return definition, nil
}
