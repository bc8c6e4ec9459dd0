package whatsapp

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
)

// noticeValue has the values of all fields but messages. No name means two things,
// except for those of categories.
type noticeValue struct {
	Event            word `json:"event"`
	TemplateID       word `json:"message_template_id"`
	TemplateName     word `json:"message_template_name"`
	TemplateLanguage word `json:"message_template_language"`
	TemplateCategory word `json:"message_template_category"`
	Reason           word `json:"reason"`
	Disable          struct {
		Date word `json:"disable_date"`
	} `json:"disable_info"`
	Other struct {
		Title       word `json:"title"`
		Description word `json:"description"`
	} `json:"other_info"`
	Rejection struct {
		Reason         word `json:"reason"`
		Recommendation word `json:"recommendation"`
	} `json:"rejection_info"`
	OldQuality  word `json:"previous_quality_score"`
	NewQuality  word `json:"new_quality_score"`
	OldCategory word `json:"previous_category"`
	NewCategory word `json:"new_category"`
	Category    word `json:"category"`
	Correct     word `json:"correct_category"`
	CategoryAt  word `json:"category_update_timestamp"`

	Display      word `json:"display_phone_number"`
	PhoneNumber  word `json:"phone_number"`
	Limit        word `json:"max_daily_conversations_per_business"`
	NumberLimit  word `json:"max_daily_conversation_per_phone"` // before 2026
	CurrentLimit word `json:"current_limit"`                    // before 2026
	Decision     word `json:"decision"`
	NameRefused  word `json:"rejection_reason"`

	Violation struct {
		Type word `json:"violation_type"`
	} `json:"violation_info"`
	Restrictions many[struct {
		Type    word `json:"restriction_type"`
		Expires word `json:"expiration"`
	}] `json:"restriction_info"`
	Ban struct {
		State word `json:"waba_ban_state"`
		Date  word `json:"waba_ban_date"`
	} `json:"ban_info"`
	WABA struct {
		ID word `json:"waba_id"`
	} `json:"waba_info"`
	Country word `json:"country"`
	Volume  struct {
		Category word `json:"pricing_category"`
		Tier     word `json:"tier"`
		Region   word `json:"region"`
	} `json:"volume_tier_info"`

	Entity   word      `json:"entity_type"`
	EntityID word      `json:"entity_id"`
	Alert    alertInfo `json:"alert_info"`
	alertInfo
}

// alertInfo stands inside alert_info, or beside it in older versions.
type alertInfo struct {
	Severity    word `json:"alert_severity"`
	Status      word `json:"alert_status"`
	Type        word `json:"alert_type"`
	Description word `json:"alert_description"`
}

// many is a list that may come as its one element.
type many[T any] []T

// UnmarshalJSON never fails: what is no element is left empty.
func (m *many[T]) UnmarshalJSON(raw []byte) error {
	var list []json.RawMessage
	if json.Unmarshal(raw, &list) != nil {
		list = []json.RawMessage{raw}
	}
	for _, element := range list {
		if isObject(element) {
			var one T
			_ = json.Unmarshal(element, &one) // checked by the decoder that found it
			*m = append(*m, one)
		}
	}
	return nil
}

// readers say what the value of a field means.
var readers = map[string]func(*noticeValue) Notice{
	"message_template_status_update":      (*noticeValue).templateStatus,
	"message_template_quality_update":     (*noticeValue).templateStatus, // see there
	"message_template_components_update":  func(v *noticeValue) Notice { return TemplateComponents{v.template()} },
	"template_category_update":            (*noticeValue).templateCategory,
	"template_correct_category_detection": (*noticeValue).templateCategory,
	"phone_number_quality_update":         (*noticeValue).numberQuality,
	"phone_number_name_update":            (*noticeValue).numberName,
	"business_capability_update":          func(v *noticeValue) Notice { return Capability{v.limit()} },
	"account_update":                      (*noticeValue).account,
	"account_alerts":                      (*noticeValue).alert,
	"account_review_update":               func(v *noticeValue) Notice { return Review{upper(v.Decision)} },
	"security":                            func(v *noticeValue) Notice { return Security{upper(v.Event)} },
}

