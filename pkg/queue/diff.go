package queue

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/nats-io/nats.go/jetstream"
)

// Difference is one setting of a stream that is not as wacast would have it.
type Difference struct {
	// Stream is the name of the stream; a bucket's is KV_<bucket>.
	Stream string
	// Setting is named as in the JetStream API.
	Setting    string
	Have, Want string
	// Required says that a guarantee of wacast rests on the setting.
	Required bool
}

// String is stream: setting is have, want.
func (d Difference) String() string {
	s := fmt.Sprintf("%s: %s is %s, wacast wants %s", d.Stream, d.Setting, d.Have, d.Want)
	if d.Required {
		s += " (required)"
	}
	return s
}

// setting is one field of a stream's configuration that wacast cares about.
type setting struct {
	name     string
	required bool
	value    func(*jetstream.StreamConfig) string
	// adjust takes the field over where a running stream can; nil where it cannot.
	adjust func(have, want *jetstream.StreamConfig)
}

// compare lists where have is not as the asset wants it.
func (a asset) compare(have jetstream.StreamConfig) []Difference {
	var diffs []Difference
	for _, s := range a.settings() {
		if h, w := s.value(&have), s.value(&a.config); h != w {
			diffs = append(diffs, Difference{Stream: a.config.Name, Setting: s.name, Have: h, Want: w, Required: s.required})
		}
	}
	return diffs
}

// adjust changes in have what a running stream can change, and reports whether
// there was anything.
func (a asset) adjust(have *jetstream.StreamConfig) bool {
	changed := false
	for _, s := range a.settings() {
		if s.adjust != nil && s.value(have) != s.value(&a.config) {
			s.adjust(have, &a.config)
			changed = true
		}
	}
	return changed
}

func (a asset) settings() []setting {
	common := []setting{
		{name: "num_replicas", value: func(c *jetstream.StreamConfig) string { return strconv.Itoa(max(c.Replicas, 1)) },
			adjust: func(have, want *jetstream.StreamConfig) { have.Replicas = want.Replicas }},
		{name: "max_msg_size", value: func(c *jetstream.StreamConfig) string { return limit(int64(c.MaxMsgSize)) },
			adjust: func(have, want *jetstream.StreamConfig) { have.MaxMsgSize = want.MaxMsgSize }},
	}
	if a.bucket != nil {
		return append(common, maxAge())
	}
	return append(append(formSettings(), limitSettings()...), common...)
}

// formSettings make the stream what it is.
func formSettings() []setting {
	return []setting{
		{name: "subjects", required: true, value: func(c *jetstream.StreamConfig) string {
			return strings.Join(slices.Sorted(slices.Values(c.Subjects)), " ")
		}},
		{name: "retention", required: true, value: func(c *jetstream.StreamConfig) string { return c.Retention.String() }},
		{name: "discard", required: true, value: func(c *jetstream.StreamConfig) string { return c.Discard.String() }},
		{name: "storage", required: true, value: func(c *jetstream.StreamConfig) string { return c.Storage.String() }},
		{name: "allow_msg_schedules", required: true, value: func(c *jetstream.StreamConfig) string { return strconv.FormatBool(c.AllowMsgSchedules) }},
		// The server switches roll-ups on with schedules.
		{name: "allow_rollup_hdrs", required: true, value: func(c *jetstream.StreamConfig) string {
			return strconv.FormatBool(c.AllowRollup || c.AllowMsgSchedules)
		}},
		{name: "allow_msg_ttl", required: true, value: func(c *jetstream.StreamConfig) string { return strconv.FormatBool(c.AllowMsgTTL) }},
		{name: "no_ack", required: true, value: func(c *jetstream.StreamConfig) string { return strconv.FormatBool(c.NoAck) }},
		{name: "allow_direct", value: func(c *jetstream.StreamConfig) string { return strconv.FormatBool(c.AllowDirect) },
			adjust: func(have, want *jetstream.StreamConfig) { have.AllowDirect = want.AllowDirect }},
		{name: "max_msgs", value: func(c *jetstream.StreamConfig) string { return limit(c.MaxMsgs) }},
		{name: "max_msgs_per_subject", value: func(c *jetstream.StreamConfig) string { return limit(c.MaxMsgsPerSubject) }},
		{name: "max_consumers", value: func(c *jetstream.StreamConfig) string { return limit(int64(c.MaxConsumers)) }},
	}
}

// limitSettings are the operator's to choose.
func limitSettings() []setting {
	return []setting{
		{name: "max_bytes", value: func(c *jetstream.StreamConfig) string { return limit(c.MaxBytes) },
			adjust: func(have, want *jetstream.StreamConfig) { have.MaxBytes = want.MaxBytes }},
		maxAge(),
		{name: "duplicate_window", value: func(c *jetstream.StreamConfig) string { return c.Duplicates.String() },
			adjust: func(have, want *jetstream.StreamConfig) { have.Duplicates = want.Duplicates }},
	}
}

// maxAge is the age limit. The server refuses one below the window of duplicates.
func maxAge() setting {
	return setting{name: "max_age", value: func(c *jetstream.StreamConfig) string { return c.MaxAge.String() },
		adjust: func(have, want *jetstream.StreamConfig) {
			have.MaxAge = want.MaxAge
			if have.MaxAge > 0 {
				have.Duplicates = min(have.Duplicates, have.MaxAge)
			}
		}}
}

// limit writes a limit as the server stores it: none is -1.
func limit(n int64) string {
	if n <= 0 {
		return "-1"
	}
	return strconv.FormatInt(n, 10)
}
