package app

import (
	"context"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/wacast/wacast/pkg/queue"
)

// controlTimeout bounds one command; a cancel waits for jobs in flight.
const controlTimeout = time.Minute

// maxControl bounds the commands under way: each of them may wait.
const maxControl = 16

// takeCommands answers requests on wacast.control.> (pause, resume, cancel) together
// with the other workers: each goes to one of them, and all see what it writes.
func (a *App) takeCommands(names queue.Names) error {
	control := &control{nc: a.nc, cfg: a.cfg, log: a.log}
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	places := make(chan struct{}, maxControl)
	sub, err := a.nc.QueueSubscribe(names.ControlSubject(""), names.Namespace, func(m *nats.Msg) {
		verb, ok := names.ParseControl(m.Subject)
		if !ok {
			return
		}
		places <- struct{}{}
		running.Go(func() {
			defer func() { <-places }()
			working, done := context.WithTimeout(ctx, controlTimeout)
			defer done()
			_ = m.Respond(control.handle(working, verb, m.Data)) // who asked may have left
		})
	})
	if err != nil {
		cancel()
		return err
	}
	a.closer("commands", func() {
		_ = sub.Drain() // a closed connection has no subscriptions
		cancel()
		running.Wait()
	})
	return nil
}
