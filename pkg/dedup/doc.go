// Package dedup is the ledger: which jobs were sent, or may have been, so that
// none is sent twice.
//
// A job has one entry, found by its key (campaign and id):
//
//	none ──Claim──▶ claimed ──Settle──▶ accepted rejected unknown …
//	                 ▲    │
//	            Claim│    │Reopen (same or next attempt)
//	                 │    ▼
//	                 open ──Settle──▶ expired suppressed cancelled rejected
//
// [Ledger.Claim] says "I am about to send this" and holds until a lease ends. A
// claim names itself by a nonce and is answered [Yours] to no other, so a call
// that is repeated does no harm. A claim past its lease is never taken over: its
// owner may have sent the message. [Ledger.Resolve] makes it unknown, and only
// evidence or the job's policy leads on from there.
//
// A final state stays, but for one: unknown gives way to evidence.
//
// A publication (a message of a stream) that comes again is told from a second
// publication of the same job: [Entry.SamePublication].
//
// # In Redis
//
// Entries are packed fields of small hashes, 38 bytes of Redis each at a million
// jobs and less with more. The hashes belong to generations of one window; a call
// looks into the last, this and the next, and writes into the present one of
// Redis's clock, so an entry lasts between one and two windows from its last
// change. All keys of a call share one of 256 hash tags, and so may live on a
// Redis Cluster.
//
// The ledger believes what Redis holds. A Redis that lost entries is noticed
// elsewhere, before a claim is asked for.
package dedup
