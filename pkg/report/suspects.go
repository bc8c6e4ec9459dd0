package report

import (
	"cmp"
	"hash/maphash"
	"maps"
	"slices"

	"github.com/wacast/wacast/pkg/job"
	"github.com/wacast/wacast/pkg/queue"
)

// suspects are publications and jobs that came up twice where once is right. The
// events are read once more to tell what was recorded twice, which is harmless, from
// what happened twice.
type suspects struct {
	seed     maphash.Seed
	again    map[publication]bool
	accepted map[uint64]bool

	ended map[publication]map[string]*job.EventData // by the event's id
	sent  map[job.Key]map[string]bool
	extra uint64 // events of a publication beyond the first with the same id
}

func (b *books) suspects() *suspects {
	return &suspects{
		seed: b.seed, again: b.again, accepted: b.sentTwice(),
		ended: make(map[publication]map[string]*job.EventData), sent: make(map[job.Key]map[string]bool),
	}
}

func (s *suspects) any() bool { return len(s.again)+len(s.accepted) > 0 }

func (s *suspects) read(e *queue.Recorded) error {
	d := &e.Data
	if at := (publication{d.Stream, d.Sequence}); d.Kind.IsOutcome() && d.ID != "" && s.again[at] {
		if s.ended[at] == nil {
			s.ended[at] = make(map[string]*job.EventData)
		}
		if s.ended[at][e.ID] != nil {
			s.extra++
		}
		s.ended[at][e.ID] = d
	}
	if d.Kind == job.Accepted || d.Outcome == job.Accepted {
		if key := e.Key(); s.accepted[maphash.String(s.seed, d.ID)] {
			if s.sent[key] == nil {
				s.sent[key] = make(map[string]bool)
			}
			s.sent[key][e.ID] = true
		}
	}
	return nil
}

// tell names what was found, the first of each.
func (s *suspects) tell(a *Accounts) {
	for at, events := range s.ended {
		if len(events) < 2 {
			continue
		}
		r := Repeat{Sequence: at.sequence}
		for _, d := range events {
			r.Job = job.Key{Campaign: d.Campaign, ID: d.ID}.String()
			r.Outcomes = append(r.Outcomes, d.Kind)
		}
		slices.Sort(r.Outcomes)
		a.EndedTwice = append(a.EndedTwice, r)
	}
	slices.SortFunc(a.EndedTwice, func(x, y Repeat) int { return cmp.Compare(x.Sequence, y.Sequence) })
	a.EndedTwice = a.EndedTwice[:min(len(a.EndedTwice), maxNamed)]
	a.RecordedTwice = s.extra
	for _, key := range slices.SortedFunc(maps.Keys(s.sent), func(x, y job.Key) int { return cmp.Compare(x.ID, y.ID) }) {
		if len(s.sent[key]) > 1 && len(a.SentTwice) < maxNamed {
			a.SentTwice = append(a.SentTwice, key.String())
		}
	}
}
