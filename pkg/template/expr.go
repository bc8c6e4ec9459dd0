package template

import (
	"fmt"
	"strings"
	"text/template/parse"
)

// Bounds of expressions. Without loops, time is bounded by the source's length.
const (
	maxSource = 4096     // bytes of an expression
	maxOutput = 4096     // bytes of what it yields
	maxValue  = 64 << 10 // bytes of a value on the way, as large as a whole job
)

// Expr is one compiled expression: text with actions in the syntax of Go's
// text/template, such as
//
//	Hello {{.name | title}}{{if .guests}} and {{.guests}} guests{{end}}
//
// It has fields, pipelines, if, else, with, and the functions upper, lower,
// title, trim, default, replace, truncate, date, index, len, eq, ne, lt, le, gt,
// ge, and, or, not. It has no loops, no variables but $, and calls no methods.
// A missing field, or one that is null, is an error where it is shown.
//
// Unlike in text/template, a number compares with text that is one, because the
// cells of a file are all text. An Expr is immutable and safe for concurrent use.
type Expr struct {
	key   string
	steps []step
	// constant is the result when nothing in it varies.
	constant *string
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
	if len(source) > maxSource {
		return nil, &ExprError{Key: key, Text: fmt.Sprintf("is longer than %d bytes", maxSource)}
	}
	tree := parse.New("expression")
	// Functions are checked below, where the message can name the column.
	tree.Mode = parse.SkipFuncCheck
	trees := map[string]*parse.Tree{}
	if _, err := tree.Parse(source, "", "", trees); err != nil {
		return nil, syntaxError(key, err)
	}
	for name := range trees {
		if trees[name] != tree {
			return nil, &ExprError{Key: key, Text: "define and block are not part of expressions"}
		}
	}
	c := compiler{key: key, source: source}
	e := &Expr{key: key}
	if tree.Root != nil {
		steps, err := c.list(tree.Root)
		if err != nil {
			return nil, err
		}
		e.steps = steps
	}
	switch {
	case len(e.steps) == 0:
		e.constant = new(string)
	case len(e.steps) == 1 && e.steps[0].value == nil && e.steps[0].cond == nil:
		e.constant = &e.steps[0].literal
	}
	return e, nil
}

// syntaxError rewrites "template: expression:1: unexpected …".
func syntaxError(key string, err error) error {
	text := strings.TrimPrefix(err.Error(), "template: expression:")
	e := &ExprError{Key: key, Text: text}
	if line, rest, ok := strings.Cut(text, ": "); ok {
		if _, scan := fmt.Sscanf(line, "%d", &e.Line); scan == nil {
			e.Text = rest
		}
	}
	return e
}

// Text applies the expression to a recipient's row. Its error is an [*ExprError].
func (e *Expr) Text(vars map[string]any) (string, error) {
	if e.constant != nil {
		return *e.constant, nil
	}
	w := env{root: vars, dot: vars}
	if len(e.steps) == 1 && e.steps[0].value != nil {
		s, err := e.steps[0].text(w)
		if err == nil && len(s) > maxOutput {
			err = e.tooLong()
		}
		if err != nil {
			return "", err
		}
		return s, nil
	}
	var buffer [256]byte
	out, err := run(e.steps, w, buffer[:0])
	if err != nil {
		return "", err
	}
	if len(out) > maxOutput {
		return "", e.tooLong()
	}
	return string(out), nil
}

func (e *Expr) tooLong() error {
	return &ExprError{Key: e.key, Text: fmt.Sprintf("yields more than %d bytes", maxOutput)}
}

// env is what an expression sees.
type env struct {
	root map[string]any
	// dot is what . means here: the row, or the value of a surrounding with.
	dot any
}

// step writes one piece of output; exactly one of its three forms is set.
type step struct {
	literal string
	// value is shown, in an action.
	value eval
	// cond chooses between two lists.
	cond *condition
	at   where
}

type condition struct {
	value       eval
	then, other []step
	// with makes the value the dot of the first list.
	with bool
}

// eval is a compiled pipeline.
type eval func(env) (any, error)

// run appends the steps' output. It stops soon after the bound: no single value
// is longer than maxValue.
func run(steps []step, w env, out []byte) ([]byte, error) {
	for i := range steps {
		s := &steps[i]
		switch {
		case s.cond != nil:
			value, err := s.cond.value(w)
			if err != nil {
				return nil, err
			}
			list, inner := s.cond.other, w
			if truth(value) {
				list = s.cond.then
				if s.cond.with {
					inner.dot = value
				}
			}
			if out, err = run(list, inner, out); err != nil {
				return nil, err
			}
		case s.value != nil:
			text, err := s.text(w)
			if err != nil {
				return nil, err
			}
			out = append(out, text...)
		default:
			out = append(out, s.literal...)
		}
		if len(out) > maxOutput {
			return out, nil // the caller refuses it
		}
	}
	return out, nil
}

func (s *step) text(w env) (string, error) {
	value, err := s.value(w)
	if err != nil {
		return "", err
	}
	text, err := asText(value)
	if err != nil {
		return "", s.at.error(err.Error())
	}
	return text, nil
}

// where is a place in an expression.
type where struct {
	key          string
	line, column int
}

func (w where) error(text string) error {
	return &ExprError{Key: w.key, Line: w.line, Column: w.column, Text: text}
}
