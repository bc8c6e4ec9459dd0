package dedup

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"
)

// batchSize is how many records are applied in one pipeline.
const batchSize = 8192

// errFenced says that somebody else replays a tag, or that Redis was lost again.
var errFenced = errors.New("the replay was overtaken")

// batch is what is to be applied to one tag.
type batch struct {
	packed []byte
	hashes []uint64
}

// load is the batches of all tags, with the number of their records.
type load struct {
	of      [tags]batch
	waiting int
}

// replayer applies records to the tags that are not whole, a pipeline of them while
// the next are read. It is used by one goroutine, which ends with wait.
type replayer struct {
	ledger *Ledger
	token  string
	// after has for each tag the sequence above which records count; skip is set
	// for the tags that are not replayed.
	after [tags]uint64
	skip  [tags]bool
	// since is when the ends of the streams were read, by Redis's clock.
	since time.Time
	// next is filled while the last is applied, which applied tells of.
	next, last *load
	applied    chan error
}

func newReplayer(l *Ledger, token string) *replayer {
	return &replayer{ledger: l, token: token, next: new(load), last: new(load)}
}

// add takes a record, and has those that wait applied when they are many.
func (r *replayer) add(ctx context.Context, rec Record) error {
	hash := hashOf(rec.Key)
	tag := hash % tags
	if r.skip[tag] || rec.Sequence <= r.after[tag] || !rec.applies() {
		return nil
	}
	b := &r.next.of[tag]
	b.hashes = append(b.hashes, hash)
	b.packed = rec.pack(b.packed, hash)
	if r.next.waiting++; r.next.waiting < batchSize {
		return nil
	}
	return r.send(ctx)
}

// send has what waits applied, once what was sent before is.
func (r *replayer) send(ctx context.Context) error {
	if err := r.wait(); err != nil {
		return err
	}
	r.next, r.last = r.last, r.next
	sent, since, applied := r.last, r.since, make(chan error, 1)
	r.applied = applied
	go func() { applied <- r.apply(ctx, sent, since) }()
	return nil
}

// wait waits until what was sent is applied.
func (r *replayer) wait() error {
	if r.applied == nil {
		return nil
	}
	err := <-r.applied
	r.applied = nil
	return err
}

// flush applies all that was added.
func (r *replayer) flush(ctx context.Context) error {
	if err := r.send(ctx); err != nil {
		return err
	}
	return r.wait()
}

// applies reports whether the ledger has a place for what the record says.
func (rec *Record) applies() bool {
	switch rec.Do {
	case RecordOutcome:
		return rec.State.Final() && inRange(rec.Attempt, 0)
	case RecordStatus:
		return inRange(rec.Attempt, 1) && rec.Seen&SeenStatus != 0
	case RecordClaim, RecordReturn:
		return inRange(rec.Attempt, 1)
	}
	return rec.Do == RecordCancel
}

// pack appends the record as replaySource takes it.
func (rec *Record) pack(b []byte, hash uint64) []byte {
	b = binary.BigEndian.AppendUint64(b, hash)
	b = binary.BigEndian.AppendUint16(b, rec.Body)
	b = binary.BigEndian.AppendUint32(b, uint32(rec.Publication))
	b = append(b, byte(rec.Do), byte(rec.State), uint8(rec.Attempt), byte(rec.Seen&SeenStatus))
	return appendUint40(b, min(rec.Event, maxEvent))
}

// apply applies batches and empties them.
func (r *replayer) apply(ctx context.Context, all *load, since time.Time) error {
	var pending []int
	for tag := range all.of {
		if len(all.of[tag].hashes) > 0 {
			pending = append(pending, tag)
		}
	}
	s := replayScript
	for round := 0; len(pending) > 0; round++ {
		if round == rounds {
			return errClock
		}
		lay, err := r.ledger.currentLayout(ctx)
		if err != nil {
			return err
		}
		cmds := make([]*redis.Cmd, len(pending))
		for i, tag := range pending {
			cmds[i] = r.command(ctx, s, lay, tag, &all.of[tag], since)
		}
		missing, err := exec(ctx, r.ledger.rdb, cmds)
		if err != nil {
			return fmt.Errorf("apply records: %w", err)
		}
		if missing {
			s = s.inFull()
		}
		if pending, err = r.collect(lay, cmds, pending, all); err != nil {
			return err
		}
	}
	all.waiting = 0
	return nil
}

func (r *replayer) command(ctx context.Context, s script, lay *layout, tag int, b *batch, since time.Time) *redis.Cmd {
	args := make([]any, 0, 3+generations*len(b.hashes)+1+6)
	args = append(args, s.name, s.text, generations*len(b.hashes)+1)
	buckets := make([]byte, 0, 2*generations*len(b.hashes))
	for _, hash := range b.hashes {
		var keys [generations]string
		keys, buckets = lay.keys(hash, buckets)
		for _, key := range keys {
			args = append(args, key)
		}
	}
	args = append(args, r.ledger.epochs[tag], b.packed, lay.firstArg, r.ledger.windowArg, r.token, buckets, since.Unix())
	cmd := redis.NewCmd(ctx, args...)
	cmd.SetFirstKeyPos(3)
	return cmd
}

// collect empties the batches that were applied and returns the tags of the rest.
func (r *replayer) collect(lay *layout, cmds []*redis.Cmd, pending []int, all *load) (left []int, err error) {
	for i, cmd := range cmds {
		tag := pending[i]
		if isMissing(cmd) {
			left = append(left, tag)
			continue
		}
		reply, err := r.ledger.readReply(cmd, lay)
		switch {
		case err != nil:
			return nil, err
		case reply.code == replyMoved:
			left = append(left, tag)
			continue
		case reply.code != replyDone:
			return nil, errFenced
		}
		b := &all.of[tag]
		b.packed, b.hashes = b.packed[:0], b.hashes[:0]
	}
	return left, nil
}
