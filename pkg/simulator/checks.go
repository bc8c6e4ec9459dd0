package simulator

import (
	"fmt"
	"slices"
	"strings"
)

// counts: as many parameters as variables.
func (p *part) counts() *refusal {
	if p.form == nil {
		return nil
	}
	header := len(p.header.params())
	switch p.form.header {
	case "", "TEXT":
		if r := countsOf("header", header, len(p.form.headerText.names)); r != nil {
			return r
		}
	default: // no parameter at all is a wrong format, see formats
		if r := countsOf("header", max(header, 1), 1); r != nil {
			return r
		}
	}
	return countsOf("body", len(p.body.params()), len(p.form.body.names))
}

func countsOf(where string, got, want int) *refusal {
	if got == want {
		return nil
	}
	return refuse(132000, fmt.Sprintf("%s: number of localizable_params (%d) does not match the expected number of params (%d)", where, got, want))
}

// names: parameters of a NAMED template carry its names, each once.
func (m *match) names(p *part) *refusal {
	if p.form == nil || !m.named {
		return nil
	}
	if p.form.header == "TEXT" {
		if r := namesOf(p.header.params(), p.form.headerText.names); r != nil {
			return r
		}
	}
	return namesOf(p.body.params(), p.form.body.names)
}

func namesOf(params []parameter, names []string) *refusal {
	for i, p := range params {
		switch {
		case p.Name == "":
			return invalidParam("Parameter name is missing or empty")
		case !slices.Contains(names, p.Name):
			return invalidParam("Parameter name %q does not exist in the template", p.Name)
		case slices.ContainsFunc(params[:i], func(earlier parameter) bool { return earlier.Name == p.Name }):
			return invalidParam("Parameter name %q is given twice", p.Name)
		}
	}
	return nil
}

// formats: the header holds what the template's header is, the body holds text.
func (p *part) formats() *refusal {
	if p.form != nil && p.form.header != "" && p.form.header != "TEXT" {
		got := "UNKNOWN"
		if params := p.header.params(); len(params) > 0 {
			got = strings.ToUpper(params[0].Type)
		}
		if got != p.form.header {
			return mismatch("header", p.form.header, got)
		}
	}
	for i := range p.header.params() {
		v := &p.header.Parameters[i]
		if p.form != nil && p.form.header == "TEXT" && v.Type != "text" {
			return mismatch("header", "TEXT", strings.ToUpper(v.Type))
		}
		if r := v.filled("header"); r != nil {
			return r
		}
	}
	for i := range p.body.params() {
		v := &p.body.Parameters[i]
		switch v.Type {
		case "text", "currency", "date_time":
		default:
			return mismatch("body", "TEXT", strings.ToUpper(v.Type))
		}
		if r := v.filled("body"); r != nil {
			return r
		}
	}
	return nil
}

func mismatch(where, want, got string) *refusal {
	return refuse(132012, where+": Format mismatch, expected "+want+", received "+got)
}

// filled: the object that the parameter's type names is there and says enough.
func (p *parameter) filled(where string) *refusal {
	ok := true
	switch p.Type {
	case "currency":
		ok = p.Currency != nil && p.Currency.Code != ""
	case "date_time":
		ok = p.DateTime != nil
	case "image":
		ok = p.Image.filled()
	case "video":
		ok = p.Video.filled()
	case "gif":
		ok = p.GIF.filled()
	case "document":
		ok = p.Document.filled()
	case "location":
		ok = p.Location != nil && p.Location.Latitude != "" && p.Location.Longitude != ""
	case "product":
		ok = p.Product != nil
	}
	if ok {
		return nil
	}
	return refuse(131008, where+": Parameter of type "+p.Type+" is missing "+p.Type+" value")
}

func (m *mediaParam) filled() bool { return m != nil && (m.ID != "" || m.Link != "") }

// characters: no line breaks, tabs or long runs of spaces in what is shown.
func (p *part) characters() *refusal {
	return p.eachText(func(v *parameter) *refusal {
		if text := v.text(); strings.ContainsAny(text, "\n\r\t") || strings.Contains(text, "     ") {
			return refuse(132018, "")
		}
		return nil
	})
}

// empties: every value says something.
func (p *part) empties() *refusal {
	return p.eachText(func(v *parameter) *refusal {
		if v.text() == "" {
			return refuse(131008, "Parameter of type "+v.Type+" is missing "+v.Type+" value")
		}
		return nil
	})
}

// eachText runs a check over every parameter that is shown as text.
func (p *part) eachText(check func(*parameter) *refusal) *refusal {
	for _, c := range []*component{p.header, p.body} {
		if r := c.eachText(check); r != nil {
			return r
		}
	}
	for _, c := range p.buttons {
		if r := c.eachText(check); r != nil {
			return r
		}
	}
	return nil
}

func (c *component) eachText(check func(*parameter) *refusal) *refusal {
	for i := range c.params() {
		switch v := &c.Parameters[i]; v.Type {
		case "text", "currency", "date_time":
			if r := check(v); r != nil {
				return r
			}
		}
	}
	return nil
}

// lengths: the filled-in texts fit.
func (m *match) lengths(p *part) *refusal {
	if p.form == nil {
		for _, v := range p.body.params() {
			if r := fits("body", v.text(), maxText); r != nil {
				return r
			}
		}
		return nil
	}
	if r := p.form.headerText.fits("header", p.header.params(), m.named, maxHeader); r != nil {
		return r
	}
	if r := p.form.body.fits("body", p.body.params(), m.named, p.form.maxBody); r != nil {
		return r
	}
	return p.urlLengths()
}

// fits is fits of the filled-in pattern, which it fills in only if it may be too long.
func (p pattern) fits(where string, params []parameter, named bool, most int) *refusal {
	if p.size(params, named) <= most {
		return nil
	}
	return fits(where, p.fill(params, named), most)
}

func fits(where, text string, most int) *refusal {
	if len(text) <= most { // bytes are never fewer than characters
		return nil
	}
	if n := runes(text); n > most {
		return refuse(132005, fmt.Sprintf("%s: Translated text is %d characters long, the most is %d", where, n, most))
	}
	return nil
}
