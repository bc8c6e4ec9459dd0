package queue

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
)

// maxPull is the most messages one pull asks for.
const maxPull = 512

// puller is one subscription to which consumers are pulled. nats.go's Fetch makes a
// subscription, a goroutine and two channels for each call; this one lasts.
type puller struct {
	nc    *nats.Conn
	inbox string
	sub   *nats.Subscription
	// msgs has room for all that pulls can bring, with their last words: what finds no
	// room is dropped by nats.go.
	msgs chan *nats.Msg
	next uint64
}

// pull is a request to one consumer. One at a time is open, and what it brings is
// counted, so that no more is on its way than was asked for.
type pull struct {
	api   string // subject of the consumer's requests
	bytes int    // bounds what one request brings, unless it is 0
	ready bool   // the consumer is there, for all we know
	token string // end of the reply subject of the open request
	left  int    // messages it may still bring; 0 when none is open
	until time.Time
	since time.Time // when it was opened
	idle  bool      // it was opened when its queue had no jobs
	last  string    // status of the last word
}

func newPuller(nc *nats.Conn) (*puller, error) { return newPullerOf(nc, 2*maxPull) }

// newPullerOf is a puller whose open pulls bring no more than most messages together.
func newPullerOf(nc *nats.Conn, most int) (*puller, error) {
	p := &puller{nc: nc, inbox: nc.NewInbox() + ".", msgs: make(chan *nats.Msg, most+64)}
	var err error
	if p.sub, err = nc.ChanSubscribe(p.inbox+"*", p.msgs); err != nil {
		return nil, fmt.Errorf("subscribe to deliveries: %w", err)
	}
	return p, nil
}

// overdue is how long a pull may be silent after its end before it is given up.
const overdue = time.Second

// open asks a consumer for up to batch messages. It answers as soon as there are
// any, and with a last word when they are fewer; when there are none it waits, if
// wait is positive, and says so in the end.
func (p *puller) open(pl *pull, batch int, wait time.Duration, now time.Time) error {
	p.next++
	token := strconv.FormatUint(p.next, 36)
	request := make([]byte, 0, 64)
	request = append(request, `{"no_wait":true,"batch":`...)
	request = strconv.AppendInt(request, int64(batch), 10)
	if wait > 0 {
		request = append(request, `,"expires":`...)
		request = strconv.AppendInt(request, int64(wait), 10)
	}
	if pl.bytes > 0 {
		request = append(request, `,"max_bytes":`...)
		request = strconv.AppendInt(request, int64(pl.bytes), 10)
	}
	request = append(request, '}')
	if err := p.nc.PublishRequest(pl.api, p.inbox+token, request); err != nil {
		return fmt.Errorf("pull: %w", err)
	}
	pl.token, pl.left, pl.since, pl.until = token, batch, now, now.Add(wait+overdue)
	return nil
}

// close ends the subscription. What arrived before can still be received.
func (p *puller) close() {
	_ = p.sub.Unsubscribe() // fails on a closed connection only, which has no subscriptions
}

func (pl *pull) isOpen(now time.Time) bool { return pl.left > 0 && now.Before(pl.until) }

// receive returns the next of what pulls bring, or nil when there is a reason not to
// wait any longer.
func (p *puller) receive(ctx context.Context, late <-chan time.Time, wake <-chan struct{}) *nats.Msg {
	select {
	case m := <-p.msgs:
		return m
	default:
	}
	select {
	case m := <-p.msgs:
		return m
	case <-ctx.Done():
	case <-late:
	case <-wake:
	}
	return nil
}

// word is what a message of a puller is.
type word int

const (
	wordMessage word = iota
	// wordEnd: the pull is over, there is nothing more.
	wordEnd
	// wordNoise is the last word of an earlier pull.
	wordNoise
)

// classify tells a message from what the server says about a pull, and ends the
// pull that it ends. Messages come with the subject they were published on; what a
// server says comes on the reply subject.
func (p *puller) classify(m *nats.Msg, pulls ...*pull) word {
	token, said := strings.CutPrefix(m.Subject, p.inbox)
	if !said {
		return wordMessage
	}
	status := m.Header.Get("Status")
	for _, pl := range pulls {
		if token != pl.token || status == "100" { // 100 is a sign of life
			continue
		}
		pl.left, pl.last = 0, status
		description := m.Header.Get("Description")
		if strings.EqualFold(description, "Message Size Exceeds MaxBytes") {
			pl.last = statusFull
		}
		if gone(status, description) {
			pl.ready = false
		}
		return wordEnd
	}
	return wordNoise
}

// statusNothing says that a consumer has nothing more.
const statusNothing = "404"

// statusFull stands for a pull that has brought as many bytes as it may.
const statusFull = "409 full"

// pullBytes bounds what is held of what may be large. No message is larger.
func pullBytes(nc *nats.Conn) int { return max(16<<20, 2*int(nc.MaxPayload())) }

// gone reports whether a status says that the consumer is no more: nobody listens
// to its requests, or it was deleted while the pull was open.
func gone(status, description string) bool {
	return status == "503" || status == "409" && strings.EqualFold(description, "Consumer Deleted")
}
