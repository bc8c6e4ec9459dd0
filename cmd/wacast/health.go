package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/spf13/cobra"
)

// healthTimeout is how long the process may take to say how it is.
const healthTimeout = 5 * time.Second

func newHealth() *cobra.Command {
	var ready bool
	c := &cobra.Command{
		Use: "health", Short: "Asks the process at admin.addr whether it lives, or is ready", Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := settings(cmd)
			if err != nil {
				return err
			}
			return askHealth(cmd, cfg.AdminAddr, ready)
		},
	}
	c.Flags().BoolVar(&ready, "ready", false, "ask whether it can work, not just whether it lives")
	return c
}

func askHealth(cmd *cobra.Command, addr string, ready bool) error {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return usageError{fmt.Errorf("admin.addr: %w", err)}
	}
	if ip := net.ParseIP(host); host == "" || (ip != nil && ip.IsUnspecified()) {
		host = "127.0.0.1" // it listens on every address; this one is nearest
	}
	path := "/livez"
	if ready {
		path = "/readyz"
	}
	client := http.Client{Timeout: healthTimeout}
	resp, err := client.Get("http://" + net.JoinHostPort(host, port) + path)
	if err != nil {
		return fmt.Errorf("no wacast answers at %s: %w", addr, err)
	}
	defer resp.Body.Close()
	if _, err := io.Copy(cmd.OutOrStdout(), io.LimitReader(resp.Body, 64<<10)); err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return exitError(exitFailed)
	}
	return nil
}
