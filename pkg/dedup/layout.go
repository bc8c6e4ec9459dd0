package dedup

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/cespare/xxhash/v2"
	"github.com/redis/go-redis/v9"

	"github.com/wacast/wacast/pkg/job"
)

// ErrNewerLayout marks a ledger that a newer wacast has laid out in another way.
var ErrNewerLayout = errors.New("the ledger is of a newer wacast")

// layoutVersion is that of keys and entries. It goes up when an earlier wacast would
// misread what is there.
const layoutVersion = 1

const (
	tags        = 256
	generations = 3
)

// layout says where the entries of three generations are: the last, this and the
// next.
type layout struct {
	first    int64
	firstArg any
	// prefix of a generation's keys, up to the tag; buckets it has for each tag.
	prefix  [generations]string
	buckets [generations]uint64
}

func hashOf(k job.Key) uint64 {
	var d xxhash.Digest
	d.Reset()
	_, _ = d.WriteString(k.Campaign)
	_, _ = d.Write([]byte{0})
	_, _ = d.WriteString(k.ID)
	return d.Sum64()
}

// keys are <namespace>:l:<generation>:{<tag>}:<bucket>, the last two in
// hexadecimal, and with them the buckets, two bytes each, appended to dst. The
// strings share one allocation.
func (l *layout) keys(hash uint64, dst []byte) (keys [generations]string, buckets []byte) {
	var ends [generations]int
	var room [256]byte
	b := room[:0]
	buckets = dst
	for i, prefix := range l.prefix {
		bucket := hash / tags % l.buckets[i]
		b = append(b, prefix...)
		b = strconv.AppendUint(b, hash%tags, 16)
		b = append(b, "}:"...)
		b = strconv.AppendUint(b, bucket, 16)
		ends[i] = len(b)
		buckets = binary.BigEndian.AppendUint16(buckets, uint16(bucket))
	}
	all, start := string(b), 0
	for i, end := range ends {
		keys[i], start = all[start:end], end
	}
	return keys, buckets
}

// epochKey is <namespace>:e:{<tag>}, in the slot of the tag's buckets.
func epochKey(namespace string, tag int) string {
	return namespace + ":e:{" + strconv.FormatInt(int64(tag), 16) + "}"
}

// currentLayout is the layout by Redis's clock, as far as it is known.
func (l *Ledger) currentLayout(ctx context.Context) (*layout, error) {
	first := (time.Now().UnixMilli()+l.skew.Load())/l.window - 1
	if lay := l.layout.Load(); lay != nil && lay.first == first {
		return lay, nil
	}
	lay, err := l.readLayout(ctx, first)
	if err != nil {
		return nil, err
	}
	l.layout.Store(lay)
	return lay, nil
}

// readLayout reads how many buckets each generation has. The first process that
// comes to a generation decides, so that replicas with other settings, as in a
// roll-out, look in the same places.
func (l *Ledger) readLayout(ctx context.Context, first int64) (*layout, error) {
	const lifetime = 5 // windows; a generation is used from one before it to three after
	base := l.opts.Namespace + ":l:"
	pipe := l.rdb.Pipeline()
	pipe.SetNX(ctx, base+"layout", layoutVersion, 0)
	version := pipe.Get(ctx, base+"layout")
	pipe.SetNX(ctx, base+"window", l.window, 0)
	window := pipe.Get(ctx, base+"window")
	var counts [generations]*redis.StringCmd
	for i := range counts {
		key := base + strconv.FormatInt(first+int64(i), 10)
		pipe.SetNX(ctx, key, (l.opts.Buckets+tags-1)/tags, lifetime*l.opts.Window)
		counts[i] = pipe.Get(ctx, key)
	}
	if _, err := pipe.Exec(ctx); err != nil {
		return nil, fmt.Errorf("read the ledger's layout: %w", err)
	}
	if v, err := version.Int(); err != nil || v > layoutVersion {
		return nil, fmt.Errorf("%w: it has layout %s and this build knows %d; run a wacast that knows it, or begin another ledger with another WACAST_NAMESPACE",
			ErrNewerLayout, version.Val(), layoutVersion)
	}
	if err := l.checkWindow(window); err != nil {
		return nil, err
	}
	lay := &layout{first: first, firstArg: first}
	for i, count := range counts {
		n, err := count.Uint64()
		if err != nil || n == 0 {
			return nil, fmt.Errorf("read the ledger's layout: %s holds no number of buckets: %w", count.Args()[1], err)
		}
		lay.prefix[i], lay.buckets[i] = base+strconv.FormatInt(first+int64(i), 10)+":{", n
	}
	return lay, nil
}

// checkWindow refuses a window other than the one the generations are counted by.
func (l *Ledger) checkWindow(kept *redis.StringCmd) error {
	ms, err := kept.Int64()
	if err != nil {
		return fmt.Errorf("read the ledger's window: %w", err)
	}
	if ms != l.window {
		was := time.Duration(ms) * time.Millisecond
		return fmt.Errorf("%w: it was begun with %v and this process has %v; set WACAST_DEDUP_WINDOW to %v, or begin another ledger with another WACAST_NAMESPACE",
			ErrWindow, was, l.opts.Window, was)
	}
	return nil
}
