package template

import (
	"encoding/json"
	"strconv"
	"strings"

	"github.com/wacast/wacast/pkg/whatsapp"
)

// WithPayloads gives every quick reply of a rendered template the payload that wrap
// makes of the author's, which is empty where there is none; where wrap has none to
// give, the button stays as it is. In components that a job wrote itself only those
// payloads change that are there.
func (d *Definition) WithPayloads(t whatsapp.Template, wrap func(author string) (string, bool)) whatsapp.Template {
	if len(t.RawComponents) > 0 {
		t.RawComponents = wrapRaw(t.RawComponents, wrap)
		return t
	}
	given := make(map[int]bool)
	for i := range t.Components {
		if c := &t.Components[i]; c.Type == partButton && c.SubType == subQuickReply && len(c.Parameters) == 1 {
			given[position(c.Index)] = true
			if payload, ok := wrap(c.Parameters[0].Payload); ok {
				c.Parameters = []whatsapp.Parameter{{Type: typePayload, Payload: payload}}
			}
		}
	}
	for i := range d.main.buttons {
		if d.main.buttons[i].kind != kindQuickReply || given[i] {
			continue
		}
		if payload, ok := wrap(""); ok {
			t.Components = append(t.Components, whatsapp.Component{
				Type: partButton, SubType: subQuickReply, Index: strconv.Itoa(i),
				Parameters: []whatsapp.Parameter{{Type: typePayload, Payload: payload}},
			})
		}
	}
	return t
}

// wrapRaw changes the payloads in components as a job wrote them, in the cards of a
// carousel too, and returns them as they are where there are none.
func wrapRaw(raw json.RawMessage, wrap func(string) (string, bool)) json.RawMessage {
	var components []map[string]json.RawMessage
	if json.Unmarshal(raw, &components) != nil || !wrapParts(components, wrap) {
		return raw
	}
	wrapped, err := json.Marshal(components)
	if err != nil {
		return raw
	}
	return wrapped
}

func wrapParts(components []map[string]json.RawMessage, wrap func(string) (string, bool)) (changed bool) {
	for _, c := range components {
		switch kind := strings.ToLower(textIn(c["type"])); {
		case kind == partButton && strings.EqualFold(textIn(c["sub_type"]), subQuickReply):
			changed = wrapEach(c, "parameters", func(p map[string]json.RawMessage) bool {
				return wrapPayload(p, wrap)
			}) || changed
		case kind == partCarousel:
			changed = wrapEach(c, "cards", func(card map[string]json.RawMessage) bool {
				return wrapList(card, "components", func(parts []map[string]json.RawMessage) bool { return wrapParts(parts, wrap) })
			}) || changed
		}
	}
	return changed
}

// wrapEach changes the objects of a list.
func wrapEach(in map[string]json.RawMessage, field string, change func(map[string]json.RawMessage) bool) bool {
	return wrapList(in, field, func(list []map[string]json.RawMessage) (changed bool) {
		for _, one := range list {
			changed = change(one) || changed
		}
		return changed
	})
}

// wrapList changes a list in an object, and leaves it as it was written where nothing
// of it changes.
func wrapList(in map[string]json.RawMessage, field string, change func([]map[string]json.RawMessage) bool) bool {
	var list []map[string]json.RawMessage
	if json.Unmarshal(in[field], &list) != nil || !change(list) {
		return false
	}
	out, err := json.Marshal(list)
	if err == nil {
		in[field] = out
	}
	return err == nil
}

func wrapPayload(parameter map[string]json.RawMessage, wrap func(string) (string, bool)) bool {
	author := textIn(parameter["payload"])
	if author == "" {
		return false
	}
	payload, ok := wrap(author)
	if !ok {
		return false
	}
	quoted, err := json.Marshal(payload)
	if err == nil {
		parameter["payload"] = quoted
	}
	return err == nil
}

// textIn is a string in JSON; empty for anything else.
func textIn(raw json.RawMessage) (s string) {
	if json.Unmarshal(raw, &s) != nil {
		return ""
	}
	return s
}
