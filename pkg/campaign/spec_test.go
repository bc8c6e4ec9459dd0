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

// Every change in every state: what comes of it, or why not.
func TestChanges(t *testing.T) {
	spec := func(s campaign.State) campaign.Spec { return campaign.Spec{ID: "c1", State: s} }
	by := func(s campaign.State, resumes campaign.State) campaign.Spec {
		return campaign.Spec{ID: "c1", State: s, Reason: "why", By: "ana", Since: clock(), Resumes: resumes}
	}
	pause := func(s *campaign.Spec) error { return s.Pause("why", "ana", clock()) }
	resume := func(s *campaign.Spec) error { return s.Resume("why", "ana", clock()) }
	cancel := func(s *campaign.Spec) error { s.Cancel("why", "ana", clock()); return nil }
	closing := func(s *campaign.Spec) error { return s.Close(7, clock()) }
	closedBefore := campaign.Spec{ID: "c1", State: campaign.Paused, Resumes: campaign.Closed}
	tests := []struct {
		name   string
		from   campaign.Spec
		change func(*campaign.Spec) error
		want   campaign.Spec
		err    error
	}{
		{"pause open", spec(campaign.Open), pause, by(campaign.Paused, campaign.Open), nil},
		{"pause closed", spec(campaign.Closed), pause, by(campaign.Paused, campaign.Closed), nil},
		{"pause paused", closedBefore, pause, closedBefore, nil},
		{"pause cancelled", spec(campaign.Cancelled), pause, spec(campaign.Cancelled), campaign.ErrCancelled},
		{"resume open", spec(campaign.Open), resume, spec(campaign.Open), nil},
		{"resume closed", spec(campaign.Closed), resume, spec(campaign.Closed), nil},
		{"resume paused", spec(campaign.Paused), resume, by(campaign.Open, ""), nil},
		{"resume what was closed", closedBefore, resume, by(campaign.Closed, ""), nil},
		{"resume cancelled", spec(campaign.Cancelled), resume, spec(campaign.Cancelled), campaign.ErrCancelled},
		{"cancel open", spec(campaign.Open), cancel, by(campaign.Cancelled, ""), nil},
		{"cancel closed", spec(campaign.Closed), cancel, by(campaign.Cancelled, ""), nil},
		{"cancel paused", closedBefore, cancel, by(campaign.Cancelled, ""), nil},
		{"cancel cancelled", spec(campaign.Cancelled), cancel, spec(campaign.Cancelled), nil},
		{"close cancelled", spec(campaign.Cancelled), closing, spec(campaign.Cancelled), campaign.ErrCancelled},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := tt.from
			if err := tt.change(&got); !errors.Is(err, tt.err) {
				t.Errorf("error %v, want %v", err, tt.err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error("(-want +got):", diff)
			}
			if err := got.Validate(); err != nil {
				t.Error(err)
			}
		})
	}
}

// A worker must send what comes after the close.
func TestClosedSends(t *testing.T) {
	for state, want := range map[campaign.State]bool{campaign.Open: true, campaign.Closed: true, campaign.Paused: false, campaign.Cancelled: false} {
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
