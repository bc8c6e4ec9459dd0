package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/spf13/cobra"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"

	"github.com/wacast/wacast/producer"
)

// encodings are those a file may have.
var encodings = []string{"utf-8", "windows-1252", "utf-16", "utf-16le", "utf-16be"}

// decoded reads a file as UTF-8. A byte order mark settles what UTF-16 is.
func decoded(r io.Reader, encoding string) io.Reader {
	in := bufio.NewReaderSize(r, 64<<10)
	mark, _ := in.Peek(2)
	switch {
	case string(mark) == "\xff\xfe" || string(mark) == "\xfe\xff":
		return transform.NewReader(in, unicode.UTF16(unicode.LittleEndian, unicode.ExpectBOM).NewDecoder())
	case encoding == "utf-16" || encoding == "utf-16le":
		return transform.NewReader(in, unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM).NewDecoder())
	case encoding == "utf-16be":
		return transform.NewReader(in, unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM).NewDecoder())
	case encoding == "windows-1252":
		return transform.NewReader(in, charmap.Windows1252.NewDecoder())
	}
	return in
}

// source is where rows come from.
type source struct {
	// name is what people call it, once whether it can be read only once, one
	// whether it is a single message.
	name      string
	once, one bool

	file     *os.File
	stdin    io.Reader
	size     int64
	modified time.Time
	encoding string
	options  producer.RowOptions
}

func openSource(cmd *cobra.Command, o *sendOptions) (*source, error) {
	s := &source{name: o.file, encoding: o.encoding}
	s.options.Delimiter, _ = utf8.DecodeRuneInString(o.delimiter)
	if o.delimiter == "" {
		s.options.Delimiter = 0
	}
	switch o.file {
	case "":
		s.one = true
		return s, nil
	case "-":
		s.name, s.once, s.stdin = "standard input", true, input(cmd)
		return s, nil
	}
	f, err := os.Open(o.file)
	if err != nil {
		return nil, hintError{fmt.Errorf("--file: %w", err), "wacast send reads CSV or NDJSON; - is standard input"}
	}
	info, err := f.Stat()
	if err != nil || !info.Mode().IsRegular() {
		return nil, errors.Join(hintError{fmt.Errorf("--file: %s is no file that can be read twice", o.file), "give it on standard input: --file -"}, err, f.Close())
	}
	s.file, s.size, s.modified = f, info.Size(), info.ModTime()
	return s, nil
}

// Close closes the file.
func (s *source) Close() {
	if s.file != nil {
		_ = s.file.Close() // it was only read
	}
}

// open begins to read from the start. A single message is a row without columns.
func (s *source) open() (*producer.Rows, error) {
	in := s.stdin
	switch {
	case s.one:
		in = strings.NewReader("{}")
	case s.file != nil:
		if _, err := s.file.Seek(0, io.SeekStart); err != nil {
			return nil, fmt.Errorf("--file: %w", err)
		}
		if err := s.changed(); err != nil {
			return nil, err
		}
		in = s.file
	}
	rows, err := producer.ReadRows(decoded(in, s.encoding), s.options)
	return rows, s.wrap(err)
}

// openRows begins to read from the start. A column that the expressions name and the
// file lacks is said once, and not of every row.
func (s *sending) openRows(src *source) (*producer.Rows, error) {
	rows, err := src.open()
	if err != nil || rows.Delimiter == 0 { // the objects of NDJSON may differ
		return rows, err
	}
	var missing []string
	for _, name := range s.recipe.Expressions.Fields() {
		if !slices.Contains(rows.Columns, name) {
			missing = append(missing, strconv.Quote(name))
		}
	}
	if missing != nil {
		return nil, hintError{fmt.Errorf("%s has no column %s, which an expression asks for", src.name, strings.Join(missing, ", ")),
			"is its first line the names of the columns, written as in the expressions, and separated by --delimiter?"}
	}
	return rows, nil
}

// changed is an error when somebody has written to the file meanwhile.
func (s *source) changed() error {
	if s.file == nil {
		return nil
	}
	info, err := s.file.Stat()
	if err != nil {
		return fmt.Errorf("--file: %w", err)
	}
	if info.Size() != s.size || !info.ModTime().Equal(s.modified) {
		return fmt.Errorf("%s has changed while it was read", s.name)
	}
	return nil
}

// wrap names the file and says what helps.
func (s *source) wrap(err error) error {
	if err == nil {
		return nil
	}
	wrapped := fmt.Errorf("%s: %w", s.name, err)
	if errors.Is(err, producer.ErrNotUTF8) {
		return hintError{wrapped, "say what it is, --encoding windows-1252 or utf-16, or save it as CSV UTF-8"}
	}
	return hintError{wrapped, "correct the file; nothing of it was sent"}
}
