package campaign_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/wacast/wacast/pkg/campaign"
)

func TestPace(t *testing.T) {
	for _, tt := range []struct {
		name   string
		spec   campaign.Spec
		spread time.Duration
		perDay int
		jobs   uint64
		want   campaign.Spec
		err    string
	}{
		{
			"a period", campaign.Spec{ID: "c1", State: campaign.Open}, 8 * time.Hour, 0, 3000,
			campaign.Spec{ID: "c1", State: campaign.Open, Spread: "8h0m0s", Expected: 3000}, "",
		},
		{
			"a day's most", campaign.Spec{ID: "c1", State: campaign.Open}, 0, 500, 3000,
			campaign.Spec{ID: "c1", State: campaign.Open, PerDay: 500}, "",
		},
		{
			"more were expected", campaign.Spec{ID: "c1", State: campaign.Closed, Expected: 9000}, time.Hour, 500, 3000,
			campaign.Spec{ID: "c1", State: campaign.Closed, Expected: 9000, Spread: "1h0m0s", PerDay: 500}, "",
		},
		{
			"no longer", campaign.Spec{ID: "c1", State: campaign.Open, Expected: 3000, Spread: "8h0m0s", PerDay: 500}, 0, 0, 0,
			campaign.Spec{ID: "c1", State: campaign.Open, Expected: 3000}, "",
		},
		{"nobody knows how many", campaign.Spec{ID: "c1", State: campaign.Open}, time.Hour, 0, 0, campaign.Spec{}, "must be said"},
		{"no period", campaign.Spec{ID: "c1", State: campaign.Open}, time.Millisecond, 0, 10, campaign.Spec{}, "from 1s to 2160h0m0s"},
		{"backwards", campaign.Spec{ID: "c1", State: campaign.Open}, -time.Hour, 0, 10, campaign.Spec{}, "from 1s to"},
		{"a year", campaign.Spec{ID: "c1", State: campaign.Open}, 8760 * time.Hour, 0, 10, campaign.Spec{}, "from 1s to"},
		{"fewer than none", campaign.Spec{ID: "c1", State: campaign.Open}, 0, -1, 10, campaign.Spec{}, "per_day is -1"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := tt.spec
			err := got.Pace(tt.spread, tt.perDay, tt.jobs)
			if tt.err != "" {
				if err == nil || !strings.Contains(err.Error(), tt.err) {
					t.Fatalf("Pace = %v, want %q", err, tt.err)
				}
				if got.Validate() == nil {
					t.Error("it is valid all the same")
				}
				return
			}
			if diff := cmp.Diff(tt.want, got); diff != "" || err != nil {
				t.Fatalf("Pace = %v (-want +got):\n%s", err, diff)
			}
			if got.Period() != tt.spread {
				t.Errorf("the period is %s, want %s", got.Period(), tt.spread)
			}
			value, err := json.Marshal(&got)
			if err != nil {
				t.Fatal(err)
			}
			kept, err := campaign.Decode("c1", value)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(&got, kept); diff != "" {
				t.Error("as it is kept (-want +got):", diff)
			}
		})
	}
}
