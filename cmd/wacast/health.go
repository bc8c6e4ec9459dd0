package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/spf13/cobra"
)

// healthTimeout is how long the process may take to say how it is.
const healthTimeout = 5 * time.Second

// maxHealth is more than an answer has.
const maxHealth = 64 << 10

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
		var where *url.Error
		if errors.As(err, &where) {
			err = where.Err // which names the address by itself
		}
		return hintError{fmt.Errorf("no wacast answers at %s: %w", addr, err), "is a worker running on this machine, and with this admin.addr (WACAST_ADMIN_ADDR)?"}
	}
	defer resp.Body.Close()
	h, err := readHealth(resp)
	if err != nil {
		return hintError{fmt.Errorf("what answers at %s is no wacast: %w", addr, err), "is another program at this admin.addr (WACAST_ADMIN_ADDR)?"}
	}
	if err := h.print(cmd, ready); err != nil {
		return err
	}
	if !h.OK {
		return exitError(exitFailed)
	}
	return nil
}

// state is what the process says of itself.
type state struct {
	OK bool `json:"ok"`
	// Missing says what keeps it from working, and why.
	Missing map[string]string `json:"missing,omitempty"`
}

// readHealth reads the answer of /livez, which is only a status, or of /readyz.
func readHealth(resp *http.Response) (*state, error) {
	s := &state{OK: resp.StatusCode == http.StatusOK}
	if resp.StatusCode != http.StatusOK && resp.StatusCode != http.StatusServiceUnavailable {
		return nil, errors.New(resp.Status)
	}
	if resp.Header.Get("Content-Type") != "application/json" {
		return s, nil
	}
	return s, json.NewDecoder(io.LimitReader(resp.Body, maxHealth)).Decode(s)
}

func (s *state) print(cmd *cobra.Command, ready bool) error {
	if jsonOutput(cmd) {
		return printJSON(cmd, s)
	}
	word := "alive"
	if ready {
		word = "ready"
	}
	if !s.OK {
		word = "not " + word
	}
	fmt.Fprintln(cmd.OutOrStdout(), word)
	for _, name := range slices.Sorted(maps.Keys(s.Missing)) {
		fmt.Fprintf(cmd.OutOrStdout(), "  %s: %s\n", name, s.Missing[name])
	}
	return nil
}
