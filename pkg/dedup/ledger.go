package dedup

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
)

// Options configures [New]; every zero value has a default.
type Options struct {
	// Namespace begins every key; "wacast".
	Namespace string
	// Window is how long a job is remembered at least; 7 days. A ledger keeps the
	// window it began with.
	Window time.Duration
	// Lease is how long a claim holds; 30 seconds.
	Lease time.Duration
	// Buckets is the number of hashes a generation is spread over; 65,536, rounded
	// up to a multiple of 256. An entry is smallest with 8 to 512 in a hash. A
	// change takes effect with the next generation.
	Buckets int
}

func (o Options) withDefaults() Options {
	if o.Namespace == "" {
		o.Namespace = "wacast"
	}
	if o.Window < time.Millisecond {
		o.Window = 7 * 24 * time.Hour
	}
	if o.Lease < time.Millisecond {
		o.Lease = 30 * time.Second
	}
	if o.Buckets < 1 {
		o.Buckets = 65536
	}
	return o
}

// ErrWindow marks a ledger that was begun with another window. Its entries
// cannot be found with this one, so nothing may be sent.
var ErrWindow = errors.New("the ledger has another window")

var errClock = errors.New("the clock of Redis jumps from generation to generation: check the time of its nodes")

// Ledger is a ledger in Redis. Its methods may be called at once by many
// goroutines; each is one round trip for all its jobs, and answers in their order.
//
// An error means that some of the jobs may have been changed and others not. Each
// call may then be repeated, and does what it did once more or nothing.
type Ledger struct {
	rdb    redis.UniversalClient
	opts   Options
	window int64 // milliseconds

	// The arguments that are the same in each call.
	windowArg, leaseArg any

	layout atomic.Pointer[layout]
	// skew is how far Redis's clock is ahead of this one's, in milliseconds. It is
	// learned whenever they disagree on the generation.
	skew atomic.Int64
}

// New opens the ledger of a namespace. The client must not repeat commands by
// itself (MaxRetries: -1): a claim's deadline is counted from the call, and a
// repetition the ledger knows nothing of takes from it.
func New(rdb redis.UniversalClient, opts Options) *Ledger {
	opts = opts.withDefaults()
	window := opts.Window.Milliseconds()
	return &Ledger{rdb: rdb, opts: opts, window: window, windowArg: window, leaseArg: opts.Lease.Milliseconds()}
}

// reply is what a script answered.
type reply struct {
	code  byte
	now   int64 // milliseconds, Redis's clock
	entry string
}

const (
	replyMoved   = 0
	replyDone    = 1
	replyRefused = 2

	replyHeader = 7
)

// rounds is how often a call is tried: once, with the scripts' source, at another
// generation, and once more where these meet. Then the clock is at fault.
const rounds = 4

// ask is what a call says of one job: the subject, and what the script gets.
type ask struct {
	Subject
	nonce Nonce
	// The rest is for changes.
	to            State
	attempt, code uint8
	verb          byte
}

// call runs a script for each ask. A Redis that was restarted knows no scripts:
// those commands are repeated with the source in them, which works on each node
// of a cluster.
func (l *Ledger) call(ctx context.Context, s script, asks []ask) ([]reply, error) {
	replies := make([]reply, len(asks))
	pending := make([]int, len(asks))
	for i := range pending {
		pending[i] = i
	}
	for round := 0; len(pending) > 0; round++ {
		if round == rounds {
			return nil, errClock
		}
		lay, err := l.currentLayout(ctx)
		if err != nil {
			return nil, err
		}
		cmds := make([]*redis.Cmd, len(pending))
		for i, at := range pending {
			cmds[i] = l.command(ctx, s, lay, &asks[at])
		}
		missing, err := exec(ctx, l.rdb, cmds)
		if err != nil {
			return nil, err
		}
		if missing {
			s = s.inFull()
		}
		if pending, err = l.collect(lay, cmds, pending, replies); err != nil {
			return nil, err
		}
	}
	return replies, nil
}

// collect fills in the replies and returns the asks that have none yet.
func (l *Ledger) collect(lay *layout, cmds []*redis.Cmd, pending []int, replies []reply) (left []int, err error) {
	for i, cmd := range cmds {
		if isMissing(cmd) {
			left = append(left, pending[i])
			continue
		}
		text, err := cmd.Text()
		if err != nil || len(text) < replyHeader {
			return nil, fmt.Errorf("read the script's reply of %d bytes: %w", len(text), err)
		}
		r := reply{code: text[0], now: uint48([]byte(text[1:replyHeader])), entry: text[replyHeader:]}
		if r.now/l.window != lay.first+1 {
			l.skew.Store(r.now - time.Now().UnixMilli())
		}
		if r.code == replyMoved {
			left = append(left, pending[i])
		}
		replies[pending[i]] = r
	}
	return left, nil
}

// command is one script call as lua.go describes it.
func (l *Ledger) command(ctx context.Context, s script, lay *layout, a *ask) *redis.Cmd {
	hash := hashOf(a.Key)
	packed := make([]byte, 0, 26)
	packed = binary.BigEndian.AppendUint64(packed, hash)
	packed = binary.BigEndian.AppendUint16(packed, bodyMark(a.Body))
	packed = binary.BigEndian.AppendUint32(packed, uint32(a.Publication))
	packed = binary.BigEndian.AppendUint64(packed, uint64(a.nonce))
	if a.verb != 0 {
		packed = append(packed, byte(a.to), a.attempt, a.code, a.verb)
	}
	keys := lay.keys(hash)
	cmd := redis.NewCmd(ctx, s.name, s.text, 3, keys[0], keys[1], keys[2], packed, lay.firstArg, l.windowArg, l.leaseArg)
	cmd.SetFirstKeyPos(3)
	return cmd
}

// entries decodes the replies to asks.
func entries(asks []ask, replies []reply) ([]Entry, error) {
	found := make([]Entry, len(replies))
	for i, r := range replies {
		var err error
		if found[i], err = decodeEntry(r.entry, asks[i].Subject, r.now); err != nil {
			return nil, err
		}
	}
	return found, nil
}

// Lookup reads what the ledger knows of jobs, and changes nothing.
func (l *Ledger) Lookup(ctx context.Context, subjects []Subject) ([]Entry, error) {
	asks := make([]ask, len(subjects))
	for i, s := range subjects {
		asks[i].Subject = s
	}
	replies, err := l.call(ctx, lookupScript, asks)
	if err != nil {
		return nil, fmt.Errorf("look up jobs: %w", err)
	}
	found, err := entries(asks, replies)
	if err != nil {
		return nil, fmt.Errorf("look up jobs: %w", err)
	}
	return found, nil
}
