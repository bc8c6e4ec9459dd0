package worker

import "sync"

// posts runs the requests, each in a goroutine that stays for the next one: the
// stack that net/http needs has to grow once, not with every message. There are
// never more of them than places.
type posts struct {
	send    func(*item)
	next    chan *item
	running sync.WaitGroup
}

func newPosts(send func(*item)) *posts { return &posts{send: send, next: make(chan *item)} }

// start sends an item in an idle goroutine, or in a new one.
func (p *posts) start(it *item) {
	select {
	case p.next <- it:
	default:
		p.running.Go(func() { p.run(it) })
	}
}

func (p *posts) run(it *item) {
	for ok := true; ok; it, ok = <-p.next {
		p.send(it)
	}
}

// close waits for the requests under way. Nothing is started any more.
func (p *posts) close() {
	close(p.next)
	p.running.Wait()
}
