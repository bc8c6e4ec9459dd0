package main

import (
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/wacast/wacast/pkg/app"
)

// printWaiting tells of each queue why it is not sent yet.
func printWaiting(out io.Writer, waiting []app.Waiting) error {
	if len(waiting) == 0 {
		_, err := fmt.Fprintln(out, "no jobs wait")
		return err
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "NUMBER\tLANE\tCAMPAIGN\tQUEUED\tIN FLIGHT\tOLDEST\tWHY")
	for _, q := range waiting {
		if q.Scheduled > 0 {
			fmt.Fprintf(w, "%s\t-\t%s\t%s\t0\t-\t%s\n", q.Sender, q.Campaign, plural(q.Scheduled, "put off", "put off"), whyOf(&q.Why))
			continue
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%d\t%d\t%s\t%s\n", q.Sender, q.Lane, q.Campaign, q.Queued, q.InFlight, age(q.OldestSeconds), whyOf(&q.Why))
	}
	return w.Flush()
}

func whyOf(w *app.Why) string {
	text := w.Reason + ": " + w.Text
	if w.By != "" {
		text += ", by " + w.By
	}
	if !w.Until.IsZero() {
		text += ", until " + w.Until.Local().Format(time.DateTime)
	}
	return text
}
