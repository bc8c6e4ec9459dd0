package job

import (
	"fmt"
	"io"
	"log/slog"
)

// Phone is a telephone number: + and 7–15 digits. It is whole on the wire
// (string(p), JSON) and masked wherever it is printed or logged by itself. A
// struct that holds one still logs it whole through a JSON handler, unless the
// struct has a LogValue, as [Job] and [Event] do.
type Phone string

// Valid reports whether the number is + and 7–15 digits. Whether it exists is
// not asked: only the API's answer tells (Cloud API fact sheet 6.4).
func (p Phone) Valid() bool {
	return len(p) >= 8 && len(p) <= 16 && p[0] == '+' && all(string(p[1:]), digit)
}

// String masks the number: +549*******00. At least five characters are hidden.
func (p Phone) String() string {
	const head, hidden, tail = 4, 5, 2
	if len(p) <= hidden+tail {
		return stars(len(p))
	}
	shown := min(head, len(p)-hidden-tail)
	return string(p[:shown]) + stars(len(p)-shown-tail) + string(p[len(p)-tail:])
}

// Format masks whatever the verb is, where fmt would print a string whole.
func (p Phone) Format(f fmt.State, verb rune) { formatMasked(f, verb, p.String()) }

// LogValue masks the number.
func (p Phone) LogValue() slog.Value { return slog.StringValue(p.String()) }

// Wamid is a WhatsApp message id. It usually contains the recipient's number,
// so it is masked wherever it is printed or logged.
type Wamid string

// String keeps the end of the id, which no number is in.
func (w Wamid) String() string { return maskID(string(w)) }

// Format masks whatever the verb is.
func (w Wamid) Format(f fmt.State, verb rune) { formatMasked(f, verb, w.String()) }

// LogValue masks the id.
func (w Wamid) LogValue() slog.Value { return slog.StringValue(w.String()) }

// String names the job and masks its recipient. The parameters are left out.
func (j Job) String() string {
	return "job " + j.Key().String() + " from " + j.From + " to " + maskRecipient(j.To, j.UserID) + ": " + j.Template.String()
}

// Format is String for every verb.
func (j Job) Format(f fmt.State, _ rune) { print(f, j.String()) }

// LogValue shows what an operator may see of a job: never the whole number, the
// parameters or the metadata.
func (j Job) LogValue() slog.Value {
	return slog.GroupValue(
		slog.String("id", j.ID),
		slog.String("campaign", j.Campaign),
		slog.String("from", j.From),
		slog.String("to", maskRecipient(j.To, j.UserID)),
		slog.String("lane", string(j.EffectiveLane())),
		slog.String("template", j.Template.Name),
	)
}

// String is name/language, without the parameters: they are personal data.
func (t Template) String() string { return t.Name + "/" + t.Language }

// Format is String for every verb.
func (t Template) Format(f fmt.State, _ rune) { print(f, t.String()) }

// LogValue leaves the parameters out.
func (t Template) LogValue() slog.Value { return slog.StringValue(t.String()) }

// String says what happened to which job.
func (d EventData) String() string {
	key := Key{Campaign: d.Campaign, ID: d.ID}
	text := string(d.Kind) + " " + key.String() + " to " + maskRecipient(d.To, d.UserID)
	if d.Reason != "" {
		text += ": " + string(d.Reason)
	}
	return text
}

// Format is String for every verb.
func (d EventData) Format(f fmt.State, _ rune) { print(f, d.String()) }

// LogValue shows what an operator may see of an event.
func (d EventData) LogValue() slog.Value {
	return slog.GroupValue(
		slog.String("kind", string(d.Kind)),
		slog.String("id", d.ID),
		slog.String("campaign", d.Campaign),
		slog.String("from", d.From),
		slog.String("to", maskRecipient(d.To, d.UserID)),
		slog.Int("attempt", d.Attempt),
		slog.String("reason", string(d.Reason)),
		slog.Int("code", d.Code),
		slog.String("wamid", d.Wamid.String()),
	)
}

// String is that of the data.
func (e Event) String() string { return e.Data.String() }

// Format is String for every verb.
func (e Event) Format(f fmt.State, _ rune) { print(f, e.String()) }

// LogValue is that of the data.
func (e Event) LogValue() slog.Value { return e.Data.LogValue() }

func maskRecipient(to Phone, userID string) string {
	if to != "" {
		return to.String()
	}
	return maskID(userID)
}

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

// formatMasked keeps the width and the quotes that were asked for.
func formatMasked(f fmt.State, verb rune, masked string) {
	_, _ = fmt.Fprintf(f, fmt.FormatString(f, verb), masked)
}

func print(f fmt.State, text string) { _, _ = io.WriteString(f, text) }
