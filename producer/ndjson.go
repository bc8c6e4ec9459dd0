package producer

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"
)

// objectReader reads NDJSON.
type objectReader struct {
	in      *bufio.Reader
	limited *rowLimit
	line    int
	done    bool
}

func objectRows(in *bufio.Reader, limited *rowLimit) *Rows {
	o := &objectReader{in: in, limited: limited}
	return &Rows{next: o.next}
}

// next reads a row, passing over empty lines.
func (o *objectReader) next() (Row, error) {
	for !o.done {
		o.limited.reset()
		o.line++
		text, err := o.in.ReadBytes('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			return Row{}, fmt.Errorf("line %d: %w", o.line, err)
		}
		o.done = err != nil
		if text = bytes.TrimSpace(text); len(text) > 0 {
			return o.row(text)
		}
	}
	return Row{}, io.EOF
}

func (o *objectReader) row(text []byte) (Row, error) {
	if !utf8.Valid(text) {
		return Row{}, fmt.Errorf("line %d: %w", o.line, ErrNotUTF8)
	}
	row := Row{Line: o.line, Cells: []string{string(text)}}
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber() // as it is written: a number of 15 digits stays one
	if err := dec.Decode(&row.Vars); err != nil || row.Vars == nil || dec.More() {
		return row, rowError(o.line, "", "is not one JSON object")
	}
	if bytes.Contains(text, []byte(lost)) {
		return row, rowError(o.line, "", lostProblem)
	}
	return row, nil
}
