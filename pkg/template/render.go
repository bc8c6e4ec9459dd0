package template

import (
	"errors"
	"maps"
	"slices"
	"strconv"

	"github.com/wacast/wacast/pkg/job"
	"github.com/wacast/wacast/pkg/whatsapp"
)

// ErrVars marks a template that is filled by vars only. They become parameters
// through the campaign's [Expressions], before rendering.
var ErrVars = errors.New("template has vars in place of params: the campaign's parameter expressions have to be applied first")

// Component types.
const (
	partHeader   = "header"
	partBody     = "body"
	partButton   = "button"
	partCarousel = "carousel"
	partOffer    = "limited_time_offer"
)

// Parameter types.
const (
	typeText     = "text"
	typeImage    = "image"
	typeVideo    = "video"
	typeDocument = "document"
	typeLocation = "location"
	typePayload  = "payload"
	typeCoupon   = "coupon_code"
	typeAction   = "action"
)

// Render turns a job's template into the message's. It checks the parameters and
// returns a [*ParamError] with all that is wrong, or [ErrVars]. Components are
// checked as far as this package knows them and go out as they came.
//
// The result shares memory with t.
func (d *Definition) Render(t *job.Template) (whatsapp.Template, error) {
	out := whatsapp.Template{Name: d.name, Language: d.language}
	var found problems
	switch {
	case len(t.Components) > 0:
		out.RawComponents = t.Components
		found = d.checkRaw(t.Components)
	case t.Params == nil && t.Vars != nil:
		return whatsapp.Template{}, ErrVars
	default:
		params := t.Params
		if params == nil {
			params = new(job.Params)
		}
		out.Components = d.build(params)
		f := newFill(d, &d.main, out.Components)
		f.params = params
		found = check([]fill{f})
	}
	if len(found) > 0 {
		return whatsapp.Template{}, &ParamError{Template: d.String(), Problems: found}
	}
	return out, nil
}

// build writes the components for params, right or wrong: the checks read them as
// they read a job's own components. All parameters share one allocation.
func (d *Definition) build(p *job.Params) []whatsapp.Component {
	code := oneTimeCode(p)
	n := 1 + len(p.Buttons) + 1 // a header, the buttons, and a code that fills the body
	if p.Body != nil {
		n += len(p.Body.List) + len(p.Body.Named)
	}
	b := builder{
		components: make([]whatsapp.Component, 0, 2+len(p.Buttons)),
		parameters: make([]whatsapp.Parameter, 0, n),
	}
	if p.Header != nil {
		b.header(d, p.Header)
	}
	switch {
	case p.Body != nil:
		b.body(d, p.Body)
	case code != "":
		b.add(whatsapp.Parameter{Type: typeText, Text: code, Name: d.nameOf(&d.main.body, 0)})
		b.close(whatsapp.Component{Type: partBody})
	}
	b.buttons(p.Buttons)
	if len(b.components) == 0 {
		return nil
	}
	return b.components
}

// oneTimeCode finds the code of an authentication template, which the API wants
// in the body as well.
func oneTimeCode(p *job.Params) string {
	if b, ok := p.Buttons["0"]; ok && b.OTP != nil {
		return *b.OTP
	}
	return ""
}

// nameOf is the name a value needs: none in a template with numbers.
func (d *Definition) nameOf(t *text, variable int) string {
	if d.named && variable < len(t.vars) {
		return t.vars[variable].name
	}
	return ""
}

// builder grows components whose parameters lie in one array.
type builder struct {
	components []whatsapp.Component
	parameters []whatsapp.Parameter
	// from is where the open component's parameters begin.
	from int
}

func (b *builder) add(p whatsapp.Parameter) { b.parameters = append(b.parameters, p) }

// close ends a component with the parameters added since the last one.
func (b *builder) close(c whatsapp.Component) {
	end := len(b.parameters)
	if b.from == end {
		return
	}
	c.Parameters = b.parameters[b.from:end:end]
	b.from = end
	b.components = append(b.components, c)
}

