package template

import (
	"strconv"
	"strings"
)

// Codes the API gives to the problems found here (fact sheet 2.4 and 4.4). Where
// the sheet names none, the closest one stands in.
const (
	codeInvalid  = 100    // a wrong, unnamed or over-long parameter
	codeMissing  = 131008 // a required parameter is missing or empty
	codeValue    = 131009 // a value the API cannot take
	codeCount    = 132000 // another number of parameters than the template has
	codeTooLong  = 132005 // the filled text is too long
	codeMismatch = 132012 // a parameter of another kind than the template has
	codeContent  = 132018 // new line, tab or too many spaces in a parameter
)

// Problem is one thing wrong with a job's parameters.
type Problem struct {
	// Path is the place in the job, such as template.params.body[1].
	Path string
	// Code is what the API would have answered.
	Code int
	// Text says what is wrong, without the value.
	Text string
}

func (p Problem) String() string {
	return p.Path + ": " + p.Text + " (" + strconv.Itoa(p.Code) + ")"
}

// ParamError lists all that is wrong with a job's parameters, in the order in
// which the API checks: the first problem is what it would have answered.
type ParamError struct {
	// Template is the template's name and language.
	Template string
	Problems []Problem
}

func (e *ParamError) Error() string {
	const most = 10 // a job is small, but every value of it can be wrong
	var parts []string
	for _, p := range e.Problems[:min(most, len(e.Problems))] {
		parts = append(parts, p.String())
	}
	if more := len(e.Problems) - most; more > 0 {
		parts = append(parts, "and "+strconv.Itoa(more)+" more")
	}
	return "parameters do not fit template " + e.Template + ": " + strings.Join(parts, "; ")
}

// problems collects what the checks find.
type problems []Problem

func (ps *problems) add(path string, code int, text string) {
	*ps = append(*ps, Problem{Path: path, Code: code, Text: text})
}
