// Package worker takes jobs from JetStream and sends them, each once, as fast as
// their sender numbers may.
//
// A job goes through seven stages, each in a file of its own:
//
//	intake   a queue's jobs, never more than its number can send in about a second
//	gate     decode, check, and one batched look into the ledger
//	render   the template, from the job's parameters
//	line     the number's slots; at its time a slot takes the first ready job by
//	         lane and claims it in the ledger, a batch at a time
//	note     the claims, in the stream from which a lost ledger is restored
//	send     the POST, only while the claim's lease runs
//	record   the outcome event, the ledger, then the ack, in batches
//
// The slot comes before the claim, because a wait must not hold a lease. The event
// comes before the ack, because the ack deletes the job.
//
// A publication has one outcome event. One whose outcome is unknown waits, whole, in
// the schedule (file again): a webhook settles it, or at its deadline the job's policy
// leaves it to a person or tries it once more. How that ends is an event that corrects
// the outcome, and so it is with what a person has tried once more. The deadline
// stands still while webhooks are silent.
//
// Nothing waits behind something it needn't. Each slot of a number goes to a
// transactional job first, but for one in twenty, and to its campaigns in turn. The
// queues of a number share what it takes on ahead, numbers share the requests in flight
// so that one that hangs leaves some, and what a quota, a spread, a pause or a stop
// holds back stays in its queue. A number that the API throttles slows down for all
// replicas, a recipient waits alone, and an account stops with an end. All numbers
// reserve their slots in one call.
//
// Whoever does not want a message gets none: consent is asked at the gate and again at
// the slot (file consent). A message that waits for an answer leaves a deadline in the
// schedule when it is accepted, which is no job and comes in a lane of its own (file
// deadline).
//
// Four contexts end a [Worker] in steps: first the intake, then the taking of
// slots, then what is in flight, and last the recording: what was sent is written
// down even while the process drains.
//
// What meets a stop (see package sender) goes back to its queue untouched: no
// attempt is counted and nothing is recorded. What meets a stopped template is put aside,
// for others of its queue may go on, and called back once the stop is over (file aside). A
// number whose answers are mostly unclear is stopped too (file breaker): it is looked at
// without a message, then one is tried, and the first clear answer lets it go on.
package worker
