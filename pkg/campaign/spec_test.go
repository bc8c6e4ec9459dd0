package campaign_test

import (
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/wacast/wacast/pkg/campaign"
)

func TestClose(t *testing.T) {
	before := clock().Add(-time.Hour)
	tests := []struct {
		name     string
		spec     campaign.Spec
		expected uint64
		want     campaign.Spec
		err      error
	}{
		{
			"open", campaign.Spec{ID: "c1", State: campaign.Open, Since: before, Template: "hello"}, 1200,
			campaign.Spec{ID: "c1", State: campaign.Closed, Since: clock(), Template: "hello", Expected: 1200}, nil,
		},
		{
			"without a count", campaign.Spec{ID: "c1", State: campaign.Open, Since: before, Reason: "resumed"}, 0,
			campaign.Spec{ID: "c1", State: campaign.Closed, Since: clock()}, nil,
		},
		{
			"again with another count", campaign.Spec{ID: "c1", State: campaign.Closed, Since: before, Expected: 1}, 2,
			campaign.Spec{ID: "c1", State: campaign.Closed, Since: before, Expected: 2}, nil,
		},
		{
			"again without a count", campaign.Spec{ID: "c1", State: campaign.Closed, Since: before, Expected: 1}, 0,
			campaign.Spec{ID: "c1", State: campaign.Closed, Since: before, Expected: 1}, nil,
		},
		{
			"paused", campaign.Spec{ID: "c1", State: campaign.Paused, Since: before}, 1200,
			campaign.Spec{ID: "c1", State: campaign.Paused, Since: before}, campaign.ErrPaused,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := tt.spec
			if err := got.Close(tt.expected, clock()); !errors.Is(err, tt.err) {
				t.Errorf("Close = %v, want %v", err, tt.err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error("(-want +got):", diff)
			}
		})
	}
}

// A worker must send what comes after the close.
func TestClosedSends(t *testing.T) {
	for state, want := range map[campaign.State]bool{campaign.Open: true, campaign.Closed: true, campaign.Paused: false} {
		if got := (&campaign.Spec{State: state}).Sends(); got != want {
			t.Errorf("a campaign that is %s sends: %v, want %v", state, got, want)
		}
	}
}

func TestExpectedIsKept(t *testing.T) {
	want := &campaign.Spec{ID: "c1", State: campaign.Closed, Since: clock(), CreatedAt: clock(), Expected: 1200}
	value, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	got, err := campaign.Decode("c1", value)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error("(-want +got):", diff)
	}
}
