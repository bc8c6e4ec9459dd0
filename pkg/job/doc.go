// Package job is wacast's wire contract: the send job a campaign system
// publishes, the events wacast answers with, and the one vocabulary of outcomes
// and reasons that both share.
//
// A [Job] is one template message to one recipient. [Decode] reads it as any
// language may have published it and names every field that is wrong;
// [DecodeStrict] is for producers and also refuses fields nobody knows.
// [Job.Validate] holds the rules of the contract, [Schema] the same rules as a
// JSON Schema for other languages.
//
// An [Event] is a CloudEvents 1.0 envelope around what became of a job.
//
// Telephone numbers and WhatsApp message ids are personal data (a wamid holds
// the recipient's number, Cloud API fact sheet 1.6), so every type here that holds
// one masks it wherever it is printed or logged, and is whole only on the wire. No
// error of this package quotes a value.
//
// The package depends on the standard library alone, because campaign systems
// import it.
package job
