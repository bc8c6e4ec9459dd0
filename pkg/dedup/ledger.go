package dedup

import (
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
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
	// Epochs makes calls ask, in the same step, whether Redis still has what it
	// held: see [Keeper], which must run somewhere for anything to be claimed. A
	// ledger that is given to [NewKeeper] asks in any case.
	Epochs bool
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
	// epochs are the keys of the tags' epochs; asks is whether calls heed them.
	epochs [tags]string
	asks   atomic.Bool
	// sharded says that the keys of one command must be of one tag, as in a cluster.
	sharded atomic.Bool

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
	l := &Ledger{rdb: rdb, opts: opts, window: window, windowArg: window, leaseArg: opts.Lease.Milliseconds()}
	for tag := range l.epochs {
		l.epochs[tag] = epochKey(opts.Namespace, tag)
	}
	l.asks.Store(opts.Epochs)
	_, cluster := rdb.(*redis.ClusterClient)
	l.sharded.Store(cluster)
	return l
}

func (l *Ledger) asksEpoch() any {
	if l.asks.Load() {
		return 1
	}
	return 0
}

// reply is what a script answered.
type reply struct {
	code  byte
	now   int64 // milliseconds, Redis's clock
	entry string
}

const (
	replyMoved    = 0
	replyDone     = 1
	replyRefused  = 2
	replyNotWhole = 3

	replyHeader = 7
)

// rounds is how often a call is tried: once, with the scripts' source, at another
// generation, and once more where these meet. Then the clock is at fault.
const rounds = 4

// ask is what a call says of one job: the subject, and what the script gets.
type ask struct {
	Subject
	nonce Nonce
	hash  uint64 // of the key; call fills it in
	// The rest is for changes.
	to            State
	attempt, code uint8
	verb          byte
	event         uint64
	seen          Seen
}

// call runs a script over the asks.
func (l *Ledger) call(ctx context.Context, s script, asks []ask) ([]reply, error) {
	replies := make([]reply, len(asks))
	pending := make([]int, len(asks))
	for i := range asks {
		asks[i].hash, pending[i] = hashOf(asks[i].Key), i
	}
	for round := 0; len(pending) > 0; round++ {
		if round == rounds {
			return nil, errClock
		}
		lay, err := l.currentLayout(ctx)
		if err != nil {
			return nil, err
		}
		if pending, err = l.round(ctx, &s, lay, asks, pending, replies); err != nil {
			return nil, err
		}
	}
	return replies, nil
}

// round runs the script over those asks that have no reply yet, and returns those
// that still have none. A Redis that was restarted knows no scripts: those commands
// are repeated with the source in them, which works on each node of a cluster.
func (l *Ledger) round(ctx context.Context, s *script, lay *layout, asks []ask, pending []int, replies []reply) (left []int, err error) {
	groups := l.group(asks, pending)
	cmds := make([]*redis.Cmd, len(groups))
	for i, group := range groups {
		cmds[i] = l.command(ctx, *s, lay, asks, group)
	}
	missing, err := exec(ctx, l.rdb, cmds)
	switch {
	case redis.HasErrorPrefix(err, "CROSSSLOT"):
		l.sharded.Store(true) // a cluster behind a proxy
		return pending, nil
	case err != nil:
		return nil, err
	case missing:
		*s = s.inFull()
	}
	for i, cmd := range cmds {
		if isMissing(cmd) {
			left = append(left, groups[i]...)
			continue
		}
		more, err := l.collect(lay, cmd, groups[i], replies)
		if err != nil {
			return nil, err
		}
		left = append(left, more...)
	}
	return left, nil
}

// maxTogether is the most jobs of one script call: enough to share its cost, and
// few enough for Redis to serve others within a millisecond.
const maxTogether = 64

// group puts asks together that one command may have.
func (l *Ledger) group(asks []ask, pending []int) [][]int {
	if l.sharded.Load() {
		slices.SortFunc(pending, func(a, b int) int { return cmp.Compare(asks[a].hash%tags, asks[b].hash%tags) })
	}
	var groups [][]int
	for start := 0; start < len(pending); {
		end := start + 1
		for end < len(pending) && end-start < maxTogether && (!l.sharded.Load() || asks[pending[end]].hash%tags == asks[pending[start]].hash%tags) {
			end++
		}
		groups = append(groups, pending[start:end:end])
		start = end
	}
	return groups
}

