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
//	GET  /_sim/health              200 once it serves
//	GET  /_sim/stats               Stats
//	GET  /_sim/messages?limit=100  the latest accepted messages, oldest first
//	GET  /_sim/duplicates          what was accepted more than once
//	GET  /_sim/faults              the fault rules in force
//	POST /_sim/faults              replaces them: a JSON array of Rule
//	POST /_sim/tokens              {"access_token": "…", "expired": true}
//	PUT  /_sim/numbers/{id}        {"mps": 80}
//	POST /_sim/reset               forgets counts and messages, keeps settings
//
// # Order of judgement
//
// Access token, number, envelope and recipient; then, as the platform decides
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
package simulator
