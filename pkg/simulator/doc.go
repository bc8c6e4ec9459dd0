// Package simulator answers like the WhatsApp Cloud API, so that a sender can be
// tried, tested and measured without a WhatsApp account.
//
// It is a strict and independent judge: it shares no code with the sender it
// judges, refuses what the platform refuses, with the platform's codes and
// texts, and remembers what it accepted, so that a message accepted twice or a
// number driven over its limit shows in [Stats].
//
// [Server] is an http.Handler; [Server.Serve] runs it on a listener. Requests
// under /_sim/ control it at run time; the methods of Server do the same in
// process:
//
//	GET  /_sim/health, /livez      200 once it serves; wacast health asks /livez
//	GET  /_sim/stats               Stats
//	GET  /_sim/messages?limit=100  the latest accepted messages, oldest first
//	GET  /_sim/duplicates          what was accepted more than once
//	GET  /_sim/faults              the fault rules in force
//	POST /_sim/faults              replaces them: a JSON array of Rule
//	POST /_sim/tokens              {"access_token": "…", "expired": true}, or "expires_at" in place of expired
//	POST /_sim/app                 {"app_secrets": ["…"]} requires the proof of one of them; [] requires none
//	PUT  /_sim/numbers/{id}        {"mps": 80, "quality": "RED", "status": "CONNECTED"}; each may be left out
//	POST /_sim/numbers/{id}/upgrade {"mps": 1000, "maintenance": "30s"}: 131057 meanwhile, then a webhook
//	POST /_sim/templates/{name}    TemplateChange: {"status": "PAUSED"} refuses sends with 132015 and posts a webhook
//	GET  /_sim/answers             the rules by which people answer
//	POST /_sim/answers             replaces them: a JSON array of AnswerRule
//	POST /_sim/inbound             posts an Inbound, or an array of them: a message, or any webhook value
//	GET  /_sim/webhooks            WebhookStats, with the rules in force
//	POST /_sim/webhooks            {"paused": true, "faults": […], "url": "…"}; each may be left out
//	POST /_sim/reset               forgets counts and messages, keeps settings
//
// # Management
//
// It answers the GETs by which a sender looks at itself: numbers, accounts, their
// phone_numbers, subscribed_apps and message_templates (with paging), and
// debug_token. Subscribing an app (POST, DELETE …/subscribed_apps) changes the
// list and nothing else. Without [Config.Accounts] every id is both a number
// and an account.
//
// # Order of judgement
//
// Access token, its proof where [Config.AppSecrets] require one, number, envelope and
// recipient, registration, the allow-list of a test number; then, as the platform decides
// it: the template and its status, its category, the schema of the body,
// parameter counts, names, types, buttons, forbidden characters, empty values,
// lengths. An error [Rule] comes next, limits come last.
//
// # Throughput
//
// In no sliding second does a number accept more than its MPS: of any two
// accepted messages with MPS-1 between them, the second comes at least a second
// after the first. Only what is accepted counts. A refused request, for
// throughput or for anything else, takes nothing from the limit: how the platform
// counts those is not documented, and this way the limit can be proved from
// outside by counting successes.
//
// # Faults
//
// Faults are data: a list of [Rule]. Which requests a share picks depends on
// [Config.Seed] and the callback token (biz_opaque_callback_data), not on the
// order of arrival, so that a run can be repeated.
//
// # Webhooks
//
// With [Config.Webhook] it posts the statuses of every message that it accepted,
// whatever became of the answer, signed over the bytes as they are sent. A POST
// that is not answered with 200 is repeated after 10 seconds, then after twice
// as long each time, up to an hour, for seven days; [Webhook.RetrySpeed] compresses
// that. Nothing is dropped while a receiver is away: what is pending takes about
// 100 bytes an update, and the texts of the message. Faults of webhooks are data
// too: a list of [WebhookRule]. Marketing to a number of the United States always fails
// with 131049.
//
// # People
//
// People answer what they have read, by rules that are data: a list of [AnswerRule].
// They tap quick replies, with the payload that was sent for the button, write, stop
// and resume marketing, or change their number:
//
//	[{"template": "appointment", "share": 0.6, "answers": [{"button": "Confirm", "delay": "2s"}]},
//	 {"template": "appointment", "share": 0.2, "answers": [{"button": "1", "no_context": true}]},
//	 {"recipients": ["+5491155550100"], "answers": [{"text": "STOP"}, {"preference": "stop", "delay": "5s"}]}]
//
// What they do goes out like statuses: signed, in the same POSTs, and again until it
// is answered with 200.
package simulator
