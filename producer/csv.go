package producer

import (
	"bufio"
	"encoding/csv"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/wacast/wacast/pkg/job"
)

// cellReader reads CSV. It leaves quotes to encoding/csv and judges the rest.
type cellReader struct {
	csv     *csv.Reader
	raw     *rawReader
	limited *rowLimit
	columns []string
	// skipped are the lines before those the CSV reader knows of, last the line of
	// the last row.
	skipped, last int
}

func cellRows(in *bufio.Reader, limited *rowLimit, start []byte, delimiter rune) (*Rows, error) {
	c := &cellReader{limited: limited}
	// Spreadsheets can be told the delimiter in a first line: sep=;
	if line, _, _ := strings.Cut(string(start), "\n"); len(line) < 8 && strings.HasPrefix(line, "sep=") {
		if own, _ := utf8.DecodeRuneInString(line[4:]); delimiter == 0 {
			delimiter = own
		}
		_, _ = in.Discard(min(len(line)+1, len(start)))
		start, c.skipped = start[min(len(line)+1, len(start)):], 1
	}
	if delimiter == 0 {
		delimiter = findDelimiter(start)
	}
	c.raw = &rawReader{r: in}
	c.csv = csv.NewReader(bufio.NewReaderSize(c.raw, in.Size()))
	c.csv.Comma, c.csv.FieldsPerRecord = delimiter, -1
	names, err := c.csv.Read()
	if err != nil {
		return nil, c.fileError(err)
	}
	line, _ := c.csv.FieldPos(0)
	c.last = c.skipped + line
	if c.columns, err = columns(names); err != nil {
		return nil, fmt.Errorf("line %d: %w", c.last, err)
	}
	return &Rows{Columns: c.columns, Delimiter: delimiter, next: c.next}, nil
}

// findDelimiter counts the candidates outside quotes in the first line.
func findDelimiter(start []byte) rune {
	counts := make(map[rune]int)
	quoted := false
	for _, c := range strings.TrimLeft(string(start), "\r\n") {
		if c == '"' {
			quoted = !quoted
		}
		if c == '\n' && !quoted {
			break
		}
		if !quoted {
			counts[c]++
		}
	}
	found := ','
	for _, c := range []rune{';', '\t', '|'} {
		if counts[c] > counts[found] {
			found = c
		}
	}
	return found
}

// columns checks the first line. It quotes no name: without a line of names it is
// a recipient's row.
func columns(names []string) ([]string, error) {
	seen := make(map[string]int, len(names))
	for i, name := range names {
		if !utf8.ValidString(name) {
			return nil, ErrNotUTF8
		}
		if strings.ContainsRune(name, '\r') {
			return nil, errors.New("lines end in a carriage return alone; save the file with line feeds")
		}
		names[i] = strings.TrimSpace(name)
		if names[i] == "" {
			return nil, fmt.Errorf("column %d has no name", i+1)
		}
		if _, err := Number(names[i]); err == nil {
			return nil, fmt.Errorf("the first line must name the columns, but column %d holds a telephone number", i+1)
		}
		if other, ok := seen[names[i]]; ok {
			return nil, fmt.Errorf("columns %d and %d have the same name", other, i+1)
		}
		seen[names[i]] = i + 1
	}
	return names, nil
}

// next reads a row, passing over those without any content.
func (c *cellReader) next() (Row, error) {
	for {
		c.limited.reset()
		c.raw.begin(c.csv.InputOffset())
		cells, err := c.csv.Read()
		if err != nil {
			return c.broken(cells, err)
		}
		line, _ := c.csv.FieldPos(0)
		c.last = c.skipped + line
		if !blank(cells) {
			return c.row(cells)
		}
	}
}

func blank(cells []string) bool {
	for _, cell := range cells {
		if cell != "" {
			return false
		}
	}
	return true
}

func (c *cellReader) row(cells []string) (Row, error) {
	row := Row{Line: c.last, Cells: cells}
	if len(cells) != len(c.columns) {
		return row, rowError(row.Line, "", fmt.Sprintf("has %d cells, where the first line has %d", len(cells), len(c.columns)))
	}
	row.Vars = make(map[string]any, len(cells))
	var bad []job.FieldError
	for i, cell := range cells {
		if !utf8.ValidString(cell) {
			return row, fmt.Errorf("line %d, column %s: %w", row.Line, c.columns[i], ErrNotUTF8)
		}
		if strings.Contains(cell, lost) {
			bad = append(bad, job.FieldError{Field: c.columns[i], Problem: lostProblem})
		}
		row.Vars[c.columns[i]] = cell
	}
	if bad != nil {
		return row, &RowError{Line: row.Line, Fields: bad}
	}
	return row, nil
}

// broken tells a row with a misplaced quote from a file that cannot be read on. A
// quoted cell that goes over lines and ends wrongly has taken in rows that nobody
// can tell apart, so it is the file's.
func (c *cellReader) broken(cells []string, err error) (Row, error) {
	var bad *csv.ParseError
	if !errors.As(err, &bad) || bad.Line != bad.StartLine {
		return Row{}, c.fileError(err)
	}
	c.last = c.skipped + bad.StartLine
	field := ""
	if len(cells) < len(c.columns) {
		field = c.columns[len(cells)]
	}
	problem := "a quote stands in a cell without quotes around it; put the cell in quotes and write the quote twice"
	if errors.Is(bad.Err, csv.ErrQuote) {
		problem = "a quoted cell does not end with its quote; a quote within it is written twice"
	}
	return Row{Line: c.last, Cells: []string{c.raw.line(c.csv.InputOffset())}}, rowError(c.last, field, problem)
}

// fileError is one that ends the reading.
func (c *cellReader) fileError(err error) error {
	var bad *csv.ParseError
	switch {
	case errors.As(err, &bad) && bad.Line != bad.StartLine:
		return fmt.Errorf("line %d: a quoted cell begins in this row and ends wrongly or never (line %d)", c.skipped+bad.StartLine, c.skipped+bad.Line)
	case errors.As(err, &bad):
		return fmt.Errorf("line %d: a quote is misplaced", c.skipped+bad.StartLine)
	case errors.Is(err, errLongRow):
		return fmt.Errorf("after line %d: %w", c.last, err)
	}
	return err
}
