package job

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// maxButton is the last position in a template with ten buttons, the most a
// template can have (Cloud API fact sheet 3.7).
const maxButton = 9

func (c *checker) params(p *Params) {
	if p.Header != nil {
		c.header(p.Header)
	}
	if p.Body != nil {
		c.body(p.Body)
	}
	for _, index := range sortedNames(p.Buttons) {
		c.button(index, p.Buttons[index])
	}
}

func (c *checker) header(h *Header) {
	const path = "template.params.header"
	n := count(h.Text != nil, h.Image != nil, h.Video != nil, h.Document != nil, h.Location != nil)
	c.check(n == 1, "must have exactly one of text, image, video, document, location", path)
	c.text(h.Text, path, "text")
	c.media(h.Image, path, "image")
	c.media(h.Video, path, "video")
	c.media(h.Document, path, "document")
	c.check(h.Image == nil || h.Image.Filename == "", "must be left out: only a document has one", path, "image.filename")
	c.check(h.Video == nil || h.Video.Filename == "", "must be left out: only a document has one", path, "video.filename")
	if l := h.Location; l != nil {
		c.check(validDegrees(l.Latitude, 90), "must be decimal degrees in a string, from -90 to 90", path, "location.latitude")
		c.check(validDegrees(l.Longitude, 180), "must be decimal degrees in a string, from -180 to 180", path, "location.longitude")
		c.text(&l.Name, path, "location.name")
		c.text(&l.Address, path, "location.address")
	}
}

func (c *checker) media(m *Media, path, name string) {
	if m == nil {
		return
	}
	c.check((m.ID == "") != (m.Link == ""), "must have either id or link", path, name)
	c.check(m.Link == "" || strings.HasPrefix(m.Link, "https://") || strings.HasPrefix(m.Link, "http://"),
		"must begin with https:// or http://", path, name, "link")
	c.text(&m.Filename, path, name, "filename")
}

func (c *checker) body(b *Body) {
	const path = "template.params.body"
	c.check(b.List == nil || b.Named == nil, "must be a list or an object, not both", path)
	for i := range b.List {
		if !utf8.ValidString(b.List[i]) {
			c.text(&b.List[i], path+"["+strconv.Itoa(i)+"]")
		}
	}
	for _, name := range sortedNames(b.Named) {
		text := b.Named[name]
		c.text(&text, path, safeName(name))
	}
}

func (c *checker) button(index string, b Button) {
	const path = "template.params.buttons"
	name := safeName(index)
	n, err := strconv.Atoi(index)
	c.check(err == nil && n >= 0 && n <= maxButton && strconv.Itoa(n) == index, "must be a button's position, 0 to 9", path, name)
	set := count(b.Payload != nil, b.URL != nil, b.Code != nil, b.OTP != nil, b.Flow != nil)
	c.check(set == 1, "must have exactly one of payload, url, code, otp, flow", path, name)
	c.text(b.Payload, path, name, "payload")
	c.text(b.URL, path, name, "url")
	c.text(b.Code, path, name, "code")
	c.text(b.OTP, path, name, "otp")
	if f := b.Flow; f != nil {
		c.text(&f.Token, path, name, "flow.flow_token")
		c.raw(f.Data, '{', "must be a JSON object", path, name, "flow.flow_action_data")
	}
}

// text refuses what JSON cannot carry: a file saved as Latin-1 gives such texts,
// and they would reach the recipient with � in place of every accent.
func (c *checker) text(text *string, path ...string) {
	c.check(text == nil || utf8.ValidString(*text), "must be UTF-8", path...)
}

// validDegrees reports whether s is a plain decimal number between -limit and
// limit.
func validDegrees(s string, limit float64) bool {
	whole, fraction, dot := strings.Cut(strings.TrimPrefix(s, "-"), ".")
	if whole == "" || !all(whole, digit) || dot && fraction == "" || !all(fraction, digit) {
		return false
	}
	degrees, err := strconv.ParseFloat(s, 64)
	return err == nil && degrees >= -limit && degrees <= limit
}
