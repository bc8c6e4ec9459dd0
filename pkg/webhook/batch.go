package webhook

import (
	"errors"
	"math"
	"slices"
	"time"

	"github.com/wacast/wacast/pkg/dedup"
	"github.com/wacast/wacast/pkg/job"
	"github.com/wacast/wacast/pkg/queue"
	"github.com/wacast/wacast/pkg/recipient"
	"github.com/wacast/wacast/pkg/whatsapp"
)

// hook is one webhook on its way through the processor.
type hook struct {
	delivery *queue.HookDelivery
	// odd is why a person should look at the body; empty for nothing.
	odd string
	// tally counts the updates whose fate is known without the ledger.
	tally map[string]int
	// forged counts the payloads that nobody signed.
	forged int
	// waits is set while an update is about a job without an outcome on record, and
	// lost while the ledger cannot say.
	waits, lost bool
}

// batch is what several webhooks say, gathered by attempt, so that one that is
// mentioned twice is asked for once.
type batch struct {
	namespace string
	key       recipient.Key
	hooks     []*hook
	reports   []*report
	byToken   map[job.Token]*report
	// bare are the statuses that came without callback data.
	bare []bare
	// inbound are the messages, by their marks each once, calls and preferences what
	// else people did, and news what the platform tells.
	inbound     []*inbound
	heard       map[string]bool
	calls       []*inbound
	preferences []*preference
	news        []news
}

func newBatch(namespace string, key recipient.Key, deliveries []*queue.HookDelivery) *batch {
	b := &batch{namespace: namespace, key: key, byToken: make(map[job.Token]*report), heard: make(map[string]bool)}
	for _, d := range deliveries {
		h := &hook{delivery: d, tally: make(map[string]int)}
		b.hooks = append(b.hooks, h)
		b.read(h)
	}
	return b
}

// read takes a webhook apart. Each update stands for itself.
func (b *batch) read(h *hook) {
	updates, err := whatsapp.ParseWebhook(h.delivery.Body)
	if err != nil {
		h.odd = resultUndecodable
		if errors.Is(err, whatsapp.ErrNotWhatsApp) {
			h.odd = resultNotWhatsApp
		}
		return
	}
	for i := range updates {
		u := &updates[i]
		switch u.Kind {
		case whatsapp.UpdateStatus:
			b.status(h, u)
		case whatsapp.UpdateMessage, whatsapp.UpdateCall:
			b.message(h, u)
		case whatsapp.UpdatePreference:
			b.preference(h, u)
		case whatsapp.UpdateAction:
			h.tally[updateAction]++
		case whatsapp.UpdateErrors:
			b.news = append(b.news, news{hook: h, update: u})
		case whatsapp.UpdateOther:
			b.field(h, u)
		default:
			h.odd = updateBroken
			h.tally[updateBroken]++
		}
	}
}

// field takes what the platform tells. A person looks at what nobody knows.
func (b *batch) field(h *hook, u *whatsapp.Update) {
	switch {
	case u.Notice != nil:
		b.news = append(b.news, news{hook: h, update: u})
	case whatsapp.KnownField(u.Field):
		h.tally[updateField]++
	default:
		h.odd = updateUnknownField
		h.tally[updateUnknownField]++
	}
}

// maxAttempt is what the ledger has room for.
const maxAttempt = math.MaxUint8

// status files a status under its attempt. Callback data that are no token of ours are
// somebody else's, and so is the message: the platform returns what it was given. Where
// there are none, they may have been lost on the way.
func (b *batch) status(h *hook, u *whatsapp.Update) {
	token, ok := job.ParseToken(u.Status.CallbackData)
	switch {
	case ok && token.Namespace == b.namespace && token.Attempt <= maxAttempt:
		b.file(h, u, token)
	case u.Status.CallbackData == "" && u.Status.MessageID != "" && u.Number != "":
		at := h.delivery.Stored
		if told := u.Status.Time; !told.IsZero() {
			at = earlier(told, at)
		}
		b.bare = append(b.bare, bare{hook: h, update: u, at: at})
	default:
		h.tally[updateForeign]++
	}
}

func (b *batch) file(h *hook, u *whatsapp.Update, token job.Token) {
	r := b.byToken[token]
	if r == nil {
		r = &report{token: token, number: u.Number}
		b.byToken[token] = r
		b.reports = append(b.reports, r)
	}
	if len(r.hooks) == 0 || r.hooks[len(r.hooks)-1] != h {
		r.hooks = append(r.hooks, h)
	}
	if !r.add(&u.Status, h.delivery.Stored) {
		h.odd = updateUnknownStatus
		h.tally[updateUnknownStatus]++
	}
}

// steps are the statuses in the order a message takes them.
var steps = [...]struct {
	kind     job.Kind
	delivery whatsapp.DeliveryStatus
	bit      dedup.Seen
}{
	{job.Sent, whatsapp.DeliverySent, dedup.SeenSent},
	{job.Delivered, whatsapp.DeliveryDelivered, dedup.SeenDelivered},
	{job.Read, whatsapp.DeliveryRead, dedup.SeenRead},
	{job.Failed, whatsapp.DeliveryFailed, dedup.SeenFailed},
}

const (
	stepSent = iota
	stepDelivered
	stepRead
	stepFailed
)

// told is a status with the time that its event gets.
type told struct {
	status *whatsapp.Status
	at     time.Time
	times  int
}

// report is what a batch says of one attempt.
type report struct {
	token  job.Token
	number string
	steps  [len(steps)]told
	// first is a status of any kind: evidence that the API took the message.
	first told
	hooks []*hook
}

// add takes a status into account, and reports false for one that nobody knows.
// That one still is evidence.
func (r *report) add(s *whatsapp.Status, stored time.Time) bool {
	at := s.Time
	if at.IsZero() {
		at = stored
	}
	r.first.note(s, at)
	delivery := s.Delivery
	if delivery == whatsapp.DeliveryPlayed { // who heard it has opened it
		delivery = whatsapp.DeliveryRead
	}
	for i := range steps {
		if steps[i].delivery == delivery {
			r.steps[i].note(s, at)
			return true
		}
	}
	return false
}

// note keeps the earliest.
func (t *told) note(s *whatsapp.Status, at time.Time) {
	if t.times++; t.status == nil || at.Before(t.at) {
		t.status, t.at = s, at
	}
}

// evidence is the report as the ledger takes it. A status that nobody knows proves
// no more than that the message was taken.
func (r *report) evidence() dedup.Evidence {
	e := dedup.Evidence{Key: r.token.Key, Attempt: r.token.Attempt}
	for i := range steps {
		if r.steps[i].status != nil {
			e.Seen |= steps[i].bit
		}
	}
	if e.Seen == 0 {
		e.Seen = dedup.SeenSent
	}
	return e
}

// known is how many statuses of the batch have a meaning here.
func (r *report) known() (n int) {
	for i := range r.steps {
		n += r.steps[i].times
	}
	return n
}

// fresh is how often a webhook is handed out before an outcome that the ledger knows
// of, and that is not in the stream, counts as gone: a replica of the stream may be
// behind for a moment.
const fresh = 4

func (r *report) isFresh() bool {
	return slices.ContainsFunc(r.hooks, func(h *hook) bool { return h.delivery.Delivered < fresh })
}

// lost reports whether the ledger could not answer for some webhook.
func (b *batch) lost() bool {
	return slices.ContainsFunc(b.hooks, func(h *hook) bool { return h.lost })
}
