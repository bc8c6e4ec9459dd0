package producer

import (
	"errors"
	"regexp"
	"strings"

	"github.com/wacast/wacast/pkg/job"
)

// ErrNational marks a telephone number without its country code.
var ErrNational = errors.New("must begin with + and the country code; national numbers need a region")

// What is wrong with a text that is no telephone number.
var (
	errNoNumber   = errors.New("is empty")
	errNotANumber = errors.New("must be + and 7 to 15 digits")
	errScientific = errors.New("is in scientific notation: a spreadsheet has rounded it; give the column the format Text there and export again")
)

// Number reads a telephone number as a file may hold it, with the country code and
// perhaps with spaces, hyphens, dots, slashes and brackets.
func Number(text string) (job.Phone, error) {
	text = strings.TrimSpace(text)
	if text == "" {
		return "", errNoNumber
	}
	if isScientific(text) {
		return "", errScientific
	}
	digits, ok := strings.CutPrefix(text, "+")
	if !ok {
		return "", ErrNational
	}
	p := job.Phone("+" + strings.Map(withoutSeparator, digits))
	if !p.Valid() {
		return "", errNotANumber
	}
	return p, nil
}

// withoutSeparator drops what people write between digits. Spreadsheets and web
// pages know more than one space and hyphen.
func withoutSeparator(r rune) rune {
	if strings.ContainsRune(" -./()\u00a0\u202f\u2009\u2010\u2011\u2013", r) {
		return -1
	}
	return r
}

// scientific is a whole text such as 5.49112E+12 or 5,49112E+12.
var scientific = regexp.MustCompile(`^[+-]?\d+([.,]\d+)?[eE]\+?\d{1,3}$`)

func isScientific(text string) bool {
	return strings.ContainsAny(text, "eE") && scientific.MatchString(text)
}

// rounded is what spreadsheets write, anywhere in a text.
var rounded = regexp.MustCompile(`\b\d[.,]\d+E\+\d\d\b`)

func holdsScientific(text string) bool {
	return strings.Contains(text, "E+") && rounded.MatchString(text)
}
