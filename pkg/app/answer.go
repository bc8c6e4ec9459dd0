package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/wacast/wacast/pkg/ratelimit"
	"github.com/wacast/wacast/pkg/sender"
)

// question asks a worker how numbers stand.
type question struct {
	Numbers []string `json:"numbers"`
}

// answer is what a worker knows and others cannot see.
type answer struct {
	// Missing names what it cannot work without, as /readyz does.
	Missing map[string]string `json:"missing"`
	// Paces are those of the numbers that belong to an account.
	Paces map[string]Pace `json:"paces"`
}

// Pace is how fast a number is sent for at this moment.
type Pace struct {
	Account string `json:"account"`
	// MPS is the limit that holds.
	MPS int `json:"mps"`
	// Effective is how many messages a second slots are given out for, over all
	// replicas: the limit less the headroom, and less while the API throttles.
	Effective float64 `json:"effective"`
	// Share is the part of the limit that is given out, 1 unless it was lowered, and
	// HoldSeconds how long nothing is.
	Share       float64 `json:"share"`
	HoldSeconds float64 `json:"hold_seconds"`
}

// answerTimeout bounds the making of an answer, and askTimeout the wait for it.
const (
	answerTimeout = 2 * time.Second
	askTimeout    = 3 * time.Second
)

// paces tells how numbers stand.
type paces struct {
	accounts *sender.Directory
	stops    *sender.Stops
	headroom float64
	states   func(ctx context.Context, senders []string) ([]ratelimit.State, error)
}

// of tells how numbers stand; those of no account are left out, and while Redis is
// away, none is known.
func (p *paces) of(ctx context.Context, ids []string) map[string]Pace {
	var known []sender.Number
	var names []string
	for _, id := range ids {
		if n, err := p.accounts.Lookup(id); err == nil {
			known, names = append(known, n), append(names, id)
		}
	}
	all := make(map[string]Pace, len(known))
	states, err := p.states(ctx, names)
	if err != nil {
		return all
	}
	for i, n := range known {
		mps := limitOf(p.stops, n).MPS
		slots := ratelimit.Rate{PerSecond: float64(mps), Headroom: p.headroom}.Spacing()
		all[n.ID] = Pace{
			Account: n.Account.WABA, MPS: mps, Effective: states[i].Share * float64(time.Second) / float64(slots),
			Share: states[i].Share, HoldSeconds: states[i].Hold.Seconds(),
		}
	}
	return all
}

// limitOf is the limit of a number, its default where nobody has said another.
func limitOf(stops *sender.Stops, n sender.Number) sender.Limit {
	l, _ := stops.Limit(n.ID)
	if l.MPS == 0 {
		l.MPS = n.MPS
	}
	return l
}

// answerQuestions answers those of [View.ask], together with the other workers.
func (a *App) answerQuestions(b *base, p *paces) error {
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	places := make(chan struct{}, maxControl)
	sub, err := a.nc.QueueSubscribe(b.names.AskSubject(), b.names.Namespace, func(m *nats.Msg) {
		var q question
		if json.Unmarshal(m.Data, &q) != nil {
			return
		}
		places <- struct{}{}
		running.Go(func() {
			defer func() { <-places }()
			ctx, done := context.WithTimeout(ctx, answerTimeout)
			defer done()
			text, err := json.Marshal(answer{Missing: a.health.missing(ctx), Paces: p.of(ctx, q.Numbers)})
			if err == nil {
				_ = m.Respond(text) // who asked may have left
			}
		})
	})
	if err != nil {
		cancel()
		return err
	}
	a.closer("answers", func() {
		_ = sub.Drain() // a closed connection has no subscriptions
		cancel()
		running.Wait()
	})
	return nil
}

// errNoWorker: nobody answers who sends.
var errNoWorker = errors.New("no worker answers")

// ask asks any worker how numbers stand. The error is [errNoWorker] where there is
// none; others say nothing about that.
func (v *View) ask(ctx context.Context, numbers []string) (*answer, error) {
	text, err := json.Marshal(question{Numbers: numbers})
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	m, err := v.nc.RequestWithContext(ctx, v.names.AskSubject(), text)
	if errors.Is(err, nats.ErrNoResponders) {
		return nil, errNoWorker
	}
	if err != nil {
		return nil, fmt.Errorf("ask a worker: %w", err)
	}
	got := new(answer)
	if err := json.Unmarshal(m.Data, got); err != nil {
		return nil, fmt.Errorf("ask a worker: %w", err)
	}
	return got, nil
}
