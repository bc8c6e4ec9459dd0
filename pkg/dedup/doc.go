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
// A final state stays, but for one: unknown gives way to evidence. So does what a
// later attempt ended as, to evidence of an attempt that is unknown on record.
//
// A publication (a message of a stream) that comes again is told from a second
// publication of the same job: [Entry.SamePublication].
//
// A status webhook proves that the API took an attempt, whatever its caller heard:
// [Ledger.Attest]. What ended otherwise may be tried once more: [Ledger.Again].
//
// # In Redis
//
// Entries are packed fields of small hashes, 44 bytes of Redis each at a million
// jobs and less with more. The hashes belong to generations of one window; a call
// looks into the last, this and the next, and writes into the present one of
// Redis's clock, so an entry lasts between one and two windows from its last
// change. All keys of a job share one of 256 hash tags, and so may live on a
// Redis Cluster.
//
// # What Redis loses
//
// The streams hold the truth, and the ledger is an index of them. Each tag has an
// epoch: the run id of the Redis process in which it has all its entries, and the
// sequences of the streams up to which it has. A claim compares the run id with its
// process's in the same step, so that nothing is claimed of a tag that was flushed,
// went back to a snapshot or failed over ([NotWhole]); nor where a bucket of the job
// was evicted. A [Keeper] replays what the streams ([Journal]) have beyond those
// sequences and vouches for the tag again; other tags go on meanwhile.
package dedup
