package job

import "fmt"

// EncodeEvent writes an event. It fails only for metadata that is no JSON.
func EncodeEvent(e *Event) ([]byte, error) { return AppendEvent(make([]byte, 0, 1024), e) }

// AppendEvent is [EncodeEvent] behind what dst holds, for a batch in one buffer.
func AppendEvent(dst []byte, e *Event) ([]byte, error) {
	w := &writer{buf: dst}
	w.event(e)
	if w.err != nil {
		return nil, fmt.Errorf("encode event: %w", w.err)
	}
	return w.buf, nil
}

// DecodeEvent reads an event. Fields it does not know are left out, so that a
// consumer survives a newer wacast. The error wraps a [*FieldError].
func DecodeEvent(data []byte) (*Event, error) {
	e, s := new(Event), newScanner(data)
	s.event(e)
	if !s.end() {
		return nil, fmt.Errorf("decode event: %w", s.syntaxError("event"))
	}
	if len(s.bad) > 0 {
		return nil, fmt.Errorf("decode event: %w", &s.bad[0])
	}
	return e, nil
}

func (w *writer) event(e *Event) {
	w.braces(func() {
		w.text("specversion", e.SpecVersion)
		w.text("id", e.ID)
		w.text("source", e.Source)
		w.text("type", e.Type)
		w.text("subject", e.Subject)
		w.time("time", e.Time)
		w.text("datacontenttype", e.DataContentType)
		w.text("traceparent", string(e.Traceparent))
		w.object("data", func() { w.eventData(&e.Data) })
	})
}

func (w *writer) eventData(d *EventData) {
	w.text("kind", string(d.Kind))
	w.text("campaign", d.Campaign)
	w.text("id", d.ID)
	w.text("from", d.From)
	w.text("to", string(d.To))
	w.text("user_id", d.UserID)
	w.text("lane", string(d.Lane))
	w.text("template", d.Template)
	w.text("language", d.Language)
	w.integer("attempt", int64(d.Attempt))
	w.text("reason", string(d.Reason))
	w.text("outcome", string(d.Outcome))
	w.text("was", string(d.Was))
	w.integer("code", int64(d.Code))
	w.text("detail", d.Detail)
	w.text("wamid", string(d.Wamid))
	w.text("wa_id", string(d.WaID))
	w.text("payload", d.Payload)
	w.text("text", d.Text)
	w.text("match", string(d.Match))
	w.text("scope", d.Scope)
	w.time("window_until", d.WindowUntil)
	w.integer("count", int64(d.Count))
	w.text("stream", d.Stream)
	w.integer("sequence", int64(d.Sequence))
	w.text("sequences", d.Sequences)
	w.integer("body", int64(d.Body))
	w.raw("metadata", d.Metadata)
}

func (s *scanner) event(e *Event) {
	s.object(func(name string) {
		switch name {
		case "specversion":
			scanText(s, &e.SpecVersion)
		case "id":
			scanText(s, &e.ID)
		case "source":
			scanText(s, &e.Source)
		case "type":
			scanText(s, &e.Type)
		case "subject":
			scanText(s, &e.Subject)
		case "time":
			s.time(&e.Time)
		case "datacontenttype":
			scanText(s, &e.DataContentType)
		case "traceparent":
			scanText(s, &e.Traceparent)
			e.Traceparent = ParseTraceparent(string(e.Traceparent))
		case "data":
			s.object(func(name string) { s.eventField(name, &e.Data) })
		default:
			s.skip()
		}
	})
}

func (s *scanner) eventField(name string, d *EventData) {
	switch name {
	case "kind":
		scanText(s, &d.Kind)
	case "campaign":
		scanText(s, &d.Campaign)
	case "id":
		scanText(s, &d.ID)
	case "from":
		scanText(s, &d.From)
	case "to":
		scanText(s, &d.To)
	case "user_id":
		scanText(s, &d.UserID)
	case "lane":
		scanText(s, &d.Lane)
	case "template":
		scanText(s, &d.Template)
	case "language":
		scanText(s, &d.Language)
	case "attempt":
		scanInteger(s, &d.Attempt)
	case "reason":
		scanText(s, &d.Reason)
	case "outcome":
		scanText(s, &d.Outcome)
	case "was":
		scanText(s, &d.Was)
	case "code":
		scanInteger(s, &d.Code)
	case "detail":
		scanText(s, &d.Detail)
	case "wamid":
		scanText(s, &d.Wamid)
	case "wa_id":
		scanText(s, &d.WaID)
	case "payload":
		scanText(s, &d.Payload)
	case "text":
		scanText(s, &d.Text)
	case "match":
		scanText(s, &d.Match)
	case "scope":
		scanText(s, &d.Scope)
	case "window_until":
		s.time(&d.WindowUntil)
	case "count":
		scanInteger(s, &d.Count)
	case "stream":
		scanText(s, &d.Stream)
	case "sequence":
		scanInteger(s, &d.Sequence)
	case "sequences":
		scanText(s, &d.Sequences)
	case "body":
		scanInteger(s, &d.Body)
	case "metadata":
		s.rawOf('{', "an object", &d.Metadata)
	default:
		s.skip()
	}
}
