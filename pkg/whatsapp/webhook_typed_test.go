package whatsapp

import (
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// inField wraps a value of a field.
func inField(field, value string) string {
	return fmt.Sprintf(`{"object":"whatsapp_business_account","entry":[{"id":"1","time":1790000000,"changes":[{"field":%q,"value":%s}]}]}`, field, value)
}

func second(n int64) time.Time { return time.Unix(n, 0).UTC() }

// saleOpen is the template of the fixtures.
var saleOpen = TemplateRef{ID: "1689556908129832", Name: "sale_open", Language: "en_US"}

// written is what the fixtures of inbound messages have in common.
func written(change func(*Inbound)) Update {
	in := &Inbound{
		Kind: "text", Time: second(1790000060), From: hookWaID, UserID: hookUser,
		Context: "wamid.HBgMNDQ3NzAwOTAwNDU2FQIAERgSNjQwRDg3RTc0MUU2QUE0QzY2AA==",
	}
	change(in)
	return Update{Kind: UpdateMessage, Field: FieldMessages, Number: hookNumber, Inbound: in}
}

func noticed(field string, n Notice) Update {
	return Update{Kind: UpdateOther, Field: field, Time: second(1790000000), Notice: n}
}

func preferred(value, detail string) Update {
	return Update{Kind: UpdatePreference, Field: "user_preferences", Number: hookNumber, Preference: &Preference{
		WaID: hookWaID, UserID: hookUser, Category: CategoryMarketing, Value: value, Detail: detail, Time: second(1790000100),
	}}
}

// Every fixture that holds no status, as it is read.
func TestTypedFixtures(t *testing.T) {
	const status, account = "message_template_status_update", "account_update"
	want := map[string]Update{
		"message_text_stop": written(func(in *Inbound) { in.Type, in.Text, in.Context = InboundText, "STOP", "" }),
		"message_button_stop_promotions": written(func(in *Inbound) {
			in.Type, in.Kind, in.Text, in.Payload = InboundButton, "button", "Stop promotions", "Stop promotions"
		}),
		"message_interactive_button_reply": written(func(in *Inbound) {
			in.Type, in.Kind, in.Text, in.Payload = InboundInteractive, "interactive/button_reply", "Cancel", "cancel-button"
		}),
		"message_interactive_list_reply": written(func(in *Inbound) {
			in.Type, in.Kind, in.Text, in.Payload = InboundInteractive, "interactive/list_reply", "Thursday", "slot-2"
		}),
		"message_interactive_nfm_reply": written(func(in *Inbound) {
			in.Type, in.Kind, in.Text, in.Payload = InboundFlow, "interactive/nfm_reply", "Sent", `{"flow_token":"c7-r123","rating":"5"}`
		}),
		"message_system_number_change": written(func(in *Inbound) {
			in.Type, in.Kind, in.UserID, in.Context, in.NewWaID = InboundNumberChange, "system/user_changed_number", "", "", "447700900789"
		}),
		"user_preferences_resume": preferred(PreferenceResume, "User requested to resume marketing messages"),
		"user_preferences_signup": preferred(PreferenceSignup, "User signed up via signup link"),
		"template_status_unpaused": noticed(status, TemplateStatus{
			Template: saleOpen, Event: TemplateApproved, Category: "MARKETING", Title: TitleUnpause, Description: "Your WhatsApp message template has been unpaused.",
		}),
		"template_status_disabled": noticed(status, TemplateStatus{
			Template: saleOpen, Event: TemplateDisabled, Category: "MARKETING", Title: TitleDisabled,
			Description: "Your WhatsApp message template has been disabled.", DisabledAt: second(1790000000),
		}),
		"template_status_pending_deletion":    noticed(status, TemplateStatus{Template: saleOpen, Event: TemplatePendingDeletion, Category: "MARKETING"}),
		"template_quality_update":             noticed("message_template_quality_update", TemplateQuality{Template: saleOpen, Was: "GREEN", Now: "YELLOW"}),
		"template_quality_update_doc_variant": noticed(status, TemplateQuality{Template: saleOpen, Was: "GREEN", Now: "YELLOW"}),
		"template_correct_category_detection": noticed("template_correct_category_detection", TemplateCategory{
			Template: TemplateRef{ID: "278077987957091", Name: "auto_generated_123456", Language: "en_US"}, Now: "UTILITY", Correct: "MARKETING",
		}),
		"business_capability_update":             noticed("business_capability_update", Capability{MessagingLimit{Recipients: 10000, Known: true}}),
		"business_capability_update_tier_string": noticed("business_capability_update", Capability{MessagingLimit{Recipients: 10000, Known: true}}),
		"account_update_restriction": noticed(account, AccountUpdate{Event: AccountRestriction, Restrictions: []Restriction{
			{Type: RestrictedMessaging, Until: second(1790259200)}, {Type: "RESTRICTED_ADD_PHONE_NUMBER_ACTION", Until: second(1790259200)},
		}}),
		"account_update_violation":   noticed(account, AccountUpdate{Event: AccountViolation, Violation: "ADULT"}),
		"account_update_disabled":    noticed(account, AccountUpdate{Event: AccountBan, Ban: BanDisabled, BanDate: "September 21, 2026"}),
		"account_update_reinstated":  noticed(account, AccountUpdate{Event: AccountBan, Ban: BanLifted, BanDate: "September 21, 2026"}),
		"account_update_deleted":     noticed(account, AccountUpdate{Event: AccountDeleted}),
		"account_update_volume_tier": noticed(account, AccountUpdate{Event: "VOLUME_BASED_PRICING_TIER_UPDATE", Detail: "UTILITY, 25000001:50000000, India"}),
		"account_alerts_limit_deferred": noticed("account_alerts", Alert{
			Entity: "BUSINESS", ID: "200000000000001", Severity: "WARNING", Status: "ACTIVE", Type: "INCREASED_CAPABILITIES_ELIGIBILITY_DEFERRED",
			Description: "Limits cannot be increased for your business Example Foods. Use WhatsApp Business platform actively for several days and follow our messaging policies.",
		}),
	}
	files, err := filepath.Glob("testdata/webhook/*.json")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".json")
		w, ok := want[name]
		switch {
		case strings.HasPrefix(name, "status_") || name == "batch_mixed": // see TestStatusFixtures and TestBatchFixture
			continue
		case name == "sequence_duplicate_delivered" || name == "signature_vectors" || name == "verification_request": // no webhook bodies
			continue
		case !ok:
			t.Errorf("%s has no row", name)
			continue
		}
		updates, err := ParseWebhook(fixture(t, "webhook", name))
		if err != nil || len(updates) != 1 {
			t.Fatalf("%s: %d updates, %v", name, len(updates), err)
		}
		w.Account = hookAccount
		if diff := diffUpdates([]Update{w}, updates); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		if !json.Valid(updates[0].Value) || w.Inbound != nil && !strings.HasPrefix(updates[0].Inbound.ID, "wamid.") {
			t.Errorf("%s: value %s, id %q", name, updates[0].Value, updates[0].Inbound.ID)
		}
	}
}

