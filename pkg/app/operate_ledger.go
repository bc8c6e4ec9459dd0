package app

import (
	"context"

	"github.com/wacast/wacast/pkg/dedup"
)

// RebuildLedger has the ledger brought up to date from the streams: nothing is
// claimed until a worker has done so.
func (o *Operator) RebuildLedger(ctx context.Context) error {
	return o.withLedger(func(l *dedup.Ledger) error { return l.Rebuild(ctx) })
}
