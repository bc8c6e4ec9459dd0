package whatsapp

import (
	"encoding/json"
	"strings"
)

// inbound is a message as it comes (fact sheet 5.5). What it has besides From and the
// like goes by its type.
type inbound struct {
	ID        word `json:"id"`
	Type      word `json:"type"`
	Timestamp word `json:"timestamp"`
	From      word `json:"from"`
	UserID    word `json:"from_user_id"`
	Group     word `json:"group_id"`
	Context   struct {
		ID word `json:"id"`
	} `json:"context"`
	Text struct {
		Body word `json:"body"`
	} `json:"text"`
	Button struct {
		Payload word `json:"payload"`
		Text    word `json:"text"`
	} `json:"button"`
	Interactive struct {
		Type   word  `json:"type"`
		Button tap   `json:"button_reply"`
		List   tap   `json:"list_reply"`
		Flow   reply `json:"nfm_reply"`
	} `json:"interactive"`
	Reaction struct {
		MessageID word `json:"message_id"`
		Emoji     word `json:"emoji"`
	} `json:"reaction"`
	System struct {
		Type       word `json:"type"`
		WaID       word `json:"wa_id"`
		NewWaID    word `json:"new_wa_id"` // before v12
		UserID     word `json:"user_id"`
		PreviousID word `json:"previous_user_id"`
	} `json:"system"`
	PreviousID  word  `json:"previous_user_id"`
	Image       media `json:"image"`
	Video       media `json:"video"`
	Document    media `json:"document"`
	Unsupported struct {
		Type word `json:"type"`
	} `json:"unsupported"`
	Errors []statusError `json:"errors"`
}

type tap struct {
	ID    word `json:"id"`
	Title word `json:"title"`
}

type reply struct {
	Response any  `json:"response_json"` // a text that is JSON, or JSON itself
	Body     word `json:"body"`
}

type media struct {
	Caption word `json:"caption"`
}

// readMessage fills in a message.
func readMessage(u *Update, contacts []contact) {
	var m inbound
	if tolerant(json.Unmarshal(u.Value, &m)) != nil {
		return
	}
	u.Kind = UpdateMessage
	u.Inbound = &Inbound{
		ID: string(m.ID), Kind: shorten(string(m.Type)), Time: timestamp(m.Timestamp), From: string(m.From), UserID: string(m.UserID),
		Group: string(m.Group), Context: string(m.Context.ID), Errors: errorsOf(m.Errors),
	}
	if m.Type != "system" { // whose contact is whom the number has become, if anybody
		complete(&u.Inbound.From, &u.Inbound.UserID, contacts)
	}
	m.fill(u.Inbound)
}

// fill adds what goes by the type.
func (m *inbound) fill(in *Inbound) {
	switch m.Type {
	case "text":
		in.Type, in.Text = InboundText, string(m.Text.Body)
	case "button":
		in.Type, in.Text, in.Payload = InboundButton, string(m.Button.Text), string(m.Button.Payload)
	case "interactive":
		m.tapped(in)
	case "reaction":
		in.Type, in.Text, in.Context = InboundReaction, string(m.Reaction.Emoji), string(m.Reaction.MessageID)
	case "image", "video", "document", "audio", "voice", "sticker":
		in.Type, in.Text = InboundMedia, string(m.Image.Caption+m.Video.Caption+m.Document.Caption) // of which one is there
	case "system":
		m.changed(in)
	case "unsupported", "unknown":
		in.Type = InboundUnsupported
		in.kind(m.Unsupported.Type)
	}
}

func (m *inbound) tapped(in *Inbound) {
	i := &m.Interactive
	in.kind(i.Type)
	switch i.Type {
	case "button_reply":
		in.Type, in.Text, in.Payload = InboundInteractive, string(i.Button.Title), string(i.Button.ID)
	case "list_reply":
		in.Type, in.Text, in.Payload = InboundInteractive, string(i.List.Title), string(i.List.ID)
	case "nfm_reply":
		in.Type, in.Text = InboundFlow, string(i.Flow.Body)
		in.Payload, _ = i.Flow.Response.(string)
		if in.Payload == "" && i.Flow.Response != nil {
			raw, _ := json.Marshal(i.Flow.Response) // it was JSON a moment ago
			in.Payload = string(raw)
		}
	}
}

