package template

import (
	"strconv"
	"unicode/utf8"

	"github.com/wacast/wacast/pkg/whatsapp"
)

// checkButtons asks for each button what the template wants of it, then looks at
// what is given; last come the parts that params cannot fill.
func (f *fill) checkButtons(found *problems) {
	for i := range f.sec.buttons {
		b := &f.sec.buttons[i]
		if b.need == required && f.button(i) < 0 {
			found.add(f.absent("buttons."+strconv.Itoa(i)), codeMissing, f.buttonName(i)+" requires a parameter: give "+b.hint())
		}
	}
	for c := range f.components {
		if f.components[c].Type == partButton {
			f.checkButton(c, found)
		}
	}
	if f.sec == &f.def.main {
		f.checkOther(found)
	}
}

func (f *fill) checkButton(c int, found *problems) {
	given := &f.components[c]
	index := position(given.Index)
	switch {
	case given.Index == "":
		found.add(f.path(c, -1), codeMissing, "index is missing: it is the button's position in the template, from 0")
		return
	case index < 0:
		found.add(f.path(c, -1), codeInvalid, "a button's index must be its position in the template, from 0")
		return
	case !f.def.checked:
	case index >= len(f.sec.buttons):
		found.add(f.path(c, -1), codeValue, "the template has no button "+strconv.Itoa(index)+": it has "+plural(len(f.sec.buttons), "button"))
		return
	case f.sec.buttons[index].need == never:
		code := codeMismatch
		if f.sec.buttons[index].subType() == given.SubType {
			code = codeCount
		}
		found.add(f.path(c, -1), code, f.buttonName(index)+" is the same for everybody and takes no parameter")
		return
	case f.sec.buttons[index].subType() != given.SubType:
		found.add(f.path(c, -1), codeMismatch, f.buttonName(index)+" is of the kind "+f.sec.buttons[index].kind)
		return
	case f.plainURL(index):
		found.add(f.path(c, -1), codeMismatch, f.buttonName(index)+" takes no one-time code: give url")
		return
	}
	if want := parameterType(given.SubType); want != "" {
		f.checkButtonParameter(c, index, want, found)
	}
	if f.isCode(index) {
		f.checkCode(c, found)
	}
}

// plainURL reports a one-time code given to a button that leads to a page.
func (f *fill) plainURL(index int) bool {
	return f.params != nil && f.params.Buttons[strconv.Itoa(index)].OTP != nil && !f.sec.buttons[index].otp
}

// isCode reports whether a button carries a one-time code.
func (f *fill) isCode(index int) bool {
	if f.def.checked {
		return f.sec.buttons[index].otp
	}
	return f.params != nil && f.params.Buttons[strconv.Itoa(index)].OTP != nil
}

func (f *fill) checkButtonParameter(c, index int, want string, found *problems) {
	given := f.components[c].Parameters
	switch {
	case len(given) == 0:
		if !f.def.checked || f.sec.buttons[index].need == required {
			found.add(f.path(c, -1), codeMissing, f.buttonName(index)+" requires a parameter of the type "+want)
		}
		return
	case len(given) > 1:
		found.add(f.path(c, -1), codeCount, f.buttonName(index)+" takes one parameter, "+strconv.Itoa(len(given))+" are given")
	case given[0].Type != want:
		found.add(f.path(c, 0), codeMismatch, f.buttonName(index)+" takes a parameter of the type "+want)
	}
	switch p := &given[0]; p.Type {
	case typePayload:
		f.checkMost(c, index, p.Payload, "payload", maxPayload, found)
	case typeCoupon:
		f.checkMost(c, index, p.CouponCode, "coupon", maxCoupon, found)
	}
}

func (f *fill) checkMost(c, index int, value, what string, most int, found *problems) {
	if n := utf8.RuneCountInString(value); n > most {
		found.add(f.path(c, 0), codeInvalid, "the "+what+" of "+f.buttonName(index)+" has "+strconv.Itoa(n)+
			" characters, at most "+strconv.Itoa(most)+" are allowed")
	}
}

// checkCode compares a one-time code with the body, which has to show the same.
func (f *fill) checkCode(c int, found *problems) {
	given, body := f.given(c), f.given(f.body)
	if len(given) == 0 {
		return
	}
	f.checkMost(c, position(f.components[c].Index), given[0].Text, "code", maxOTP, found)
	if len(body) > 0 && !isText(&body[0], given[0].Text) {
		found.add(f.path(f.body, 0), codeValue, f.what(f.body, 0)+" must be the same code as the button's")
	}
}

func isText(p *whatsapp.Parameter, s string) bool { return p.Type == typeText && p.Text == s }

// checkOther asks for the components that only a job's own components can have.
func (f *fill) checkOther(found *problems) {
	if o := f.def.offer; o != nil && o.expires && !f.has(partOffer) {
		found.add(f.absent(partOffer), codeMissing, "the offer's end is missing: give components with limited_time_offer")
	}
	if len(f.def.cards) > 0 && f.params != nil {
		found.add(f.absent(partCarousel), codeMissing, "the template has a carousel: give components in place of params")
	}
}

func (f *fill) has(part string) bool {
	for i := range f.components {
		if f.components[i].Type == part {
			return true
		}
	}
	return false
}