// noticeOf reads the value of a field, where that is one of those known, and says
// which account it is about: a partner's webhook names its own beside.
func noticeOf(u Update, value json.RawMessage) (account string, n Notice) {
	read := readers[u.Field]
	if read == nil || !isObject(value) {
		return u.Account, nil
	}
	var v noticeValue
	if tolerant(json.Unmarshal(value, &v)) != nil {
		return u.Account, nil
	}
	if v.WABA.ID != "" {
		u.Account = string(v.WABA.ID)
	}
	return u.Account, read(&v)
}

// upper is a word of the API as programs compare it.
func upper(w word) string { return strings.ToUpper(shorten(strings.TrimSpace(string(w)))) }

// text is a sentence of the API for people.
func (t word) text() string { return scrub(string(t), "") }

func (v *noticeValue) template() TemplateRef {
	return TemplateRef{
		ID: string(v.TemplateID), Name: string(v.TemplateName), Language: strings.ReplaceAll(string(v.TemplateLanguage), "-", "_"),
	}
}

// templateStatus is a change of status, or of quality: the documents show the latter
// under the field of the former too.
func (v *noticeValue) templateStatus() Notice {
	if v.NewQuality != "" {
		return TemplateQuality{Template: v.template(), Was: upper(v.OldQuality), Now: upper(v.NewQuality)}
	}
	s := TemplateStatus{
		Template: v.template(), Event: upper(v.Event), Reason: upper(v.Reason), Category: upper(v.TemplateCategory),
		Title: upper(v.Other.Title), Description: v.Other.Description.text(),
		Recommendation: v.Rejection.Recommendation.text(), DisabledAt: timestamp(v.Disable.Date),
	}
	if s.Reason == "NONE" {
		s.Reason = ""
	}
	if s.Reason == "" {
		s.Reason = upper(v.Rejection.Reason)
	}
	return s
}

// templateCategory: new_category is the one it has already, whether that is new or about
// to change.
func (v *noticeValue) templateCategory() Notice {
	now := v.NewCategory
	if now == "" {
		now = v.Category
	}
	return TemplateCategory{
		Template: v.template(), Was: upper(v.OldCategory), Now: upper(now), Correct: upper(v.Correct), At: timestamp(v.CategoryAt),
	}
}

func (v *noticeValue) numberQuality() Notice {
	return NumberQuality{Display: v.display(), Event: upper(v.Event), Limit: v.limit()}
}

func (v *noticeValue) numberName() Notice {
	n := NumberName{Display: v.display(), Decision: upper(v.Decision), Reason: v.NameRefused.text()}
	if n.Reason == "NONE" {
		n.Reason = ""
	}
	return n
}

func (v *noticeValue) display() string {
	if v.Display == "" {
		return string(v.PhoneNumber)
	}
	return string(v.Display)
}

// limit is the first that is told, of those that mean the same since they are the
// portfolio's.
func (v *noticeValue) limit() MessagingLimit {
	for _, w := range []word{v.Limit, v.CurrentLimit, v.NumberLimit} {
		if n, ok := limitOf(strings.ToUpper(strings.TrimSpace(string(w)))); ok {
			return MessagingLimit{Recipients: n, Known: true}
		}
	}
	return MessagingLimit{}
}

// limitOf reads TIER_2K, 2000 and -1, which is unlimited.
func limitOf(text string) (limit int, ok bool) {
	if n, err := strconv.Atoi(text); err == nil && n != 0 {
		return max(n, 0), n >= -1
	}
	return tierOf(text)
}

func (v *noticeValue) account() Notice {
	a := AccountUpdate{
		Event: upper(v.Event), Violation: upper(v.Violation.Type), Ban: upper(v.Ban.State), BanDate: v.Ban.Date.text(),
		Detail: details(v.Country, v.Volume.Category, v.Volume.Tier, v.Volume.Region),
	}
	for _, r := range v.Restrictions {
		a.Restrictions = append(a.Restrictions, Restriction{Type: upper(r.Type), Until: timestamp(r.Expires)})
	}
	return a
}

func (v *noticeValue) alert() Notice {
	a := v.Alert
	if a == (alertInfo{}) {
		a = v.alertInfo
	}
	return Alert{
		Entity: upper(v.Entity), ID: string(v.EntityID), Severity: upper(a.Severity), Status: upper(a.Status), Type: upper(a.Type),
		Description: a.Description.text(),
	}
}

// details are those of the words that are there.
func details(words ...word) string {
	words = slices.DeleteFunc(words, func(w word) bool { return w == "" })
	texts := make([]string, len(words))
	for i, w := range words {
		texts[i] = shorten(string(w))
	}
	return strings.Join(texts, ", ")
}
