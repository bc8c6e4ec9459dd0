package whatsapp

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

const (
	hookAccount = "100000000000001"
	hookNumber  = "100000000000101"
	hookToken   = "c7:r000123:a1"
	hookUser    = "GB.1000000000000002"
	hookWaID    = "447700900456"
)

var utility = Pricing{Billable: true, Model: "PMP", Category: "utility", Type: "regular"}

// statusUpdate is what the status fixtures have in common.
func statusUpdate(delivery DeliveryStatus, second int64, change func(*Status)) Update {
	u := Update{Kind: UpdateStatus, Account: hookAccount, Field: FieldMessages, Number: hookNumber, Status: Status{
		Delivery: delivery, Time: time.Unix(second, 0).UTC(), RecipientID: hookWaID, RecipientUserID: hookUser, CallbackData: hookToken, Pricing: utility,
	}}
	if delivery == DeliveryFailed {
		u.Status.RecipientUserID, u.Status.Pricing = "", Pricing{}
	}
	if change != nil {
		change(&u.Status)
	}
	return u
}

func codes(codes ...int) func(*Status) {
	return func(s *Status) {
		for _, c := range codes {
			s.Errors = append(s.Errors, StatusError{Code: c})
		}
	}
}

func TestStatusFixtures(t *testing.T) {
	want := map[string]Update{
		"status_sent":                   statusUpdate(DeliverySent, 1790000000, nil),
		"status_delivered":              statusUpdate(DeliveryDelivered, 1790000006, nil),
		"status_read":                   statusUpdate(DeliveryRead, 1790000026, nil),
		"status_read_without_delivered": statusUpdate(DeliveryRead, 1790000003, func(s *Status) { s.Pricing.Category = "marketing" }),
		"status_sent_v23_conversation": statusUpdate(DeliverySent, 1790000000, func(s *Status) {
			s.RecipientUserID, s.CallbackData, s.Pricing.Category = "", "", "marketing"
		}),
		"status_sent_free_window": statusUpdate(DeliverySent, 1790000000, func(s *Status) {
			s.CallbackData, s.Pricing = "", Pricing{Model: "PMP", Category: "service", Type: "free_customer_service"}
		}),
		"status_recipient_bsuid_only": statusUpdate(DeliveryDelivered, 1790000006, func(s *Status) {
			s.RecipientID, s.RecipientUserID, s.CallbackData = "", "GB.13491208655302741918", ""
		}),
		"status_direct_send_template_id":           statusUpdate(DeliveryDelivered, 1790000006, nil),
		"status_failed_130403_blocked_by_business": statusUpdate(DeliveryFailed, 1790000009, codes(130403)),
		"status_failed_131000_generic":             statusUpdate(DeliveryFailed, 1790000009, codes(131000)),
		"status_failed_131026_undeliverable":       statusUpdate(DeliveryFailed, 1790000009, codes(131026)),
		"status_failed_131042_payment":             statusUpdate(DeliveryFailed, 1790000009, codes(131042)),
		"status_failed_131050_opted_out":           statusUpdate(DeliveryFailed, 1790000009, codes(131050)),
		"status_failed_minimal": statusUpdate(DeliveryFailed, 1790000009, func(s *Status) {
			s.CallbackData = ""
			codes(131026)(s)
		}),
	}
	files, err := filepath.Glob("testdata/webhook/status_*.json")
	if err != nil || len(files) != len(want) {
		t.Fatalf("%d fixtures, %d expectations: %v", len(files), len(want), err)
	}
	ignore := cmp.Options{cmpopts.IgnoreFields(Status{}, "MessageID"), cmpopts.IgnoreFields(StatusError{}, "Title", "Message", "Details")}
	for name, w := range want {
		updates, err := ParseWebhook(fixture(t, "webhook", name))
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if diff := cmp.Diff([]Update{w}, updates, ignore); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		if s := updates[0].Status; !strings.HasPrefix(s.MessageID, "wamid.") || len(s.Errors) > 0 && s.Errors[0].Text() == "" {
			t.Errorf("%s: message %q, errors %v", name, s.MessageID, s.Errors)
		}
	}
}

