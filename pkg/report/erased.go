package report

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/wacast/wacast/pkg/job"
	"github.com/wacast/wacast/pkg/queue"
)

// Erase makes the events that stand in the place of those about a person who is
// forgotten: they name the publication and what counted, so that the accounts still
// close, and nobody. What nobody counts is left out, and what counts once however often
// it was recorded stays one event. done are the places of events that were erased
// before, when that was cut short: [ErasedPlaces] of the erased events there are.
func Erase(events []queue.Recorded, done map[uint64]bool, source string, at time.Time) []job.Event {
	places := make(map[string][]uint64) // by what tells the facts apart
	var facts []*queue.Recorded
	for i := range events {
		e := &events[i]
		id := fact(e)
		if len(places[id]) == 0 {
			facts = append(facts, e)
		}
		places[id] = append(places[id], e.Sequence)
	}
	var erased []job.Event
	for _, e := range facts {
		all := places[fact(e)]
		counts := e.Data.Kind != job.Erased && e.Data.Kind != job.CampaignChanged
		if counts && !slices.ContainsFunc(all, func(place uint64) bool { return done[place] }) {
			erased = append(erased, erasedEvent(&e.Data, queue.Ranges(all), source, at))
		}
	}
	return erased
}

// fact tells what an event counts as: what was settled counts once, other events as
// often as they were recorded.
func fact(e *queue.Recorded) string {
	if e.Data.Kind == job.Settled {
		return e.ID
	}
	return strconv.FormatUint(e.Sequence, 10)
}

// erasedEvent names the places of the events it stands for in its id too, so that the
// same one recorded again is one.
func erasedEvent(d *job.EventData, places, source string, at time.Time) job.Event {
	data := job.EventData{
		Kind: job.Erased, Campaign: d.Campaign, From: d.From, Lane: d.Lane, Attempt: d.Attempt, Reason: d.Reason, Code: d.Code,
		Outcome: d.Kind, Count: 1, Stream: d.Stream, Sequence: d.Sequence, Sequences: places,
	}
	if d.Kind == job.Settled {
		data.Was, data.Outcome = wasOf(d), d.Outcome
	}
	event := job.NewEvent(source, at, data)
	event.ID += "/" + places
	return event
}

// maxPlaces is more than an erased event ever stands for.
const maxPlaces = 1 << 16

// ErasedPlaces are where the events were that an erased event stands for.
func ErasedPlaces(d *job.EventData) (places []uint64) {
	ranges, err := queue.ParseRanges(d.Sequences)
	if err != nil || d.Kind != job.Erased {
		return nil
	}
	for _, r := range ranges {
		for s := r.First; s <= r.Last && len(places) < maxPlaces; s++ {
			places = append(places, s)
		}
	}
	return places
}

// erasedID begins the ids of jobs that [restore] makes up; no job has such a one.
const erasedID = "erased/"

// restore makes of an erased event what it stands for, of a job of its own. It
// reports false for one of no known form.
func restore(e *queue.Recorded) (*queue.Recorded, bool) {
	r := *e
	d := &r.Data
	d.ID = erasedID + d.Sequences
	if d.Was != "" {
		d.Kind = job.Settled
		return &r, true
	}
	d.Kind, d.Outcome = d.Outcome, ""
	return &r, d.Kind != ""
}

// erasures are the erased events of a campaign, by what they stand for.
type erasures struct {
	of map[job.Kind][]*queue.Recorded
	// places are where the events were that they stand for. Who finds one there reads
	// while somebody erases, or after that was cut short.
	places map[uint64]bool
}

// erasures reads the erased events of a campaign, or those of all when it is empty.
func (r *Reporter) erasures(ctx context.Context, campaign string) (*erasures, error) {
	found := &erasures{of: make(map[job.Kind][]*queue.Recorded), places: make(map[uint64]bool)}
	filter := queue.Filter{Campaign: campaign, Kinds: []job.Kind{job.Erased}}
	err := r.events.Read(ctx, filter, func(e *queue.Recorded) error {
		places := ErasedPlaces(&e.Data)
		was, ok := restore(e)
		if !ok || len(places) == 0 || found.places[places[0]] {
			return nil // of no known form, or on record twice
		}
		for _, place := range places {
			found.places[place] = true
		}
		found.of[was.Data.Kind] = append(found.of[was.Data.Kind], was)
		return nil
	})
	return found, err
}

// has reports whether an event is one that an erased event stands for.
func (s *erasures) has(e *queue.Recorded) bool { return len(s.places) > 0 && s.places[e.Sequence] }

// counted adds what is erased to counts.
func (s *erasures) counted(counts map[job.Kind]uint64) {
	for kind, events := range s.of {
		if kind != job.Settled {
			counts[kind] += uint64(len(events))
		}
	}
}

// erased reports whether an event is one that [restore] has made.
func erased(e *queue.Recorded) bool { return strings.HasPrefix(e.Data.ID, erasedID) }
