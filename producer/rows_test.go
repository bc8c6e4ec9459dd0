package producer_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"github.com/wacast/wacast/producer"
)

// table reads a file and shows each row as "line: cell|cell", each error as itself.
func table(r io.Reader, opts producer.RowOptions) []string {
	rows, err := producer.ReadRows(r, opts)
	if err != nil {
		return []string{"refused: " + err.Error()}
	}
	shown := []string{strings.Join(rows.Columns, "|")}
	for row, err := range rows.All() {
		var bad *producer.RowError
		switch {
		case errors.As(err, &bad):
			shown = append(shown, err.Error())
		case err != nil:
			shown = append(shown, "ended: "+err.Error())
		case rows.Columns == nil:
			shown = append(shown, fmt.Sprintf("%d: %v", row.Line, row.Vars))
		default:
			var cells []string
			for _, c := range rows.Columns {
				cells = append(cells, row.Vars[c].(string))
			}
			shown = append(shown, fmt.Sprintf("%d: %s", row.Line, strings.Join(cells, "|")))
		}
	}
	return shown
}

const misplacedQuote = "a quote stands in a cell without quotes around it; put the cell in quotes and write the quote twice"

func TestReadRows(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		text string
		want []string
	}{
		"commas":                    {"a,b\n1,2\n", []string{"a|b", "2: 1|2"}},
		"semicolons":                {"a;b\n1,5;2\n", []string{"a|b", "2: 1,5|2"}},
		"tabs":                      {"a\tb\n1;2\t3\n", []string{"a|b", "2: 1;2|3"}},
		"bars":                      {"a|b\n1|2\n", []string{"a|b", "2: 1|2"}},
		"one column":                {"a\n1\n", []string{"a", "2: 1"}},
		"delimiters in a name":      {"\"a,b,c\";d\n1;2\n", []string{"a,b,c|d", "2: 1|2"}},
		"said by a spreadsheet":     {"sep=;\r\na;b\r\n1;2\r\n", []string{"a|b", "3: 1|2"}},
		"byte order mark":           {"\ufeffa,b\n1,2\n", []string{"a|b", "2: 1|2"}},
		"mark and quotes":           {"\ufeff\"a\",b\n1,2\n", []string{"a|b", "2: 1|2"}},
		"carriage returns":          {"a,b\r\n1,2\r\n3,4", []string{"a|b", "2: 1|2", "3: 3|4"}},
		"no break at the end":       {"a\n1", []string{"a", "2: 1"}},
		"quoted line breaks":        {"a,b\n\"x\ny\",\"p\r\nq\"\n3,4\n", []string{"a|b", "2: x\ny|p\nq", "5: 3|4"}},
		"quoted delimiter, quotes":  {"a,b\n\"x,\"\"y\"\"\",2\n", []string{"a|b", "2: x,\"y\"|2"}},
		"line break in a name":      {"\"a\nx\",b\n1,2\n", []string{"a\nx|b", "3: 1|2"}},
		"empty lines":               {"\n\na,b\n\n1,2\n\r\n3,4\n", []string{"a|b", "5: 1|2", "7: 3|4"}},
		"rows without content":      {"a,b\n,\n1,2\n,,,\n", []string{"a|b", "3: 1|2"}},
		"empty cells":               {"a,b\n,2\n1,\n", []string{"a|b", "2: |2", "3: 1|"}},
		"spaces around names":       {" a , b\n 1 ,2\n", []string{"a|b", "2:  1 |2"}},
		"only names":                {"a,b\n", []string{"a|b"}},
		"too few and too many":      {"a,b\n1\n1,2,3\n4,5\n", []string{"a|b", "line 2: has 1 cells, where the first line has 2", "line 3: has 3 cells, where the first line has 2", "4: 4|5"}},
		"a quote in a cell":         {"a,b\n1,2\"3\n4,5\n", []string{"a|b", "line 2: b: " + misplacedQuote, "3: 4|5"}},
		"a quote not written twice": {"a,b\n\"1\"2\",3\n4,5\n", []string{"a|b", "line 2: a: a quoted cell does not end with its quote; a quote within it is written twice", "3: 4|5"}},
		"a quote left open":         {"a,b\n1,2\n\"3,4\n5,6\n", []string{"a|b", "2: 1|2", "ended: line 3: a quoted cell begins in this row and ends wrongly or never (line 4)"}},
		"a quote closed by another": {"a,b\n\"1,2\n3,\"4\n5,6\n", []string{"a|b", "ended: line 2: a quoted cell begins in this row and ends wrongly or never (line 3)"}},
		"a lost character":          {"a,b\nJos\ufffd,2\n3,4\n", []string{"a|b", "line 2: a: holds U+FFFD, which stands for a character that was lost when the text was converted", "3: 3|4"}},
		"not UTF-8":                 {"a,b\n1,2\nJos\xe9,3\n4,5\n", []string{"a|b", "2: 1|2", "ended: line 3, column a: not UTF-8"}},

		"empty":                   {"", []string{"refused: the file is empty"}},
		"only a mark":             {"\ufeff", []string{"refused: the file is empty"}},
		"only line breaks":        {"\n \r\n", []string{"refused: the file is empty"}},
		"no names":                {"+54 9 11 5555-0100,Ana\n+5491155550101,Eva\n", []string{"refused: line 1: the first line must name the columns, but column 1 holds a telephone number"}},
		"a column without name":   {"a,,b\n1,2,3\n", []string{"refused: line 1: column 2 has no name"}},
		"two of a name":           {"a,b, a\n1,2,3\n", []string{"refused: line 1: columns 1 and 3 have the same name"}},
		"names not UTF-8":         {"se\xf1or,b\n1,2\n", []string{"refused: line 1: not UTF-8"}},
		"names with a quote":      {"a\"b,c\n1,2\n", []string{"refused: line 1: a quote is misplaced"}},
		"names that never end":    {"\"a,b\n1,2\n", []string{"refused: line 1: a quoted cell begins in this row and ends wrongly or never (line 2)"}},
		"carriage returns alone":  {"a,b\r1,2\r3,4", []string{"refused: line 1: lines end in a carriage return alone; save the file with line feeds"}},
		"UTF-16":                  {"a\x00,\x00b\x00\n\x00", []string{"refused: not UTF-8: it holds zero bytes, as UTF-16 does"}},
		"a cell that is too long": {"a,b\n1,2\n3,\"" + strings.Repeat("x", 2<<20) + "\"\n4,5\n", []string{"a|b", "2: 1|2", "ended: after line 2: a row is longer than 1048576 bytes; is a quote left open?"}},

		"NDJSON":           {"{\"a\":\"x\",\"n\":5491155550100}\n\n{\"a\":null}\r\n{\"o\":{\"b\":[1]}}", []string{"", "1: map[a:x n:5491155550100]", "3: map[a:<nil>]", "4: map[o:map[b:[1]]]"}},
		"NDJSON, mark":     {"\ufeff{\"a\":1}\n", []string{"", "1: map[a:1]"}},
		"no object":        {"{\"a\":1}\n[1]\nnull\n{\"a\":\n{} {}\n{\"a\":2}\n", []string{"", "1: map[a:1]", "line 2: is not one JSON object", "line 3: is not one JSON object", "line 4: is not one JSON object", "line 5: is not one JSON object", "6: map[a:2]"}},
		"NDJSON not UTF-8": {"{\"a\":1}\n{\"a\":\"\xe9\"}\n{}", []string{"", "1: map[a:1]", "ended: line 2: not UTF-8"}},
		"NDJSON, too long": {"{\"a\":1}\n{\"a\":\"" + strings.Repeat("x", 2<<20) + "\"}\n", []string{"", "1: map[a:1]", "ended: line 2: a row is longer than 1048576 bytes; is a quote left open?"}},
		"NDJSON, lost":     {"{\"a\":\"\ufffd\"}\n", []string{"", "line 1: holds U+FFFD, which stands for a character that was lost when the text was converted"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(c.want, table(strings.NewReader(c.text), producer.RowOptions{})); diff != "" {
				t.Error("(-want +got):", diff)
			}
		})
	}
}

