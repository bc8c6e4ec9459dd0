package recipient

import (
	"context"
	"sync"
	"time"
)

// Times of following a bucket.
const (
	// askEvery is how often the newest revision is asked for where freshness matters,
	// and askSeldom where it only shows that following has come to a standstill.
	askEvery  = 250 * time.Millisecond
	askSeldom = 5 * time.Second
	// askTimeout bounds one such question.
	askTimeout = time.Second
	// staleAfter is how long after its last proof a view counts as fresh: until the
	// next question, its answer, and a second of being behind.
	staleAfter = askEvery + 1250*time.Millisecond
	// restartAfter is how long a view may be behind a server that answers until it is
	// read anew.
	restartAfter = 5 * time.Second
)

// following keeps up with one bucket and knows whether it does: now and then it asks
// for the newest revision and looks whether that one has come.
type following struct {
	bucket Follower
	every  time.Duration
	apply  func(key string, value []byte)

	begun time.Time
	known chan struct{} // closed once all there was has come

	mu      sync.Mutex
	applied uint64
	// proven is when the view was last known to have everything, and asked when the
	// question was put whose answer, last, is waited for; both since begun.
	proven, asked time.Duration
	last          uint64
	waiting       bool
}

func newFollowing(bucket Follower, every time.Duration, apply func(key string, value []byte)) *following {
	return &following{bucket: bucket, every: every, apply: apply, begun: time.Now(), known: make(chan struct{}), proven: -staleAfter - 1}
}

// run follows until ctx ends, and begins anew where it has come to a standstill.
func (f *following) run(ctx context.Context) {
	var asking sync.WaitGroup
	defer asking.Wait()
	restart := make(chan struct{}, 1)
	asking.Go(func() { f.ask(ctx, restart) })
	for ctx.Err() == nil {
		following, cancel := context.WithCancel(ctx)
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			_ = f.bucket.Follow(following, f.take) // ends with the context only
		}()
		select {
		case <-ctx.Done():
		case <-restart:
		case <-ended:
		}
		cancel()
		<-ended
	}
}

// take applies one change, or the news that everything has come.
func (f *following) take(key string, value []byte, revision uint64) {
	if key != "" {
		f.apply(key, value)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if key == "" && !f.complete() {
		close(f.known)
	}
	// Changes come in the order of their revisions: what was before this one has come
	// too, unless a newer change has taken its place.
	f.applied = max(f.applied, revision)
	f.prove()
}

func (f *following) complete() bool {
	select {
	case <-f.known:
		return true
	default:
		return false
	}
}

// prove notes that the awaited revision has come, if it has; f.mu is held.
func (f *following) prove() {
	if f.waiting && f.applied >= f.last && f.complete() {
		f.proven, f.waiting = f.asked, false
	}
}

// ask puts the question now and then until ctx ends.
func (f *following) ask(ctx context.Context, restart chan<- struct{}) {
	tick := time.NewTicker(f.every)
	defer tick.Stop()
	select {
	case <-f.known: // reading much for the first time takes as long as it takes
	case <-ctx.Done():
		return
	}
	for {
		if f.behind() > restartAfter {
			f.forget()
			select {
			case restart <- struct{}{}:
			default:
			}
		}
		f.askOnce(ctx)
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// askOnce asks unless an answer is still waited for: with changes coming all the time
// the newest revision is never the one that has been applied.
func (f *following) askOnce(ctx context.Context) {
	if f.behind() > 0 {
		return
	}
	asked := time.Since(f.begun)
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	last, err := f.bucket.Last(ctx)
	if err != nil {
		return // the proof grows old
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.last, f.asked, f.waiting = last, asked, true
	f.prove()
}

// behind is for how long an answer has been waited for; 0 for none.
func (f *following) behind() time.Duration {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.waiting {
		return 0
	}
	return max(1, time.Since(f.begun)-f.asked)
}

// forget gives the awaited revision up.
func (f *following) forget() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.waiting = false
}

// fresh reports whether the view had everything within the last moments.
func (f *following) fresh() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return time.Since(f.begun)-f.proven <= staleAfter
}
