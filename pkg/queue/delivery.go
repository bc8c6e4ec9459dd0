package queue

import (
	"fmt"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/wacast/wacast/pkg/job"
)

// Delivery is one message that this process has until it acks it, gives it back,
// or lets the ack wait of its lane pass without a word. None of its methods waits
// for the server: a lost ack or nak costs a redelivery, which the ledger answers.
type Delivery struct {
	// Data is the job, as it was published.
	Data []byte
	// Queue is where the job was fetched.
	Queue ID
	// Stream and Sequence name the publication, also when wacast has put the job off
	// since: then they are not those of this message.
	Stream   string
	Sequence uint64
	// Kind is what the job was put off for, as in [Scheduled]; empty for one that
	// comes as it was published.
	Kind string
	// Attempt is the last attempt that was made when the job was put off, and Was the
	// outcome that was on record then.
	Attempt int
	Was     job.Kind
	// Delivered counts how often the server has delivered the message, from 1. It
	// starts again after a server's crash, so nothing but waits may depend on it.
	Delivered int
	// Published is when the server stored it; for a job that was put off, when it
	// became due.
	Published time.Time

	nc    *nats.Conn
	msg   *nats.Msg
	place uint64 // in the stream it came from
	from  string // that stream
}

// Place is where the message itself is, which is not the publication's place when
// the job was put off.
func (d *Delivery) Place() (stream string, sequence uint64) { return d.from, d.place }

// Subject is where the message was published.
func (d *Delivery) Subject() string { return d.msg.Subject }

// Header is a header of the message, or empty.
func (d *Delivery) Header(name string) string { return d.msg.Header.Get(name) }

// Traceparent is the trace that the job's publisher has put it into, or none. Clients
// that write headers as HTTP does are understood too.
func (d *Delivery) Traceparent() job.Traceparent { return readTraceparent(d.msg.Header) }

// Ack takes the message out of its stream: its outcome is on record.
func (d *Delivery) Ack() error { return d.answer("+ACK") }

// Nak gives the message back, to be delivered again after the delay.
func (d *Delivery) Nak(delay time.Duration) error { return d.answer(nak(delay)) }

// InProgress starts the ack wait anew.
func (d *Delivery) InProgress() error { return d.answer("+WPI") }

func (d *Delivery) answer(text string) error {
	if err := d.nc.Publish(d.msg.Reply, []byte(text)); err != nil {
		return fmt.Errorf("answer a delivery: %w", err)
	}
	return nil
}
