package webhook

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/wacast/wacast/pkg/campaign"
	"github.com/wacast/wacast/pkg/job"
	"github.com/wacast/wacast/pkg/queue"
)

// Campaigns are the specs of campaigns by id; [queue.Bucket] keeps them.
type Campaigns interface {
	// Get returns the value of a key; what there is none of is an error.
	Get(ctx context.Context, key string) ([]byte, error)
}

// Deadlines are until when answers are waited for; [queue.Later] keeps them.
type Deadlines interface {
	// Waits reports whether a job waits for its reply_by.
	Waits(ctx context.Context, kind, sender string, key job.Key) (bool, error)
}

// answers is what the bucket of answers holds of a job: the answer that stands, as
// [campaign.AnswerBook] reads and writes it, and those it took the place of. A
// processor that comes back finds out by them what it had to record.
type answers struct {
	campaign.Answer
	Before []campaign.Answer `json:"before,omitempty"`
}

// maxAnswers is how many changes of an answer are remembered.
const maxAnswers = 32

var errStands = errors.New("the answer stands")

// answer writes down what a tap answers its job, and returns the events of it: none for
// what is no answer or says the same again, else the new one, behind one that takes a
// former one back.
func (p *Processor) answer(ctx context.Context, m *inbound) ([]job.Event, error) {
	kind, err := p.meaning(ctx, m)
	if err != nil || kind == "" {
		return nil, err
	}
	asked, err := p.asked(ctx, m)
	if err != nil || !asked {
		return nil, err
	}
	was, changed := job.Kind(""), false
	err = p.cfg.Memory.Update(ctx, campaign.AnswerKey(m.tied.key), func(value []byte) (next []byte, err error) {
		next, was, changed, err = give(value, campaign.Answer{Answer: kind, At: m.at.UTC(), By: m.mark})
		return next, err
	})
	if err != nil && !errors.Is(err, errStands) {
		return nil, fmt.Errorf("write an answer down: %w", err)
	}
	if !changed {
		return nil, nil
	}
	d := m.about()
	d.Kind, d.Match, d.Payload, d.Text = kind, m.tied.match, m.payload, m.Text
	events := []job.Event{m.event(p.source, d)}
	if was != "" {
		d = m.about()
		d.Kind, d.Was, d.Wamid = job.Settled, was, ""
		back := job.NewEvent(p.source, m.at, d)
		back.Traceparent = m.tied.outcome.Traceparent
		back.ID += "/" + m.mark
		events = slices.Insert(events, 0, back)
	}
	return events, nil
}

// give makes the next value of a job's answers, and says what the given one took the
// place of; changed says whether it took any place, be it that it did before.
func give(value []byte, given campaign.Answer) (next []byte, was job.Kind, changed bool, err error) {
	var a answers
	if json.Unmarshal(value, &a) != nil {
		a = answers{} // none so far, or one that is not ours
	}
	all := append(a.Before, a.Answer)
	for i := range all {
		if all[i].By == given.By {
			if i > 0 {
				was = all[i-1].Answer
			}
			return nil, was, true, errStands
		}
	}
	// Messages come in any order; but whatever was said is more than silence.
	older := given.At.Before(a.At) && a.Answer.Answer != job.NoAnswer
	if a.Answer.Answer == given.Answer || older {
		return nil, "", false, errStands
	}
	was = a.Answer.Answer
	if was != "" {
		a.Before = append(a.Before, a.Answer)
		a.Before = a.Before[max(len(a.Before)-maxAnswers, 0):]
	}
	a.Answer = given
	next, err = json.Marshal(a)
	return next, was, true, err
}

// meaning is what a tap answers; empty for no answer. A forged payload means nothing.
func (p *Processor) meaning(ctx context.Context, m *inbound) (job.Kind, error) {
	if !m.isTap() || m.tied.key.ID == "" {
		return "", nil
	}
	word := m.payload
	if word == "" {
		word = m.Text
	}
	spec, err := p.spec(ctx, m.tied.key.Campaign)
	if err != nil {
		return "", err
	}
	return spec.Answer(word), nil
}

// asked reports whether an answer was asked for: by a button that wacast signed, or
// until a reply_by, be it over.
func (p *Processor) asked(ctx context.Context, m *inbound) (bool, error) {
	if m.tied.match == job.MatchPayload {
		return true, nil
	}
	if _, err := p.cfg.Memory.Get(ctx, campaign.AnswerKey(m.tied.key)); err == nil {
		return true, nil
	} else if !errors.Is(err, queue.ErrNoKey) {
		return false, err
	}
	return p.cfg.Deadlines.Waits(ctx, queue.KindReply, m.number, m.tied.key)
}

// specs remembers campaigns for a moment. It is the running goroutine's own.
type specs struct {
	known map[string]*campaign.Spec
	at    time.Time
}

// specFor is how long campaigns are taken to stay as they are.
const specFor = 5 * time.Second

// spec is a campaign's. One that nobody created, or that is gone, has the usual answers;
// and so has one that this build cannot read.
func (p *Processor) spec(ctx context.Context, id string) (*campaign.Spec, error) {
	s := &p.specs
	if time.Since(s.at) > specFor {
		s.known, s.at = make(map[string]*campaign.Spec), time.Now()
	}
	if spec := s.known[id]; spec != nil {
		return spec, nil
	}
	spec := new(campaign.Spec)
	if id != "" {
		value, err := p.cfg.Campaigns.Get(ctx, id)
		if err != nil && !errors.Is(err, queue.ErrNoKey) {
			return nil, err
		}
		if found, err := campaign.Decode(id, value); err == nil {
			spec = found
		}
	}
	s.known[id] = spec
	return spec, nil
}
