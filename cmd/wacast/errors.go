package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/nats-io/nats.go"
	"github.com/spf13/cobra"

	"github.com/wacast/wacast/pkg/campaign"
)

// Exit codes of every subcommand.
const (
	exitDone    = 0
	exitFailed  = 1
	exitUsage   = 2
	exitPartial = 3
)

// usageError marks a command that was used wrongly.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

// hintError is a problem and what to do about it.
type hintError struct {
	error
	hint string
}

func (e hintError) Unwrap() error { return e.error }

// exitError ends the command with a code; the message was printed already.
type exitError int

func (e exitError) Error() string { return fmt.Sprintf("exit %d", int(e)) }

// execute runs the command line and returns the exit code. Of an error it prints
// the problem and a hint, each on lines of its own, and no telephone number.
func execute(ctx context.Context, root *cobra.Command, args []string) int {
	root.SetArgs(args)
	cmd, err := root.ExecuteContextC(ctx)
	if err == nil {
		return exitDone
	}
	var code exitError
	if errors.As(err, &code) {
		return int(code)
	}
	fmt.Fprintf(root.ErrOrStderr(), "wacast: %s\n", strings.ReplaceAll(maskNumbers(err.Error()), "\n", "\n  "))
	if hint := hintFor(cmd, err); hint != "" {
		fmt.Fprintf(root.ErrOrStderr(), "hint: %s\n", maskNumbers(hint))
	}
	if isUsage(err) {
		return exitUsage
	}
	return exitFailed
}

// flagError says of a flag that wants a number what it takes, in place of strconv's
// words.
func flagError(err error) error {
	var number *strconv.NumError
	if !errors.As(err, &number) {
		return err
	}
	takes := "takes a whole number"
	switch {
	case errors.Is(number, strconv.ErrRange):
		takes = "is out of range"
	case number.Func == "ParseUint":
		takes = "takes a whole number, 0 or more"
	case number.Func == "ParseFloat":
		takes = "takes a number"
	case number.Func == "ParseBool":
		takes = "takes true or false"
	}
	text, _, _ := strings.Cut(err.Error(), ": strconv.")
	return fmt.Errorf("%s, which %s", text, takes)
}

func isUsage(err error) bool {
	var usage usageError
	return errors.As(err, &usage)
}

// hintFor says what to do about an error. That of an error without a hint of its
// own depends on what it is.
func hintFor(cmd *cobra.Command, err error) string {
	var hinted hintError
	switch {
	case errors.As(err, &hinted):
		return hinted.hint
	case errors.Is(err, nats.ErrNoServers):
		return "start one (nats-server -js), or say where it is: --nats-url or WACAST_NATS_URL"
	case errors.Is(err, nats.ErrAuthorization):
		return "give WACAST_NATS_CREDS, or user and password in WACAST_NATS_URL"
	case errors.Is(err, campaign.ErrUnknown):
		return "a campaign is known once it has a job; wacast campaign ls lists those that are"
	case isUsage(err):
		return cmd.CommandPath() + " --help"
	}
	return ""
}
