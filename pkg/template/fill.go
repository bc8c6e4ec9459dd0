package template

import (
	"strconv"
	"strings"

	"github.com/wacast/wacast/pkg/job"
	"github.com/wacast/wacast/pkg/whatsapp"
)

// fill is what one send gives one section: the form that the checks and the
// preview read, whether it came as params or as components.
type fill struct {
	def *Definition
	sec *section
	// params is set when the components were built from them: places in the job
	// are told in its terms.
	params *job.Params
	// prefix leads to the components of a carousel card.
	prefix     string
	components []whatsapp.Component
	// header and body are indices of components, or -1.
	header, body int
}

func newFill(d *Definition, s *section, components []whatsapp.Component) fill {
	f := fill{def: d, sec: s, prefix: "template.", components: components, header: -1, body: -1}
	for i := range components {
		switch components[i].Type {
		case partHeader:
			f.header = i
		case partBody:
			f.body = i
		}
	}
	return f
}

// given returns the parameters of a component that may be absent.
func (f *fill) given(component int) []whatsapp.Parameter {
	if component < 0 {
		return nil
	}
	return f.components[component].Parameters
}

// value finds what fills a variable: by name, or by its place.
func (f *fill) value(component int, t *text, variable int) (string, bool) {
	given := f.given(component)
	if f.def.named {
		for i := range given {
			if given[i].Name == t.vars[variable].name {
				return given[i].Text, true
			}
		}
		return "", false
	}
	if variable < len(given) {
		return given[variable].Text, true
	}
	return "", false
}

// button finds the component of a button by its position, or returns -1.
func (f *fill) button(index int) int {
	for i := range f.components {
		if f.components[i].Type == partButton && position(f.components[i].Index) == index {
			return i
		}
	}
	return -1
}

// position reads a button's index, 0 to 99 without leading zeros; -1 is none.
func position(index string) int {
	if index == "0" {
		return 0
	}
	if len(index) > 2 || !isNumber(index) {
		return -1
	}
	n, _ := strconv.Atoi(index) // two digits
	return n
}

// path is the place of a parameter in the job; parameter -1 is the component.
func (f *fill) path(component, parameter int) string {
	c := &f.components[component]
	if f.params == nil {
		path := f.prefix + "components[" + strconv.Itoa(component) + "]"
		if parameter >= 0 {
			path += ".parameters[" + strconv.Itoa(parameter) + "]"
		}
		return path
	}
	path := "template.params." + c.Type
	switch {
	case c.Type == partButton:
		return "template.params.buttons." + c.Index + "." + paramName(f.params.Buttons[c.Index])
	case c.Type == partBody && f.params.Body == nil: // filled by the code
		return "template.params.buttons.0.otp"
	case parameter < 0:
	case c.Type == partHeader:
		path += "." + c.Parameters[parameter].Type
	case f.params.Body.Named == nil:
		path += "[" + strconv.Itoa(parameter) + "]"
	case c.Parameters[parameter].Name != "":
		path += "." + c.Parameters[parameter].Name
	default:
		path += "." + strconv.Itoa(parameter+1)
	}
	return path
}

// absent is the path of something the job should have given and has not.
func (f *fill) absent(part string) string {
	if f.params == nil {
		return f.prefix + "components"
	}
	return "template.params." + part
}

// paramName is the field of a job's button that is set.
func paramName(b job.Button) string {
	switch {
	case b.Payload != nil:
		return "payload"
	case b.URL != nil:
		return "url"
	case b.Code != nil:
		return "code"
	case b.OTP != nil:
		return "otp"
	}
	return "flow"
}

// what names a parameter for a person.
func (f *fill) what(component, parameter int) string {
	c := &f.components[component]
	switch c.Type {
	case partBody:
		return "body variable " + f.variable(&f.sec.body, c.Parameters, parameter)
	case partHeader:
		if f.sec.header != nil {
			return "header variable " + f.variable(&f.sec.header.text, c.Parameters, parameter)
		}
		return "header"
	case partButton:
		return f.buttonName(position(c.Index))
	}
	return strings.ReplaceAll(c.Type, "_", " ")
}

func (f *fill) variable(t *text, given []whatsapp.Parameter, i int) string {
	v := variable{name: strconv.Itoa(i + 1)}
	switch name := given[i].Name; {
	case name != "":
		v.name = name
		if at := t.index(name); at >= 0 {
			v = t.vars[at]
		}
	case !f.def.named && i < len(t.vars):
		v = t.vars[i]
	}
	return v.describe()
}

// buttonName is a button's position and label: button 0 ("Track").
func (f *fill) buttonName(index int) string {
	if index < 0 {
		return "button"
	}
	s := "button " + strconv.Itoa(index)
	if index < len(f.sec.buttons) && f.sec.buttons[index].label != "" {
		s += " (" + strconv.Quote(f.sec.buttons[index].label) + ")"
	}
	return s
}
