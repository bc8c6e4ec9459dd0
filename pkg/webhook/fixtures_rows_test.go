package webhook_test

import (
	"fmt"
	"strings"

	"github.com/wacast/wacast/pkg/recipient"
)

// inValue is a change of the field messages with the usual metadata.
func inValue(rest string) string {
	return fmt.Sprintf(`{"object":"whatsapp_business_account","entry":[{"id":%q,"changes":[{"field":"messages","value":{"messaging_product":"whatsapp","metadata":{"phone_number_id":%q}%s}}]}]}`, waba, number, rest)
}

// inField is a change of another field.
func inField(field, value string) string {
	return fmt.Sprintf(`{"object":"whatsapp_business_account","entry":[{"id":%q,"time":1790000000,"changes":[{"field":%q,"value":%s}]}]}`, waba, field, value)
}

// wrote is a message of the person of the fixtures.
func wrote(rest string) string {
	return inValue(`,"contacts":[{"wa_id":"447700900456","user_id":"GB.2"}],"messages":[{"from":"447700900456","from_user_id":"GB.2","id":"wamid.in.1","timestamp":"1790000060",` + rest + `}]`)
}

// reported is a status of job a.
func reported(rest string) string {
	return inValue(`,"statuses":[{"id":"` + string(wamidOf("a")) + `","timestamp":"1790000009","recipient_id":"447700900456","biz_opaque_callback_data":"c7:r000123:a1",` + rest + `}]`)
}

func failedWith(code int) string {
	return reported(fmt.Sprintf(`"status":"failed","errors":[{"code":%d,"title":"no"}]`, code))
}

// templateTold is a message_template_status_update.
func templateTold(event, rest string) string {
	return inField("message_template_status_update", `{"event":"`+event+`","message_template_id":1689556908129832,"message_template_name":"sale_open","message_template_language":"en_US"`+rest+`}`)
}

func restricted(what, until string) string {
	if until != "" {
		until = `,"expiration":` + until
	}
	return inField("account_update", `{"event":"ACCOUNT_RESTRICTION","restriction_info":[{"restriction_type":"`+what+`"`+until+`}]}`)
}

func later(body string) string { return strings.ReplaceAll(body, "1790000000", "1790000050") }

var byUserName = recipient.Person{UserID: "GB.7"}

