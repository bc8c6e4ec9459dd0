// Package producer publishes jobs to wacast. It is what a campaign system written
// in Go imports; any other language publishes the same JSON by itself.
//
// [Producer.Publish] publishes one job and waits until JetStream has stored it.
// [Producer.PublishAll] streams jobs of any number: it publishes ahead without
// waiting for each ack, never more than [Config].MaxInFlight, so a slow server
// slows the source down. What is wrong with a job is reported with its number,
// and everything good beside it goes through.
//
// [ReadRows] reads a file of recipients, [Recipe] makes jobs of its rows, and a
// [Pass] tells the good rows from the bad and from those that are there twice, in
// memory that hardly grows with the file.
//
// A job's campaign and id are its identity. Publishing it again is always safe:
// the server drops what it has seen within minutes, and a worker ends what comes
// later as a duplicate.
//
// Where published jobs are is on record too, an event for each thousand, so that a
// campaign can be verified. A connection that may not publish events costs that, and
// a warning to [Config].Log, no more.
//
// The package brings neither Redis nor Prometheus with it: what it counts is in
// [Stats].
package producer
