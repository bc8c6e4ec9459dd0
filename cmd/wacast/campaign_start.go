package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/wacast/wacast/pkg/app"
	"github.com/wacast/wacast/pkg/campaign"
	"github.com/wacast/wacast/pkg/whatsapp"
)

const campaignFileHelp = `A campaign file is YAML. Its keys are the flags of wacast send, and it has all of the
campaign:

  campaign: reminders-2026-11-23
  from: 106540352242922
  template: appointment_confirmation
  language: es_AR
  file: rows.csv                  # beside this file
  to: '{{.phone}}'
  params:
    body.1: '{{.name}}'
    body.2: '{{.shift}}'
    buttons.0.payload: confirm
    buttons.1.payload: decline
  expires_at: '{{.day}}T09:00:00-03:00'
  spread: 8h
`

func newCampaignPlan() *cobra.Command {
	return &cobra.Command{
		Use: "plan FILE", Short: "Checks a campaign file and every row of it, and shows what would be sent", Args: oneArg("the campaign file"),
		Long: `Checks a campaign file and every row of its recipients, and shows how many messages
there are, the first of them and how long they take. It publishes nothing, and ends
with the plan's mark: wacast campaign start FILE --plan MARK sends just what was
shown, and nothing if file, recipients or the template's text have changed since.

` + campaignFileHelp + `
Exit code 3 says that some rows are wrong.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			o := sendOptions{dryRun: true}
			if err := o.read(args[0]); err != nil {
				return err
			}
			return runSend(cmd, &o)
		},
	}
}

func newCampaignStart() *cobra.Command {
	var o sendOptions
	c := &cobra.Command{
		Use: "start FILE", Short: "Publishes what a campaign file says, and closes the campaign", Args: oneArg("the campaign file"),
		Long: `Shows the plan of a campaign file, asks, publishes its messages, and closes the
campaign with their number. Running it again, also after rows were corrected or
added, sends nothing twice. With --plan it sends what wacast campaign plan has shown,
or nothing.

` + campaignFileHelp + `
Exit code 3 says that some rows were wrong or, with --wait, that not all messages
were accepted.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := o.read(args[0]); err != nil {
				return err
			}
			return runSend(cmd, &o)
		},
	}
	f := c.Flags()
	f.StringVar(&o.mark, "plan", "", "mark that wacast campaign plan has printed")
	f.BoolVarP(&o.yes, "yes", "y", false, "do not ask")
	f.BoolVar(&o.wait, "wait", false, "wait until the campaign's messages have outcomes, and show them")
	return c
}

// markLength is how many hexadecimal digits of a hash make a mark: enough to tell plans
// apart, few enough to be copied.
const markLength = 16

// seal gives the plan of a campaign file its mark, and refuses one that is not what was
// asked for.
func (s *sending) seal(src *source) error {
	if s.origin == "" {
		return nil
	}
	sum := sha256.New()
	if _, err := src.file.Seek(0, io.SeekStart); err != nil {
		return fmt.Errorf("%s: %w", src.name, err)
	}
	fmt.Fprintf(sum, "%d\n%s%d\n", len(s.content), s.content, src.size)
	if _, err := io.Copy(sum, src.file); err != nil {
		return fmt.Errorf("%s: %w", src.name, err)
	}
	fmt.Fprint(sum, s.definition.Preview(whatsapp.Template{}))
	s.result.Plan = hex.EncodeToString(sum.Sum(nil))[:markLength]
	if s.mark != "" && s.mark != s.result.Plan {
		return hintError{fmt.Errorf("this is no longer plan %s: the file, its recipients or the template's text have changed; nothing was sent", s.mark),
			"look at it again: wacast campaign plan " + s.origin}
	}
	return nil
}

// complete closes the campaign of a campaign file: all of it is published.
func (s *sending) complete(ctx context.Context) error {
	if s.origin == "" {
		return nil
	}
	_, err := app.CloseCampaign(ctx, s.cfg, s.campaign, uint64(s.result.Jobs))
	if errors.Is(err, campaign.ErrPaused) {
		s.screen.line("wacast: warning: the campaign is paused, so it is not closed: wacast resume --campaign %s, then run the same command again", s.campaign)
		return nil
	}
	return err
}
