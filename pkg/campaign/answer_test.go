package campaign_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/wacast/wacast/pkg/campaign"
	"github.com/wacast/wacast/pkg/job"
)

func TestAnswer(t *testing.T) {
	own := campaign.Answers{Confirmed: []string{"Confirmar turno", "SI"}, Declined: []string{"Cancelar", "yes"}}
	for _, tt := range []struct {
		answers campaign.Answers
		reply   string
		want    job.Kind
	}{
		{campaign.Answers{}, "confirm", job.Confirmed},
		{campaign.Answers{}, " Confirmed\n", job.Confirmed},
		{campaign.Answers{}, "YES", job.Confirmed},
		{campaign.Answers{}, "decline", job.Declined},
		{campaign.Answers{}, "No", job.Declined},
		{campaign.Answers{}, "no, thanks", ""},
		{campaign.Answers{}, "", ""},
		{own, "confirmar TURNO", job.Confirmed},
		{own, "si", job.Confirmed},
		{own, "confirm", ""}, // the campaign's own words replace the usual ones
		{own, "yes", job.Declined},
		{own, "no", ""},
		{campaign.Answers{Declined: []string{"yes"}}, "yes", job.Declined}, // its own go first
		{campaign.Answers{Declined: []string{"stop"}}, "confirm", job.Confirmed},
	} {
		s := campaign.Spec{ID: "c", State: campaign.Open, Answers: tt.answers}
		if err := s.Validate(); err != nil {
			t.Errorf("%+v: %v", tt.answers, err)
		}
		if got := s.Answer(tt.reply); got != tt.want {
			t.Errorf("with %+v %q is %q, want %q", tt.answers, tt.reply, got, tt.want)
		}
	}
}

func TestWhomACampaignReaches(t *testing.T) {
	for _, tt := range []struct {
		spec campaign.Spec
		err  string
	}{
		{campaign.Spec{}, ""},
		{campaign.Spec{Window: campaign.WindowSkipOpen, Answers: campaign.Answers{Confirmed: []string{"sí"}}}, ""},
		{campaign.Spec{Window: "open"}, `window is "open", it must be any, skip_open or only_open`},
		{campaign.Spec{Answers: campaign.Answers{Confirmed: []string{"Sí", "ok"}, Declined: []string{"OK"}}}, `"ok" both confirms and declines`},
		{campaign.Spec{Answers: campaign.Answers{Confirmed: []string{""}}}, "answers.confirmed: an answer is 1 to 256 bytes"},
		{campaign.Spec{Answers: campaign.Answers{Declined: []string{" no"}}}, "answers.declined: an answer is"},
		{campaign.Spec{Answers: campaign.Answers{Declined: strings.Split(strings.Repeat("x ", 50)+"y", " ")}}, "51 entries, at most 50"},
	} {
		tt.spec.ID, tt.spec.State = "c", campaign.Open
		err := tt.spec.Validate()
		if tt.err == "" {
			value, _ := json.Marshal(&tt.spec)
			kept, err := campaign.Decode("c", value)
			if diff := cmp.Diff(&tt.spec, kept); diff != "" || err != nil {
				t.Errorf("kept as %v (-want +got):\n%s", err, diff)
			}
		} else if err == nil || !strings.Contains(err.Error(), tt.err) {
			t.Errorf("%+v: %v, want %q", tt.spec, err, tt.err)
		}
	}
}