func TestReadRowsWithADelimiter(t *testing.T) {
	t.Parallel()
	got := table(strings.NewReader("sep=;\na^b;c\n1^2;3\n"), producer.RowOptions{Delimiter: '^'})
	if diff := cmp.Diff([]string{"a|b;c", "3: 1|2;3"}, got); diff != "" {
		t.Error("(-want +got):", diff)
	}
	rows, err := producer.ReadRows(strings.NewReader("a|b\n"), producer.RowOptions{})
	if err != nil || rows.Delimiter != '|' {
		t.Errorf("the delimiter is %q, %v", rows.Delimiter, err)
	}
}

// What was read before a file breaks stays, and the break is told.
func TestReadRowsOfABrokenReader(t *testing.T) {
	t.Parallel()
	errDisk := errors.New("disk on fire")
	for text, want := range map[string][]string{
		"":                   {"refused: read the first line: disk on fire"},
		"a,b\n1,2\n":         {"refused: read the first line: disk on fire"},
		"{\"a\":1}\n{\"a\":": {"refused: read the first line: disk on fire"},
	} {
		if diff := cmp.Diff(want, table(io.MultiReader(strings.NewReader(text), iotest.ErrReader(errDisk)), producer.RowOptions{})); diff != "" {
			t.Error("(-want +got):", diff)
		}
	}
	long := "a,b\n" + strings.Repeat("1,2\n", 1<<15)
	got := table(io.MultiReader(strings.NewReader(long), iotest.ErrReader(errDisk)), producer.RowOptions{})
	if got[len(got)-1] != "ended: disk on fire" || len(got) < 1<<14 {
		t.Errorf("%d rows, then %q", len(got), got[len(got)-1])
	}
}