func TestBatchFixture(t *testing.T) {
	updates, err := ParseWebhook(fixture(t, "webhook", "batch_mixed"))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, u := range updates {
		got = append(got, fmt.Sprint(u.Kind, " ", u.Field, " ", u.Status.Delivery, " ", u.Status.CallbackData))
	}
	want := []string{
		"status messages sent c7:r000001:a1", "status messages delivered c7:r000001:a1", "status messages sent c7:r000002:a1",
		"status messages read c7:r000003:a1", "status messages failed c7:r000004:a1", "other message_template_status_update  ",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// inMessages wraps the parts of a messages value.
func inMessages(parts string) string {
	return `{"object":"whatsapp_business_account","entry":[{"id":"1","changes":[{"field":"messages","value":{"metadata":{"phone_number_id":"2"}` + parts + `}}]}]}`
}

func TestAnythingMayBeMissingOrOfAnotherType(t *testing.T) {
	whole := Update{Kind: UpdateStatus, Account: "1", Field: FieldMessages, Number: "2"}
	with := func(s Status) []Update { u := whole; u.Status = s; return []Update{u} }
	at := time.Unix(1790000006, 0).UTC()
	broken := Update{Kind: UpdateBroken, Account: "1", Field: FieldMessages, Number: "2"}
	tests := []struct {
		name, body string
		want       []Update
	}{
		{"least", inMessages(`,"statuses":[{"id":"w","status":"sent"}]`), with(Status{MessageID: "w", Delivery: "sent"})},
		{"token alone", inMessages(`,"statuses":[{"biz_opaque_callback_data":"t","status":"sent"}]`), with(Status{CallbackData: "t", Delivery: "sent"})},
		{"numbers for strings", inMessages(`,"statuses":[{"id":7,"status":"sent","timestamp":1790000006,"recipient_id":447700900456,"biz_opaque_callback_data":5}]`),
			with(Status{MessageID: "7", Delivery: "sent", Time: at, RecipientID: hookWaID, CallbackData: "5"})},
		{"strings for others", inMessages(`,"statuses":[{"id":"w","status":"failed","timestamp":"1790000006","errors":[{"code":"131026","title":7}],"pricing":{"billable":"true"}}]`),
			with(Status{MessageID: "w", Delivery: "failed", Time: at, Errors: []StatusError{{Code: 131026, Title: "7"}}, Pricing: Pricing{Billable: true}})},
		{"nulls", inMessages(`,"contacts":null,"errors":null,"statuses":[{"id":"w","status":"sent","timestamp":null,"recipient_id":null,"errors":null,"pricing":null,"biz_opaque_callback_data":null}]`),
			with(Status{MessageID: "w", Delivery: "sent"})},
		{"milliseconds", inMessages(`,"statuses":[{"id":"w","status":"sent","timestamp":"1790000006999"}]`), with(Status{MessageID: "w", Delivery: "sent", Time: at})},
		{"no time", inMessages(`,"statuses":[{"id":"w","status":"sent","timestamp":"99999999999999999999"}]`), with(Status{MessageID: "w", Delivery: "sent"})},
		{"odd types", inMessages(`,"statuses":[{"id":"w","status":"sent","timestamp":{},"pricing":7,"errors":{},"recipient_id":[1]}]`), with(Status{MessageID: "w", Delivery: "sent"})},
		{"error data as text", inMessages(`,"statuses":[{"id":"w","status":"failed","errors":[{"code":1,"error_data":"said so"}]}]`),
			with(Status{MessageID: "w", Delivery: "failed", Errors: []StatusError{{Code: 1, Details: "said so"}}})},
		{"new status", inMessages(`,"statuses":[{"id":"w","status":"teleported"}]`), with(Status{MessageID: "w", Delivery: "teleported"})},
		{"user of the contact", inMessages(`,"contacts":[{"wa_id":"9"},{"wa_id":"8","user_id":"GB.8"}],"statuses":[{"id":"w","status":"sent","recipient_id":"8"}]`),
			with(Status{MessageID: "w", Delivery: "sent", RecipientID: "8", RecipientUserID: "GB.8"})},
		{"contact alone", inMessages(`,"contacts":[{"wa_id":"9"}],"statuses":[{"id":"w","status":"failed"}]`), with(Status{MessageID: "w", Delivery: "failed", RecipientID: "9"})},
		{"contact of another", inMessages(`,"contacts":[{"wa_id":"9","user_id":"GB.9"}],"statuses":[{"id":"w","status":"failed","recipient_id":"8"}]`),
			with(Status{MessageID: "w", Delivery: "failed", RecipientID: "8"})},
		{"group", inMessages(`,"statuses":[{"id":"w","status":"read","recipient_type":"group","recipient_id":"Y2FwaV9ncm91cDo","recipient_participant_id":"8","recipient_participant_user_id":"GB.8"}]`),
			with(Status{MessageID: "w", Delivery: "read", RecipientID: "8", RecipientUserID: "GB.8"})},
		{"escapes", inMessages(`,"statuses":[{"id":"w\u00e4","status":"sent"}]`), with(Status{MessageID: "wä", Delivery: "sent"})},
		{"broken beside whole", inMessages(`,"statuses":["no",{"id":"w","status":"sent"},{"id":"x"},null]`),
			[]Update{broken, with(Status{MessageID: "w", Delivery: "sent"})[0], {Kind: UpdateBroken, Account: "1", Field: FieldMessages, Number: "2", Status: Status{MessageID: "x"}}, broken}},
		{"message that is none", inMessages(`,"messages":[7]`), []Update{{Kind: UpdateBroken, Account: "1", Field: FieldMessages, Number: "2", Value: json.RawMessage(`7`)}}},
		{"errors of the number", inMessages(`,"errors":[{"code":130429,"title":"Rate limit hit"}]`),
			[]Update{{Kind: UpdateErrors, Account: "1", Field: FieldMessages, Number: "2", Errors: []StatusError{{Code: 130429, Title: "Rate limit hit"}}}}},
		{"something else in messages", inMessages(`,"new_things":[{}]`),
			[]Update{{Kind: UpdateOther, Account: "1", Field: FieldMessages, Number: "2", Value: json.RawMessage(`{"metadata":{"phone_number_id":"2"},"new_things":[{}]}`)}}},
		{"no value", `{"object":"whatsapp_business_account","entry":[{"id":"1","changes":[{"field":"messages"},{"field":"new"}]},{"id":2},7]}`,
			[]Update{{Kind: UpdateBroken, Account: "1", Field: FieldMessages}, {Kind: UpdateOther, Account: "1", Field: "new"}, {Kind: UpdateBroken, Account: "2"}, {Kind: UpdateBroken}}},
		{"value that is none", `{"object":"whatsapp_business_account","entry":[{"id":"1","changes":[{"field":"messages","value":"x"}]}]}`,
			[]Update{{Kind: UpdateBroken, Account: "1", Field: FieldMessages}}},
		{"no object", `{"entry":[{"id":"1","changes":[{"value":{"metadata":{"phone_number_id":2},"statuses":[{"id":"w","status":"sent"}]}}]}]}`,
			[]Update{{Kind: UpdateStatus, Account: "1", Number: "2", Status: Status{MessageID: "w", Delivery: "sent"}}}},
		{"nothing", `{"object":"whatsapp_business_account","entry":[]}`, nil},
	}
	for _, tt := range tests {
		got, err := ParseWebhook([]byte(tt.body))
		if diff := cmp.Diff(tt.want, got, cmpopts.EquateEmpty()); diff != "" || err != nil {
			t.Errorf("%s: %v (-want +got):\n%s", tt.name, err, diff)
		}
	}
}

func TestWhatIsNoWebhook(t *testing.T) {
	for body, want := range map[string]error{
		``: ErrNotJSON, `{`: ErrNotJSON, `[]`: ErrNotJSON, `"+447700900456"`: ErrNotJSON, `null`: ErrNotWhatsApp, `<html>`: ErrNotJSON,
		`{}`: ErrNotWhatsApp, `{"object":"page","entry":[{"id":"1"}]}`: ErrNotWhatsApp, `{"object":7}`: ErrNotWhatsApp,
	} {
		updates, err := ParseWebhook([]byte(body))
		if !errors.Is(err, want) || len(updates) > 0 {
			t.Errorf("%q: %d updates, error %v, want %v", body, len(updates), err, want)
		}
		if err != nil && body != `` && body != `{` && strings.Contains(err.Error(), body) {
			t.Errorf("%q is quoted: %v", body, err)
		}
	}
}

// A thousand updates with one in ten broken, as the platform may send at once.
func TestBrokenUpdatesSpoilNoOther(t *testing.T) {
	var body bytes.Buffer
	for i := range 1000 {
		if i > 0 {
			body.WriteByte(',')
		}
		if i%10 == 0 {
			body.WriteString([]string{`null`, `7`, `[]`, `{"status":"sent"}`, `{"id":{},"status":[]}`}[i/10%5])
			continue
		}
		fmt.Fprintf(&body, `{"id":"w%d","status":"delivered"}`, i)
	}
	updates, err := ParseWebhook([]byte(inMessages(`,"statuses":[` + body.String() + `]`)))
	if err != nil || len(updates) != 1000 {
		t.Fatal(len(updates), err)
	}
	for i, u := range updates {
		if broken := i%10 == 0; broken != (u.Kind == UpdateBroken) || !broken && u.Status.MessageID != fmt.Sprint("w", i) {
			t.Errorf("update %d is %v of %q", i, u.Kind, u.Status.MessageID)
		}
	}
}

func TestUpdatesHidePersonalData(t *testing.T) {
	updates, err := ParseWebhook([]byte(inMessages(`,"statuses":[{"id":"wamid.HBgMNDQ3NzAwOTAwNDU2FQIAERgSNjQwRDg3","status":"failed","recipient_id":"447700900456",` +
		`"errors":[{"code":131026,"title":"+447700900456 is away","error_data":{"details":"see https://x.example/a?token=1"}}]}]`)))
	if err != nil {
		t.Fatal(err)
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q"} {
		for _, shown := range []string{fmt.Sprintf(verb, updates[0]), fmt.Sprintf(verb, updates[0].Status), fmt.Sprintf(verb, updates[0].Status.Errors)} {
			for _, private := range []string{"447700900456", "HBgMNDQ3", "token=1"} {
				if strings.Contains(shown, private) {
					t.Errorf("%s shows %s", verb, shown)
				}
			}
		}
	}
}

func FuzzParseWebhook(f *testing.F) {
	files, err := filepath.Glob("testdata/webhook/*.json")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Add([]byte(inMessages(`,"statuses":["no",{"id":7,"status":"sent","timestamp":-1e400},null],"messages":[{}],"errors":[7]`)))
	f.Add([]byte(`{"entry":[{"changes":[{"field":"a","value":1},{"value":2}]}],"entry":[{"changes":[{"value":{}},{"field":"b","field":"c"},{}]},{}],"object":null}`))
	for _, tt := range noticeTests {
		f.Add([]byte(inField(tt.field, tt.value)))
	}
	for _, tt := range inboundTests {
		f.Add([]byte(tt.body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		updates, err := ParseWebhook(body)
		if err != nil && (len(updates) > 0 || !errors.Is(err, ErrNotJSON) && !errors.Is(err, ErrNotWhatsApp)) {
			t.Fatalf("%d updates and error %v", len(updates), err)
		}
		for _, u := range updates {
			if u.Kind < UpdateStatus || u.Kind > UpdateBroken {
				t.Errorf("kind %d", u.Kind)
			}
			if u.Kind == UpdateStatus && (u.Status.Delivery == "" || u.Status.MessageID == "" && u.Status.CallbackData == "") {
				t.Errorf("a status without a name: %#v", u.Status)
			}
			if _, err := u.Status.Time.MarshalJSON(); err != nil {
				t.Error(err)
			}
			filled := map[UpdateKind]bool{UpdateMessage: u.Inbound != nil, UpdateCall: u.Inbound != nil, UpdatePreference: u.Preference != nil, UpdateAction: u.Action != nil}
			if part, has := filled[u.Kind]; has && !part || !has && (u.Inbound != nil || u.Preference != nil || u.Action != nil) || u.Notice != nil && u.Kind != UpdateOther {
				t.Errorf("%v has the parts of another kind: %#v", u.Kind, u)
			}
			if len(u.Value) > 0 && !json.Valid(u.Value) {
				t.Errorf("value %q", u.Value)
			}
		}
	})
}

func BenchmarkParseWebhook(b *testing.B) {
	one, err := os.ReadFile("testdata/webhook/status_delivered.json")
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(one)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ParseWebhook(one); err != nil {
			b.Fatal(err)
		}
	}
}

func TestKnownFields(t *testing.T) {
	for field, want := range map[string]bool{FieldMessages: true, "account_update": true, "user_preferences": true, "": false, "messages ": false, "history": false} {
		if KnownField(field) != want {
			t.Errorf("field %q is known: %v", field, !want)
		}
	}
}
