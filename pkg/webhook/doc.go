// Package webhook takes what the platform tells by webhook and turns it into
// events.
//
// It has three parts, which need nothing of each other and may run in one process
// or in many:
//
//	Receiver   an http.Handler: checks the signature, stores the body as it came,
//	           answers 200. It needs NATS only
//	Processor  reads what was stored: settles jobs that were unknown, records sent,
//	           delivered, read and failed, each once; ties what people write to their
//	           jobs; has the book of recipients know what they want and the stops what
//	           the platform stops
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
// # What people say
//
// Each message from a person is one event reply. It is about the job whose button was
// tapped, if the payload is one that wacast signed; else about the message it quotes;
// else about the latest message to its author within 72 hours at most, of the last
// million or so, which every processor learns from the stream of events; else about
// none, and then it has no campaign. The event says which. A payload that claims to be
// wacast's and is not is counted, and the tap is free text.
//
// A tap answers its job where the campaign takes its payload or label for an answer, and
// the payload is signed or the job has a reply_by. The first answer is an event
// confirmed or declined; another one is an event settled that takes the first back, and
// one of its own; one that says the same again, or was given before, changes nothing.
// The answers to a job are kept beside those who gave them in the bucket of answers.
//
// Words and buttons that opt out or in, the preferences that people set in WhatsApp, and
// failures that tell of them reach the book of recipients before the webhook is acked.
// Each such word is one event opt_out or opt_in, be it the second of its kind.
//
// These events have ids made of the message's, and what a message was found to be about
// is written down first, in the bucket of answers, for as long as events are kept. The
// reply is recorded last. So whoever finds that a message came before, because a
// processor died or because the platform repeats itself for a week, finds out by one
// look at the stream whether all of it is on record, and does it again if not: each is
// recorded once, as long as the bucket and the stream hold it. What is done twice then,
// to consent or to a window, is the same as once. Of words that opt out and in, the one
// that was said last counts, in whichever order their webhooks come.
//
// # What the platform tells
//
// Signals about templates, numbers and accounts stop, resume or limit what pkg/policy
// says, through pkg/sender, and are events template, sender and account. A signal that
// is repeated acts once. So do failures that are signs of more, such as a template that
// is paused. What wacast does not know is kept for a person to look at.
//
// What happened more than an hour ago, or is over, stops nothing: it is a note. The
// category that the platform gives a template counts from then on, in every process.
//
// A number's limit is on messages of both ways together: each that comes in takes a slot
// of what is sent, unless that takes longer than a second.
//
// No webhook is refused for what is in it, since the platform would repeat it for
// a week: what cannot be understood is counted and kept for a person to look at.
package webhook
