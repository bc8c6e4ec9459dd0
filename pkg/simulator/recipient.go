package simulator

import "strings"

// recipient is whom a message goes to.
type recipient struct {
	// input is what was sent, digits the number in it; for a business-scoped
	// user id, digits is empty.
	input, digits string
}

// recipient reads to, or recipient where to is missing. To wins over a
// business-scoped user id, as on the platform.
func (r *request) recipient() (recipient, *refusal) {
	switch {
	case r.To != "":
		digits := phoneDigits(r.To)
		if len(digits) < 7 || len(digits) > 15 || digits[0] == '0' {
			return recipient{}, invalidParam("Parameter Invalid")
		}
		return recipient{input: r.To, digits: digits}, nil
	case r.Recipient != "":
		if len(r.Recipient) > 128 || strings.ContainsFunc(r.Recipient, notInUserID) {
			return recipient{}, invalidParam("Parameter Invalid")
		}
		return recipient{input: r.Recipient}, nil
	}
	return recipient{}, required("to")
}

// phoneDigits strips what the platform allows in numbers; "" if anything else is left.
func phoneDigits(to string) string {
	if isDigits(to) {
		return to
	}
	digits := strings.Map(func(r rune) rune {
		if strings.ContainsRune("+-() ", r) {
			return -1
		}
		return r
	}, to)
	if !isDigits(digits) {
		return ""
	}
	return digits
}

func notInUserID(r rune) bool {
	return !(r >= '0' && r <= '9' || r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z' || strings.ContainsRune("._-", r))
}

// person is the one whom the message reaches, however the number was written.
func (r recipient) person() string {
	if r.digits == "" {
		return r.input
	}
	return waID(r.digits)
}

// waID is WhatsApp's id for a number. It differs from the number where
// accounts were opened before a numbering change (fact sheet 8.6): Brazil's
// ninth digit, Mexico's 1 and Argentina's 9.
func waID(digits string) string {
	switch {
	case strings.HasPrefix(digits, "52") && len(digits) == 12:
		return "521" + digits[2:]
	case strings.HasPrefix(digits, "54") && len(digits) == 12:
		return "549" + digits[2:]
	case strings.HasPrefix(digits, "55") && len(digits) == 13 && digits[4] == '9' && !keepsNinthDigit(digits[2:4]):
		return digits[:4] + digits[5:]
	}
	return digits
}

// keepsNinthDigit reports whether accounts in a Brazilian area have the ninth digit.
func keepsNinthDigit(area string) bool {
	switch area {
	case "21", "22", "24", "27", "28":
		return true
	}
	return area[0] == '1'
}
