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
// implies is recorded with it, and nothing goes backwards. What was delivered has not
// failed: a failure that comes later is left out, and one that came before is taken
// back by an event settled, so that no message counts as both.
//
// A status with another system's callback data, or with a token of another namespace,
// is of a message that somebody else sent: it is foreign, and nothing more. One without
// callback data may have lost them on the way, to a proxy or a bot that passes on a
// part. If its number is one of ours, the message's id is looked for: among those of
// the last messages, of which statuses with a token or earlier searches told, and then
// in the outcomes that were recorded within two minutes before the status, or since the
// last search. The ledger holds no ids. Hence some are foreign that need not be: a
// delivery long after its message, of which no other status came to this processor; a
// status of an unknown outcome, whose message nobody knows the id of, so that it stays
// unknown; and, counted apart, those for which within a minute a tenth of the time was
// not enough. One that overtakes the answer to its request comes again for some
// seconds, and so does a bot's on a number of ours.
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
