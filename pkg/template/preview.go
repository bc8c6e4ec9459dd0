package template

import (
	"strconv"
	"strings"

	"github.com/wacast/wacast/pkg/whatsapp"
)

// Preview shows a rendered message as text, about as its recipient reads it. A
// variable that nothing fills stays as it is, so the preview of an empty message
// shows the definition. It holds the recipient's data.
func (d *Definition) Preview(t whatsapp.Template) string {
	fills := []fill{newFill(d, &d.main, t.Components)}
	if len(t.RawComponents) > 0 {
		var ignored problems
		if read, ok := d.readRaw(t.RawComponents, &ignored); ok {
			fills = read
		}
	}
	var p preview
	if !d.checked {
		p.values(d, fills)
		return p.String()
	}
	p.section(&fills[0], d.offer)
	if len(fills) == 1 && len(d.cards) > 0 { // nothing is given: show the cards as they were made
		for i := range d.cards {
			fills = append(fills, newFill(d, &d.cards[i], nil))
		}
	}
	for i := range fills[1:] {
		p.line("--- card " + strconv.Itoa(i+1) + " ---")
		p.section(&fills[i+1], nil)
	}
	return p.String()
}

type preview struct{ strings.Builder }

func (p *preview) line(s string) {
	if s != "" {
		p.WriteString(s)
		p.WriteByte('\n')
	}
}

func (p *preview) section(f *fill, o *offer) {
	if h := f.sec.header; h != nil {
		p.line(f.headerLine(h))
	}
	if o != nil {
		p.line(o.text)
	}
	body := &f.sec.body
	p.line(body.fill(func(v int) (string, bool) { return f.value(f.body, body, v) }))
	p.line(f.sec.footer)
	labels := make([]string, len(f.sec.buttons))
	for i := range f.sec.buttons {
		labels[i] = f.buttonLine(i)
	}
	p.line(strings.Join(labels, "  "))
}

func (f *fill) headerLine(h *header) string {
	if h.format == "TEXT" {
		return h.text.fill(func(v int) (string, bool) { return f.value(f.header, &h.text, v) })
	}
	kind := strings.ToLower(h.format)
	given := f.given(f.header)
	if len(given) == 0 {
		return "[" + kind + "]"
	}
	if s := mediaText(&given[0]); s != "" {
		return "[" + kind + ": " + s + "]"
	}
	return "[" + kind + "]"
}

// mediaText names what a header shows; empty when nothing is known of it.
func mediaText(p *whatsapp.Parameter) string {
	media := p.Image
	switch p.Type {
	case typeVideo:
		media = p.Video
	case typeDocument:
		media = p.Document
	case typeLocation:
		return locationText(p.Location)
	}
	switch {
	case media == nil:
		return ""
	case media.Filename != "":
		return media.Filename
	case media.Link != "":
		return media.Link
	case media.ID != "":
		return "id " + media.ID
	}
	return ""
}

func locationText(l *whatsapp.Location) string {
	if l == nil {
		return ""
	}
	var parts []string
	for _, s := range []string{l.Name, l.Address} {
		if s != "" {
			parts = append(parts, s)
		}
	}
	if len(parts) == 0 {
		return l.Latitude + ", " + l.Longitude
	}
	return strings.Join(parts, ", ")
}

func (f *fill) buttonLine(index int) string {
	b := &f.sec.buttons[index]
	label, detail := b.label, ""
	var given []whatsapp.Parameter
	if c := f.button(index); c >= 0 {
		given = f.given(c)
	}
	switch {
	case b.otp: // a tap copies the code; the address is Meta's own
	case b.kind == "URL":
		detail = b.url.fill(func(int) (string, bool) {
			if len(given) == 0 {
				return "", false
			}
			return given[0].Text, true
		})
	case b.kind == "PHONE_NUMBER":
		detail = b.phone
	case b.kind == "COPY_CODE" && len(given) > 0:
		detail = given[0].CouponCode
	}
	if label == "" {
		label = strings.ToLower(strings.ReplaceAll(b.kind, "_", " "))
	}
	if detail == "" {
		return "[" + label + "]"
	}
	return "[" + label + ": " + detail + "]"
}

// values shows what is given to a template without a definition.
func (p *preview) values(d *Definition, fills []fill) {
	p.line(d.String() + ", text unknown without its definition")
	for i := range fills {
		f := &fills[i]
		for c := range f.components {
			for j := range f.components[c].Parameters {
				p.line(f.what(c, j) + ": " + anyText(&f.components[c].Parameters[j]))
			}
		}
	}
}

func anyText(p *whatsapp.Parameter) string {
	for _, s := range []string{p.Text, p.CouponCode, p.Payload, mediaText(p)} {
		if s != "" {
			return s
		}
	}
	return p.Type
}
