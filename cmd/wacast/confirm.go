package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

// confirm asks on standard error whether to go on; nothing is what was done where
// the answer is no. Where nobody answers the command was used wrongly: scripts give
// --yes.
func confirm(cmd *cobra.Command, question, nothing string) error {
	out := cmd.ErrOrStderr()
	fmt.Fprint(out, question, " [y/N] ")
	answer, err := bufio.NewReader(input(cmd)).ReadString('\n')
	if err != nil {
		fmt.Fprintln(out)
	}
	switch answer := strings.ToLower(strings.TrimSpace(answer)); {
	case cmd.Context().Err() != nil:
		return context.Cause(cmd.Context())
	case err != nil:
		return usageError{hintError{errors.New("nobody answers on standard input; " + nothing), "give --yes where nobody can be asked"}}
	case answer != "y" && answer != "yes":
		return hintError{errors.New("not confirmed; " + nothing), "answer y, or give --yes"}
	}
	return nil
}
