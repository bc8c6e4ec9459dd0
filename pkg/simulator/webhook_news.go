package simulator

import (
	"bytes"
	"encoding/json"
	"strconv"
	"time"
	"unicode/utf8"
)

// news is an update that is no status: a change as it goes out.
type news struct {
	account *account
	field   string
	change  []byte
	stamp   int64         // the time that its entry tells; 0 for none
	due     time.Duration // from now
}

// entryFrame bounds what is written around a change.
const entryFrame = 80

func (n *news) size() int { return len(n.change) + len(n.account.waba) + entryFrame }

// tell queues news.
func (h *hooks) tell(all []news) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.queueNews(all)
}

// queueNews queues what an account's secret can sign. The caller holds the lock.
func (h *hooks) queueNews(all []news) {
	for i := range all {
		l := h.laneOf(all[i].account)
		if l == nil {
			continue
		}
		l.updates.push(update{due: h.now() + all[i].due, notice: &notice{news: &all[i]}, order: h.order, status: other})
		h.order++
		h.pend(1)
	}
	if len(all) > 0 {
		h.rouse()
	}
}

// apart parts statuses from other updates; where all are statuses, nothing is copied.
func apart(updates []update) (statuses []update, others []*news) {
	for i := range updates {
		if updates[i].status != other {
			if others != nil {
				statuses = append(statuses, updates[i])
			}
			continue
		}
		if others == nil {
			statuses = append(make([]update, 0, len(updates)), updates[:i]...)
		}
		others = append(others, updates[i].notice.news)
	}
	if others == nil {
		return updates, nil
	}
	return statuses, others
}

// appendNews writes the entry of an update that is no status.
func appendNews(b []byte, n *news) []byte {
	b = append(b, `{"id":`...)
	b = appendText(b, n.account.waba)
	if n.stamp != 0 {
		b = append(b, `,"time":`...)
		b = strconv.AppendInt(b, n.stamp, 10)
	}
	b = append(b, `,"changes":[`...)
	b = append(b, n.change...)
	return append(b, `]}`...)
}

// appendChangeOf writes a change with any value.
func appendChangeOf(b []byte, field string, value json.RawMessage) []byte {
	var compact bytes.Buffer
	if json.Compact(&compact, value) == nil {
		value = compact.Bytes()
	}
	b = append(b, `{"value":`...)
	b = appendEscaped(b, value)
	b = append(b, `,"field":`...)
	return append(appendText(b, field), '}')
}

// appendEscaped writes valid JSON as [appendText] writes strings; outside of strings
// there is nothing to escape.
func appendEscaped(b, value []byte) []byte {
	for i := 0; i < len(value); {
		switch c := value[i]; {
		case c == '\\': // an escape stays as it is, \/ and \\ too
			b = append(b, c, value[i+1])
			i += 2
		case c == '/':
			b = append(b, '\\', c)
			i++
		case c < utf8.RuneSelf:
			b = append(b, c)
			i++
		default:
			r, size := utf8.DecodeRune(value[i:])
			b = appendRune(b, r)
			i += size
		}
	}
	return b
}
