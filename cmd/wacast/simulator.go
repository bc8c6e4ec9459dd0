package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/wacast/wacast/pkg/lab"
	"github.com/wacast/wacast/pkg/simulator"
)

func newSimulator() *cobra.Command {
	var cfg simulator.Config
	var addr, templates, faults string
	c := &cobra.Command{
		Use: "simulator", Short: "Stands in for the WhatsApp Cloud API", Args: noArgs,
		Long: `Stands in for the WhatsApp Cloud API: it judges every message as the API documents
it, holds each number to its throughput in a sliding second, and counts what it
accepted twice. Give workers --api-url http://ADDR and any WACAST_ACCESS_TOKEN.

What it saw is at /_sim/stats, /_sim/messages and /_sim/duplicates; tokens, limits
and faults change at run time with POST /_sim/tokens, PUT /_sim/numbers/ID and
POST /_sim/faults.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if _, _, err := net.SplitHostPort(addr); err != nil {
				return usageError{fmt.Errorf("--addr: %w", err)}
			}
			if err := readSimulator(&cfg, templates, faults); err != nil {
				return usageError{err}
			}
			return serveSimulator(cmd, cfg, addr)
		},
	}
	f := c.Flags()
	f.StringVar(&addr, "addr", "127.0.0.1:8090", "address to listen on")
	f.IntVar(&cfg.MPS, "mps", simulator.DefaultMPS, "messages a second of each number")
	f.DurationVar(&cfg.Latency.Base, "latency", 50*time.Millisecond, "time until an answer")
	f.DurationVar(&cfg.Latency.Spread, "latency-spread", 0, "random time added to the latency")
	f.Uint64Var(&cfg.Seed, "seed", 1, "makes faults and latencies repeatable")
	f.StringVar(&templates, "templates-dir", "", "folder of template definitions, as the API lists them; without it templates are not judged")
	f.StringSliceVar(&cfg.TestRecipients, "test-number-recipients", nil, "make every number a test number: it sends to these only (at most five), others are refused with 131030")
	f.StringVar(&faults, "faults", "", "file with a JSON list of faults")
	return c
}

// readSimulator reads the files that the flags name.
func readSimulator(cfg *simulator.Config, templates, faults string) error {
	cfg.DedupKey = lab.JobOfToken
	if templates != "" {
		files, err := filepath.Glob(filepath.Join(templates, "*.json"))
		if err != nil || len(files) == 0 {
			return fmt.Errorf("--templates-dir: %s holds no .json file", templates)
		}
		for _, f := range files {
			data, err := os.ReadFile(f)
			if err != nil {
				return fmt.Errorf("--templates-dir: %w", err)
			}
			cfg.Templates = append(cfg.Templates, data)
		}
	}
	if faults == "" {
		return nil
	}
	data, err := os.ReadFile(faults)
	if err != nil {
		return fmt.Errorf("--faults: %w", err)
	}
	if err := json.Unmarshal(data, &cfg.Faults); err != nil {
		return fmt.Errorf("--faults: %s: %w", faults, err)
	}
	return nil
}

func serveSimulator(cmd *cobra.Command, cfg simulator.Config, addr string) error {
	s, err := simulator.New(cfg)
	if err != nil {
		return usageError{err}
	}
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return hintError{fmt.Errorf("--addr: %w", err), "give another --addr; 127.0.0.1:0 takes a free port"}
	}
	if err := printSimulator(cmd, "http://"+l.Addr().String(), cfg.MPS); err != nil {
		return errors.Join(err, l.Close())
	}
	return s.Serve(cmd.Context(), l)
}

func printSimulator(cmd *cobra.Command, url string, mps int) error {
	if jsonOutput(cmd) {
		return printJSON(cmd, struct {
			URL string `json:"url"`
			MPS int    `json:"mps"`
		}{url, mps})
	}
	_, err := fmt.Fprintf(cmd.OutOrStdout(), "simulator of the Cloud API at %s (%d messages a second a number), what it saw at /_sim/stats\n", url, mps)
	return err
}
