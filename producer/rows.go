package producer

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"iter"
	"strings"
	"unicode/utf8"

	"github.com/wacast/wacast/pkg/job"
)

// maxRow bounds a row of a file, so that a quote left open does not read the rest
// of it into memory.
const maxRow = 1 << 20

// ErrNotUTF8 marks a file in another encoding. It has to be decoded before.
var ErrNotUTF8 = errors.New("not UTF-8")

// Row is one row of a file.
type Row struct {
	// Line is where it begins, counted from 1.
	Line int
	// Vars are its values by column, as template expressions take them.
	Vars map[string]any
	// Cells are its values in the order of the columns. The one cell of a row of
	// NDJSON, or of one of CSV with a misplaced quote, is the line.
	Cells []string
}

// RowError is all that is wrong with one row. The rows after it are sound. Like
// every error of this package it names fields and quotes no values.
type RowError struct {
	Line int
	// Fields is what is wrong; a Field is empty where it is the row as a whole.
	Fields []job.FieldError
}

// Error names the line and every field.
func (e *RowError) Error() string { return fmt.Sprintf("line %d: %s", e.Line, e.Reason()) }

// Reason is the error without the line.
func (e *RowError) Reason() string {
	parts := make([]string, len(e.Fields))
	for i, f := range e.Fields {
		parts[i] = f.Problem
		if f.Field != "" {
			parts[i] = f.Error()
		}
	}
	return strings.Join(parts, "; ")
}

func rowError(line int, field, problem string) *RowError {
	return &RowError{Line: line, Fields: []job.FieldError{{Field: field, Problem: problem}}}
}

// RowOptions say how a file is read. The zero value works for most.
type RowOptions struct {
	// Delimiter separates the cells of CSV. Zero finds it in the first line: a
	// comma, semicolon, tab or vertical bar.
	Delimiter rune
}

// Rows is a file of recipients that is read once, row by row.
type Rows struct {
	// Columns are the names in the first line of CSV; NDJSON has none.
	Columns []string
	// Delimiter separates the cells of CSV; zero for NDJSON.
	Delimiter rune

	next func() (Row, error)
}

// ReadRows begins to read a file in UTF-8: CSV whose first line names the columns,
// or NDJSON, an object a line, which begins with a brace.
func ReadRows(r io.Reader, opts RowOptions) (*Rows, error) {
	limited := &rowLimit{r: r, left: maxRow}
	in := bufio.NewReaderSize(limited, 64<<10)
	if start, _ := in.Peek(3); string(start) == "\ufeff" {
		_, _ = in.Discard(len(start))
	}
	start, err := in.Peek(in.Size())
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("read the first line: %w", err)
	}
	switch {
	case len(bytes.TrimSpace(start)) == 0:
		return nil, errors.New("the file is empty")
	case bytes.IndexByte(start, 0) >= 0:
		return nil, fmt.Errorf("%w: it holds zero bytes, as UTF-16 does", ErrNotUTF8)
	case bytes.TrimLeft(start, " \t\r\n")[0] == '{':
		return objectRows(in, limited), nil
	}
	return cellRows(in, limited, start, opts.Delimiter)
}

// All yields every row. A row that is wrong comes with a [*RowError]; any other
// error is the file's, and the last.
func (r *Rows) All() iter.Seq2[Row, error] {
	return func(yield func(Row, error) bool) {
		for {
			row, err := r.next()
			if errors.Is(err, io.EOF) {
				return
			}
			if !yield(row, err) || err != nil && !errors.As(err, new(*RowError)) {
				return
			}
		}
	}
}

// rowLimit ends the reading of a row that is too long. What is read ahead counts
// too, so it is not exact.
type rowLimit struct {
	r    io.Reader
	left int
}

var errLongRow = fmt.Errorf("a row is longer than %d bytes; is a quote left open?", maxRow)

func (l *rowLimit) Read(p []byte) (int, error) {
	if l.left <= 0 {
		return 0, errLongRow
	}
	n, err := l.r.Read(p)
	l.left -= n
	return n, err
}

// reset begins another row.
func (l *rowLimit) reset() { l.left = maxRow }

// lost is what a decoder writes in place of what it cannot decode.
const lost = string(utf8.RuneError)

const lostProblem = "holds U+FFFD, which stands for a character that was lost when the text was converted"
