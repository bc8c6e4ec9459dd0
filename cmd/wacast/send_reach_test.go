package main

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/pflag"

	"github.com/wacast/wacast/pkg/campaign"
)

// What no flag says stays as it was.
func TestReachOptions(t *testing.T) {
	t.Parallel()
	was := campaign.Spec{ID: "c", Window: campaign.WindowOnlyOpen, Answers: campaign.Answers{Declined: []string{"Cancelar"}}}
	for name, tt := range map[string]struct {
		args []string
		want campaign.Spec
	}{
		"nothing": {nil, was},
		"window":  {[]string{"--window", "any"}, campaign.Spec{ID: "c", Window: campaign.WindowAny, Answers: was.Answers}},
		"answers": {[]string{"--answer-confirmed", "Sí", "--answer-confirmed", "a,b"},
			campaign.Spec{ID: "c", Window: was.Window, Answers: campaign.Answers{Confirmed: []string{"Sí", "a,b"}, Declined: []string{"Cancelar"}}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var o reachOptions
			f := pflag.NewFlagSet("send", pflag.ContinueOnError)
			o.add(f)
			if err := f.Parse(tt.args); err != nil {
				t.Fatal(err)
			}
			got := was
			if o.change(&got); o.wrong() != nil {
				t.Errorf("wrong: %v", o.wrong())
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error("(-want +got):", diff)
			}
		})
	}
}
