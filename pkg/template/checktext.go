package template

import (
	"strconv"
	"unicode/utf8"

	"github.com/wacast/wacast/pkg/whatsapp"
)

// checkContent refuses what the API does not show in one line.
func (f *fill) checkContent(found *problems) {
	for c := range f.components {
		given := f.components[c].Parameters
		for i := range given {
			if bad := badContent(shownText(&given[i])); bad != "" {
				found.add(f.path(c, i), codeContent, f.what(c, i)+" must not have "+bad)
			}
		}
	}
}

// shownText is what a parameter puts before the recipient's eyes.
func shownText(p *whatsapp.Parameter) string {
	switch p.Type {
	case typeText, typeCurrency, typeDateTime:
		return p.Text
	case typeCoupon:
		return p.CouponCode
	}
	return ""
}

func badContent(s string) string {
	const maxSpaces = 4
	spaces := 0
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '\n', '\r':
			return "a new line"
		case '\t':
			return "a tab"
		case ' ':
			if spaces++; spaces > maxSpaces {
				return "more than four spaces in a row"
			}
		default:
			spaces = 0
		}
	}
	return ""
}

func (f *fill) checkEmpty(found *problems) {
	for c := range f.components {
		given := f.components[c].Parameters
		for i := range given {
			empty := false
			switch p := &given[i]; p.Type {
			case typeText, typeCurrency, typeDateTime:
				empty = p.Text == ""
			case typeCoupon:
				empty = p.CouponCode == ""
			case typePayload:
				empty = p.Payload == ""
			}
			if empty {
				found.add(f.path(c, i), codeMissing, f.what(c, i)+" is empty")
			}
		}
	}
}

func (f *fill) checkLengths(found *problems) {
	if !f.def.checked {
		return
	}
	if h := f.sec.header; h != nil && f.header >= 0 && h.format == "TEXT" {
		f.checkLength(f.header, "header", &h.text, maxHeader, found)
	}
	if f.body >= 0 {
		f.checkLength(f.body, "body", &f.sec.body, f.sec.bodyLimit, found)
	}
	for i := range f.sec.buttons {
		if c := f.button(i); c >= 0 && f.sec.buttons[i].kind == "URL" {
			f.checkURL(c, i, found)
		}
	}
}

func (f *fill) checkLength(component int, part string, t *text, most int, found *problems) {
	n := t.fixed
	for i := range t.vars {
		value, _ := f.value(component, t, i)
		n += t.vars[i].uses * utf8.RuneCountInString(value)
	}
	if n > most {
		found.add(f.path(component, -1), codeTooLong,
			"the filled "+part+" has "+strconv.Itoa(n)+" characters, at most "+strconv.Itoa(most)+" are allowed")
	}
}

func (f *fill) checkURL(component, index int, found *problems) {
	given := f.given(component)
	if len(given) == 0 {
		return
	}
	n := f.sec.buttons[index].url.fixed + utf8.RuneCountInString(given[0].Text)
	if n > maxURL {
		found.add(f.path(component, 0), codeTooLong,
			"the address of "+f.buttonName(index)+" has "+strconv.Itoa(n)+" characters, at most "+strconv.Itoa(maxURL)+" are allowed")
	}
}
