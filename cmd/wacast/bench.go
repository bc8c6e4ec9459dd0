package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"regexp"

	"github.com/spf13/cobra"

	"github.com/wacast/wacast/pkg/lab"
)

func newBench() *cobra.Command {
	var jobs, numbers, inFlight int
	var profile string
	c := &cobra.Command{
		Use: "bench", Short: "Measures what a message costs, against a bare HTTP POST", Args: noArgs,
		Long: `Sends messages through the NATS and Redis of the settings to a simulator that runs
in a process of its own and answers at once, and the same number by nothing but
net/http. Only what this process uses is counted: the worker, not the servers.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := settings(cmd)
			if err != nil {
				return err
			}
			if min(jobs, numbers, inFlight) < 1 {
				return usageError{errors.New("--jobs, --numbers and --in-flight must be at least 1")}
			}
			url, stop, err := startSimulator(cmd.Context())
			if err != nil {
				return err
			}
			defer stop()
			opts := lab.BenchOptions{Config: cfg, Jobs: jobs, Numbers: numbers, InFlight: inFlight, API: url, Out: cmd.OutOrStdout(), Log: logger(cmd, cfg)}
			if profile != "" {
				f, err := os.Create(profile)
				if err != nil {
					return usageError{fmt.Errorf("--cpuprofile: %w", err)}
				}
				defer f.Close()
				opts.Profile = f
			}
			return lab.Bench(cmd.Context(), opts)
		},
	}
	c.Flags().IntVar(&jobs, "jobs", 100_000, "messages to send")
	c.Flags().IntVar(&numbers, "numbers", 10, "sender numbers that share them")
	c.Flags().IntVar(&inFlight, "in-flight", 256, "requests under way at once")
	c.Flags().StringVar(&profile, "cpuprofile", "", "write a CPU profile of the worker to this file")
	c.AddCommand(newBenchRate())
	return c
}

var simulatorURL = regexp.MustCompile(`http://127\.0\.0\.1:\d+`)

// startSimulator runs this program as a simulator that answers at once.
func startSimulator(ctx context.Context) (url string, stop func(), err error) {
	self, err := os.Executable()
	if err != nil {
		return "", nil, err
	}
	c := exec.CommandContext(ctx, self, "simulator", "--addr", "127.0.0.1:0", "--mps", "1000000", "--latency", "0")
	out, err := c.StdoutPipe()
	if err != nil {
		return "", nil, err
	}
	if err := c.Start(); err != nil {
		return "", nil, fmt.Errorf("start a simulator: %w", err)
	}
	stop = func() { _ = c.Process.Signal(os.Interrupt); _ = c.Wait() } // it has nothing to lose
	line, err := bufio.NewReader(out).ReadString('\n')
	if url = simulatorURL.FindString(line); url == "" {
		stop()
		return "", nil, fmt.Errorf("the simulator did not start: %q, %w", line, errors.Join(err))
	}
	return url, stop, nil
}
