// Package report answers how a campaign stands and what waits, from what JetStream
// holds: outcomes are counted in the event stream, what is left in the job
// streams. It never asks metrics or Redis, and writes nothing.
package report
