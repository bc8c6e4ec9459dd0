package template

import "strings"

// button is one button of a template.
type button struct {
	// kind is the API's type in upper case, such as QUICK_REPLY.
	kind  string
	label string
	// url of a URL button, cut at its one variable.
	url   text
	phone string
	// otp marks the button of an authentication template, which the API stores
	// as a URL button (fact sheet 4.1).
	otp  bool
	need need
}

// need says whether a send has to fill a button.
type need int

const (
	never need = iota + 1
	optional
	required
)

// kindQuickReply is the kind of buttons that send their label and payload back.
const kindQuickReply = "QUICK_REPLY"

// otpURL begins the URL under which the API stores a one-time-password button.
const otpURL = "https://www.whatsapp.com/otp/"

func compileButton(w wireButton, authentication bool) button {
	b := button{kind: strings.ToUpper(w.Type), label: w.Text, phone: w.Phone}
	// The one variable of a URL keeps its number in templates with names too.
	b.url = compileText(w.URL, false)
	if len(b.url.vars) == 0 {
		b.url = compileText(w.URL, true)
	}
	dynamic := len(b.url.vars) > 0
	b.otp = b.kind == "OTP" || b.kind == "URL" && dynamic && (authentication || strings.HasPrefix(w.URL, otpURL))
	switch b.kind {
	case "URL":
		b.need = never
		if dynamic {
			b.need = required
		}
	case "OTP", "COPY_CODE", "MPM", "ORDER_DETAILS":
		b.need = required
	case "PHONE_NUMBER", "SPM", "REQUEST_CONTACT_INFO":
		b.need = never
	default: // QUICK_REPLY, FLOW, CATALOG, VOICE_CALL and kinds that are newer than this build
		b.need = optional
	}
	return b
}

// subType is how a send names the button's kind.
func (b *button) subType() string {
	switch b.kind {
	case kindQuickReply:
		return subQuickReply
	case "URL", "OTP":
		return subURL
	case "COPY_CODE":
		return subCopyCode
	case "FLOW":
		return subFlow
	}
	return strings.ToLower(b.kind)
}

// Sub-types of button components that params can fill.
const (
	subQuickReply = "quick_reply"
	subURL        = "url"
	subCopyCode   = "copy_code"
	subFlow       = "flow"
)

// parameterType is the type of parameter that a sub-type takes; empty when this
// package does not look into it.
func parameterType(subType string) string {
	switch subType {
	case subQuickReply:
		return typePayload
	case subURL:
		return typeText
	case subCopyCode:
		return typeCoupon
	case subFlow:
		return typeAction
	}
	return ""
}

// hint says what a job has to give the button.
func (b *button) hint() string {
	switch {
	case b.otp:
		return "otp"
	case b.kind == "URL":
		return "url (what follows the fixed part of the address)"
	case b.kind == "COPY_CODE":
		return "code (the coupon)"
	}
	return "components in place of params"
}
