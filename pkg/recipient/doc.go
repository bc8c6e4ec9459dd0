// Package recipient knows people: which telephone number, wa_id and business-scoped
// user id are one person, what messages that person takes, whether a customer service
// window is open, and which numbers cannot be reached.
//
// A person is stored under a keyed hash of one alias, the canonical one: the number
// as it was sent to where that is known, else the wa_id, else the user id. The other
// aliases are links to it. They are learned from answers and webhooks and never
// derived: that two numbers look alike means nothing (Cloud API fact sheet 8.6).
//
// A [Book] is a view of three buckets, kept in memory, so that [Book.Check] costs no
// round trip and is asked right before a message is sent. It says itself whether it
// is up to date: [Book.Fresh]. Redis has no part in it.
package recipient
