// Package template knows message templates: what the account's definitions say,
// whether a job's parameters fit them, and what the recipient will read.
//
// A [Definition] is one template in one language, as the Cloud API lists it
// (fact sheet 4.1); it is compiled once and never changes. A [Catalog] holds
// many, from a folder ([LoadDir]) or swapped in at run time ([Catalog.Replace]).
//
// [Definition.Render] turns a job's template into the message's, after the
// send-time checks of fact sheet 4.4 that need no network. All that is wrong
// comes back at once, in a [*ParamError], in the order in which the API would
// have noticed it. [Definition.Preview] shows the message as text. Without
// definitions, [Unchecked] renders what it is given and checks only the values.
//
// [Expressions] turn a recipient's row into parameters. They are a small, safe
// part of Go's text/template: no loops, no calls of methods, bounded output.
//
// Parameters are personal data: no error of this package quotes one.
package template
