package recipient

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// ParseWords reads words by language as settings hold them: es: baja, parar; en: stop.
// The languages may be left out. After a leading + they are added to the known ones,
// and nothing at all stands for these.
func ParseWords(text string, known map[string][]string) (map[string][]string, error) {
	text = strings.TrimSpace(text)
	if text == "" {
		return known, nil
	}
	words := make(map[string][]string)
	text, added := strings.CutPrefix(text, "+")
	if added {
		words = maps.Clone(known)
	}
	language := regexp.MustCompile(`^[a-zA-Z]{2,3}([_-][a-zA-Z]{2,4})?$`)
	for part := range strings.SplitSeq(text, ";") {
		list, code := part, ""
		if before, after, found := strings.Cut(part, ":"); found {
			if code = strings.TrimSpace(before); !language.MatchString(code) {
				return nil, fmt.Errorf("%q is no language; write es: baja, parar; en: stop", code)
			}
			list = after
		}
		for word := range strings.SplitSeq(list, ",") {
			if word = strings.TrimSpace(word); word == "" {
				continue
			}
			if f := fold(word); f == "" || len(word) > maxMessage {
				return nil, fmt.Errorf("%q has no letter, or is too long to be a keyword", word)
			}
			words[code] = append(slices.Clip(words[code]), word)
		}
	}
	if len(words) == 0 {
		return nil, fmt.Errorf("%q holds no word", text)
	}
	return words, nil
}
