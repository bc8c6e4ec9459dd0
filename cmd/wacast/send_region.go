package main

import (
	"errors"
	"fmt"
	"strings"
	"unicode"

	"github.com/nyaruka/phonenumbers"

	"github.com/wacast/wacast/pkg/job"
	"github.com/wacast/wacast/producer"
)

// region reads national telephone numbers of a country.
type region string

func newRegion(code string) (region, error) {
	code = strings.ToUpper(code)
	if !phonenumbers.GetSupportedRegions()[code] {
		return "", errors.New("--region must be the two letters of a country, such as AR")
	}
	return region(code), nil
}

// number takes a number with its country code as it is, and completes any other.
func (r region) number(text string) (job.Phone, error) {
	to, err := producer.Number(text)
	if !errors.Is(err, producer.ErrNational) {
		return to, err
	}
	if strings.ContainsFunc(text, unicode.IsLetter) { // the library would dial them
		return "", errors.New("holds letters")
	}
	parsed, err := phonenumbers.Parse(text, string(r))
	if err != nil {
		return "", fmt.Errorf("is no telephone number of %s", string(r))
	}
	return job.Phone(phonenumbers.Format(parsed, phonenumbers.E164)), nil
}

// doubtful reports whether the number is none that its country has given out, as
// far as the library knows: numbering plans change, so it is no more than a doubt.
func doubtful(to job.Phone) bool {
	parsed, err := phonenumbers.Parse(string(to), "")
	return err != nil || !phonenumbers.IsValidNumber(parsed)
}