func diffUpdates(want, got []Update) string {
	return cmp.Diff(want, got, cmpopts.IgnoreFields(Update{}, "Value"), cmpopts.IgnoreFields(Inbound{}, "ID"))
}

// inboundTests are the documented kinds of inbound messages without a fixture, and what
// may be missing or of another type.
var inboundTests = []struct {
	name, body string
	want       Update
}{
	{"nothing at all", inMessages(`,"messages":[{}]`), Update{Kind: UpdateMessage, Inbound: &Inbound{}}},
	{"no message", inMessages(`,"messages":["x"]`), Update{Kind: UpdateBroken}},
	{"numbers for strings", inMessages(`,"messages":[{"from":447700900456,"type":"text","timestamp":1790000060,"text":{"body":7}}]`),
		Update{Kind: UpdateMessage, Inbound: &Inbound{Type: InboundText, Kind: "text", Text: "7", From: hookWaID, Time: second(1790000060)}}},
	{"other types", inMessages(`,"messages":[{"from":["x"],"type":"button","button":"x","context":7,"image":[],"errors":7,"interactive":7,"system":null}]`),
		Update{Kind: UpdateMessage, Inbound: &Inbound{Type: InboundButton, Kind: "button"}}},
	{"who goes by a user name", inMessages(`,"contacts":[{"profile":{"username":"amina"},"user_id":"GB.7"}],"messages":[{"from_user_id":"GB.7","type":"text","text":{"body":"hi"}}]`),
		Update{Kind: UpdateMessage, Inbound: &Inbound{Type: InboundText, Kind: "text", Text: "hi", UserID: "GB.7"}}},
	{"a user name, told by the contact alone", inMessages(`,"contacts":[{"user_id":"GB.7"}],"messages":[{"type":"text","text":{"body":"hi"}}]`),
		Update{Kind: UpdateMessage, Inbound: &Inbound{Type: InboundText, Kind: "text", Text: "hi", UserID: "GB.7"}}},
	{"two contacts", inMessages(`,"contacts":[{"wa_id":"1","user_id":"GB.1"},{"wa_id":"2","user_id":"GB.2"}],"messages":[{"from":"2","type":"text","text":{"body":"hi"}}]`),
		Update{Kind: UpdateMessage, Inbound: &Inbound{Type: InboundText, Kind: "text", Text: "hi", From: "2", UserID: "GB.2"}}},
	{"a code that nobody asked for", inMessages(`,"messages":[{"from":"1","type":"button","button":{"payload":"DID_NOT_REQUEST_CODE","text":"I didn't request a code"}}]`),
		Update{Kind: UpdateMessage, Inbound: &Inbound{Type: InboundButton, Kind: "button", From: "1", Payload: PayloadNotRequested, Text: "I didn't request a code"}}},
	{"a flow with JSON for a string", inMessages(`,"messages":[{"type":"interactive","interactive":{"type":"nfm_reply","nfm_reply":{"response_json":{"a":1}}}}]`),
		Update{Kind: UpdateMessage, Inbound: &Inbound{Type: InboundFlow, Kind: "interactive/nfm_reply", Payload: `{"a":1}`}}},
	{"a new interactive reply", inMessages(`,"messages":[{"type":"interactive","interactive":{"type":"call_permission_reply"}}]`),
		Update{Kind: UpdateMessage, Inbound: &Inbound{Kind: "interactive/call_permission_reply"}}},
	{"a reaction", inMessages(`,"messages":[{"from":"1","type":"reaction","reaction":{"message_id":"wamid.x","emoji":"👍"}}]`),
		Update{Kind: UpdateMessage, Inbound: &Inbound{Type: InboundReaction, Kind: "reaction", From: "1", Text: "👍", Context: "wamid.x"}}},
	{"a picture", inMessages(`,"messages":[{"from":"1","type":"image","image":{"id":"9","caption":"my prescription"}}]`),
		Update{Kind: UpdateMessage, Inbound: &Inbound{Type: InboundMedia, Kind: "image", From: "1", Text: "my prescription"}}},
	{"a place", inMessages(`,"messages":[{"from":"1","type":"location","location":{"latitude":1}}]`),
		Update{Kind: UpdateMessage, Inbound: &Inbound{Kind: "location", From: "1"}}},
	{"a group", inMessages(`,"messages":[{"from":"1","group_id":"G","type":"text","text":{"body":"hi"}}]`),
		Update{Kind: UpdateMessage, Inbound: &Inbound{Type: InboundText, Kind: "text", From: "1", Group: "G", Text: "hi"}}},
	{"unsupported", inMessages(`,"messages":[{"from":"1","type":"unsupported","unsupported":{"type":"poll"},"errors":[{"code":131051,"title":"Message type unknown"}]}]`),
		Update{Kind: UpdateMessage, Inbound: &Inbound{Type: InboundUnsupported, Kind: "unsupported/poll", From: "1", Errors: []StatusError{{Code: 131051, Title: "Message type unknown"}}}}},
	{"a number change of before v12", inMessages(`,"messages":[{"from":"1","type":"system","system":{"type":"user_changed_number","new_wa_id":"2"}}]`),
		Update{Kind: UpdateMessage, Inbound: &Inbound{Type: InboundNumberChange, Kind: "system/user_changed_number", From: "1", NewWaID: "2"}}},
	{"a number change to nothing", inMessages(`,"messages":[{"from":"1","type":"system","system":{"type":"user_changed_number"}}]`),
		Update{Kind: UpdateMessage, Inbound: &Inbound{Kind: "system/user_changed_number", From: "1"}}},
	{"a user id change", inMessages(`,"messages":[{"from":"1","from_user_id":"GB.2","type":"system","system":{"type":"user_changed_user_id","previous_user_id":"GB.1","user_id":"GB.2"}}]`),
		Update{Kind: UpdateMessage, Inbound: &Inbound{Type: InboundUserIDChange, Kind: "system/user_changed_user_id", From: "1", UserID: "GB.1", NewUserID: "GB.2"}}},
	{"a user id change, its parts elsewhere", inMessages(`,"messages":[{"from_user_id":"GB.2","previous_user_id":"GB.1","type":"system","system":{"type":"user_changed_user_id"}}]`),
		Update{Kind: UpdateMessage, Inbound: &Inbound{Type: InboundUserIDChange, Kind: "system/user_changed_user_id", UserID: "GB.1", NewUserID: "GB.2"}}},
	{"a call", inField("calls", `{"metadata":{"phone_number_id":"2"},"calls":[{"id":"c","from":"1","to":"9","event":"connect","direction":"USER_INITIATED","timestamp":1790000060}],"statuses":[{"id":"x","status":"RINGING"}]}`),
		Update{Kind: UpdateCall, Field: "calls", Time: second(1790000000), Inbound: &Inbound{Type: InboundCall, Kind: "call/connect", From: "1", ByUser: true, Time: second(1790000060)}}},
	{"our call", inField("calls", `{"metadata":{"phone_number_id":"2"},"calls":[{"from":"9","to":"1","event":"terminate","direction":"BUSINESS_INITIATED"}]}`),
		Update{Kind: UpdateCall, Field: "calls", Time: second(1790000000), Inbound: &Inbound{Type: InboundCall, Kind: "call/terminate", From: "1"}}},
	{"a preference of who goes by a user name", inMessages(`,"contacts":[{"user_id":"GB.7"}],"user_preferences":[{"category":"marketing_messages","value":"Stop","timestamp":"1790000100"}]`),
		Update{Kind: UpdatePreference, Preference: &Preference{UserID: "GB.7", Category: CategoryMarketing, Value: PreferenceStop, Time: second(1790000100)}}},
	{"a preference of nobody", inMessages(`,"user_preferences":[{"value":"stop"}]`), Update{Kind: UpdateBroken}},
	{"a tap on a link", inMessages(`,"contacts":[{"wa_id":"1"}],"user_actions":[{"action_type":"marketing_messages_link_click","timestamp":"1790000100","marketing_messages_link_click_data":{"click_component":"CTA"}}]`),
		Update{Kind: UpdateAction, Action: &UserAction{Type: "marketing_messages_link_click", Time: second(1790000100), WaID: "1", Component: "CTA"}}},
}