var statusRows = []told{
	{name: "batch_mixed", want: done{
		events:  []string{"a sent@0 GB.1000000000000002", "a delivered@2 GB.1000000000000002", "b sent@0 GB.1000000000000003", "c sent@5 implied by read GB.1000000000000004", "c delivered@5 implied by read GB.1000000000000004", "c read@5 GB.1000000000000004", "d failed@3 delivery_failed 131049", "template sale_open en_US template_status 100000000000001"},
		people:  "marketing_hold@86403 ok",
		stops:   []string{"template 100000000000001/sale_open/en_US template_status @10804 time"},
		counted: "signals:stop=1 statuses:delivered=2 statuses:failed=1 statuses:read=1 statuses:sent=3 updates:recorded=5 updates:signal=1",
	}},
	{name: "sequence_duplicate_delivered", want: done{
		events:  []string{"a sent@6 implied by delivered GB.1000000000000002", "a delivered@6 GB.1000000000000002"},
		counted: "statuses:delivered=1 statuses:sent=1 updates:duplicate=1 updates:recorded=1",
	}},
	{name: "status_delivered", want: done{
		events:  []string{"a sent@6 implied by delivered GB.1000000000000002", "a delivered@6 GB.1000000000000002"},
		counted: "statuses:delivered=1 statuses:sent=1 updates:recorded=1",
	}},
	{name: "status_direct_send_template_id", want: done{
		events:  []string{"a sent@6 implied by delivered GB.1000000000000002", "a delivered@6 GB.1000000000000002"},
		counted: "statuses:delivered=1 statuses:sent=1 updates:recorded=1",
	}},
	{name: "status_failed_130403_blocked_by_business", want: done{
		events:  []string{"a failed@9 delivery_failed 130403"},
		counted: "statuses:failed=1 updates:recorded=1",
	}},
	{name: "status_failed_131000_generic", want: done{
		events:  []string{"a failed@9 delivery_failed 131000"},
		counted: "statuses:failed=1 updates:recorded=1",
	}},
	{name: "status_failed_131026_undeliverable", want: done{
		events:  []string{"a failed@9 delivery_failed 131026"},
		counted: "statuses:failed=1 updates:recorded=1",
	}},
	{name: "status_failed_131042_payment", want: done{
		events:  []string{"a failed@9 delivery_failed 131042", "account hello en account_refused 131042 100000000000001"},
		stops:   []string{"account 100000000000001 account_refused person"},
		counted: "signals:stop=1 statuses:failed=1 updates:recorded=1",
	}},
	{name: "status_failed_131050_opted_out", want: done{
		events:  []string{"a opt_out@9 api marketing", "a failed@9 delivery_failed 131050"},
		people:  "opted_out ok",
		counted: "consent_changes:opt_out:api=1 statuses:failed=1 updates:recorded=1",
	}},
	{name: "status_failed_minimal", want: done{
		counted: "updates:foreign=1",
	}},
	{name: "status_read", want: done{
		events:  []string{"a sent@26 implied by read GB.1000000000000002", "a delivered@26 implied by read GB.1000000000000002", "a read@26 GB.1000000000000002"},
		counted: "statuses:delivered=1 statuses:read=1 statuses:sent=1 updates:recorded=1",
	}},
	{name: "status_read_without_delivered", want: done{
		events:  []string{"a sent@3 implied by read GB.1000000000000002", "a delivered@3 implied by read GB.1000000000000002", "a read@3 GB.1000000000000002"},
		counted: "statuses:delivered=1 statuses:read=1 statuses:sent=1 updates:recorded=1",
	}},
	{name: "status_recipient_bsuid_only", want: done{
		counted: "updates:foreign=1",
	}},
	{name: "status_sent", want: done{
		events:  []string{"a sent@0 GB.1000000000000002"},
		counted: "statuses:sent=1 updates:recorded=1",
	}},
	{name: "status_sent_free_window", want: done{
		counted: "updates:foreign=1",
	}},
	{name: "status_sent_v23_conversation", want: done{
		events:  []string{"a sent@0"},
		counted: "statuses:sent=1 updates:recorded=1",
	}},
	{name: "played", bodies: []string{reported(`"status":"played"`)}, want: done{
		events:  []string{"a sent@9 implied by played", "a delivered@9 implied by played", "a read@9"},
		counted: "statuses:delivered=1 statuses:read=1 statuses:sent=1 updates:recorded=1",
	}},
	{name: "marketing is held back", bodies: []string{failedWith(131049)}, want: done{
		events:  []string{"a failed@9 delivery_failed 131049"},
		people:  "marketing_hold@86409 ok",
		counted: "statuses:failed=1 updates:recorded=1",
	}},
	{name: "the template is paused", bodies: []string{failedWith(132015)}, want: done{
		events:  []string{"a failed@9 delivery_failed 132015", "template hello en template_status 132015 100000000000001"},
		stops:   []string{"template 100000000000001/hello/en template_status @10809 webhook"},
		counted: "signals:stop=1 statuses:failed=1 updates:recorded=1",
	}},
	{name: "the template is disabled", bodies: []string{failedWith(132016)}, want: done{
		events:  []string{"a failed@9 delivery_failed 132016", "template hello en template_status 132016 100000000000001"},
		stops:   []string{"template 100000000000001/hello/en template_status person"},
		counted: "signals:stop=1 statuses:failed=1 updates:recorded=1",
	}},
	{name: "spam", bodies: []string{failedWith(131048)}, want: done{
		events:  []string{"a failed@9 delivery_failed 131048", "sender hello en quality 131048 100000000000001"},
		stops:   []string{"number 106540352242922 quality person"},
		counted: "signals:stop=1 statuses:failed=1 updates:recorded=1",
	}},
	{name: "locked", bodies: []string{failedWith(131031)}, want: done{
		events:  []string{"a failed@9 delivery_failed 131031", "account hello en account_banned 131031 100000000000001"},
		stops:   []string{"account 100000000000001 account_banned person"},
		counted: "signals:stop=1 statuses:failed=1 updates:recorded=1",
	}},
	{name: "failed after delivered", bodies: []string{reported(`"status":"delivered"`), failedWith(131000)}, want: done{
		events:  []string{"a sent@9 implied by delivered", "a delivered@9"},
		counted: "statuses:delivered=1 statuses:sent=1 updates:late=1 updates:recorded=1",
	}},
	{name: "delivered after failed", bodies: []string{failedWith(131000), reported(`"status":"delivered"`)}, want: done{
		events:  []string{"a failed@9 delivery_failed 131000", "a settled@9 delivered after all failed webhook", "a sent@9 implied by delivered", "a delivered@9"},
		counted: "statuses:delivered=1 statuses:failed=1 statuses:sent=1 updates:recorded=2",
	}},
	{name: "a status that nobody knows", bodies: []string{reported(`"status":"pondered"`)}, want: done{
		counted: "updates:unknown_status=1 webhooks:processed=1 webhooks:quarantined=1 webhooks:stored=1",
	}},
	{name: "numbers for strings in a status", bodies: []string{inValue(`,"statuses":[{"id":"wamid.x","status":"delivered","timestamp":1790000009,"recipient_id":447700900456,"biz_opaque_callback_data":"c7:r000123:a1"}]`)}, want: done{
		events:  []string{"a sent@9 implied by delivered", "a delivered@9"},
		counted: "statuses:delivered=1 statuses:sent=1 updates:recorded=1",
	}},
	{name: "a string for a code", bodies: []string{reported(`"status":"failed","errors":[{"code":"131050"}]`)}, want: done{
		events:  []string{"a opt_out@9 api marketing", "a failed@9 delivery_failed 131050"},
		people:  "opted_out ok",
		counted: "consent_changes:opt_out:api=1 statuses:failed=1 updates:recorded=1",
	}},
	{name: "a status with as little as can be", bodies: []string{inValue(`,"statuses":[{"status":"read","biz_opaque_callback_data":"c7:r000123:a1"}]`)}, want: done{
		events:  []string{"a sent@now implied by read", "a delivered@now implied by read", "a read@now"},
		counted: "statuses:delivered=1 statuses:read=1 statuses:sent=1 updates:recorded=1",
	}},
	{name: "a status of another system", bodies: []string{strings.Replace(reported(`"status":"read"`), "c7:r000123:a1", "crm-7", 1)}, want: done{
		counted: "updates:foreign=1",
	}},
}

