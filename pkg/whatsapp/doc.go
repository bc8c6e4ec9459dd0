// Package whatsapp speaks the WhatsApp Cloud API over HTTP: it sends template
// messages and says what became of each one.
//
// [Client.Send] makes exactly one HTTP call and never repeats it by itself, since
// the API has no idempotency key and a repeated call is a second message. Its
// error is always an [*Error] whose [Class] says what happened. Three groups of
// classes matter to a sender who must not send twice:
//
//   - refused, throttled, unavailable or transient: the API said no, clearly; the
//     message was not taken;
//   - [ClassNotSent]: the message never left this machine as a whole;
//   - [ClassAmbiguous]: the API may have taken it, and only a status webhook that
//     echoes the callback data can tell.
//
// What the API knows of a token, a number, an account and its templates is read with
// [Client.Token], [Client.Number], [Client.Account], [Client.Templates] and others.
// They change nothing, so no error of theirs is ambiguous.
//
// What the API tells by webhook is checked with [VerifySignature], over the bytes as
// they came, and read with [ParseWebhook]: a list of updates that each stand for
// themselves.
//
// The table of error codes is data ([Lookup]); what to do about a class is the
// business of package policy.
//
// No error, and nothing this package prints, holds an access token, a telephone
// number, a message id (a wamid contains the recipient's number) or a URL query.
//
// The package depends on the standard library alone.
package whatsapp
