package worker

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"strconv"
	"sync"
	"time"

	"github.com/wacast/wacast/pkg/job"
	"github.com/wacast/wacast/pkg/ratelimit"
	"github.com/wacast/wacast/pkg/recipient"
)

const (
	// quotaWindow is what the limits of a day and of a portfolio are counted over.
	quotaWindow = 24 * time.Hour
	// quotaRecheck bounds how long a queue trusts that there is no room.
	quotaRecheck = time.Minute
	// A queue whose portfolio is used up is looked through for recipients who count
	// already: so many jobs at a time, so often. The others come back after longWait, so
	// that the oldest jobs of ten looks are looked at.
	scanJobs  = 50
	scanEvery = time.Second
	// quotaTimeout bounds what is told and given back beside the sending.
	quotaTimeout = 2 * time.Second
)

// quota is one that a message counts in.
type quota int

// The quotas, the rarest first: what one has no room for is taken from no other.
const (
	portfolioQuota quota = iota
	campaignQuota
	numberQuota
	quotas
	// recipientQuota is one of each recipient of marketing: who is over it gets nothing,
	// and nobody waits.
	recipientQuota
)

// of is the quota that counts for a queue of the line; without one its limit is 0.
func (q quota) of(l *line, campaign string) ratelimit.Quota {
	def := ratelimit.Quota{Window: quotaWindow}
	switch q {
	case portfolioQuota:
		if name := l.number.Account.Group(); name != "" {
			most, _ := l.w.cfg.Stops.Portfolio(name)
			def.Name, def.Limit, def.Unique = "portfolio/"+name, most.Recipients, true
		}
	case campaignQuota:
		spec, _ := l.w.cfg.Campaigns.Lookup(campaign)
		def.Name, def.Limit = "campaign/"+campaign, spec.PerDay
	default:
		def.Name, def.Limit = "number/"+l.number.ID, l.limit().perDay
	}
	return def
}

// reason is why a job waits, or ends, that has no room in the quota.
func (q quota) reason() job.Reason {
	switch q {
	case portfolioQuota:
		return job.ReasonPortfolioLimit
	case recipientQuota:
		return job.ReasonFrequencyCap
	}
	return job.ReasonDailyLimit
}

// ration is a quota that is used up, for the queues that it holds back. It is safe for
// concurrent use.
type ration struct {
	mu    sync.Mutex
	quota quota
	limit int
	until time.Time
	tight bool // since it was used up, nothing has found room
	// shortAt is when something had no room, under the limit that holds.
	shortAt time.Time
}

// hold keeps the queues from being pulled until then, or until there is another limit.
func (r *ration) hold(q quota, limit int, until time.Time) {
	r.mu.Lock()
	r.quota, r.limit, r.until, r.tight, r.shortAt = q, limit, until, true, time.Now()
	r.mu.Unlock()
}

// wait is how long the ration still holds back the queue of a campaign, and with how
// many jobs it is tried then; as many as there are where it is not used up, for all that
// is known.
func (r *ration) wait(l *line, campaign string) (wait time.Duration, tries int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.tight {
		return 0, maxFetch
	}
	if limit := r.quota.of(l, campaign).Limit; limit != r.limit {
		r.limit, r.until, r.shortAt = limit, time.Time{}, time.Time{}
	}
	tries = 1
	if r.quota == portfolioQuota {
		tries = scanJobs
	}
	return max(0, time.Until(r.until)), tries
}

// passed notes that something has found room, and reports whether that is news. While a
// portfolio has room for some and not for others, it is none.
func (r *ration) passed() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.quota == portfolioQuota && time.Since(r.shortAt) < 2*longWait {
		return false
	}
	was := r.tight
	r.tight = false
	return was
}

// rationed is how long the queue is held back by a quota, and how many jobs may be taken
// then.
func (in *intake) rationed() (wait time.Duration, tries int) {
	byNumber, ofNumber := in.line.ration.wait(in.line, in.id.Campaign)
	byQueue, ofQueue := in.ration.wait(in.line, in.id.Campaign)
	return max(byNumber, byQueue), min(ofNumber, ofQueue)
}

// takings are what the item counts in.
func (l *line) takings(it *item) (takings []ratelimit.Taking, of []quota) {
	if w := l.w; w.cfg.MarketingCap > 0 && it.marketing && w.cfg.Consent != nil {
		takings, of = append(takings, ratelimit.Taking{Quota: w.capOf(it)}), append(of, recipientQuota)
	}
	for q := range quotas {
		def := q.of(l, it.intake.id.Campaign)
		if def.Limit == 0 || q == portfolioQuota && it.inWindow() {
			continue // answers within a window count in no portfolio's limit
		}
		t := ratelimit.Taking{Quota: def}
		if def.Unique {
			t.Who = l.w.who(it.recipient())
		}
		takings, of = append(takings, t), append(of, q)
	}
	return takings, of
}

// capOf is the quota of marketing that the item's recipient has.
func (w *Worker) capOf(it *item) ratelimit.Quota {
	return ratelimit.Quota{
		Name:  "person/" + string(w.cfg.Consent.Canonical(it.person())),
		Limit: w.cfg.MarketingCap, Window: w.cfg.MarketingCapWindow,
	}
}

// who is a recipient in what is counted: a keyed hash that is the same everywhere.
func (w *Worker) who(recipient string) uint64 {
	h := hmac.New(sha256.New, []byte(w.cfg.Namespace))
	h.Write([]byte(recipient))
	return binary.BigEndian.Uint64(h.Sum(nil))
}