func TestRowsStop(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"a\n1\n2\n", "a\n1,2\n3,4\n", "a\n\xff\n1\n", "{}\n{}\n"} {
		rows, err := producer.ReadRows(strings.NewReader(text), producer.RowOptions{})
		if err != nil {
			t.Fatal(err)
		}
		for range rows.All() {
			break // going on would panic
		}
	}
}

// Whatever the file: it is read to one end, the same in any pieces, with lines that
// go up, and a row that is right has a value for each column.
func FuzzReadRows(f *testing.F) {
	for _, seed := range []string{
		"", "a,b\n1,2\n", "a;b\r\n\"x\ny\";2\r\n", "\ufeffa\tb\n1\t2", "sep=|\na|b\n1|2\n", "a,b\n1,2\"\n\"3\"4,5\n6", "a\n\xff\n", "a,a\n",
		"{\"a\":1}\n[]\n{\"b\":\"\xff\"}", "\"", "a\n\"", "a\r1\r", "sep=\n", "sep=;", "\xff\xfea\x00", "+5491155550100\n",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got := table(strings.NewReader(text), producer.RowOptions{})
		if pieces := table(iotest.OneByteReader(strings.NewReader(text)), producer.RowOptions{}); !slices.Equal(got, pieces) {
			t.Errorf("read byte by byte it is %q, read at once %q", pieces, got)
		}
		rows, err := producer.ReadRows(strings.NewReader(text), producer.RowOptions{})
		if err != nil {
			return
		}
		last := 0
		for row, err := range rows.All() {
			if err != nil && !errors.As(err, new(*producer.RowError)) {
				return
			}
			if row.Line <= last || row.Line > strings.Count(text, "\n")+1 {
				t.Fatalf("line %d after line %d", row.Line, last)
			}
			last = row.Line
			if err == nil && rows.Columns != nil && len(row.Vars) != len(rows.Columns) {
				t.Fatalf("%d values for %d columns", len(row.Vars), len(rows.Columns))
			}
			if err == nil {
				if _, err := json.Marshal(row.Vars); err != nil {
					t.Fatal(err)
				}
			}
		}
	})
}

// Of a row with a misplaced quote the line is kept as it is, wherever the reader's
// buffers end.
func TestARowWithAMisplacedQuoteKeepsItsLine(t *testing.T) {
	t.Parallel()
	var text strings.Builder
	want := make(map[int]string)
	text.WriteString("sep=;\nphone;name\n")
	for line := 3; line < 20_003; line++ {
		row := fmt.Sprintf("+54911%08d;Emilia %s", line, strings.Repeat("x", line%37))
		if line%997 == 0 {
			row = fmt.Sprintf("+54911%08d;Emilia \"Mia\" %d", line, line)
			want[line] = row
		}
		text.WriteString(row + "\r\n")
	}
	rows, err := producer.ReadRows(strings.NewReader(text.String()), producer.RowOptions{})
	if err != nil {
		t.Fatal(err)
	}
	got := make(map[int]string)
	for row, err := range rows.All() {
		if err != nil {
			got[row.Line] = strings.Join(row.Cells, "|")
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error("(-want +got):", diff)
	}
}
