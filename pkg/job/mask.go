package job

import "log/slog"

// Phone is a telephone number: + and 7–15 digits. It is whole on the wire
// (string(p), JSON) and masked wherever it is printed or logged.
type Phone string

// Valid reports whether the number is + and 7–15 digits. Whether it exists is
// not asked: only the API's answer tells (Cloud API fact sheet 6.4).
func (p Phone) Valid() bool {
	if len(p) < 8 || len(p) > 16 || p[0] != '+' {
		return false
	}
	return allDigits(string(p[1:]))
}

// String masks the number: +549*******00.
func (p Phone) String() string {
	const head, tail = 4, 2
	if len(p) <= head+tail {
		return stars(len(p))
	}
	return string(p[:head]) + stars(len(p)-head-tail) + string(p[len(p)-tail:])
}

// GoString masks too, so that %#v shows no number.
func (p Phone) GoString() string { return `"` + p.String() + `"` }

// LogValue masks the number.
func (p Phone) LogValue() slog.Value { return slog.StringValue(p.String()) }

// Wamid is a WhatsApp message id. It usually contains the recipient's number,
// so it is masked wherever it is printed or logged.
type Wamid string

// String keeps the end of the id, which no number is in.
func (w Wamid) String() string { return maskID(string(w)) }

// GoString masks too, so that %#v shows no number.
func (w Wamid) GoString() string { return `"` + w.String() + `"` }

// LogValue masks the id.
func (w Wamid) LogValue() slog.Value { return slog.StringValue(w.String()) }

func maskID(id string) string {
	const tail = 6
	if id == "" {
		return ""
	}
	if len(id) <= 2*tail {
		return "…"
	}
	return "…" + id[len(id)-tail:]
}

func stars(n int) string {
	const line = "****************"
	return line[:min(n, len(line))]
}

func allDigits(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}
