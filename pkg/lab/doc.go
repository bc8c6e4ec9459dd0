// Package lab runs wacast as an experiment: a whole system in one process, with
// NATS, Redis and a simulator of the Cloud API, that leaves nothing behind.
//
// [Demo] is the clinic SaludCenter on a Sunday evening: appointments to confirm,
// conversations to take up again, a taxi coupon for some of its patients. Some
// rows are bad on purpose, and some of the simulator's answers are lost on
// purpose; webhooks then tell what became of those. It ends in an error if a message
// was lost or sent twice.
package lab
