package main

import (
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"

	"github.com/wacast/wacast/pkg/job"
)

// A file is read as what it says it is, then as what it is said to be.
func TestDecoded(t *testing.T) {
	t.Parallel()
	const text = "phone;name\r\n+5491155550100;Güemes Ñandú 😀\r\n"
	plain := strings.ReplaceAll(text, "😀", "€") // Windows has no such character
	utf16 := func(e unicode.Endianness, p unicode.BOMPolicy) encoding.Encoding { return unicode.UTF16(e, p) }
	for name, c := range map[string]struct {
		as   encoding.Encoding
		said string
		text string
	}{
		"UTF-8":                      {encoding.Nop, "utf-8", text},
		"UTF-16, little, mark":       {utf16(unicode.LittleEndian, unicode.ExpectBOM), "utf-16", text},
		"UTF-16, big, mark":          {utf16(unicode.BigEndian, unicode.ExpectBOM), "utf-16", text},
		"UTF-16 that nobody said":    {utf16(unicode.BigEndian, unicode.ExpectBOM), "utf-8", text},
		"UTF-16 that was said wrong": {utf16(unicode.BigEndian, unicode.ExpectBOM), "utf-16le", text},
		"UTF-16, no mark":            {utf16(unicode.LittleEndian, unicode.IgnoreBOM), "utf-16", text},
		"UTF-16LE":                   {utf16(unicode.LittleEndian, unicode.IgnoreBOM), "utf-16le", text},
		"UTF-16BE":                   {utf16(unicode.BigEndian, unicode.IgnoreBOM), "utf-16be", text},
		"Windows-1252":               {charmap.Windows1252, "windows-1252", plain},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			file, err := c.as.NewEncoder().String(c.text)
			if err != nil {
				t.Fatal(err)
			}
			got, err := io.ReadAll(decoded(iotest.OneByteReader(strings.NewReader(file)), c.said))
			if err != nil || string(got) != c.text {
				t.Errorf("read %q, %v, want %q", got, err, c.text)
			}
		})
	}
}

// What is no UTF-8 stays so, for the reader of rows to refuse.
func TestDecodedKeepsWhatIsWrong(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"Jos\xe9", "\xef\xbb\xbfJos\xe9"} {
		if got, err := io.ReadAll(decoded(strings.NewReader(text), "utf-8")); err != nil || string(got) != text {
			t.Errorf("read %q, %v, want %q", got, err, text)
		}
	}
}

func TestRegion(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ region, text, want string }{
		{"AR", "11 15-5555-0100", "+5491155550100"}, // a mobile number as people write it
		{"AR", "(011) 4555-0100", "+541145550100"},
		{"ar", "5491155550100", "+5491155550100"},
		{"AR", "00 54 9 11 5555 0100", "+5491155550100"},
		{"AR", "+1 (650) 253-0000", "+16502530000"}, // with its country code it is taken as it is
		{"AR", "+999 1234567", "+9991234567"},
		{"BR", "(11) 96123-4567", "+5511961234567"},
		{"MX", "55 1234 5678", "+525512345678"},
		{"AR", "", "is empty"},
		{"AR", "+12", "must be + and 7 to 15 digits"},
		{"AR", "5.49112E+12", "is in scientific notation: a spreadsheet has rounded it; give the column the format Text there and export again"},
		{"AR", "11 5555-CASA", "holds letters"},
		{"AR", "11 5555 0100 ext 3", "holds letters"},
		{"AR", "elf", "holds letters"},
		{"AR", "1", "is no telephone number of AR"},
	} {
		r, err := newRegion(c.region)
		if err != nil {
			t.Fatal(err)
		}
		to, err := r.number(c.text)
		got := string(to)
		if err != nil {
			got = err.Error()
		}
		if got != c.want {
			t.Errorf("%s: number(%q) = %q, want %q", c.region, c.text, got, c.want)
		}
	}
	for _, code := range []string{"", "XX", "ARG", "54"} {
		if _, err := newRegion(code); err == nil {
			t.Errorf("region %q was taken", code)
		}
	}
}

func TestDoubtful(t *testing.T) {
	t.Parallel()
	for number, want := range map[job.Phone]bool{
		"+5491155550100": false, "+16502530000": false, "+9991234567": true, "+54911555501001": true, "+1234567": true,
	} {
		if got := doubtful(number); got != want {
			t.Errorf("doubtful(%s) = %v, want %v", string(number), got, want)
		}
	}
}

func TestMeter(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	m := newMeter(&out)
	m.progress("published", 1, 4) // too early
	m.next = time.Time{}
	m.progress("published", 1, 4)
	m.next = time.Time{}
	m.progress("checked", 7, 0)
	m.done()
	m.line("the stream is full")
	m.live, m.next = true, time.Time{}
	m.progress("published", 2, 4)
	m.line("the stream is full")
	m.next = time.Time{}
	m.progress("published", 4, 4)
	m.done()
	const half, full = "████████████░░░░░░░░░░░░", "████████████████████████"
	want := "published 1 of 4, 25 %\nchecked 7\nthe stream is full\n" +
		"\r\x1b[2K" + half + " published 2 of 4, 50 %\r\x1b[2Kthe stream is full\n" +
		"\r\x1b[2K" + full + " published 4 of 4, 100 %\r\x1b[2K"
	if out.String() != want {
		t.Errorf("shown %q, want %q", out.String(), want)
	}
}
