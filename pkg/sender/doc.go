// Package sender knows who sends: the accounts (WABAs) with their tokens, the
// numbers that belong to each with their limits, and what of it is stopped.
//
// A [Directory] answers whose number a job wants to send from. A [Secret] is a
// token that may rotate while the process runs.
//
// [Stops] is the one place that knows what is stopped, why, since when and until
// when. A refusal that concerns more than one message (an expired token, a number
// that is not registered, a paused template) stops its scope once, for all
// replicas; jobs that meet a stop go back untouched. A stop with an end lets one
// probe through when its time has come: an accepted probe lifts the stop, a
// refused one extends it.
// What the platform tells by webhook stops and resumes in the same place
// ([Stops.PlatformStop], [Stops.PlatformResume]), each cause beside the others: a webhook
// ends what the platform has stopped or refused for the same reason, unless that is
// newer, and nothing else. Webhooks may come in any order, so the time of the latest is
// kept. A stop that only a webhook or a person may end meets no probe.
// Two kinds of stop are different. What an operator pauses has no end and meets no
// probe: [Stops.Resume] ends it. And where answers fail, a look that costs no
// message comes before the one that is tried: [Stops.Turn].
//
// Limits that change while jobs are sent are shared in the same way: those of a
// number ([Stops.Limit]) and of a portfolio ([Stops.Portfolio]), and what a worker
// found used up and until when ([Stops.Held]), which only people read.
package sender
