package app

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/wacast/wacast/pkg/job"
	"github.com/wacast/wacast/pkg/queue"
)

// LetterFilter says which dead letters are meant. Empty fields match all.
type LetterFilter struct {
	queue.DeadFilter
	// Code is the Cloud API's error code.
	Code int
}

// Letter is a dead letter, without the job itself.
type Letter struct {
	ID       string     `json:"id"`
	Campaign string     `json:"campaign"`
	From     string     `json:"from"`
	Reason   job.Reason `json:"reason"`
	Code     int        `json:"code,omitempty"`
	Detail   string     `json:"detail,omitempty"`
	Attempt  int        `json:"attempt"`
	// Outcome is what the job counts as, rejected or unknown.
	Outcome job.Kind  `json:"outcome"`
	Since   time.Time `json:"since"`
	// Hopeless says why trying again cannot help; empty where it may.
	Hopeless string `json:"hopeless,omitempty"`
}

// Letters passes the dead letters that match, the oldest first.
func (v *View) Letters(ctx context.Context, filter LetterFilter, fn func(*Letter) error) error {
	return v.dead.Read(ctx, filter.DeadFilter, func(l *queue.StoredLetter) error {
		if filter.Code != 0 && l.Code != filter.Code {
			return nil
		}
		letter := readLetter(l)
		return fn(&letter)
	})
}

func readLetter(l *queue.StoredLetter) Letter {
	letter := Letter{
		Campaign: l.Queue.Campaign, From: l.Queue.Sender, Reason: l.Reason, Code: l.Code, Detail: l.Detail,
		Attempt: l.Attempt, Outcome: outcomeOf(l), Since: l.Stored, Hopeless: hopeless(l),
	}
	if j, err := job.Decode(l.Data); err == nil {
		letter.ID = j.ID
	} else if letter.Hopeless == "" {
		letter.Hopeless = "its job cannot be read"
	}
	return letter
}

// outcomeOf is what is on record of a letter's job. Earlier builds did not say.
func outcomeOf(l *queue.StoredLetter) job.Kind {
	if l.Outcome != "" {
		return l.Outcome
	}
	switch l.Reason {
	case job.ReasonTimeout, job.ReasonConnectionLost, job.ReasonBadAnswer, job.ReasonOwnerLost:
		return job.Unknown
	}
	return job.Rejected
}

// hopeless is why a letter's job would only be rejected once more.
func hopeless(l *queue.StoredLetter) string {
	switch {
	case l.Truncated > 0:
		return "it was too long to be kept whole"
	case l.Sequence == 0 || l.Stream == "":
		return "it does not say which publication it is"
	}
	switch l.Reason {
	case job.ReasonInvalidJob, job.ReasonSubjectMismatch:
		return "the job itself is wrong; publish a corrected one"
	case job.ReasonConflict:
		return "its id belongs to another job; publish it under an id of its own"
	}
	return ""
}

// Replay is what a replay of dead letters does, or would do.
type Replay struct {
	// Replayed counts the letters whose jobs go back into their queues.
	Replayed int `json:"replayed"`
	// Unknown counts those left where they are because the API may have taken their
	// job, and Hopeless those that would only be rejected again.
	Unknown  int `json:"unknown"`
	Hopeless int `json:"hopeless"`
	// First are the first letters of those replayed, in a dry run.
	First []Letter `json:"first,omitempty"`
}

// maxFirst is how many letters a dry run shows.
const maxFirst = 20

// replayBatch is how many letters are replayed at once.
const replayBatch = 500

// ReplayDead puts the jobs of dead letters back into their queues, under the same
// ids, so that one that was accepted meanwhile is not sent again, and removes the
// letters. Jobs of unknown outcome are left out unless they are asked for: the API
// may have taken them. A dry run only counts them and shows the first.
func (o *Operator) ReplayDead(ctx context.Context, filter LetterFilter, unknown, dry bool) (*Replay, error) {
	r := new(Replay)
	var batch []queue.Scheduled
	var letters []*queue.StoredLetter
	flush := func() error {
		err := o.replay(ctx, batch, letters)
		batch, letters = batch[:0], letters[:0]
		return err
	}
	err := o.dead.Read(ctx, filter.DeadFilter, func(l *queue.StoredLetter) error {
		letter := readLetter(l)
		switch {
		case filter.Code != 0 && l.Code != filter.Code:
			return nil
		case letter.Hopeless != "":
			r.Hopeless++
			return nil
		case !unknown && outcomeOf(l) == job.Unknown:
			r.Unknown++
			return nil
		}
		r.Replayed++
		if dry {
			if len(r.First) < maxFirst {
				r.First = append(r.First, letter)
			}
			return nil
		}
		again, err := o.again(ctx, queue.KindReplay, l)
		if err != nil {
			return err
		}
		batch, letters = append(batch, again), append(letters, l)
		if len(batch) < replayBatch {
			return nil
		}
		return flush()
	})
	if err == nil {
		err = flush()
	}
	return r, err
}

// again is a letter's job as it goes back into its queue.
func (o *Operator) again(ctx context.Context, kind string, l *queue.StoredLetter) (queue.Scheduled, error) {
	j, err := job.Decode(l.Data)
	if why := hopeless(l); why != "" || err != nil {
		return queue.Scheduled{}, fmt.Errorf("dead letter of %s: %s: %w", l.Queue.Campaign, cmp.Or(why, "its job cannot be read"), ErrNotNow)
	}
	s := queue.Scheduled{
		Kind: kind, Queue: l.Queue, Job: j.ID, Stream: l.Stream, Sequence: l.Sequence, Attempt: l.Attempt, Was: outcomeOf(l), Data: l.Data,
		Traceparent: l.Traceparent,
	}
	if l.Outcome == "" {
		s.Attempt, err = o.attempt(ctx, j.Key(), l)
	}
	return s, err
}

// attempt is the one a letter of an earlier build ended at, which the events know.
func (o *Operator) attempt(ctx context.Context, key job.Key, l *queue.StoredLetter) (int, error) {
	events, err := o.events.Find(ctx, key, l.Queue.Sender, time.Time{})
	if err != nil {
		return 0, err
	}
	for _, e := range slices.Backward(events) {
		if d := &e.Data; d.Stream == l.Stream && d.Sequence == l.Sequence && stateOf(d) != "" {
			return d.Attempt, nil
		}
	}
	return 0, nil
}

// replay puts jobs back and then removes their letters: whoever is interrupted in
// between does the same once more, which changes nothing.
func (o *Operator) replay(ctx context.Context, jobs []queue.Scheduled, letters []*queue.StoredLetter) error {
	if len(jobs) == 0 {
		return nil
	}
	if err := o.later.ScheduleAll(ctx, jobs); err != nil {
		return err
	}
	for _, l := range letters {
		if err := o.dead.Remove(ctx, l.Place); err != nil {
			return err
		}
	}
	return nil
}