var messageRows = []told{
	{name: "message_button_stop_promotions", want: done{
		events:  []string{"a opt_out@60 context button all GB.1000000000000002", "a reply@60 context Stop promotions \"Stop promotions\" GB.1000000000000002 @86460"},
		people:  "opted_out opted_out window @86460",
		counted: "consent_changes:opt_out:button=1 replies:context=1 updates:message=1",
	}},
	{name: "message_interactive_button_reply", want: done{
		events:  []string{"a reply@60 context cancel-button \"Cancel\" GB.1000000000000002 @86460"},
		people:  "ok ok window @86460",
		counted: "replies:context=1 updates:message=1",
	}},
	{name: "message_interactive_list_reply", want: done{
		events:  []string{"a reply@60 context slot-2 \"Thursday\" GB.1000000000000002 @86460"},
		people:  "ok ok window @86460",
		counted: "replies:context=1 updates:message=1",
	}},
	{name: "message_interactive_nfm_reply", want: done{
		events:  []string{"a reply@60 context {\"flow_token\":\"c7-r123\",\"rating\":\"5\"} \"Sent\" interactive/nfm_reply GB.1000000000000002 @86460"},
		people:  "ok ok window @86460",
		counted: "replies:context=1 updates:message=1",
	}},
	{name: "message_text_stop", want: done{
		events:  []string{"a opt_out@60 latest keyword all GB.1000000000000002", "a reply@60 latest \"STOP\" GB.1000000000000002 @86460"},
		people:  "opted_out opted_out window @86460",
		counted: "consent_changes:opt_out:keyword=1 replies:latest=1 updates:message=1",
	}},
	{name: "message_system_number_change", who: recipient.Person{WaID: "447700900789"}, want: done{
		events:  []string{"a reply@60 latest system/user_changed_number"},
		counted: "replies:latest=1 updates:message=1",
	}},
	{name: "user_preferences_resume", want: done{
		events:  []string{"opt_in@100 preferences marketing GB.1000000000000002"},
		counted: "consent_changes:opt_in:preferences=1 updates:preference=1",
	}},
	{name: "user_preferences_signup", want: done{
		events:  []string{"opt_in@100 preferences marketing GB.1000000000000002"},
		counted: "consent_changes:opt_in:preferences=1 updates:preference=1",
	}},
	{name: "stop in whatsapp", bodies: []string{inField("user_preferences", `{"metadata":{"phone_number_id":"100000000000101"},"user_preferences":[{"wa_id":"447700900456","category":"marketing_messages","value":"stop","timestamp":1790000010}]}`)}, want: done{
		events:  []string{"opt_out@10 preferences marketing"},
		people:  "opted_out ok",
		counted: "consent_changes:opt_out:preferences=1 updates:preference=1",
	}},
	{name: "stop and resume", bodies: []string{
		inField("user_preferences", `{"metadata":{"phone_number_id":"100000000000101"},"user_preferences":[{"wa_id":"447700900456","category":"marketing_messages","value":"stop","timestamp":"1790000010"}]}`),
		inField("user_preferences", `{"metadata":{"phone_number_id":"100000000000101"},"user_preferences":[{"wa_id":447700900456,"category":"marketing_messages","value":"resume","timestamp":"1790000020"}]}`)}, want: done{
		events:  []string{"opt_out@10 preferences marketing", "opt_in@20 preferences marketing"},
		counted: "consent_changes:opt_in:preferences=1 consent_changes:opt_out:preferences=1 updates:preference=2",
	}},
	{name: "a preference that nobody knows", bodies: []string{inField("user_preferences", `{"user_preferences":[{"wa_id":"447700900456","category":"marketing_messages","value":"pause","timestamp":1}]}`)}, want: done{
		counted: "updates:unknown_preference=1 webhooks:processed=1 webhooks:quarantined=1 webhooks:stored=1",
	}},
	{name: "the opt-out moves with the number", who: recipient.Person{WaID: "447700900789"}, bodies: []string{
		wrote(`"type":"text","text":{"body":"STOP"}`),
		inValue(`,"messages":[{"from":"447700900456","id":"wamid.in.2","timestamp":"1790000061","type":"system","system":{"type":"user_changed_number","wa_id":"447700900789"}}]`)}, want: done{
		events:  []string{"a opt_out@60 latest keyword all GB.2", "a reply@60 latest \"STOP\" GB.2 @86460", "a reply@61 latest system/user_changed_number"},
		people:  "opted_out opted_out",
		counted: "consent_changes:opt_out:keyword=1 replies:latest=2 updates:message=2",
	}},
	{name: "the opt-out moves with the user id", who: recipient.Person{UserID: "GB.9"}, bodies: []string{
		inValue(`,"contacts":[{"user_id":"GB.7"}],"messages":[{"from_user_id":"GB.7","id":"wamid.in.1","timestamp":"1790000060","type":"text","text":{"body":"STOP"}}]`),
		inValue(`,"messages":[{"from_user_id":"GB.9","id":"wamid.in.2","timestamp":"1790000061","type":"system","system":{"type":"user_changed_user_id","previous_user_id":"GB.7","user_id":"GB.9"}}]`)}, want: done{
		events:  []string{"opt_out@60 keyword all GB.7", "reply@60 \"STOP\" GB.7 @86460", "reply@61 system/user_changed_user_id GB.7"},
		people:  "opted_out opted_out",
		counted: "consent_changes:opt_out:keyword=1 replies:none=2 updates:message=2",
	}},
	{name: "unsupported", bodies: []string{wrote(`"type":"unsupported","unsupported":{"type":"poll"},"errors":[{"code":131051,"title":"Message type unknown"}]`)}, want: done{
		events:  []string{"a reply@60 latest unsupported/poll GB.2 @86460"},
		people:  "ok ok window @86460",
		counted: "replies:latest=1 updates:message=1",
	}},
	{name: "who goes by a user name", who: byUserName, bodies: []string{inValue(`,"contacts":[{"profile":{"username":"amina"},"user_id":"GB.7"}],"messages":[{"from_user_id":"GB.7","id":"wamid.in.1","timestamp":"1790000060","type":"text","text":{"body":"BAJA"}}]`)}, want: done{
		events:  []string{"opt_out@60 keyword all GB.7", "reply@60 \"BAJA\" GB.7 @86460"},
		people:  "opted_out opted_out window @86460",
		counted: "consent_changes:opt_out:keyword=1 replies:none=1 updates:message=1",
	}},
	{name: "a code that nobody asked for", bodies: []string{wrote(`"type":"button","button":{"payload":"DID_NOT_REQUEST_CODE","text":"I didn't request a code"},"context":{"id":"` + fixtureWamid + `"}`)}, want: done{
		events:  []string{"a reply@60 context DID_NOT_REQUEST_CODE \"I didn't request a code\" GB.2 @86460"},
		people:  "ok ok window @86460",
		counted: "replies:context=1 updates:message=1",
	}},
	{name: "a tap without context or payload", bodies: []string{wrote(`"type":"button","button":{"text":"More"}`)}, want: done{
		events:  []string{"a reply@60 latest \"More\" GB.2 @86460"},
		people:  "ok ok window @86460",
		counted: "replies:latest=1 updates:message=1",
	}},
	{name: "a reaction", bodies: []string{wrote(`"type":"reaction","reaction":{"message_id":"` + fixtureWamid + `","emoji":"👍"}`)}, want: done{
		events:  []string{"a reply@60 context \"👍\" reaction GB.2 @86460"},
		people:  "ok ok window @86460",
		counted: "replies:context=1 updates:message=1",
	}},
	{name: "a person calls", bodies: []string{inField("calls", `{"metadata":{"phone_number_id":"100000000000101"},"calls":[{"id":"c","from":"447700900456","event":"connect","direction":"USER_INITIATED","timestamp":1790000060}]}`)}, want: done{
		people:  "ok ok window @86460",
		counted: "updates:call=1",
	}},
	{name: "we call", bodies: []string{inField("calls", `{"metadata":{"phone_number_id":"100000000000101"},"calls":[{"id":"c","from":"1","to":"447700900456","event":"connect","direction":"BUSINESS_INITIATED","timestamp":1790000060}]}`)}, want: done{
		counted: "updates:call=1",
	}},
	{name: "stop in a group", bodies: []string{wrote(`"group_id":"g","type":"text","text":{"body":"STOP"}`)}, want: done{
		events:  []string{"a reply@60 latest \"STOP\" GB.2"},
		counted: "replies:latest=1 updates:message=1",
	}},
	{name: "numbers for strings in a message", bodies: []string{inValue(`,"messages":[{"from":447700900456,"id":7,"timestamp":1790000060,"type":"text","text":{"body":"stop"}}]`)}, want: done{
		events:  []string{"a opt_out@60 latest keyword all", "a reply@60 latest \"stop\" @86460"},
		people:  "opted_out opted_out window @86460",
		counted: "consent_changes:opt_out:keyword=1 replies:latest=1 updates:message=1",
	}},
	{name: "a message without all that may be missing", bodies: []string{inValue(`,"messages":[{"from":"447700900456","type":"text","text":{"body":"hi"}}]`)}, want: done{
		events:  []string{"a reply@now latest \"hi\" @now 24h0m0s"},
		people:  "ok ok window @now 24h0m0s",
		counted: "replies:latest=1 updates:message=1",
	}},
	{name: "a message that is empty", bodies: []string{inValue(`,"messages":[{}]`)}, want: done{
		events:  []string{"reply@now @now 24h0m0s"},
		counted: "replies:none=1 updates:message=1",
	}},
	{name: "a tap on a link", bodies: []string{inValue(`,"contacts":[{"wa_id":"447700900456"}],"user_actions":[{"action_type":"marketing_messages_link_click","timestamp":"1790000100"}]`)}, want: done{
		counted: "updates:action=1",
	}},
}

