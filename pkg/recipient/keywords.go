package recipient

import (
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// Keywords are the words that, as a whole message, opt out or in.
type Keywords struct{ out, in map[string]bool }

// NewKeywords takes words by language; the language only orders them. Nil takes
// [OutWords] and [InWords].
func NewKeywords(out, in map[string][]string) *Keywords {
	if out == nil {
		out = OutWords()
	}
	if in == nil {
		in = InWords()
	}
	return &Keywords{out: foldAll(out), in: foldAll(in)}
}

func foldAll(words map[string][]string) map[string]bool {
	folded := make(map[string]bool)
	for _, list := range words {
		for _, word := range list {
			if f := fold(word); f != "" {
				folded[f] = true
			}
		}
	}
	return folded
}

// maxMessage is longer than any keyword; what is longer is not even folded.
const maxMessage = 128

// Match reports whether the whole text is one of the words: letter case, accents,
// and spaces and punctuation around it, do not matter, every other word does. A word
// of both lists opts out.
func (k *Keywords) Match(text string) (optOut, optIn bool) {
	if len(text) > maxMessage {
		return false, false
	}
	f := fold(text)
	return k.out[f], !k.out[f] && k.in[f]
}

// fold takes case, accents and all that surrounds the words away.
func fold(text string) string {
	var b strings.Builder
	space := false
	for _, r := range norm.NFKD.String(text) {
		switch {
		case unicode.IsLetter(r) || unicode.IsDigit(r):
			if space && b.Len() > 0 {
				b.WriteByte(' ')
			}
			space = false
			b.WriteRune(unicode.ToLower(unicode.ToUpper(r)))
		case unicode.Is(unicode.M, r) || unicode.Is(unicode.Cf, r) || r == '\'' || r == '’':
		default:
			space = true
		}
	}
	return b.String()
}