func (b *builder) header(d *Definition, h *job.Header) {
	var p whatsapp.Parameter
	switch {
	case h.Text != nil:
		p = whatsapp.Parameter{Type: typeText, Text: *h.Text}
		if d.main.header != nil {
			p.Name = d.nameOf(&d.main.header.text, 0)
		}
	case h.Image != nil:
		p = whatsapp.Parameter{Type: typeImage, Image: (*whatsapp.Media)(h.Image)}
	case h.Video != nil:
		p = whatsapp.Parameter{Type: typeVideo, Video: (*whatsapp.Media)(h.Video)}
	case h.Document != nil:
		p = whatsapp.Parameter{Type: typeDocument, Document: (*whatsapp.Media)(h.Document)}
	case h.Location != nil:
		p = whatsapp.Parameter{Type: typeLocation, Location: (*whatsapp.Location)(h.Location)}
	default:
		return
	}
	b.add(p)
	b.close(whatsapp.Component{Type: partHeader})
}

func (b *builder) body(d *Definition, body *job.Body) {
	for _, v := range body.List {
		b.add(whatsapp.Parameter{Type: typeText, Text: v})
	}
	switch {
	case body.Named == nil:
	case !d.named && numbered(body.Named):
		for i := range len(body.Named) {
			b.add(whatsapp.Parameter{Type: typeText, Text: body.Named[strconv.Itoa(i+1)]})
		}
	default:
		b.named(&d.main.body, body.Named)
	}
	b.close(whatsapp.Component{Type: partBody})
}

// named adds values in the template's own order, then the ones it does not know.
func (b *builder) named(t *text, values map[string]string) {
	known := 0
	for i := range t.vars {
		name := t.vars[i].name
		if v, ok := values[name]; ok {
			b.add(whatsapp.Parameter{Type: typeText, Name: name, Text: v})
			known++
		}
	}
	if known == len(values) {
		return
	}
	for _, name := range slices.Sorted(maps.Keys(values)) {
		if t.index(name) < 0 {
			b.add(whatsapp.Parameter{Type: typeText, Name: name, Text: values[name]})
		}
	}
}

// numbered holds for an object with the names 1 to n: a list, written otherwise.
func numbered(values map[string]string) bool {
	for i := range len(values) {
		if _, ok := values[strconv.Itoa(i+1)]; !ok {
			return false
		}
	}
	return true
}

// buttons adds them by position; strconv.Itoa does not allocate for one digit.
func (b *builder) buttons(buttons map[string]job.Button) {
	left := len(buttons)
	for i := 0; i < 10 && left > 0; i++ {
		index := strconv.Itoa(i)
		if button, ok := buttons[index]; ok {
			b.button(index, &button)
			left--
		}
	}
	if left == 0 {
		return
	}
	for _, index := range slices.Sorted(maps.Keys(buttons)) {
		if len(index) != 1 || index[0] < '0' || index[0] > '9' {
			button := buttons[index]
			b.button(index, &button)
		}
	}
}

func (b *builder) button(index string, in *job.Button) {
	c := whatsapp.Component{Type: partButton, Index: index}
	switch {
	case in.Payload != nil:
		c.SubType = subQuickReply
		b.add(whatsapp.Parameter{Type: typePayload, Payload: *in.Payload})
	case in.URL != nil:
		c.SubType = subURL
		b.add(whatsapp.Parameter{Type: typeText, Text: *in.URL})
	case in.Code != nil:
		c.SubType = subCopyCode
		b.add(whatsapp.Parameter{Type: typeCoupon, CouponCode: *in.Code})
	case in.OTP != nil:
		c.SubType = subURL
		b.add(whatsapp.Parameter{Type: typeText, Text: *in.OTP})
	case in.Flow != nil:
		c.SubType = subFlow
		b.add(whatsapp.Parameter{Type: typeAction, Action: &whatsapp.Action{FlowToken: in.Flow.Token, FlowData: in.Flow.Data}})
	}
	b.close(c)
}
