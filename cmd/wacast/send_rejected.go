package main

import (
	"encoding/csv"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/wacast/wacast/producer"
)

// rejectedColumns come before the file's own. Their prefix keeps them apart from
// those, so that the corrected file can be sent as it is.
var rejectedColumns = []string{"rejected_line", "rejected_field", "rejected_reason"}

// rejectedFile collects rejected rows beside their file. It holds telephone numbers,
// so only its owner may read it. It takes its place when the plan is through.
type rejectedFile struct {
	source    *source
	columns   []string
	delimiter rune

	file *os.File
	csv  *csv.Writer
	last *producer.RowError
	err  error
}

// add writes a row. The first error counts, and keep tells it.
func (f *rejectedFile) add(row producer.Row, bad *producer.RowError) {
	f.last = bad
	if f.source.file == nil || f.err != nil {
		return
	}
	if f.file == nil {
		f.create()
	}
	if f.err == nil {
		f.err = f.csv.Write(append([]string{strconv.Itoa(bad.Line), fieldsOf(bad), reasonOf(bad)}, f.own(row.Cells)...))
	}
}

func fieldsOf(bad *producer.RowError) string {
	var names []string
	for _, f := range bad.Fields {
		names = append(names, f.Field)
	}
	return strings.Join(names, " ")
}

// reasonOf leaves out a field that has a cell of its own.
func reasonOf(bad *producer.RowError) string {
	if len(bad.Fields) == 1 {
		return bad.Fields[0].Problem
	}
	return bad.Reason()
}

func (f *rejectedFile) create() {
	// 0600 is what CreateTemp gives.
	if f.file, f.err = os.CreateTemp(filepath.Dir(f.source.name), ".wacast-rejected-*"); f.err != nil {
		return
	}
	f.csv = csv.NewWriter(f.file)
	columns := []string{"row"}
	if f.delimiter != 0 {
		f.csv.Comma, columns = f.delimiter, f.own(f.columns)
	}
	f.err = f.csv.Write(append(slices.Clone(rejectedColumns), columns...))
}

// own drops the columns that an earlier run has added, but not from a line that is
// one cell because of its quotes.
func (f *rejectedFile) own(cells []string) []string {
	if len(cells) == 1 {
		return cells
	}
	var own []string
	for i, cell := range cells {
		if i >= len(f.columns) || !slices.Contains(rejectedColumns, f.columns[i]) {
			own = append(own, cell)
		}
	}
	return own
}

// keep gives the file its name and returns it, empty when no row was rejected. What
// an earlier run has left under the name goes in any case.
func (f *rejectedFile) keep() (string, error) {
	if f.source.file == nil {
		return "", nil
	}
	name := f.source.name + ".rejected.csv"
	if f.file == nil && f.err == nil {
		if err := os.Remove(name); err != nil && !os.IsNotExist(err) {
			return "", fmt.Errorf("rejected rows of an earlier run: %w", err)
		}
		return "", nil
	}
	if f.err == nil {
		f.csv.Flush()
		f.err = f.csv.Error()
	}
	if f.err == nil {
		f.err = f.file.Close()
	}
	if f.err == nil {
		f.err = os.Rename(f.file.Name(), name)
	}
	if f.err != nil {
		return "", hintError{fmt.Errorf("rejected rows: %w", f.err), "nothing was sent; the folder of the file must be writable"}
	}
	f.file = nil
	return name, nil
}

// discard removes what was not kept.
func (f *rejectedFile) discard() {
	if f.file != nil {
		_ = f.file.Close()           // closed before, where that went wrong
		_ = os.Remove(f.file.Name()) // nobody needs it
	}
}
