// Package webhook takes what the platform tells by webhook and turns it into
// events.
//
// It has three parts, which need nothing of each other and may run in one process
// or in many:
//
//	Receiver   an http.Handler: checks the signature, stores the body as it came,
//	           answers 200. It needs NATS only
//	Processor  reads what was stored: settles jobs that were unknown, records sent,
//	           delivered, read and failed, each once
//	Forwarder  passes what was stored on to another address, unchanged
//
// A status is matched to its job by the token that the message was sent with,
// which comes back in every status, even in one that overtakes the answer to its
// own request. Statuses come in any order, twice, or not at all: what a later one
// implies is recorded with it, and nothing goes backwards. A status without a token
// of this namespace is of a message that somebody else sent: it is foreign, and
// nothing more.
//
// The ledger says which statuses of a job are on record. A processor asks it, and
// with the asking gives it the evidence that the API took the message; then it
// records events, then marks them in the ledger, and acks the webhook last. A
// processor that dies in between leaves the webhook to be processed again, with
// events of the same ids.
//
// No webhook is refused for what is in it, since the platform would repeat it for
// a week: what cannot be understood is counted and kept for a person to look at.
package webhook
