package dedup

import "github.com/wacast/wacast/pkg/job"

// State is where a job stands. The numbers are stored: they never change.
type State uint8

// The states of an entry.
const (
	// None: the ledger knows nothing of the job.
	None State = 0
	// Open: nobody holds the job; its next attempt may be claimed.
	Open State = 1
	// Claimed: somebody is about to send it, or was.
	Claimed State = 2
	// Accepted and the states after it are final.
	Accepted   State = 3
	Rejected   State = 4
	Expired    State = 5
	Suppressed State = 6
	Cancelled  State = 7
	// Unknown is final until there is evidence.
	Unknown State = 8
)

var kinds = [...]job.Kind{
	None: "none", Open: "open", Claimed: "claimed",
	Accepted: job.Accepted, Rejected: job.Rejected, Expired: job.Expired,
	Suppressed: job.Suppressed, Cancelled: job.Cancelled, Unknown: job.Unknown,
}

// StateOf is the final state of an outcome. It reports false for a kind that is
// no state of a job: a duplicate is an outcome of a publication, and its job has
// an outcome already.
func StateOf(kind job.Kind) (State, bool) {
	for s := Accepted; s <= Unknown; s++ {
		if kinds[s] == kind {
			return s, true
		}
	}
	return None, false
}

// Kind is the outcome of a final state, and "" of any other.
func (s State) Kind() job.Kind {
	if !s.Final() {
		return ""
	}
	return kinds[s]
}

// Final reports whether the job has an outcome.
func (s State) Final() bool { return s >= Accepted && s <= Unknown }

// String is the state as people read it.
func (s State) String() string {
	if int(s) >= len(kinds) {
		return "a state of a newer build"
	}
	return string(kinds[s])
}
