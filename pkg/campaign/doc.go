// Package campaign keeps what every worker must know of a campaign: whether it is
// open, paused, closed or cancelled, and what its jobs are rendered with.
//
// A [Store] is a watched copy of a key-value bucket: a change acts at once in every
// process, and [Store.Lookup] is a read of memory. A campaign nobody created is
// created, open, when its first job is seen ([Store.Seen]).
package campaign
