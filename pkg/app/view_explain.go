package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/wacast/wacast/pkg/campaign"
	"github.com/wacast/wacast/pkg/dedup"
	"github.com/wacast/wacast/pkg/job"
	"github.com/wacast/wacast/pkg/queue"
	"github.com/wacast/wacast/pkg/report"
	"github.com/wacast/wacast/pkg/sender"
)

// Story is all that is known of a job.
type Story struct {
	Job string `json:"job"`
	// State is its outcome, or waiting.
	State string        `json:"state"`
	Steps []report.Step `json:"steps"`
	// Waits are where it waits now, and Letters what of it is a dead letter.
	Waits   []Wait   `json:"waits"`
	Letters []Letter `json:"letters"`
	// Ledger is what the ledger says of it, or why it cannot be asked.
	Ledger string `json:"ledger"`
	// TraceID is the trace that its events are in, or it itself while it waits.
	TraceID string `json:"trace_id,omitempty"`
	// Recipient is how the recipient stands now; nil where no event names one.
	Recipient *Standing `json:"recipient,omitempty"`
	// Incomplete says what could not be read in time.
	Incomplete string `json:"incomplete,omitempty"`
}

// Wait is one place where a job waits, and what for.
type Wait struct {
	// Where is queue, due or schedule.
	Where string    `json:"where"`
	Queue string    `json:"queue"`
	For   string    `json:"for"`
	Since time.Time `json:"since"`
	// Until is when a schedule brings it back.
	Until       time.Time `json:"until,omitzero"`
	Publication string    `json:"publication"`
}

// Bounds of what an explanation reads beside the events of the job.
const (
	claimsTimeout = 2 * time.Second
	ledgerTimeout = 2 * time.Second
	// claimsBefore is how long before its first outcome a job may have been claimed.
	claimsBefore = 10 * time.Minute
)

// Explain tells all that happened to a job, and where it waits. A job nobody knows is
// [ErrNoJob].
func (o *Operator) Explain(ctx context.Context, key job.Key) (*Story, error) {
	s := &Story{Job: key.String(), State: "waiting", Waits: []Wait{}, Letters: []Letter{}}
	var entry dedup.Entry
	s.Ledger, entry = o.ledgerSays(ctx, key)
	events, incomplete, err := o.history(ctx, key, entry)
	if err != nil {
		return nil, err
	}
	s.lacks(incomplete)
	s.Steps = report.EventSteps(events)
	for i := range events {
		if state := stateOf(&events[i].Data); state != "" {
			s.State = string(state)
		}
		s.TraceID = cmp.Or(events[i].Traceparent.TraceID(), s.TraceID)
	}
	copies, err := o.waiting(ctx, key, s.State)
	if err != nil {
		return nil, err
	}
	for i := range copies {
		w, err := o.wait(ctx, &copies[i])
		if err != nil {
			return nil, err
		}
		s.Waits = append(s.Waits, w)
		s.TraceID = cmp.Or(s.TraceID, copies[i].Traceparent.TraceID())
	}
	if len(events) == 0 && len(copies) == 0 {
		return nil, fmt.Errorf("%w: %s", ErrNoJob, key)
	}
	if s.State == string(job.Rejected) || s.State == string(job.Unknown) {
		if s.Letters, err = o.lettersOf(ctx, key); err != nil {
			return nil, err
		}
	}
	if s.Recipient, err = o.standing(ctx, events); err != nil {
		s.lacks("how the recipient stands: " + err.Error())
	}
	o.addClaims(ctx, s, key, copies)
	report.SortSteps(s.Steps)
	return s, nil
}

// lacks notes what could not be read.
func (s *Story) lacks(what string) {
	if s.Incomplete != "" && what != "" {
		s.Incomplete += "; "
	}
	s.Incomplete += what
}

// waiting finds where a job waits. Queues are read only for one that has no outcome.
func (o *Operator) waiting(ctx context.Context, key job.Key, state string) ([]Copy, error) {
	if state == "waiting" {
		return o.Copies(ctx, key)
	}
	return o.scheduled(ctx, key)
}

func (o *Operator) lettersOf(ctx context.Context, key job.Key) ([]Letter, error) {
	letters := []Letter{}
	filter := LetterFilter{DeadFilter: queue.DeadFilter{Campaign: key.CampaignToken(), ID: key.ID}}
	err := o.Letters(ctx, filter, func(l *Letter) error {
		letters = append(letters, *l)
		return nil
	})
	return letters, err
}

// wait says what one copy waits for.
func (o *Operator) wait(ctx context.Context, c *Copy) (Wait, error) {
	w := Wait{
		Where: "queue", Queue: c.Queue.String(), Since: c.Stored, Until: c.Due,
		Publication: fmt.Sprintf("%s/%d", c.Stream, c.Sequence),
	}
	if c.Kind != "" {
		w.Where, w.For = "schedule", waitsFor(c.Kind)
		return w, nil
	}
	var err error
	w.For, err = o.obstacle(ctx, c)
	return w, err
}

// waitsFor is a kind of waiting as people read it.
func waitsFor(kind string) string {
	switch kind {
	case queue.KindSendAt:
		return "its send_at"
	case queue.KindWindow:
		return "the end of quiet hours"
	case queue.KindRetry:
		return "the next attempt after a refusal"
	case queue.KindUnknown:
		return "a status webhook that tells what became of it, or its deadline"
	case queue.KindReply:
		return "an answer of its recipient, until its reply_by"
	case queue.KindResend, queue.KindReplay:
		return "the next moment: a person had it tried once more"
	}
	return kind
}