func TestInbound(t *testing.T) {
	for _, tt := range inboundTests {
		updates, err := ParseWebhook([]byte(tt.body))
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
		}
		tt.want.Account, tt.want.Number = "1", "2"
		if tt.want.Field == "" {
			tt.want.Field = FieldMessages
		}
		if diff := diffUpdates([]Update{tt.want}, updates); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
}

// noticeTests are the documented notices without a fixture, and odd ones.
var noticeTests = []struct {
	name, field, value string
	want               Notice
}{
	{"nothing", "message_template_status_update", `{}`, TemplateStatus{}},
	{"no object", "account_update", `"x"`, nil},
	{"an unknown field", "flows", `{"event":"PAUSED"}`, nil},
	{"first pause", "message_template_status_update", `{"event":"paused","message_template_id":"7","message_template_name":"a","message_template_language":"es-AR","other_info":{"title":"FIRST_PAUSE"}}`,
		TemplateStatus{Template: TemplateRef{"7", "a", "es_AR"}, Event: TemplatePaused, Title: TitleFirstPause}},
	{"rejected", "message_template_status_update", `{"event":"REJECTED","reason":"INVALID_FORMAT","rejection_info":{"reason":"x","recommendation":"Do not write to +44 7700 900456."}}`,
		TemplateStatus{Event: TemplateRejected, Reason: "INVALID_FORMAT", Recommendation: "Do not write to […]."}},
	{"a date as a string, infos of other types", "message_template_status_update", `{"event":"DISABLED","reason":null,"disable_info":{"disable_date":"1790000000"},"other_info":"x","rejection_info":[1]}`,
		TemplateStatus{Event: TemplateDisabled, DisabledAt: second(1790000000)}},
	{"an event we do not know", "message_template_status_update", `{"event":"MELTED"}`, TemplateStatus{Event: "MELTED"}},
	{"components", "message_template_components_update", `{"message_template_name":"a","message_template_language":"en","message_template_buttons":[{}]}`,
		TemplateComponents{TemplateRef{"", "a", "en"}}},
	{"category, about to change", "template_category_update", `{"message_template_name":"a","new_category":"UTILITY","correct_category":"MARKETING","category_update_timestamp":1790086400}`,
		TemplateCategory{Template: TemplateRef{Name: "a"}, Now: "UTILITY", Correct: "MARKETING", At: second(1790086400)}},
	{"category, changed", "template_category_update", `{"previous_category":"UTILITY","new_category":"MARKETING"}`, TemplateCategory{Was: "UTILITY", Now: "MARKETING"}},
	{"upgrade", "phone_number_quality_update", `{"display_phone_number":"447700900123","event":"THROUGHPUT_UPGRADE","max_daily_conversations_per_business":"TIER_UNLIMITED"}`,
		NumberQuality{Display: "447700900123", Event: NumberUpgraded, Limit: MessagingLimit{Known: true}}},
	{"an older limit", "phone_number_quality_update", `{"event":"ONBOARDING","current_limit":"TIER_1K","old_limit":"TIER_250"}`,
		NumberQuality{Event: NumberOnboarding, Limit: MessagingLimit{1000, true}}},
	{"unlimited as a number", "business_capability_update", `{"max_daily_conversations_per_business":-1}`, Capability{MessagingLimit{Known: true}}},
	{"a number as a string", "business_capability_update", `{"max_daily_conversations_per_business":"2000"}`, Capability{MessagingLimit{2000, true}}},
	{"no limit", "business_capability_update", `{"max_daily_conversations_per_business":"TIER_NOT_SET","max_phone_numbers_per_waba":5}`, Capability{}},
	{"nonsense for a limit", "business_capability_update", `{"max_daily_conversations_per_business":-7}`, Capability{}},
	{"a restriction alone, its end as a string", "account_update", `{"event":"ACCOUNT_RESTRICTION","restriction_info":{"restriction_type":"RESTRICTED_UTILITY_TEMPLATES","expiration":"1790259200"}}`,
		AccountUpdate{Event: AccountRestriction, Restrictions: []Restriction{{RestrictedUtility, second(1790259200)}}}},
	{"restrictions of other types", "account_update", `{"event":"ACCOUNT_RESTRICTION","restriction_info":[7,null,{"restriction_type":"X"}]}`,
		AccountUpdate{Event: AccountRestriction, Restrictions: []Restriction{{Type: "X"}}}},
	{"scheduled", "account_update", `{"event":"DISABLED_UPDATE","ban_info":{"waba_ban_state":"SCHEDULE_FOR_DISABLE","waba_ban_date":"October 1, 2026"}}`,
		AccountUpdate{Event: AccountBan, Ban: BanScheduled, BanDate: "October 1, 2026"}},
	{"country", "account_update", `{"event":"BUSINESS_PRIMARY_LOCATION_COUNTRY_UPDATE","country":"DE"}`, AccountUpdate{Event: "BUSINESS_PRIMARY_LOCATION_COUNTRY_UPDATE", Detail: "DE"}},
	{"an alert of an older version", "account_alerts", `{"entity_type":"PHONE_NUMBER","entity_id":9,"alert_severity":"CRITICAL","alert_type":"OBA_REJECTED"}`,
		Alert{Entity: "PHONE_NUMBER", ID: "9", Severity: "CRITICAL", Type: "OBA_REJECTED"}},
	{"review", "account_review_update", `{"decision":"approved"}`, Review{"APPROVED"}},
	{"name", "phone_number_name_update", `{"display_phone_number":"1","decision":"REJECTED","requested_verified_name":"X","rejection_reason":"NAME_NOT_MATCHING"}`,
		NumberName{Display: "1", Decision: "REJECTED", Reason: "NAME_NOT_MATCHING"}},
	{"security", "security", `{"display_phone_number":"1","event":"PIN_RESET_REQUEST","requester":"2"}`, Security{"PIN_RESET_REQUEST"}},
}