func (m *inbound) changed(in *Inbound) {
	s := &m.System
	in.kind(s.Type)
	switch s.Type {
	case "user_changed_number", "":
		in.NewWaID = string(s.WaID)
		if in.NewWaID == "" {
			in.NewWaID = string(s.NewWaID)
		}
		in.NewUserID = string(s.UserID)
		if in.NewWaID != "" {
			in.Type = InboundNumberChange
		}
	case "user_changed_user_id":
		in.Type, in.NewUserID = InboundUserIDChange, string(s.UserID)
		old := s.PreviousID
		if old == "" {
			old = m.PreviousID
		}
		if in.NewUserID == "" && string(old) != in.UserID {
			in.NewUserID = in.UserID
		}
		if in.UserID = string(old); in.NewUserID == "" || in.UserID == "" {
			in.Type = InboundOther
		}
	}
}

// kind adds a finer word to the kind.
func (in *Inbound) kind(finer word) {
	if finer != "" {
		in.Kind += "/" + shorten(string(finer))
	}
}

// readCall fills in a call. Which of both called is told by its direction; where that is
// missing, by whose number the person is not.
func readCall(u *Update, contacts []contact) {
	var c struct {
		ID        word `json:"id"`
		Event     word `json:"event"`
		Direction word `json:"direction"`
		Timestamp word `json:"timestamp"`
		From      word `json:"from"`
		UserID    word `json:"from_user_id"`
		To        word `json:"to"`
		ToUserID  word `json:"to_user_id"`
	}
	if tolerant(json.Unmarshal(u.Value, &c)) != nil {
		return
	}
	in := &Inbound{
		ID: string(c.ID), Type: InboundCall, Kind: "call", Time: timestamp(c.Timestamp), From: string(c.From), UserID: string(c.UserID),
		ByUser: !strings.EqualFold(string(c.Direction), "BUSINESS_INITIATED"),
	}
	if !in.ByUser {
		in.From, in.UserID = string(c.To), string(c.ToUserID)
	}
	in.kind(c.Event)
	complete(&in.From, &in.UserID, contacts)
	u.Kind, u.Inbound = UpdateCall, in
}

// readPreference fills in a preference; one that says nothing, or of nobody, stays
// broken.
func readPreference(u *Update, contacts []contact) {
	var p struct {
		WaID      word `json:"wa_id"`
		UserID    word `json:"user_id"`
		Detail    word `json:"detail"`
		Category  word `json:"category"`
		Value     word `json:"value"`
		Timestamp word `json:"timestamp"`
	}
	if tolerant(json.Unmarshal(u.Value, &p)) != nil {
		return
	}
	got := &Preference{
		WaID: string(p.WaID), UserID: string(p.UserID), Detail: scrub(string(p.Detail), ""), Category: shorten(string(p.Category)),
		Value: strings.ToLower(shorten(string(p.Value))), Time: timestamp(p.Timestamp),
	}
	complete(&got.WaID, &got.UserID, contacts)
	if got.Value != "" && (got.WaID != "" || got.UserID != "") {
		u.Kind, u.Preference = UpdatePreference, got
	}
}

// readAction fills in an action.
func readAction(u *Update, contacts []contact) {
	var a struct {
		Type      word `json:"action_type"`
		Timestamp word `json:"timestamp"`
		WaID      word `json:"wa_id"`
		UserID    word `json:"user_id"`
		Click     struct {
			Component word `json:"click_component"`
		} `json:"marketing_messages_link_click_data"`
	}
	if tolerant(json.Unmarshal(u.Value, &a)) != nil {
		return
	}
	got := &UserAction{
		Type: shorten(string(a.Type)), Time: timestamp(a.Timestamp), WaID: string(a.WaID), UserID: string(a.UserID),
		Component: shorten(string(a.Click.Component)),
	}
	complete(&got.WaID, &got.UserID, contacts)
	u.Kind, u.Action = UpdateAction, got
}
