package app

import (
	"context"
	"time"

	"github.com/wacast/wacast/pkg/dedup"
	"github.com/wacast/wacast/pkg/queue"
)

// LedgerState is a ledger that lacks entries, or cannot be asked.
type LedgerState struct {
	// Parts it has, of which Lacking are not up to date with the streams: nothing is
	// claimed in those.
	Parts   int `json:"parts"`
	Lacking int `json:"lacking"`
	// Since is when that was noticed.
	Since time.Time `json:"since"`
	// Done of Total records of the streams are in those parts again.
	Done  uint64 `json:"done"`
	Total uint64 `json:"total"`
	// Trouble is why it cannot be asked, from here.
	Trouble string `json:"trouble,omitempty"`
}

// LedgerState tells how far the ledger's replay is; nil where there is none to do, as
// on a system that has sent nothing yet.
func (o *Operator) LedgerState(ctx context.Context) *LedgerState {
	ctx, cancel := context.WithTimeout(ctx, ledgerTimeout)
	defer cancel()
	var state *LedgerState
	err := o.withLedger(func(l *dedup.Ledger) error {
		standing, err := l.Standing(ctx)
		if err != nil || standing.Lacking == 0 {
			return err
		}
		state, err = o.replayed(ctx, standing)
		return err
	})
	if err != nil {
		return &LedgerState{Trouble: err.Error()}
	}
	return state
}

func (o *Operator) replayed(ctx context.Context, s dedup.Standing) (*LedgerState, error) {
	claims, err := queue.NewClaims(o.js, o.names, "")
	if err != nil {
		return nil, err
	}
	defer claims.Close()
	lastClaim, err := claims.Ends(ctx)
	if err != nil || lastClaim == 0 {
		return nil, err
	}
	lastEvent, err := o.events.Ends(ctx)
	if err != nil {
		return nil, err
	}
	return &LedgerState{
		Parts: s.Parts, Lacking: s.Lacking, Since: time.Now().Add(-s.LackingFor),
		Done: s.Events + s.Claims, Total: max(lastEvent+lastClaim, s.Events+s.Claims),
	}, nil
}
