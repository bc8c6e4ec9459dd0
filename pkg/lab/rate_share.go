package lab

import (
	"context"
	"sync"
	"time"

	"github.com/wacast/wacast/pkg/app"
)

// shares asks the workers for what part of the limit slots are given out.
type shares struct{ operator *app.Operator }

func openShares(ctx context.Context, cfg app.Config) (shares, error) {
	o, err := app.OpenOperator(ctx, cfg, "bench")
	return shares{o}, err
}

func (s shares) close() { s.operator.Close() }

// now is the share; false if no worker tells.
func (s shares) now(ctx context.Context) (float64, bool) {
	numbers, err := s.operator.Senders(ctx)
	if err != nil || len(numbers) != 1 || numbers[0].Pace == nil {
		return 0, false
	}
	return numbers[0].Pace.Share, true
}

const (
	// shareEvery is how often the share is asked for.
	shareEvery = time.Second
	// fullShare is as good as all of the limit.
	fullShare = 0.995
	// sharePatience is how long the share may take to recover.
	sharePatience = time.Minute
)

// awaitFull waits for a share that start and publishing have cut to recover; not
// forever, as a number that is refused all the time never has it.
func (s shares) awaitFull(ctx context.Context) error {
	for end := time.Now().Add(sharePatience); time.Now().Before(end); {
		if share, ok := s.now(ctx); ok && share >= fullShare {
			return nil
		}
		if err := pause(ctx, shareEvery); err != nil {
			return err
		}
	}
	return nil
}

// watch asks until its result is called, which returns the mean; 0 if no worker told.
func (s shares) watch(ctx context.Context) (mean func() float64) {
	ctx, stop := context.WithCancel(ctx)
	var sum, told float64
	var watching sync.WaitGroup
	watching.Go(func() {
		for pause(ctx, shareEvery) == nil {
			if share, ok := s.now(ctx); ok {
				sum, told = sum+share, told+1
			}
		}
	})
	return func() float64 {
		stop()
		watching.Wait()
		return sum / max(1, told)
	}
}
