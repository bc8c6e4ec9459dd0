package template

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"
	gotemplate "text/template"
	"text/template/parse"
	"unicode/utf8"
)

// Bounds of expressions. Without loops, time is bounded by the source's length.
const (
	maxSource = 4096     // bytes of an expression
	maxOutput = 4096     // bytes of what it yields
	maxValue  = 64 << 10 // bytes of a value on the way, as large as a whole job
)

// Expr is one compiled expression: text with actions of Go's text/template, such
// as
//
//	Hello {{.name | title}}{{if .guests}} and {{.guests}} guests{{end}}
//
// It has fields, pipelines, if, else, with, and the functions upper, lower,
// title, trim, default, replace, truncate, date, index, len, eq, ne, lt, le, gt,
// ge, and, or, not. It has no loops, no variables but $, and calls no methods.
// A missing field is an error; one that is null is an error where it is shown, so
// if and default take it.
//
// Unlike in text/template, a number compares with text that is one, because the
// cells of a file are all text. An Expr is immutable and safe for concurrent use.
type Expr struct {
	key, source string
	// template is nil where the source is plain text.
	template *gotemplate.Template
}

// ExprError says what is wrong with an expression, or with a row it meets. It
// names fields and never quotes values.
type ExprError struct {
	// Key is where the expression stands, such as body.1; empty for one on its own.
	Key string
	// Line and Column count from 1. Column is 0 where only the line is known.
	Line, Column int
	Text         string
}

func (e *ExprError) Error() string {
	var b strings.Builder
	b.WriteString("expression")
	if e.Key != "" {
		b.WriteString(" " + e.Key)
	}
	if e.Line > 0 {
		fmt.Fprintf(&b, ", line %d", e.Line)
	}
	if e.Column > 0 {
		fmt.Fprintf(&b, ":%d", e.Column)
	}
	return b.String() + ": " + e.Text
}

// Compile reads one expression. Its error is an [*ExprError].
func Compile(expr string) (*Expr, error) { return compileExpr("", expr) }

func compileExpr(key, source string) (*Expr, error) {
	e := &Expr{key: key, source: source}
	if len(source) > maxSource {
		return nil, &ExprError{Key: key, Text: fmt.Sprintf("is longer than %d bytes", maxSource)}
	}
	if !strings.Contains(source, "{{") {
		return e, nil
	}
	tree, err := e.parse()
	if err != nil {
		return nil, err
	}
	c := checker{expr: e, tree: tree, functions: functions()}
	if c.check(tree.Root); c.err != nil {
		return nil, c.err
	}
	e.template, err = gotemplate.New(tree.Name).Option("missingkey=error").Funcs(calls(c.functions)).AddParseTree(tree.Name, tree)
	return e, err
}

func (e *Expr) parse() (*parse.Tree, error) {
	tree := parse.New("expression")
	// The checker looks at functions: it can name the column.
	tree.Mode = parse.SkipFuncCheck
	trees := map[string]*parse.Tree{}
	if _, err := tree.Parse(e.source, "", "", trees); err != nil {
		// It says "template: expression:1: unexpected …".
		parts := strings.SplitN(err.Error(), ":", 4)
		line, _ := strconv.Atoi(parts[2])
		return nil, &ExprError{Key: e.key, Line: line, Text: strings.TrimSpace(parts[3])}
	}
	if len(trees) > 1 || trees[tree.Name] != tree {
		return nil, &ExprError{Key: e.key, Text: "define and block are not part of expressions"}
	}
	return tree, nil
}

// Text applies the expression to a recipient's row, whose values are those that
// encoding/json decodes. Its error is an [*ExprError].
func (e *Expr) Text(vars map[string]any) (string, error) { return e.text(plainRow(vars)) }

// text applies the expression to a row made plain.
func (e *Expr) text(row map[string]any) (string, error) {
	if e.template == nil {
		return e.source, nil
	}
	var out output
	if err := e.template.Execute(&out, row); err != nil {
		return "", e.rowError(err)
	}
	return string(out), nil
}

// output ends the execution at the bound, and where it would show an object.
type output []byte

func (o *output) Write(p []byte) (int, error) {
	if bytes.HasPrefix(p, []byte("map[")) && bytes.HasSuffix(p, []byte("]")) {
		return 0, errors.New("shows an object or a list; name one of its fields")
	}
	if len(*o)+len(p) > maxOutput {
		return 0, fmt.Errorf("yields more than %d bytes", maxOutput)
	}
	*o = append(*o, p...)
	return len(p), nil
}

// rowError rewrites "template: expression:1:2: executing "expression" at <.a>: …".
// A reason it does not know might quote a value, so it is not repeated.
func (e *Expr) rowError(err error) error {
	if !errors.As(err, new(gotemplate.ExecError)) { // it is the output's
		return &ExprError{Key: e.key, Text: err.Error()}
	}
	place := strings.TrimPrefix(err.Error(), "template: ")
	reason := place[strings.LastIndex(place, ">: ")+3:]
	text := "does not suit the row"
	if name, ok := strings.CutPrefix(reason, "map has no entry for key "); ok {
		text = "there is no field " + name
	} else if name, ok := strings.CutPrefix(reason, "can't evaluate field "); ok {
		name, _, _ = strings.Cut(name, " ")
		text = strconv.Quote(name) + " is asked of a value that has no fields"
	} else if call, ok := strings.CutPrefix(reason, "error calling "); ok {
		text = call
	} else if strings.HasPrefix(reason, "can't print ") {
		text = errNull.Error()
	}
	return e.errorAt(place, text)
}

// errorAt takes the place from text/template, which counts a line's bytes from 0.
func (e *Expr) errorAt(place, text string) error {
	bad := &ExprError{Key: e.key, Text: text}
	var column int
	if _, err := fmt.Sscanf(place, "expression:%d:%d", &bad.Line, &column); err == nil {
		line := strings.Split(e.source, "\n")[bad.Line-1]
		bad.Column = 1 + utf8.RuneCountInString(line[:column])
	}
	return bad
}