func TestNotices(t *testing.T) {
	for _, tt := range noticeTests {
		updates, err := ParseWebhook([]byte(inField(tt.field, tt.value)))
		if err != nil || len(updates) != 1 || updates[0].Kind != UpdateOther || updates[0].Account != "1" || len(updates[0].Value) == 0 {
			t.Fatalf("%s: %v, %v", tt.name, updates, err)
		}
		if diff := cmp.Diff(tt.want, updates[0].Notice); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
	for field := range readers {
		if !KnownField(field) {
			t.Errorf("%s is read and not known", field)
		}
	}
}

// A partner's webhook comes for its own account and names its customer's.
func TestNoticeOfACustomer(t *testing.T) {
	updates, err := ParseWebhook([]byte(inField("account_update", `{"event":"ACCOUNT_OFFBOARDED","waba_info":{"waba_id":"42"}}`)))
	if err != nil || updates[0].Account != "42" {
		t.Errorf("account %q, %v", updates[0].Account, err)
	}
}

// What people wrote and who they are is shown nowhere by accident.
func TestInboundIsHidden(t *testing.T) {
	for _, tt := range inboundTests {
		updates, err := ParseWebhook([]byte(strings.NewReplacer(`"1"`, `"447700900456"`, "hi", "447700900456", "GB.7", "447700900456").Replace(tt.body)))
		if errors.Is(err, ErrNotJSON) {
			t.Fatal(err)
		}
		for _, u := range updates {
			if text := fmt.Sprintf("%v %+v %#v %v %+v %v", u, u, u, u.Inbound, u.Preference, u.Action); strings.Contains(text, "447700900456") {
				t.Errorf("%s shows %s", tt.name, text)
			}
		}
	}
}
