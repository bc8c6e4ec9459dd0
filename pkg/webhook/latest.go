package webhook

import (
	"context"
	"hash/maphash"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/wacast/wacast/pkg/job"
	"github.com/wacast/wacast/pkg/queue"
	"github.com/wacast/wacast/pkg/recipient"
)

const (
	// latestEvery is how often new messages are looked for, and latestFor how long one
	// is remembered at most: half of it at least.
	latestEvery = time.Second
	latestFor   = 72 * time.Hour
	// maxLatest is how many names of messages are remembered; a message has two to four,
	// of which each takes 20 to 40 bytes.
	maxLatest = 2 << 20
	// latestBack is how many events are read at the start at most.
	latestBack = 4 << 20
)

// latest knows the messages of the last days: each by its id, and the latest one of a
// number to each recipient. It follows the stream, whoever sent them, and keeps hashes
// and places in the stream only; with 64 bits one in 10^12 questions about somebody
// else's message gets a wrong answer.
type latest struct {
	events  History
	book    Book
	trouble *trouble
	seed    maphash.Seed
	// after is the last event read; the following goroutine's own.
	after uint64
	// loaded is closed once all that was on record at the start is known.
	loaded chan struct{}

	mu         sync.RWMutex
	young, old map[uint64]uint64
	began      time.Time // of young
}

func newLatest(events History, book Book, log *slog.Logger) *latest {
	return &latest{
		events: events, book: book, trouble: &trouble{what: "following the messages that are sent", log: log}, seed: maphash.MakeSeed(),
		loaded: make(chan struct{}), young: make(map[uint64]uint64), began: time.Now(),
	}
}

// run follows until ctx ends.
func (l *latest) run(ctx context.Context) {
	for known := false; ; {
		err := l.read(ctx)
		if ctx.Err() != nil {
			return
		}
		if l.trouble.note(err) == nil && !known {
			known = true
			close(l.loaded)
		}
		if !sleep(ctx, latestEvery) {
			return
		}
	}
}

// wait waits until what was on record at the start is known, or until that takes too
// long.
func (l *latest) wait(ctx context.Context) {
	select {
	case <-l.loaded:
		return
	default:
	}
	timer := time.NewTimer(stepTimeout)
	defer timer.Stop()
	select {
	case <-l.loaded:
	case <-timer.C:
	case <-ctx.Done():
	}
}

// read reads on, one kind after the other, which the server finds faster.
func (l *latest) read(ctx context.Context) error {
	end, err := l.events.Ends(ctx)
	if err != nil || end <= l.after {
		return err
	}
	filter := queue.Filter{After: l.after, UpTo: end, Since: time.Now().Add(-latestFor)}
	if end > latestBack {
		filter.After = max(filter.After, end-latestBack)
	}
	for _, kind := range []job.Kind{job.Accepted, job.Settled} {
		filter.Kinds = []job.Kind{kind}
		if err := l.events.Scan(ctx, filter, l.add); err != nil {
			return err
		}
	}
	l.after = end
	return nil
}

// add takes an event that says that the API took a message.
func (l *latest) add(r *queue.Raw) error {
	e, err := job.DecodeEvent(r.Data)
	if err != nil || outcomeOf(&e.Data) != job.Accepted {
		return nil // of a newer build, perhaps, or about another outcome
	}
	names := l.recipients(e.Data.From, recipient.Person{Number: string(e.Data.To), WaID: string(e.Data.WaID), UserID: e.Data.UserID})
	if e.Data.Wamid != "" {
		names = append(names, l.message(string(e.Data.Wamid)))
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.young) >= maxLatest/2 || time.Since(l.began) > latestFor/2 {
		l.old, l.young, l.began = l.young, make(map[uint64]uint64), time.Now()
	}
	for _, name := range names {
		l.young[name] = max(l.young[name], r.Sequence)
	}
	return nil
}

func (l *latest) message(wamid string) uint64 { return maphash.String(l.seed, "m/"+wamid) }

// recipients are the names under which a number's messages to a person are known: the
// one that all the person's aliases have in common, as far as that was learned by
// then, and those of the aliases.
func (l *latest) recipients(number string, p recipient.Person) []uint64 {
	names := make([]uint64, 0, 4)
	if id := l.book.Canonical(p); id != "" {
		names = append(names, l.name("c/", number, string(id)))
	}
	if p.WaID != "" {
		names = append(names, l.name("n/", number, strings.TrimPrefix(p.WaID, "+")))
	}
	if p.UserID != "" {
		names = append(names, l.name("u/", number, p.UserID))
	}
	return names
}

func (l *latest) name(kind, number, who string) uint64 {
	return maphash.String(l.seed, kind+number+"/"+who)
}

// byMessage is where the event of a message is; 0 where that is not known.
func (l *latest) byMessage(wamid string) uint64 { return l.find(l.message(wamid)) }

// byRecipient is where the event of the latest message to a person is; 0 for none.
func (l *latest) byRecipient(number string, p recipient.Person) uint64 {
	return l.find(l.recipients(number, p)...)
}

// find is the latest of those known under the names.
func (l *latest) find(names ...uint64) (sequence uint64) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	for _, name := range names {
		sequence = max(sequence, l.young[name], l.old[name])
	}
	return sequence
}