// obstacle is what keeps a queue from being sent.
func (o *Operator) obstacle(ctx context.Context, c *Copy) (string, error) {
	value, err := o.specs.Get(ctx, c.Queue.Campaign)
	if err != nil && !errors.Is(err, queue.ErrNoKey) {
		return "", err
	}
	if err == nil {
		spec, err := campaign.Decode(c.Queue.Campaign, value)
		if err != nil {
			return "", err
		}
		if !spec.Sends() {
			return fmt.Sprintf("nothing: its campaign is %s since %s, %s (%s)", spec.State, spec.Since.Format(time.RFC3339), spec.Reason, spec.By), nil
		}
	}
	stops, err := o.stopped(ctx)
	if err != nil {
		return "", err
	}
	for _, stop := range stops {
		if o.covers(stop.Target(), c) {
			return fmt.Sprintf("%s %s, which is stopped since %s: %s, %s", stop.Scope, stop.Name, stop.Since.Format(time.RFC3339), stop.Reason, stop.Detail), nil
		}
	}
	return "its turn; wacast status shows how long its queue is", nil
}

// covers reports whether a stop keeps the job, as far as these settings know.
func (o *Operator) covers(t sender.Target, c *Copy) bool {
	waba := sender.DefaultWABA
	if d, err := o.cfg.directory(); err == nil {
		if number, err := d.Lookup(c.Queue.Sender); err == nil {
			waba = number.Account.WABA
		}
	}
	switch t.Scope {
	case sender.ScopeAll:
		return true
	case sender.ScopeAccount:
		return t.Name == waba
	case sender.ScopeNumber:
		return t.Name == c.Queue.Sender
	case sender.ScopeTemplate:
		j, err := job.Decode(c.Data)
		return err == nil && (t == sender.TemplateTarget(waba, j.Template.Name, "") || t == sender.TemplateTarget(waba, j.Template.Name, j.Template.Language))
	}
	return false
}

// errEnough ends a reading that has brought what was wanted.
var errEnough = errors.New("enough")

// addClaims adds when the job was claimed and given back, which is read from the time
// on when it may have been.
func (o *Operator) addClaims(ctx context.Context, s *Story, key job.Key, copies []Copy) {
	var since, until time.Time
	attempts := 0
	for _, step := range s.Steps {
		if since.IsZero() || step.At.Before(since) {
			since = step.At
		}
		if step.At.After(until) {
			until = step.At
		}
		attempts = max(attempts, step.Attempt)
	}
	since = since.Add(-claimsBefore)
	if attempts > 1 {
		since = since.Add(-24 * time.Hour)
	}
	if len(copies) > 0 || len(s.Steps) == 0 {
		until = time.Now().Add(time.Hour)
		for _, c := range copies {
			if len(s.Steps) == 0 && (since.Year() < 2 || c.Stored.Before(since)) {
				since = c.Stored
			}
		}
	}
	claims, err := queue.NewClaims(o.js, o.names, "")
	if err != nil {
		s.lacks(err.Error())
		return
	}
	defer claims.Close()
	reading, cancel := context.WithTimeout(ctx, claimsTimeout)
	defer cancel()
	err = claims.Read(reading, 0, 0, since, func(b *queue.ClaimBatch) error {
		if b.Stored.After(until.Add(time.Second)) {
			return errEnough
		}
		s.Steps = append(s.Steps, report.ClaimSteps(b, key)...)
		return nil
	})
	if err != nil && !errors.Is(err, errEnough) {
		s.lacks("the claims of the job: " + err.Error())
	}
}

// ledgerSays is the job's entry as people read it, and the entry if the ledger has all
// it should have. A ledger that is away must not keep anybody from reading the events.
func (o *Operator) ledgerSays(ctx context.Context, key job.Key) (says string, entry dedup.Entry) {
	ctx, cancel := context.WithTimeout(ctx, ledgerTimeout)
	defer cancel()
	err := o.withLedger(func(l *dedup.Ledger) error {
		entries, err := l.Lookup(ctx, []dedup.Subject{{Key: key}})
		if err != nil {
			return err
		}
		says = entrySays(&entries[0])
		whole, err := l.Whole(ctx, key)
		if whole {
			entry = entries[0]
		}
		return err
	})
	if err != nil {
		return "cannot be asked: " + err.Error(), entry
	}
	return says, entry
}

func entrySays(e *dedup.Entry) string {
	parts := []string{e.State.String()}
	if e.State == dedup.None {
		return "knows nothing of it"
	}
	if e.Attempt > 0 {
		parts = append(parts, fmt.Sprintf("attempt %d", e.Attempt))
	}
	switch {
	case e.Stale():
		parts = append(parts, "by a worker whose lease is over")
	case e.State == dedup.Claimed:
		parts = append(parts, "by a worker whose lease has "+e.LeaseLeft.Round(time.Second).String()+" left")
	case e.State.Final() && e.Event == 0:
		parts = append(parts, "with no event on record yet")
	}
	return strings.Join(slices.Concat(parts, []string{"since " + e.Since.UTC().Format(time.RFC3339)}), ", ")
}
