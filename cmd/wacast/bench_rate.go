package main

import (
	"errors"
	"os"
	"os/exec"
	"time"

	"github.com/spf13/cobra"

	"github.com/wacast/wacast/pkg/lab"
)

func newBenchRate() *cobra.Command {
	opts := lab.RateOptions{}
	var parts []string
	var quick bool
	c := &cobra.Command{
		Use: "rate", Short: "Measures how exactly a number's limit is kept and used", Args: noArgs,
		Long: `Measures in four parts how exactly a number's limit is kept and used, by workers
that share it. The judge is a simulator that refuses what is over the limit in any
sliding second; it is reached after half of the latency and its jitter.

  virtual        simulates hours of 1 to 100 replicas in virtual time
  replicas       sends with 1 to 20 worker processes, also while they are killed
  transactional  sends single jobs past a backlog of bulk jobs on the same number
  storm          halves the limit for a while and tells nobody

All but virtual need the NATS and the Redis of the settings. They leave nothing in
NATS; what Redis has of them ends within hours. Everything is on one machine and
shares its processors, which costs the more the fewer there are.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := settings(cmd)
			if err != nil {
				return err
			}
			opts.Config, opts.Progress, opts.Worker = cfg, cmd.ErrOrStderr(), workerProcess
			if len(opts.Headrooms) == 0 {
				opts.Headrooms = []float64{cfg.RateHeadroom}
			}
			for _, part := range parts {
				opts.Parts = append(opts.Parts, lab.RatePart(part))
			}
			if quick {
				shorten(cmd, &opts)
			}
			if err := opts.Validate(); err != nil {
				return usageError{err}
			}
			report, err := lab.Rate(cmd.Context(), opts)
			if err != nil && !report.Holds() {
				return err
			}
			// What was measured until something went wrong took long enough.
			return errors.Join(err, printRate(cmd, report))
		},
	}
	rateFlags(c, &opts, &parts)
	c.Flags().BoolVar(&quick, "quick", false, "measure shortly what no flag says otherwise of: to see that it works")
	return c
}

func rateFlags(c *cobra.Command, opts *lab.RateOptions, parts *[]string) {
	var all []string
	for _, p := range lab.RateParts() {
		all = append(all, string(p))
	}
	f := c.Flags()
	f.StringSliceVar(parts, "part", all, "what to measure")
	f.IntSliceVar(&opts.Limits, "limits", []int{80, 1000}, "limits of the number, in messages a second; the first one is that of the backlog")
	f.IntSliceVar(&opts.Replicas, "workers", []int{1, 4, 20}, "numbers of worker processes")
	f.IntSliceVar(&opts.VirtualReplicas, "virtual-workers", []int{1, 4, 20, 100}, "numbers of simulated replicas")
	f.Float64SliceVar(&opts.Headrooms, "headrooms", nil, "headrooms to compare, in place of the setting rate_headroom")
	f.DurationVar(&opts.Each, "each", 30*time.Second, "how long each measurement with processes takes")
	f.DurationVar(&opts.Virtual, "virtual", 2*time.Hour, "how much time a simulation simulates")
	f.DurationVar(&opts.Storm, "storm", time.Minute, "how long the limit is halved")
	f.IntVar(&opts.Jobs, "jobs", 1_000_000, "bulk jobs in front of a transactional one")
	f.IntSliceVar(&opts.Campaigns, "campaigns", []int{1, 50}, "numbers of campaigns that share these")
	f.DurationVar(&opts.Latency, "latency", 40*time.Millisecond, "mean time from a request to its answer")
	f.Float64Var(&opts.Jitter, "jitter", 0.5, "part of the latency by which it goes up and down")
}

// shorten makes short what no flag says.
func shorten(cmd *cobra.Command, opts *lab.RateOptions) {
	for flag, set := range map[string]func(){
		"limits":          func() { opts.Limits = []int{80} },
		"workers":         func() { opts.Replicas = []int{1, 4} },
		"virtual-workers": func() { opts.VirtualReplicas = []int{1, 20} },
		"each":            func() { opts.Each = 6 * time.Second },
		"virtual":         func() { opts.Virtual = 10 * time.Minute },
		"storm":           func() { opts.Storm = 15 * time.Second },
		"jobs":            func() { opts.Jobs = 10_000 },
		"campaigns":       func() { opts.Campaigns = []int{1, 5} },
	} {
		if !cmd.Flags().Changed(flag) {
			set()
		}
	}
}

func printRate(cmd *cobra.Command, report *lab.RateReport) error {
	if jsonOutput(cmd) {
		return printJSON(cmd, report)
	}
	return report.Print(cmd.OutOrStdout())
}

// workerProcess is this program as a worker.
func workerProcess() *exec.Cmd {
	self, err := os.Executable()
	if err != nil {
		self = os.Args[0]
	}
	return exec.Command(self, "worker")
}
