// Package lab runs wacast as an experiment: a whole system, with NATS, Redis and a
// simulator of the Cloud API, that leaves nothing behind.
//
// [Demo] is the clinic SaludCenter on a Sunday evening: appointments to confirm,
// conversations to take up again, a taxi coupon for some of its patients. Some
// rows are bad on purpose, and some of the simulator's answers are lost on
// purpose; webhooks then tell what became of those. Patients confirm, decline, write, or
// opt out, and a last campaign must skip the latter. It ends in an error if a message was
// lost, sent twice, or sent to somebody who had opted out.
//
// [Bench] compares what a message costs with what nothing but net/http costs.
//
// # The rate
//
// [Rate] measures how exactly a number's limit is kept and used, by workers that
// share it, in four parts ([RateParts]).
//
// In virtual time ratelimit.Simulate runs the arithmetic of the limiter for hours,
// with up to a hundred replicas whose clocks run wrong, who are killed with the slots
// they hold, and whose limit changes; and with a clock that jumps, as Redis's does
// in a failover. There a sliding second may hold a horizon's worth of slots more.
//
// Everything else is measured: worker processes, a NATS and a Redis, and in this
// process a judge, the simulator, that refuses what is over the limit in any sliding
// second. Half of the latency and its jitter lies before the judge, because only what
// varies on the way there can bring two messages closer together than their slots.
// Workers are ready, have sent for three seconds, and what refusals at the start cut
// off the rate has recovered (or not, in a minute), before anything counts. What is
// accepted is compared with the whole limit, headroom and all; a transactional job's
// time runs from the call that publishes it to its acceptance, so the way to the
// judge is in it. Jobs are never scarce.
//
// All of it shares one machine. How late this process's own timers were is told
// beside the figures: what the machine adds to the jitter is of that size.
//
// In a storm the judge's limit falls to a half and nobody is told, so that every
// worker goes on at twice what is allowed until refusals slow the number down.
package lab
