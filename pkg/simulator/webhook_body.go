package simulator

import (
	"fmt"
	"slices"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// errorsPage is what the platform's webhooks refer to.
const errorsPage = "https://developers.facebook.com/documentation/business-messaging/whatsapp/support/error-codes"

// appendPost writes the body of a POST: an entry for each account, a change for
// each number, their statuses in the order given; then whatever else there is to tell,
// an entry each.
func appendPost(b []byte, updates []update, conversation bool) []byte {
	b = append(b, `{"object":"whatsapp_business_account","entry":[`...)
	updates, others := apart(updates)
	b = appendStatuses(b, updates, conversation)
	for i, n := range others {
		if i > 0 || len(updates) > 0 {
			b = append(b, ',')
		}
		b = appendNews(b, n)
	}
	return append(b, `]}`...)
}

// appendStatuses writes the entries of statuses.
func appendStatuses(b []byte, updates []update, conversation bool) []byte {
	var accounts []*account
	for i := range updates {
		a := updates[i].notice.number.account
		if slices.Contains(accounts, a) {
			continue
		}
		if accounts = append(accounts, a); len(accounts) > 1 {
			b = append(b, ',')
		}
		b = append(b, `{"id":`...)
		b = appendText(b, a.waba)
		b = append(b, `,"changes":[`...)
		b = appendChanges(b, updates[i:], a, conversation)
		b = append(b, `]}`...)
	}
	return b
}

// appendChanges writes what the updates say of one account.
func appendChanges(b []byte, updates []update, a *account, conversation bool) []byte {
	var numbers []*number
	for i := range updates {
		n := updates[i].notice.number
		if n.account != a || slices.Contains(numbers, n) {
			continue
		}
		if numbers = append(numbers, n); len(numbers) > 1 {
			b = append(b, ',')
		}
		of := make([]*update, 0, len(updates)-i)
		for j := i; j < len(updates); j++ {
			if updates[j].notice.number == n {
				of = append(of, &updates[j])
			}
		}
		b = appendChange(b, n, of, conversation)
	}
	return b
}

func appendChange(b []byte, n *number, updates []*update, conversation bool) []byte {
	b = append(b, `{"value":{"messaging_product":"whatsapp","metadata":{"display_phone_number":`...)
	b = appendText(b, n.display)
	b = append(b, `,"phone_number_id":`...)
	b = appendText(b, n.id)
	b = append(b, '}')
	b = appendContacts(b, updates)
	b = append(b, `,"statuses":[`...)
	for i, u := range updates {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendStatus(b, u, conversation)
	}
	return append(b, `]},"field":"messages"}`...)
}

// appendContacts lists the people of the statuses, each once. The platform leaves
// out those of failed ones.
func appendContacts(b []byte, updates []*update) []byte {
	seen := make(map[string]bool)
	for _, u := range updates {
		n := u.notice
		if u.status == failed || u.sparse || seen[n.person] {
			continue
		}
		if seen[n.person] = true; len(seen) == 1 {
			b = append(b, `,"contacts":[{`...)
		} else {
			b = append(b, `,{`...)
		}
		if !n.byUserID && !u.numberless {
			b = append(b, `"wa_id":`...)
			b = appendText(b, n.person)
			b = append(b, ',')
		}
		b = append(b, `"user_id":`...)
		b = n.appendUserID(b)
		b = append(b, '}')
	}
	if len(seen) > 0 {
		b = append(b, ']')
	}
	return b
}

// appendUserID writes the person's business-scoped id. Its country is one that no
// person has, since the number alone does not tell.
func (n *notice) appendUserID(b []byte) []byte {
	if n.byUserID {
		return appendText(b, n.person)
	}
	return appendText(b, userID(n.number.account.waba, n.person))
}

// userID is the business-scoped id of a number.
func userID(waba, person string) string {
	return fmt.Sprintf("ZZ.%016d", mix(fnv(person)^mix(fnv(waba)))%1e16)
}

func appendStatus(b []byte, u *update, conversation bool) []byte {
	n := u.notice
	b = append(b, `{"id":`...)
	b = appendText(b, n.id)
	b = append(b, `,"status":"`...)
	b = append(b, statusNames[u.status]...)
	b = append(b, `","timestamp":"`...)
	b = strconv.AppendInt(b, u.stamp, 10)
	b = append(b, '"')
	if !n.byUserID && !u.numberless {
		b = append(b, `,"recipient_id":`...)
		b = appendText(b, n.person)
	}
	if n.byUserID || u.numberless || u.status != failed && !u.sparse {
		b = append(b, `,"recipient_user_id":`...)
		b = n.appendUserID(b)
	}
	if n.token != "" && !u.bare {
		b = append(b, `,"biz_opaque_callback_data":`...)
		b = appendText(b, n.token)
	}
	if u.status == failed {
		return append(appendError(b, int(n.code), u.sparse), '}')
	}
	if u.sparse {
		return append(b, '}')
	}
	if conversation {
		b = n.appendConversation(b, u.stamp)
	}
	b = append(b, `,"pricing":{"billable":true,"pricing_model":"PMP","category":`...)
	b = appendText(b, n.category)
	return append(b, `,"type":"regular"}}`...)
}

// appendConversation writes the object that API versions to v23 send.
func (n *notice) appendConversation(b []byte, stamp int64) []byte {
	const day = 24 * 60 * 60
	id := fnv(n.id)
	b = fmt.Appendf(b, `,"conversation":{"id":"%016x%016x","expiration_timestamp":"%d","origin":{"type":`, mix(id), mix(^id), stamp+day)
	b = appendText(b, n.category)
	return append(b, `}}`...)
}

func appendError(b []byte, code int, sparse bool) []byte {
	r := refuse(code, "")
	title := catalogue[code].title
	if title == "" {
		title = r.message
	}
	b = append(b, `,"errors":[{"code":`...)
	b = strconv.AppendInt(b, int64(code), 10)
	b = append(b, `,"title":`...)
	b = appendText(b, title)
	if sparse {
		return append(b, `}]`...)
	}
	b = append(b, `,"message":`...)
	b = appendText(b, title)
	if r.details != "" {
		b = append(b, `,"error_data":{"details":`...)
		b = appendText(b, r.details)
		b = append(b, '}')
	}
	b = append(b, `,"href":`...)
	b = appendText(b, errorsPage)
	return append(b, `}]`...)
}

// appendText writes a JSON string as the platform does: slashes escaped, and
// everything that is not ASCII as \u with lower-case digits (fact sheet 5.2). Who
// decodes such a body and encodes it again gets other bytes, and another signature.
func appendText(b []byte, s string) []byte {
	b = append(b, '"')
	for i := 0; i < len(s); {
		c := s[i]
		if c < utf8.RuneSelf {
			b = appendASCII(b, c)
			i++
			continue
		}
		r, size := utf8.DecodeRuneInString(s[i:])
		i += size
		b = appendRune(b, r)
	}
	return append(b, '"')
}

// appendRune writes what is not ASCII, in one unit of UTF-16 or two.
func appendRune(b []byte, r rune) []byte {
	if high, low := utf16.EncodeRune(r); high != utf8.RuneError {
		b = appendUnit(b, high)
		r = low
	}
	return appendUnit(b, r)
}

func appendASCII(b []byte, c byte) []byte {
	switch c {
	case '"', '\\', '/':
		return append(b, '\\', c)
	case '\n':
		return append(b, '\\', 'n')
	case '\r':
		return append(b, '\\', 'r')
	case '\t':
		return append(b, '\\', 't')
	}
	if c < ' ' {
		return appendUnit(b, rune(c))
	}
	return append(b, c)
}

func appendUnit(b []byte, unit rune) []byte {
	const digits = "0123456789abcdef"
	return append(b, '\\', 'u', digits[unit>>12&15], digits[unit>>8&15], digits[unit>>4&15], digits[unit&15])
}
