package lab

import (
	"fmt"
	"io"
	"text/tabwriter"
	"time"
)

// Print writes the report as tables for a person.
func (r *RateReport) Print(out io.Writer) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "workers, servers and judge share %d processors\n", r.CPUs)
	r.printVirtual(w)
	r.printReplicas(w)
	r.printHeadrooms(w)
	r.printTransactional(w)
	r.printStorm(w)
	return w.Flush()
}

func (r *RateReport) printVirtual(w io.Writer) {
	if len(r.Virtual) == 0 {
		return
	}
	fmt.Fprintf(w, "\nvirtual time (rough: clocks run wrong, replicas are killed, limits change; jumps: the limiter's clock jumps)\n")
	fmt.Fprintln(w, "limit\theadroom\treplicas\t\ttime\tslots\tworst second\tover the limit\taccepted of the limit\trefused\tworst share")
	for _, f := range r.Virtual {
		fmt.Fprintf(w, "%d/s\t%s\t%d\t%s\t%v\t%d\t%d\t%d\t%s\t%s\t%s\n", f.Limit, percent(f.Headroom), f.Replicas, f.Course,
			time.Duration(f.Seconds*float64(time.Second)), f.Slots, f.Peak, f.Over, percent(f.Use), percent(f.Refused), percent(f.Least))
	}
}

func (r *RateReport) printReplicas(w io.Writer) {
	if len(r.Replicas) == 0 {
		return
	}
	fmt.Fprintf(w, "\nworker processes against a strict sliding second\n")
	fmt.Fprintln(w, "limit\theadroom\treplicas\tkilled\ttime\taccepted\tof the limit\trefused\tshare given out\tpeak\ttwice\ttimers late, p99")
	for _, f := range r.Replicas {
		fmt.Fprintf(w, "%d/s\t%s\t%d\t%d\t%.0fs\t%.1f/s\t%s\t%s\t%s\t%d\t%d\t%s\n", f.Limit, percent(f.Headroom), f.Replicas, f.Killed, f.Seconds,
			f.PerSecond, percent(f.Use), percent(f.Refused), percent(f.Share), f.Peak, f.Twice, millis(f.Late))
	}
}

func (r *RateReport) printHeadrooms(w io.Writer) {
	if len(r.Headrooms) == 0 {
		return
	}
	fmt.Fprintf(w, "\nwhat a headroom brings, worst of any number of replicas (aim: %s accepted or more, less than %s refused)\n", percent(goodUse), percent(goodRefused))
	fmt.Fprintln(w, "\tlimit\theadroom\taccepted of the limit\trefused\tboth aims")
	for _, h := range r.Headrooms {
		kind, good := "left alone", "no"
		if h.Killed {
			kind = "while workers are killed"
		}
		if h.Good() {
			good = "yes"
		}
		fmt.Fprintf(w, "%s\t%d/s\t%s\t%s\t%s\t%s\n", kind, h.Limit, percent(h.Headroom), percent(h.Use), percent(h.Refused), good)
	}
}

func (r *RateReport) printTransactional(w io.Writer) {
	if len(r.Transactional) == 0 {
		return
	}
	fmt.Fprintf(w, "\ntransactional jobs behind a backlog on the same number, from publish to the judge\n")
	fmt.Fprintln(w, "limit\treplicas\tbacklog\tcampaigns\tjobs\tmissing\tp50\tp99\tmax\tthe first\tlimit used\ttimers late, p99")
	for _, f := range r.Transactional {
		fmt.Fprintf(w, "%d/s\t%d\t%d\t%d\t%d\t%d\t%s\t%s\t%s\t%s\t%s\t%s\n", f.Limit, f.Replicas, f.Backlog, f.Campaigns, f.Jobs, f.Missing,
			millis(f.P50), millis(f.P99), millis(f.Max), millis(f.First), percent(f.Use), millis(f.Late))
	}
}

func (r *RateReport) printStorm(w io.Writer) {
	if len(r.Storm) == 0 {
		return
	}
	fmt.Fprintf(w, "\nthe limit falls to a half, and nobody is told\n")
	fmt.Fprintln(w, "\tlimit\theadroom\treplicas\ttime\trefused\taccepted of the half\tsettled after\trecovered after")
	for _, f := range r.Storm {
		kind := "processes"
		if f.Virtual {
			kind = "virtual time"
		}
		fmt.Fprintf(w, "%s\t%d/s\t%s\t%d\t%.0fs\t%s\t%s\t%.1fs\t%.1fs\n", kind, f.Limit, percent(f.Headroom), f.Replicas, f.Seconds,
			percent(f.Refused), percent(f.Use), f.Settled.Seconds(), f.Recovered.Seconds())
	}
}

func percent(part float64) string { return fmt.Sprintf("%.2f %%", 100*part) }

func millis(d time.Duration) string {
	return fmt.Sprintf("%.0f ms", float64(d)/float64(time.Millisecond))
}
