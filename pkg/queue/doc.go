// Package queue is wacast on JetStream: the streams as data, the subjects, and
// everything that is published to or fetched from them.
//
// There are six streams and two buckets. [Settings.Topology] describes them,
// [Ensure] creates what is missing. [Names] is the only place that builds or reads
// a subject.
//
//   - JOBS holds what campaign systems publish, through [Publisher] or by plain
//     NATS: wacast.jobs.<sender>.<lane>.<campaign>. It is a work queue that refuses
//     new jobs when it is full.
//   - LATER holds what wacast puts off ([Later]). The server itself moves a message
//     whose time has come from wacast.later.… to wacast.due.…. It carries the place
//     of the publication it is, so that a publication has one outcome however often
//     wacast publishes it again.
//   - EVENTS holds what became of each job ([Events]), and of producers what they
//     have published.
//   - CLAIMS holds which jobs workers were about to send ([Claims]), for a day. With
//     the events it says all that the ledger in Redis does.
//   - DEAD holds rejected and unknown jobs whole ([Dead]).
//   - WEBHOOKS holds webhooks as they came, until they are processed and passed on,
//     and for some days those nobody can make sense of ([Webhooks]).
//
// A publication is a sequence in JOBS. Each has an outcome in EVENTS, or is still
// there or put off, which [Queues.Present] lists, or was purged.
//
// A queue is a sender, a lane and a campaign ([ID]). [Queues] finds those that have
// jobs and opens them; [Queue.Fetch] takes jobs of both streams, due ones first,
// and [Delivery] acks them or gives them back.
//
// Everything that is published here is acked by the server, and published again
// with the same message id when no ack comes: with a stream's leader killed, acks
// that are under way never arrive.
package queue