var noticeRows = []told{
	{name: "account_alerts_limit_deferred", want: done{
		events:  []string{"account 100000000000001"},
		counted: "signals:note=1 updates:signal=1",
	}},
	{name: "account_update_deleted", want: done{
		events:  []string{"account account_refused 100000000000001"},
		stops:   []string{"account 100000000000001 account_refused person"},
		counted: "signals:stop=1 updates:signal=1",
	}},
	{name: "account_update_disabled", want: done{
		events:  []string{"account account_banned 100000000000001"},
		stops:   []string{"account 100000000000001 account_banned webhook"},
		counted: "signals:stop=1 updates:signal=1",
	}},
	{name: "account_update_reinstated", want: done{
		events:  []string{"account account_banned 100000000000001"},
		counted: "signals:resume=1 updates:signal=1",
	}},
	{name: "account_update_restriction", want: done{
		events:  []string{"account account_restricted 100000000000001", "account account_restricted 100000000000001"},
		stops:   []string{"account 100000000000001 account_restricted @259200 time"},
		counted: "signals:note=1 signals:stop=1 updates:signal=1",
	}},
	{name: "account_update_violation", want: done{
		events:  []string{"account 100000000000001"},
		counted: "signals:note=1 updates:signal=1",
	}},
	{name: "account_update_volume_tier", want: done{
		events:  []string{"account 100000000000001"},
		counted: "signals:note=1 updates:signal=1",
	}},
	{name: "business_capability_update", want: done{
		events:  []string{"account 100000000000001"},
		stops:   []string{"portfolio 10000"},
		counted: "signals:limit=1 updates:signal=1",
	}},
	{name: "business_capability_update_tier_string", want: done{
		events:  []string{"account 100000000000001"},
		stops:   []string{"portfolio 10000"},
		counted: "signals:limit=1 updates:signal=1",
	}},
	{name: "template_correct_category_detection", want: done{
		events:  []string{"template auto_generated_123456 en_US 100000000000001"},
		counted: "signals:note=1 updates:signal=1",
	}},
	{name: "template_quality_update", want: done{
		events:  []string{"template sale_open en_US quality 100000000000001"},
		counted: "signals:note=1 updates:signal=1",
	}},
	{name: "template_quality_update_doc_variant", want: done{
		events:  []string{"template sale_open en_US quality 100000000000001"},
		counted: "signals:note=1 updates:signal=1",
	}},
	{name: "template_status_disabled", want: done{
		events:  []string{"template sale_open en_US template_status 100000000000001"},
		stops:   []string{"template 100000000000001/sale_open/en_US template_status person"},
		counted: "signals:stop=1 updates:signal=1",
	}},
	{name: "template_status_pending_deletion", want: done{
		events:  []string{"template sale_open en_US template_status 100000000000001"},
		stops:   []string{"template 100000000000001/sale_open/en_US template_status person"},
		counted: "signals:stop=1 updates:signal=1",
	}},
	{name: "template_status_unpaused", want: done{
		events:  []string{"template sale_open en_US template_status 100000000000001"},
		counted: "signals:resume=1 updates:signal=1",
	}},
	{name: "paused the first time", bodies: []string{templateTold("PAUSED", `,"other_info":{"title":"FIRST_PAUSE"}`)}, want: done{
		events:  []string{"template sale_open en_US template_status 100000000000001"},
		stops:   []string{"template 100000000000001/sale_open/en_US template_status @10800 time"},
		counted: "signals:stop=1 updates:signal=1",
	}},
	{name: "paused the second time", bodies: []string{templateTold("PAUSED", `,"other_info":{"title":"SECOND_PAUSE"}`)}, want: done{
		events:  []string{"template sale_open en_US template_status 100000000000001"},
		stops:   []string{"template 100000000000001/sale_open/en_US template_status @21600 time"},
		counted: "signals:stop=1 updates:signal=1",
	}},
	{name: "paused by pacing", bodies: []string{templateTold("PAUSED", `,"other_info":{"title":"RATE_LIMITING_PAUSE"}`)}, want: done{
		events:  []string{"template sale_open en_US template_status 100000000000001"},
		stops:   []string{"template 100000000000001/sale_open/en_US template_status webhook"},
		counted: "signals:stop=1 updates:signal=1",
	}},
	{name: "paused and back", bodies: []string{templateTold("PAUSED", `,"other_info":{"title":"FIRST_PAUSE"}`), later(templateTold("APPROVED", `,"other_info":{"title":"UNPAUSE"}`))}, want: done{
		events:  []string{"template sale_open en_US template_status 100000000000001", "template sale_open en_US template_status 100000000000001"},
		counted: "signals:resume=1 signals:stop=1 updates:signal=2",
	}},
	{name: "back before paused", bodies: []string{later(templateTold("APPROVED", `,"other_info":{"title":"UNPAUSE"}`)), templateTold("PAUSED", `,"other_info":{"title":"FIRST_PAUSE"}`)}, want: done{
		events:  []string{"template sale_open en_US template_status 100000000000001", "template sale_open en_US template_status 100000000000001"},
		counted: "signals:resume=1 signals:stop=1 updates:signal=2",
	}},
	{name: "paused without what is optional", bodies: []string{inField("message_template_status_update", `{"event":"PAUSED","message_template_name":"sale_open"}`)}, want: done{
		events:  []string{"template sale_open template_status 100000000000001"},
		stops:   []string{"template 100000000000001/sale_open template_status webhook"},
		counted: "signals:stop=1 updates:signal=1",
	}},
	{name: "paused, nobody knows which", bodies: []string{inField("message_template_status_update", `{"event":"PAUSED"}`)}, want: done{
		events:  []string{"account template_status 100000000000001"},
		counted: "signals:note=1 updates:signal=1",
	}},
	{name: "flagged", bodies: []string{templateTold("FLAGGED", ``)}, want: done{
		events:  []string{"template sale_open en_US template_status 100000000000001"},
		counted: "signals:note=1 updates:signal=1",
	}},
	{name: "disabled and reinstated", bodies: []string{templateTold("DISABLED", ``), later(templateTold("REINSTATED", ``))}, want: done{
		events:  []string{"template sale_open en_US template_status 100000000000001", "template sale_open en_US template_status 100000000000001"},
		counted: "signals:resume=1 signals:stop=1 updates:signal=2",
	}},
	{name: "rejected", bodies: []string{templateTold("REJECTED", `,"reason":"SCAM","rejection_info":{"reason":"r","recommendation":"do better"}`)}, want: done{
		events:  []string{"template sale_open en_US template_status 100000000000001"},
		stops:   []string{"template 100000000000001/sale_open/en_US template_status webhook"},
		counted: "signals:stop=1 updates:signal=1",
	}},
	{name: "in review", bodies: []string{templateTold("PENDING", ``)}, want: done{
		events:  []string{"template sale_open en_US template_status 100000000000001"},
		stops:   []string{"template 100000000000001/sale_open/en_US template_status webhook"},
		counted: "signals:stop=1 updates:signal=1",
	}},
	{name: "deleted", bodies: []string{templateTold("DELETED", ``)}, want: done{
		events:  []string{"template sale_open en_US template_status 100000000000001"},
		stops:   []string{"template 100000000000001/sale_open/en_US template_status person"},
		counted: "signals:stop=1 updates:signal=1",
	}},
	{name: "archived", bodies: []string{templateTold("ARCHIVED", ``)}, want: done{
		events:  []string{"template sale_open en_US template_status 100000000000001"},
		stops:   []string{"template 100000000000001/sale_open/en_US template_status person"},
		counted: "signals:stop=1 updates:signal=1",
	}},
	{name: "in appeal", bodies: []string{templateTold("IN_APPEAL", ``)}, want: done{
		events:  []string{"template sale_open en_US template_status 100000000000001"},
		counted: "signals:note=1 updates:signal=1",
	}},
	{name: "locked template", bodies: []string{templateTold("LOCKED", ``)}, want: done{
		events:  []string{"template sale_open en_US template_status 100000000000001"},
		counted: "signals:note=1 updates:signal=1",
	}},
	{name: "too many templates", bodies: []string{templateTold("LIMIT_EXCEEDED", ``)}, want: done{
		events:  []string{"template sale_open en_US template_status 100000000000001"},
		counted: "signals:note=1 updates:signal=1",
	}},
	{name: "a template event that nobody knows", bodies: []string{templateTold("PONDERED", ``)}, want: done{
		events:  []string{"template sale_open en_US template_status 100000000000001"},
		counted: "signals:note=1 updates:signal=1",
	}},
	{name: "edited", bodies: []string{inField("message_template_components_update", `{"message_template_id":"1","message_template_name":"sale_open","message_template_language":"en_US","message_template_element":"new text"}`)}, want: done{
		events:  []string{"template sale_open en_US 100000000000001"},
		counted: "signals:note=1 updates:signal=1",
	}},
	{name: "category to come", bodies: []string{inField("template_category_update", `{"message_template_id":"1","message_template_name":"sale_open","message_template_language":"en_US","new_category":"UTILITY","correct_category":"MARKETING","category_update_timestamp":"1790000000"}`)}, want: done{
		events:  []string{"template sale_open en_US 100000000000001"},
		counted: "signals:note=1 updates:signal=1",
	}},
	{name: "category changed", bodies: []string{inField("template_category_update", `{"message_template_id":1,"message_template_name":"sale_open","message_template_language":"en_US","previous_category":"UTILITY","new_category":"MARKETING"}`)}, want: done{
		events:  []string{"template sale_open en_US 100000000000001"},
		counted: "signals:note=1 updates:signal=1",
	}},
	{name: "throughput upgrade", bodies: []string{inField("phone_number_quality_update", `{"display_phone_number":"447700900123","event":"THROUGHPUT_UPGRADE","current_limit":"TIER_100K","max_daily_conversations_per_business":"TIER_100K"}`)}, want: done{
		events:  []string{"sender 100000000000001", "account 100000000000001"},
		stops:   []string{"portfolio 100000"},
		counted: "signals:limit=2 updates:signal=1",
	}},
	{name: "number flagged", bodies: []string{inField("phone_number_quality_update", `{"display_phone_number":"447700900123","event":"FLAGGED"}`)}, want: done{
		events:  []string{"sender quality 100000000000001"},
		counted: "signals:note=1 updates:signal=1",
	}},
	{name: "unlimited", bodies: []string{inField("business_capability_update", `{"max_daily_conversations_per_business":-1}`)}, want: done{
		events:  []string{"account 100000000000001"},
		stops:   []string{"portfolio 0"},
		counted: "signals:limit=1 updates:signal=1",
	}},
	{name: "a limit as a string", bodies: []string{inField("business_capability_update", `{"max_daily_conversations_per_business":"2000"}`)}, want: done{
		events:  []string{"account 100000000000001"},
		stops:   []string{"portfolio 2000"},
		counted: "signals:limit=1 updates:signal=1",
	}},
	{name: "disabled and back", bodies: []string{inField("account_update", `{"event":"DISABLED_UPDATE","ban_info":{"waba_ban_state":"DISABLE"}}`), later(inField("account_update", `{"event":"DISABLED_UPDATE","ban_info":{"waba_ban_state":"REINSTATE"}}`))}, want: done{
		events:  []string{"account account_banned 100000000000001", "account account_banned 100000000000001"},
		counted: "signals:resume=1 signals:stop=1 updates:signal=2",
	}},
	{name: "to be disabled", bodies: []string{inField("account_update", `{"event":"DISABLED_UPDATE","ban_info":{"waba_ban_state":"SCHEDULE_FOR_DISABLE","waba_ban_date":"October 1, 2026"}}`)}, want: done{
		events:  []string{"account account_banned 100000000000001"},
		counted: "signals:note=1 updates:signal=1",
	}},
	{name: "restricted with an end that is a string", bodies: []string{restricted("RESTRICTED_BIZ_INITIATED_MESSAGING", `"1790259200"`)}, want: done{
		events:  []string{"account account_restricted 100000000000001"},
		stops:   []string{"account 100000000000001 account_restricted @259200 time"},
		counted: "signals:stop=1 updates:signal=1",
	}},
	{name: "restricted without an end", bodies: []string{restricted("RESTRICTED_BIZ_INITIATED_MESSAGING", ``)}, want: done{
		events:  []string{"account account_restricted 100000000000001"},
		stops:   []string{"account 100000000000001 account_restricted person"},
		counted: "signals:stop=1 updates:signal=1",
	}},
	{name: "utility restricted", bodies: []string{restricted("RESTRICTED_UTILITY_TEMPLATES", `1790259200`)}, want: done{
		events:  []string{"template misclassified 100000000000001"},
		stops:   []string{"category 100000000000001/UTILITY misclassified @259200 time"},
		counted: "signals:stop=1 updates:signal=1",
	}},
	{name: "calls restricted", bodies: []string{restricted("RESTRICTED_BUSINESS_INITIATED_CALLING", `1790259200`)}, want: done{
		events:  []string{"account account_restricted 100000000000001"},
		counted: "signals:note=1 updates:signal=1",
	}},
	{name: "offboarded and back", bodies: []string{inField("account_update", `{"event":"ACCOUNT_OFFBOARDED"}`), later(inField("account_update", `{"event":"ACCOUNT_RECONNECTED"}`))}, want: done{
		events:  []string{"account account_refused 100000000000001", "account account_refused 100000000000001"},
		counted: "signals:resume=1 signals:stop=1 updates:signal=2",
	}},
	{name: "review", bodies: []string{inField("account_review_update", `{"decision":"APPROVED"}`)}, want: done{
		events:  []string{"account 100000000000001"},
		counted: "signals:note=1 updates:signal=1",
	}},
	{name: "name", bodies: []string{inField("phone_number_name_update", `{"display_phone_number":"447700900123","decision":"REJECTED","requested_verified_name":"X","rejection_reason":"NAME"}`)}, want: done{
		events:  []string{"sender 100000000000001"},
		counted: "signals:note=1 updates:signal=1",
	}},
	{name: "security", bodies: []string{inField("security", `{"display_phone_number":"447700900123","event":"PIN_RESET_REQUEST","requester":"1"}`)}, want: done{
		events:  []string{"account 100000000000001"},
		counted: "signals:note=1 updates:signal=1",
	}},
	{name: "another account", bodies: []string{strings.ReplaceAll(inField("account_update", `{"event":"ACCOUNT_DELETED"}`), waba, "999")}, want: done{
		events:  []string{"account account_refused 999"},
		counted: "signals:stop=1 updates:signal=1",
	}},
}

