package report

import (
	"hash/maphash"
	"maps"
	"slices"

	"github.com/wacast/wacast/pkg/job"
	"github.com/wacast/wacast/pkg/queue"
)

// books are what is read of a campaign to make its accounts.
type books struct {
	campaign string
	streams  map[string]*pages
	outcomes map[job.Kind]uint64
	settled  shift
	purged   uint64
	// seen are the ids of events that count once however often they were recorded.
	seen map[string]bool
	// accepted are hashes of the jobs that the API has accepted, one for each time.
	accepted []uint64
	// resent are the jobs of which another attempt is known to be accepted too.
	resent map[string]bool
	// again are publications that had an outcome when another one came.
	again map[publication]bool
	seed  maphash.Seed
}

// pages are the publications of one stream, and up to which one was purged.
type pages struct {
	published, present, ended *sequences
	purgedTo                  uint64
}

func newBooks(campaign string) *books {
	return &books{
		campaign: campaign, streams: make(map[string]*pages), outcomes: make(map[job.Kind]uint64), settled: make(shift),
		seen: make(map[string]bool), resent: make(map[string]bool), again: make(map[publication]bool), seed: maphash.MakeSeed(),
	}
}

func (b *books) of(stream string) *pages {
	p := b.streams[stream]
	if p == nil {
		p = &pages{published: newSequences(), present: newSequences(), ended: newSequences()}
		b.streams[stream] = p
	}
	return p
}

// maxReported is more than a producer reports at once.
const maxReported = 1 << 20

// readPublished notes what a producer says it has published. What it says must fit
// its count; a report of any other kind is none.
func (b *books) readPublished(e *queue.Recorded) error {
	ranges, err := queue.ParseRanges(e.Data.Sequences)
	var total uint64
	for _, r := range ranges {
		total += min(r.Count(), maxReported+1)
	}
	if err != nil || total > maxReported || total != uint64(max(e.Data.Count, 0)) {
		return nil
	}
	published := b.of(e.Data.Stream).published
	for _, r := range ranges {
		published.addRange(r.First, r.Last)
	}
	return nil
}

func (b *books) readOutcome(e *queue.Recorded) error {
	d := &e.Data
	switch {
	case d.Kind == job.Settled:
		b.settle(e)
	case d.Kind == job.Cancelled && d.ID == "":
		b.purge(e)
	case d.Sequence == 0 || b.of(d.Stream).ended.add(d.Sequence):
		b.outcomes[d.Kind]++
	default:
		b.again[publication{d.Stream, d.Sequence}] = true
	}
	if d.Kind == job.Accepted {
		b.accept(e)
	}
	return nil
}

func (b *books) settle(e *queue.Recorded) {
	if b.seen[e.ID] || !corrects(&e.Data) {
		return
	}
	b.seen[e.ID] = true
	b.settled.add(&e.Data)
	switch {
	case e.Data.Outcome == job.Accepted && e.Data.Was == job.Accepted:
		b.resent[e.Key().String()] = true
	case e.Data.Outcome == job.Accepted:
		b.accept(e)
	}
}

func (b *books) purge(e *queue.Recorded) {
	if b.seen[e.ID] {
		return
	}
	b.seen[e.ID] = true
	b.purged += uint64(max(e.Data.Count, 0))
	p := b.of(e.Data.Stream)
	p.purgedTo = max(p.purgedTo, e.Data.Sequence)
}

func (b *books) accept(e *queue.Recorded) {
	b.accepted = append(b.accepted, maphash.String(b.seed, e.Data.ID))
}

// sentTwice are the hashes of jobs that were accepted more than once.
func (b *books) sentTwice() map[uint64]bool {
	slices.Sort(b.accepted)
	twice := make(map[uint64]bool)
	for i := 1; i < len(b.accepted); i++ {
		if b.accepted[i] == b.accepted[i-1] {
			twice[b.accepted[i]] = true
		}
	}
	return twice
}

// sentAgain names jobs that were accepted at two attempts, the first of them.
func (b *books) sentAgain() []string {
	named := append([]string{}, slices.Sorted(maps.Keys(b.resent))...)
	return named[:min(len(named), maxNamed)]
}

// close makes the accounts, all but what is told by reading once more.
func (b *books) close(expected uint64) *Accounts {
	a := &Accounts{ID: b.campaign, TotalFrom: TotalUnknown, Purged: b.purged, Outcomes: b.outcomes, MissingJobs: []MissingJob{}, SentAgain: b.sentAgain(), EndedTwice: []Repeat{}, SentTwice: []string{}}
	duplicates := b.outcomes[job.Duplicate]
	for _, n := range b.outcomes {
		a.Ended += n
	}
	b.settled.apply(b.outcomes)
	var gone []uint64
	for _, p := range b.streams {
		a.Present += p.present.without(p.ended).n
		if p.published.n > 0 {
			a.TotalFrom = TotalPublished
			a.Unreported += p.ended.without(p.published).n + p.present.without(p.published, p.ended).n
			gone = slices.AppendSeq(gone, p.published.without(p.ended, p.present).all())
		}
	}
	a.Missing = uint64(len(gone)) - min(uint64(len(gone)), b.purged)
	if a.Missing > 0 {
		a.MissingSequences = queue.Ranges(b.certain(gone))
	}
	a.Total = a.Ended + a.Present + a.Purged + a.Missing
	a.Jobs = a.Ended - min(duplicates, a.Ended) + a.Present + a.Purged
	if expected > 0 {
		a.expect(expected)
	}
	return a
}

// expect compares the jobs there are with those that there must be. Copies of a job
// that have not ended yet count as jobs, so that there may be more meanwhile.
func (a *Accounts) expect(expected uint64) {
	a.Expected = &expected
	if a.TotalFrom == TotalUnknown {
		a.TotalFrom, a.Total = TotalExpected, expected
	}
	short := expected - min(a.Jobs, expected)
	if a.TotalFrom == TotalPublished && a.Unreported == 0 { // all that was published is reported
		a.NeverPublished = short - min(a.Missing, short)
	}
	a.Missing = max(a.Missing, short)
	if a.Present+a.Purged == 0 {
		a.Surplus = a.Jobs - min(a.Jobs, expected)
	}
}

// certain are those of what is gone that no purge can have taken, the first of them.
// A purge of what was put off may have taken any.
func (b *books) certain(gone []uint64) []uint64 {
	var upTo uint64
	if b.purged > 0 {
		for _, p := range b.streams {
			if p.purgedTo > 0 && p.published.n == 0 {
				return nil
			}
			upTo = max(upTo, p.purgedTo)
		}
	}
	gone = slices.DeleteFunc(gone, func(sequence uint64) bool { return sequence <= upTo })
	slices.Sort(gone)
	return gone[:min(len(gone), maxNamed)]
}

// right reports whether the accounts are.
func (a *Accounts) right() bool {
	return a.Missing == 0 && a.Surplus == 0 && len(a.EndedTwice) == 0 && len(a.SentTwice) == 0
}
