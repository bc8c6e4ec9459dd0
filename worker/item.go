package worker

import (
	"sync/atomic"
	"time"

	"github.com/wacast/wacast/pkg/dedup"
	"github.com/wacast/wacast/pkg/job"
	"github.com/wacast/wacast/pkg/queue"
	"github.com/wacast/wacast/pkg/ratelimit"
	"github.com/wacast/wacast/pkg/sender"
	"github.com/wacast/wacast/pkg/whatsapp"
)

// item is one job on its way through the worker. It belongs to one stage at a
// time, which alone may change it.
type item struct {
	delivery *queue.Delivery
	intake   *intake
	// touched is when the server was last told that the job is being worked on,
	// in Unix milliseconds; the keeper reads it beside the stages.
	touched atomic.Int64

	job     *job.Job
	subject dedup.Subject
	// was is the outcome that the publication has on record, where it is tried once
	// more; how it ends then corrects that.
	was job.Kind
	// again says that the ledger has been opened for one more attempt.
	again   bool
	number  sender.Number
	message whatsapp.Message
	// category is the template's, empty where it is not known, and marketing whether that
	// is the one of marketing.
	category  string
	marketing bool
	// window is until when the recipient's customer service window is open; zero while
	// it is not.
	window  time.Time
	readyAt time.Time

	// left says that it counts no longer as waiting; the intake's mutex guards it.
	left bool
	// maybeClaimed says that a claim may stand in the ledger whose answer was lost.
	maybeClaimed bool
	// heldUp says that it has missed its slot once with a claim.
	heldUp bool

	// nonce names this delivery in the ledger, so that a claim may be repeated.
	nonce   dedup.Nonce
	attempt int
	// open is the attempt that is open, as the ledger said before any claim.
	open int
	// lease is until when the claim is ours, by the local monotonic clock.
	lease time.Time
	// allotted says that there is room for it in the quotas, and taken what of that was
	// counted for it.
	allotted bool
	taken    []ratelimit.Taking
	// probes are the stopped targets this item was let through to try.
	probes []sender.Target
	span   Span // of its request; nil where there is none

	end ending
}

// targets are what a stop of would keep the item from being sent.
func (it *item) targets() []sender.Target {
	waba := it.number.Account.WABA
	return it.stoppable().targets(waba,
		sender.Target{Scope: sender.ScopeAccount, Name: waba}, sender.Target{Scope: sender.ScopeNumber, Name: it.number.ID})
}

// stoppable is what of the item may be stopped apart from others of its queue.
func (it *item) stoppable() stoppable {
	return stoppable{template: it.job.Template.Name, language: it.job.Template.Language, category: it.category}
}

// stopsOthers reports whether a stop of a scope keeps all jobs of a queue: the other
// templates of one must not wait behind those that are stopped.
func stopsOthers(scope sender.Scope) bool {
	return scope != sender.ScopeTemplate && scope != sender.ScopeCategory
}