var oddRows = []told{
	{name: "an unknown field", bodies: []string{inField("moods", `{"mood":"good"}`)}, want: done{
		counted: "updates:unknown_field=1 webhooks:processed=1 webhooks:quarantined=1 webhooks:stored=1",
	}},
	{name: "errors of the number", bodies: []string{inValue(`,"errors":[{"code":130429,"title":"Rate limit hit"}]`)}, want: done{
		events:  []string{"sender 130429 100000000000001"},
		counted: "signals:note=1 updates:errors=1",
	}},
	{name: "no payment, told of the number", bodies: []string{inValue(`,"errors":[{"code":131042,"title":"no payment"}]`)}, want: done{
		events:  []string{"account account_refused 131042 100000000000001"},
		stops:   []string{"account 100000000000001 account_refused person"},
		counted: "signals:stop=1 updates:errors=1",
	}},
	{name: "no JSON", bodies: []string{`{"object":"whatsapp_business_account","entry":[`}, want: done{
		counted: "webhooks:quarantined=1 webhooks:stored=1 webhooks:undecodable=1",
	}},
	{name: "nothing of WhatsApp", bodies: []string{`{"object":"page","entry":[]}`}, want: done{
		counted: "webhooks:not_whatsapp=1 webhooks:quarantined=1 webhooks:stored=1",
	}},
	{name: "empty", bodies: []string{`{"object":"whatsapp_business_account","entry":[]}`}, want: done{}},
	{name: "values of other types", bodies: []string{`{"object":"whatsapp_business_account","entry":[{"id":7,"changes":[{"field":"messages","value":"x"},{"field":7,"value":{}}]},"x"]}`}, want: done{
		counted: "updates:broken=2 updates:unknown_field=1 webhooks:processed=1 webhooks:quarantined=1 webhooks:stored=1",
	}},
	{name: "one broken among good ones", bodies: []string{inValue(`,"statuses":["x",{"id":"wamid.x","status":"sent","timestamp":"1790000009","biz_opaque_callback_data":"c7:r000123:a1"}],"messages":[7,{"from":"447700900456","id":"wamid.in.1","timestamp":"1790000060","type":"text","text":{"body":"hi"}}]`)}, want: done{
		events:  []string{"a sent@9", "a reply@60 latest \"hi\" @86460"},
		people:  "ok ok window @86460",
		counted: "replies:latest=1 statuses:sent=1 updates:broken=2 updates:message=1 updates:recorded=1 webhooks:processed=1 webhooks:quarantined=1 webhooks:stored=1",
	}},
}
