package main

import (
	"regexp"
	"strings"

	"github.com/spf13/cobra"

	"github.com/wacast/wacast/pkg/job"
)

// written is a telephone number as people write one, with its country code. Without the +
// it would be the id of a number, or of an account, as well.
var written = regexp.MustCompile(`\+[0-9](?:[ ().-]{0,2}[0-9]){6,14}`)

// maskNumbers hides the telephone numbers of a text that somebody wrote.
func maskNumbers(text string) string {
	return written.ReplaceAllStringFunc(text, func(number string) string {
		return job.Phone("+" + strings.Map(func(r rune) rune {
			if r < '0' || r > '9' {
				return -1
			}
			return r
		}, number)).String()
	})
}

// maskReason hides the numbers in a reason that is given: it is kept, and shows in logs.
func maskReason(cmd *cobra.Command) error {
	reason := cmd.Flags().Lookup("reason")
	if reason == nil || !reason.Changed {
		return nil
	}
	return reason.Value.Set(maskNumbers(reason.Value.String()))
}