// collect fills in the replies of a command and returns the asks that have none.
func (l *Ledger) collect(lay *layout, cmd *redis.Cmd, group []int, replies []reply) (left []int, err error) {
	list, ok := cmd.Val().([]any)
	if !ok {
		_, err := l.readReply(cmd, lay) // which says that Redis is elsewhere in time
		return group, err
	}
	if len(list) != len(group) {
		return nil, fmt.Errorf("the script replied to %d of %d jobs", len(list), len(group))
	}
	for i, one := range list {
		text, _ := one.(string)
		r, err := l.parseReply(text, lay)
		if err != nil {
			return nil, err
		}
		if r.code == replyNotWhole {
			l.layout.CompareAndSwap(lay, nil) // it was lost too, perhaps
		}
		replies[group[i]] = r
	}
	return nil, nil
}

// readReply reads what a script said that says one thing.
func (l *Ledger) readReply(cmd *redis.Cmd, lay *layout) (reply, error) {
	text, err := cmd.Text()
	if err != nil {
		return reply{}, fmt.Errorf("read the script's reply: %w", err)
	}
	return l.parseReply(text, lay)
}

// parseReply also learns Redis's time.
func (l *Ledger) parseReply(text string, lay *layout) (reply, error) {
	if len(text) < replyHeader {
		return reply{}, fmt.Errorf("the script's reply has %d bytes", len(text))
	}
	now := int64(text[1])<<40 | int64(text[2])<<32 | int64(text[3])<<24 | int64(text[4])<<16 | int64(text[5])<<8 | int64(text[6])
	r := reply{code: text[0], now: now, entry: text[replyHeader:]}
	if r.now/l.window != lay.first+1 {
		l.skew.Store(r.now - time.Now().UnixMilli())
	}
	return r, nil
}

// command is one script call as lua.go describes it.
func (l *Ledger) command(ctx context.Context, s script, lay *layout, asks []ask, group []int) *redis.Cmd {
	const keys = generations + 1
	args := make([]any, 3, 3+keys*len(group)+6)
	args[0], args[1], args[2] = s.name, s.text, keys*len(group)
	packed := make([]byte, 0, maxAsk*len(group))
	buckets := make([]byte, 0, 2*keys*len(group))
	var scratch []byte
	for _, i := range group {
		a := &asks[i]
		var names [generations]string
		names, scratch = lay.keys(a.hash, scratch[:0])
		args = append(args, names[0], names[1], names[2], l.epochs[a.hash%tags])
		buckets = append(append(buckets, scratch...), 0, 0)
		packed = a.pack(packed)
	}
	args = append(args, packed, lay.firstArg, l.windowArg, l.leaseArg, buckets, l.asksEpoch())
	cmd := redis.NewCmd(ctx, args...)
	cmd.SetFirstKeyPos(3)
	return cmd
}

// maxAsk is the length of a packed ask of a change; others are shorter.
const maxAsk = 32

func (a *ask) pack(b []byte) []byte {
	b = binary.BigEndian.AppendUint64(b, a.hash)
	b = binary.BigEndian.AppendUint16(b, bodyMark(a.Body))
	b = binary.BigEndian.AppendUint32(b, uint32(a.Publication))
	b = binary.BigEndian.AppendUint64(b, uint64(a.nonce))
	if a.verb != 0 {
		b = append(b, byte(a.to), a.attempt, a.code, a.verb)
		b = append(appendUint40(b, a.event), byte(a.seen))
	}
	return b
}

// entries decodes the replies to asks.
func entries(asks []ask, replies []reply) ([]Entry, error) {
	found := make([]Entry, len(replies))
	for i, r := range replies {
		var err error
		if found[i], err = decodeEntry(r.entry, asks[i].Subject, r.now); err != nil {
			return nil, err
		}
		found[i].NotWhole = r.code == replyNotWhole
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
