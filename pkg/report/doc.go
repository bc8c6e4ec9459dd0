// Package report answers how a campaign stands, what waits, whether the accounts are
// right and what happened to a job, from what JetStream holds: outcomes are counted
// in the event stream, what is left in the job streams. It never asks metrics or
// Redis, and writes nothing.
package report
