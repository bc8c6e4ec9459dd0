package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"

	"github.com/wacast/wacast/pkg/app"
	"github.com/wacast/wacast/pkg/job"
	"github.com/wacast/wacast/pkg/report"
	"github.com/wacast/wacast/pkg/whatsapp"
)

// reasonRow is why some jobs of a campaign ended other than accepted.
type reasonRow struct {
	Outcome job.Kind   `json:"outcome"`
	Reason  job.Reason `json:"reason"`
	Code    int        `json:"code,omitempty"`
	Jobs    uint64     `json:"jobs"`
	// Remedy is what to do about a code of the Cloud API.
	Remedy string `json:"remedy,omitempty"`
}

// reasons lists them, the most frequent first.
func reasons(ctx context.Context, view *app.View, p *report.Progress) ([]reasonRow, error) {
	list := []reasonRow{}
	if p.Ended() == p.Accepted {
		return list, nil
	}
	endings, err := view.Reasons(ctx, p.ID)
	if err != nil {
		return nil, err
	}
	for e, n := range endings {
		r := reasonRow{Outcome: e.Kind, Reason: e.Reason, Code: e.Code, Jobs: n}
		if code, ok := whatsapp.Lookup(e.Code, 0); ok && e.Code != 0 {
			r.Remedy = code.Remedy
		}
		list = append(list, r)
	}
	slices.SortFunc(list, func(a, b reasonRow) int {
		return cmp.Or(cmp.Compare(b.Jobs, a.Jobs), cmp.Compare(a.Outcome, b.Outcome), cmp.Compare(a.Reason, b.Reason), cmp.Compare(a.Code, b.Code))
	})
	return list, nil
}

func printReasons(out io.Writer, list []reasonRow) {
	for _, r := range list {
		fmt.Fprintf(out, "%d %s: %s", r.Jobs, r.Outcome, r.Reason)
		if r.Code != 0 {
			fmt.Fprintf(out, " (Cloud API code %d)", r.Code)
		}
		fmt.Fprintln(out)
		if r.Remedy != "" {
			fmt.Fprintf(out, "  → %s\n", r.Remedy)
		}
	}
}
