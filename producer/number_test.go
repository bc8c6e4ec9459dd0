package producer_test

import (
	"testing"

	"github.com/wacast/wacast/producer"
)

func TestNumber(t *testing.T) {
	t.Parallel()
	const scientific = "is in scientific notation: a spreadsheet has rounded it; give the column the format Text there and export again"
	for text, want := range map[string]string{
		"+5491155550100":                    "+5491155550100",
		" +54 9 (11) 5555-0100 ":            "+5491155550100",
		"+54.9.11/5555\u20110100":           "+5491155550100",
		"+54\u00a09\u202f11\u20095555 0100": "+5491155550100",
		"+1234567":                          "+1234567",
		"":                                  "is empty",
		" \t":                               "is empty",
		"5491155550100":                     "must begin with + and the country code; national numbers need a region",
		"11 5555 0100":                      "must begin with + and the country code; national numbers need a region",
		"+123456":                           "must be + and 7 to 15 digits",
		"+1234567890123456":                 "must be + and 7 to 15 digits",
		"+54 9 11 5555 0100 ext. 3":         "must be + and 7 to 15 digits",
		"++5491155550100":                   "must be + and 7 to 15 digits",
		"+٥٤٩١١٥٥٥٥٠١٠٠":                    "must be + and 7 to 15 digits",
		"5.49112E+12":                       scientific,
		"5,49112E+12":                       scientific,
		"+5.49112e12":                       scientific,
		"5E+12":                             scientific,
		"5.49112E+12x":                      "must begin with + and the country code; national numbers need a region",
	} {
		got, err := producer.Number(text)
		shown := string(got)
		if err != nil {
			shown = err.Error()
		}
		if shown != want {
			t.Errorf("Number(%q) = %q, want %q", text, shown, want)
		}
	}
}
