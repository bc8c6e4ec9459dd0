package template

import (
	"strconv"
	"strings"

	"github.com/wacast/wacast/pkg/whatsapp"
)

// stage is one of the checks of fact sheet 4.4, in the API's order.
type stage int

const (
	stageCounts stage = iota
	stageNames
	stageTypes
	stageButtons
	stageContent
	stageEmpty
	stageLengths
	stages
)

// check runs every stage over every section before the next stage, so that the
// first problem is the one that the API would have answered.
func check(fills []fill) problems {
	var found problems
	for s := range stages {
		for i := range fills {
			fills[i].check(s, &found)
		}
	}
	return found
}

func (f *fill) check(s stage, found *problems) {
	switch s {
	case stageCounts:
		f.checkCounts(found)
	case stageNames:
		f.checkNames(found)
	case stageTypes:
		f.checkTypes(found)
	case stageButtons:
		f.checkButtons(found)
	case stageContent:
		f.checkContent(found)
	case stageEmpty:
		f.checkEmpty(found)
	case stageLengths:
		f.checkLengths(found)
	}
}

func (f *fill) checkCounts(found *problems) {
	if !f.def.checked {
		return
	}
	h := f.sec.header
	switch {
	case h == nil && f.header >= 0:
		found.add(f.path(f.header, -1), codeCount, "a header is given, the template has none")
	case h != nil && h.format == "TEXT":
		f.checkCount(f.header, partHeader, &h.text, found)
	case h != nil && len(f.given(f.header)) > 1:
		found.add(f.path(f.header, -1), codeCount, "the header takes one parameter, "+strconv.Itoa(len(f.given(f.header)))+" are given")
	}
	f.checkCount(f.body, partBody, &f.sec.body, found)
}

func (f *fill) checkCount(component int, part string, t *text, found *problems) {
	want, got := len(t.vars), len(f.given(component))
	if want == got {
		return
	}
	path := f.absent(part)
	if component >= 0 {
		path = f.path(component, -1)
	}
	found.add(path, codeCount, "the "+part+" has "+plural(want, "variable")+listed(t)+", "+plural(got, "value")+" given")
}

func listed(t *text) string {
	if len(t.vars) == 0 {
		return ""
	}
	return " (" + t.list() + ")"
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return strconv.Itoa(n) + " " + noun + "s"
}

func (f *fill) checkNames(found *problems) {
	if !f.def.checked {
		return
	}
	if f.sec.header != nil && f.sec.header.format == "TEXT" {
		f.checkNamesOf(f.header, &f.sec.header.text, found)
	}
	f.checkNamesOf(f.body, &f.sec.body, found)
}

func (f *fill) checkNamesOf(component int, t *text, found *problems) {
	if len(t.vars) == 0 {
		return // whatever is given is too much, which was counted
	}
	given := f.given(component)
	for i := range given {
		name := given[i].Name
		switch {
		case !f.def.named && name == "", !f.def.named && f.params == nil:
			// With numbers the order is everything, whatever it is called.
		case !f.def.named:
			found.add(f.path(component, -1), codeInvalid, "the template numbers its variables: give a list, or an object with the names 1 to "+strconv.Itoa(len(t.vars)))
			return
		case name == "" && f.params != nil:
			found.add(f.path(component, -1), codeInvalid, "the template names its variables: give an object with "+t.list())
			return
		case name == "":
			found.add(f.path(component, i), codeInvalid, "parameter_name is missing: the template has "+t.list())
		case t.index(name) < 0:
			found.add(f.path(component, i), codeInvalid, "the template has no variable of this name: it has "+t.list())
		case nameBefore(given[:i], name):
			found.add(f.path(component, i), codeInvalid, "a second value for one name")
		}
	}
}

func nameBefore(given []whatsapp.Parameter, name string) bool {
	for i := range given {
		if given[i].Name == name {
			return true
		}
	}
	return false
}

func (f *fill) checkTypes(found *problems) {
	f.checkHeaderType(found)
	for i := range f.given(f.header) {
		f.checkMedia(i, found)
	}
	for i, p := range f.given(f.body) {
		switch p.Type {
		case typeText, typeCurrency, typeDateTime:
		default:
			found.add(f.path(f.body, i), codeMismatch, f.what(f.body, i)+" must be text, not "+strconv.Quote(p.Type))
		}
	}
}

// checkHeaderType compares the parameter with the template's format.
func (f *fill) checkHeaderType(found *problems) {
	h := f.sec.header
	if h == nil || h.format == "TEXT" && len(h.text.vars) == 0 {
		return
	}
	given := f.given(f.header)
	switch {
	case len(given) > 0:
		if !strings.EqualFold(given[0].Type, h.format) {
			found.add(f.path(f.header, 0), codeMismatch, "the template's header is "+h.format+", "+strings.ToUpper(given[0].Type)+" is given")
		}
	case h.format != "TEXT":
		text := "the template's header is " + h.format + ", none is given"
		if f.params != nil && (h.format == "GIF" || h.format == "PRODUCT") {
			text += ": give components in place of params"
		}
		found.add(f.absent(partHeader), codeMismatch, text)
	}
}

func (f *fill) checkMedia(i int, found *problems) {
	p := &f.components[f.header].Parameters[i]
	media := p.Image
	switch p.Type {
	case typeVideo:
		media = p.Video
	case typeDocument:
		media = p.Document
	case typeLocation:
		f.checkLocation(i, p.Location, found)
		return
	case typeImage:
	default:
		return
	}
	switch {
	case media == nil || media.ID == "" && media.Link == "":
		found.add(f.path(f.header, i), codeMissing, "must have an id or a link")
	case media.Link != "" && !isLink(media.Link):
		found.add(f.path(f.header, i)+".link", codeValue, "must be an address that begins with https:// or http://")
	case media.Filename != "" && p.Type != typeDocument:
		found.add(f.path(f.header, i)+".filename", codeInvalid, "is for documents only")
	}
}

func isLink(s string) bool {
	scheme, rest, ok := strings.Cut(s, "://")
	return ok && (strings.EqualFold(scheme, "https") || strings.EqualFold(scheme, "http")) &&
		rest != "" && rest[0] != '/' && !strings.ContainsAny(rest, " \t\r\n")
}

func (f *fill) checkLocation(i int, l *whatsapp.Location, found *problems) {
	switch {
	case l == nil || l.Latitude == "" || l.Longitude == "":
		found.add(f.path(f.header, i), codeMissing, "must have latitude and longitude")
	case !isDegree(l.Latitude, 90):
		found.add(f.path(f.header, i)+".latitude", codeValue, "must be decimal degrees, -90 to 90")
	case !isDegree(l.Longitude, 180):
		found.add(f.path(f.header, i)+".longitude", codeValue, "must be decimal degrees, -180 to 180")
	}
}

func isDegree(s string, most float64) bool {
	n, err := strconv.ParseFloat(s, 64)
	return err == nil && n >= -most && n <= most
}