// allot takes room in the quotas for items that are about to be claimed, and returns
// those that have it. The others go back to their queues; those on which the quotas do
// not answer, to the line.
func (l *line) allot(ctx context.Context, items []*item) ([]*item, error) {
	if l.w.cfg.Quotas == nil {
		return items, nil
	}
	var takings []ratelimit.Taking
	var of []quota
	ends := make([]int, len(items)) // of each item's takings
	for i, it := range items {
		if !it.allotted { // it may have come back to the line
			more, kinds := l.takings(it)
			takings, of = append(takings, more...), append(of, kinds...)
		}
		ends[i] = len(takings)
	}
	if len(takings) == 0 {
		for _, it := range items {
			l.passed(it)
		}
		return items, nil
	}
	taken, err := l.w.cfg.Quotas.Take(ctx, takings)
	if err != nil {
		l.unclaim(ctx, l.w.trouble.slots, err, items)
		return nil, err
	}
	var vain []ratelimit.Taking
	open, begin := items[:0], 0
	for i, it := range items {
		news, short := counted(takings[begin:ends[i]], taken[begin:ends[i]])
		switch {
		case short < 0:
			it.allotted, it.taken = true, append(it.taken, news...)
			l.passed(it)
			open = append(open, it)
		case of[begin+short] == recipientQuota:
			vain = append(vain, news...)
			l.capped(it, taken[begin+short].Again)
		default:
			vain = append(vain, news...)
			l.short(it, of[begin+short], takings[begin+short].Quota.Limit, taken[begin+short].Again)
		}
		begin = ends[i]
	}
	l.w.giveRoom(vain)
	return open, nil
}

// counted tells what was counted for an item, and which of its quotas has no room; -1 for
// none.
func counted(takings []ratelimit.Taking, taken []ratelimit.Taken) (news []ratelimit.Taking, short int) {
	short = -1
	for i := range taken {
		switch {
		case taken[i].New:
			news = append(news, takings[i])
		case !taken[i].OK && short < 0:
			short = i
		}
	}
	return news, short
}

// capped ends an item whose recipient has got as much marketing as one may.
func (l *line) capped(it *item, again time.Duration) {
	l.refuse(it)
	detail := "the recipient has had " + strconv.Itoa(l.w.cfg.MarketingCap) + " marketing messages within " + l.w.cfg.MarketingCapWindow.String()
	l.w.end(it, suppressed(recipient.Verdict{Reason: recipientQuota.reason(), Detail: detail + until(time.Now().Add(again))}))
}

// short gives back an item that has no room in a quota, and holds back the queues that
// count in it: all of the number, or its own.
func (l *line) short(it *item, q quota, limit int, again time.Duration) {
	again = max(again, time.Second)
	campaign, ration := it.intake.id.Campaign, &it.intake.ration
	hold, delay := min(again, quotaRecheck), quotaDelay(again)
	switch q {
	case numberQuota:
		campaign, ration = "", &l.ration
	case portfolioQuota:
		hold, delay = scanEvery, min(again, longWait)
	}
	ration.hold(q, limit, time.Now().Add(hold))
	ctx, cancel := context.WithTimeout(l.w.work, quotaTimeout)
	defer cancel()
	if err := l.w.cfg.Stops.Hold(ctx, l.number.ID, campaign, q.reason(), time.Now().Add(again)); err != nil {
		l.w.log.Warn("why jobs wait could not be told", "number", l.number.ID, "reason", q.reason(), "error", err)
	}
	l.refuse(it)
	l.w.giveBack(it, causeQuota, delay)
}

// quotaDelay keeps a job that found no room away for a moment: another replica may
// find some.
func quotaDelay(again time.Duration) time.Duration { return min(max(again, time.Second), stopRecheck) }

// passed notes that there is room for the item's queue, and tells so.
func (l *line) passed(it *item) {
	number, campaign := l.ration.passed(), it.intake.ration.passed()
	if !number && !campaign {
		return
	}
	ctx, cancel := context.WithTimeout(l.w.work, quotaTimeout)
	defer cancel()
	var errs [2]error
	if number {
		errs[0] = l.w.cfg.Stops.Release(ctx, l.number.ID, "")
	}
	if campaign {
		errs[1] = l.w.cfg.Stops.Release(ctx, l.number.ID, it.intake.id.Campaign)
	}
	if err := errors.Join(errs[:]...); err != nil {
		l.w.log.Warn("that jobs go on could not be told", "number", l.number.ID, "error", err)
	}
}

// giveRoom gives back what was counted and is not sent. Where that fails, the room is
// lost until its time is over.
func (w *Worker) giveRoom(takings []ratelimit.Taking) {
	if len(takings) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(w.recording, quotaTimeout)
	defer cancel()
	if err := w.cfg.Quotas.Return(ctx, takings); err != nil {
		w.log.Warn("room in a quota could not be given back", "messages", len(takings), "error", err)
	}
}

// unsentRoom is what the items of a batch were counted for that were not sent.
func unsentRoom(batch []*item) (takings []ratelimit.Taking) {
	for _, it := range batch {
		sent := !it.end.settled && (it.end.outcome == job.Accepted || it.end.outcome == job.Unknown)
		if !sent {
			takings = append(takings, it.taken...)
		}
	}
	return takings
}
