package whatsapp

import (
	"log/slog"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"
)

// maxText bounds what one error keeps of a text that somebody else wrote.
const maxText = 400

// private matches what must not be seen in text from elsewhere: URLs (their query
// may hold a signature), message ids, access tokens, business-scoped user ids,
// telephone numbers and anything else with seven digits or more in a row.
var private = regexp.MustCompile(`https?://[^\s"'<>]+` +
	`|wamid\.[0-9A-Za-z+/=_-]+` +
	`|EAA[0-9A-Za-z]{12,}` +
	`|appsecret_proof=[^\s"'<>&]+` +
	`|\b[A-Z]{2}\.[0-9A-Za-z]{6,}` +
	`|\+[0-9](?:[ ().-]{0,2}[0-9]){6,}` +
	`|[0-9]{7,}`)

// scrub makes a text that somebody else wrote fit for an error: no token, no
// number, no URL beyond its host, valid UTF-8, not too long. Runs of digits that
// are one of the codes stay, since some codes have seven digits.
func scrub(text, token string, codes ...int) string {
	if text == "" {
		return ""
	}
	text = strings.ToValidUTF8(text, "\ufffd")
	if token != "" {
		// Graph quotes a malformed token in its message.
		text = strings.ReplaceAll(text, token, "[token]")
	}
	text = private.ReplaceAllStringFunc(text, func(s string) string {
		for _, code := range codes {
			if s == strconv.Itoa(code) {
				return s
			}
		}
		if _, rest, ok := strings.Cut(s, "://"); ok {
			return hostOnly(rest)
		}
		return "[…]"
	})
	return shorten(text)
}

// hostOnly keeps the host of a URL without its scheme.
func hostOnly(rest string) string {
	if i := strings.IndexAny(rest, "/?#"); i >= 0 {
		rest = rest[:i]
	}
	return "[URL at " + rest[strings.LastIndexByte(rest, '@')+1:] + "]"
}

func shorten(text string) string {
	if len(text) <= maxText {
		return text
	}
	end := maxText
	for !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end] + "…"
}

// traceID keeps a support ticket's trace id if it looks like one.
func traceID(s string) string {
	if len(s) > 64 {
		return ""
	}
	letters := false
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z':
			letters = true
		case c >= '0' && c <= '9' || c == '_' || c == '-':
		default:
			return ""
		}
	}
	if !letters {
		return ""
	}
	return s
}

// maskEnd keeps the last two characters, enough to tell two recipients apart.
func maskEnd(s string) string {
	if len(s) <= 4 {
		return strings.Repeat("*", len(s))
	}
	return "…" + s[len(s)-2:]
}

// String names the template and hides the recipient and the parameters.
func (m Message) String() string {
	return m.Template.Name + "/" + m.Template.Language + " to " + maskEnd(m.To+m.Recipient)
}

// GoString hides as String does, so that %#v shows no number.
func (m Message) GoString() string { return m.String() }

// LogValue hides as String does.
func (m Message) LogValue() slog.Value { return slog.StringValue(m.String()) }

// String shows the status and the end of the message id, which no number is in.
func (a Accepted) String() string {
	id := a.MessageID
	if len(id) > 24 {
		id = id[len(id)-6:]
	} else {
		id = ""
	}
	return string(a.Status) + " …" + id
}

// GoString hides as String does, so that %#v shows no number.
func (a Accepted) GoString() string { return a.String() }

// LogValue hides as String does.
func (a Accepted) LogValue() slog.Value { return slog.StringValue(a.String()) }
