// Package policy says what to do about what happened: [Decide] maps the class of
// a send to an action. It is pure, knows no clock and no network, and its table is
// the only place where such decisions are made.
//
// Three ideas carry the table. A clear refusal that concerns one job settles that
// job. One that concerns a template, a number or an account stops that, and the job
// goes back untouched, so that one mistake does not burn a whole campaign. And
// what may have been accepted is never sent again: it settles as unknown.
//
// [Signals] maps what the platform tells of a template, a number or an account to what
// it stops, resumes or limits, and how a stop ends; [FailureSignal] does the same for a
// message that fails later. A stop is no wider than what was told.
//
// A [Breaker] looks at a number's answers together: where too many of them are
// unclear, the number has to stop, or each further message is one nobody can
// account for.
package policy
