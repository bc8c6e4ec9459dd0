package policy

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/wacast/wacast/pkg/job"
	"github.com/wacast/wacast/pkg/whatsapp"
)

// The table, row by row: each class at its first, second, third, fifth and last
// attempt.
func TestDecide(t *testing.T) {
	attempts := []int{1, 2, 3, 5, 6, 1 << 30}
	s := time.Second
	tests := map[whatsapp.Class]struct {
		action Action // the delay stands apart, one for each attempt
		delays []time.Duration
	}{
		whatsapp.ClassAccepted:            {Action{Do: Settle, Outcome: job.Accepted, CountsAttempt: true}, nil},
		whatsapp.ClassRefusedMessage:      {Action{Do: Settle, Outcome: job.Rejected, Reason: job.ReasonRefused, CountsAttempt: true}, nil},
		whatsapp.ClassRefusedRecipient:    {Action{Do: Settle, Outcome: job.Rejected, Reason: job.ReasonRecipient, CountsAttempt: true}, nil},
		whatsapp.ClassAmbiguous:           {Action{Do: Settle, Outcome: job.Unknown, Reason: job.ReasonConnectionLost, CountsAttempt: true}, nil},
		0:                                 {Action{Do: Settle, Outcome: job.Unknown, Reason: job.ReasonConnectionLost, CountsAttempt: true}, nil},
		whatsapp.ClassRefusedTemplate:     {Action{Do: GiveBack, Stop: ScopeTemplate, Reason: job.ReasonTemplate}, []time.Duration{300 * s, 300 * s, 300 * s, 300 * s, 300 * s, 300 * s}},
		whatsapp.ClassRefusedNumber:       {Action{Do: GiveBack, Stop: ScopeNumber, Reason: job.ReasonNumber}, []time.Duration{60 * s, 60 * s, 60 * s, 60 * s, 60 * s, 60 * s}},
		whatsapp.ClassRefusedAccount:      {Action{Do: GiveBack, Stop: ScopeAccount, Reason: job.ReasonAccount}, []time.Duration{10 * s, 10 * s, 10 * s, 10 * s, 10 * s, 10 * s}},
		whatsapp.ClassUnavailableNumber:   {Action{Do: GiveBack, Stop: ScopeNumber, Reason: job.ReasonNumber}, []time.Duration{60 * s, 60 * s, 60 * s, 60 * s, 60 * s, 60 * s}},
		whatsapp.ClassUnavailableTemplate: {Action{Do: GiveBack, Stop: ScopeTemplate, Reason: job.ReasonTemplate}, []time.Duration{600 * s, 600 * s, 600 * s, 600 * s, 600 * s, 600 * s}},
		whatsapp.ClassThrottledNumber:     {Action{Do: Retry, Slow: ScopeNumber, Reason: job.ReasonThrottled}, []time.Duration{s, 2 * s, 4 * s, 16 * s, 30 * s, 30 * s}},
		whatsapp.ClassThrottledPair:       {Action{Do: Retry, Slow: ScopeRecipient, Reason: job.ReasonThrottled}, []time.Duration{s, 4 * s, 16 * s, 256 * s, 256 * s, 256 * s}},
		whatsapp.ClassThrottledAccount:    {Action{Do: GiveBack, Stop: ScopeAccount, Reason: job.ReasonThrottled}, []time.Duration{60 * s, 60 * s, 60 * s, 60 * s, 60 * s, 60 * s}},
		whatsapp.ClassThrottledApp:        {Action{Do: GiveBack, Stop: ScopeApp, Reason: job.ReasonThrottled}, []time.Duration{60 * s, 60 * s, 60 * s, 60 * s, 60 * s, 60 * s}},
		whatsapp.ClassNotSent:             {Action{Do: Retry, Reason: job.ReasonNotSent}, []time.Duration{s, 2 * s, 4 * s, 16 * s, 30 * s, 30 * s}},
		// The sixth attempt is the last, so there is no wait after it.
		whatsapp.ClassTransient: {Action{Do: Retry, Reason: job.ReasonTransient, CountsAttempt: true}, []time.Duration{s, 2 * s, 4 * s, 16 * s, -1, -1}},
	}
	for class, tt := range tests {
		for i, attempt := range attempts {
			want := tt.action
			if tt.delays != nil {
				want.Delay = tt.delays[i]
			}
			if want.Delay < 0 {
				want = Action{Do: Settle, Outcome: job.Rejected, Reason: job.ReasonAttempts, CountsAttempt: true}
			}
			if diff := cmp.Diff(want, Decide(class, attempt, Limits{}, 0)); diff != "" {
				t.Errorf("%v, attempt %d (-want +got):\n%s", class, attempt, diff)
			}
		}
	}
	for _, class := range whatsapp.Classes() {
		if _, ok := tests[class]; !ok {
			t.Errorf("%v is not tested", class)
		}
	}
}

// What holds for every row, whatever it says.
func TestDecideInvariants(t *testing.T) {
	for _, class := range append(whatsapp.Classes(), 0, 99) {
		for _, attempt := range []int{-1, 0, 1, 5, 6, 1 << 30} {
			for _, retryAfter := range []time.Duration{0, time.Hour} {
				a := Decide(class, attempt, Limits{}, retryAfter)
				name := fmt.Sprintf("%v, attempt %d, retry after %v: %+v", class, attempt, retryAfter, a)
				if settled := a.Do == Settle; settled != a.Outcome.IsOutcome() || settled && a.Delay != 0 || !settled && a.Delay < max(retryAfter, time.Second) {
					t.Errorf("outcome or delay: %s", name)
				}
				if (a.Do == GiveBack) != (a.Stop != ScopeNone) || a.Do == GiveBack && a.CountsAttempt {
					t.Errorf("what goes back untouched stops something: %s", name)
				}
				if a.Reason == "" && class != whatsapp.ClassAccepted || a.Reason != "" && !slices.Contains(job.Reasons(), a.Reason) {
					t.Errorf("reason: %s", name)
				}
				if (a.Outcome == job.Unknown) != (class == whatsapp.ClassAmbiguous || class == 0 || class == 99) {
					t.Errorf("only what may have been accepted is unknown: %s", name)
				}
				if a.CountsAttempt != Counts(class) {
					t.Errorf("Counts: %s", name)
				}
			}
		}
	}
}

func TestMaxAttempts(t *testing.T) {
	for _, tt := range []struct {
		max, attempt int
		want         Do
	}{
		{0, 5, Retry}, {0, 6, Settle}, {-1, 5, Retry}, {1, 1, Settle}, {3, 2, Retry}, {3, 3, Settle}, {20, 19, Retry},
	} {
		if got := Decide(whatsapp.ClassTransient, tt.attempt, Limits{MaxAttempts: tt.max}, 0).Do; got != tt.want {
			t.Errorf("attempt %d of %d: %v, want %v", tt.attempt, tt.max, got, tt.want)
		}
	}
	if got := Decide(whatsapp.ClassTransient, 15, Limits{MaxAttempts: 20}, 0).Delay; got != 5*time.Minute {
		t.Errorf("the wait between late attempts is %v, want 5m", got)
	}
}

func TestDecideError(t *testing.T) {
	tests := []struct {
		name string
		err  error
		want Action
	}{
		{"nil", nil, Action{Do: Settle, Outcome: job.Accepted, CountsAttempt: true}},
		{"not ours", errors.New("x"), Action{Do: Settle, Outcome: job.Unknown, Reason: job.ReasonConnectionLost, CountsAttempt: true}},
		{"timeout", &whatsapp.Error{Class: whatsapp.ClassAmbiguous, Err: context.DeadlineExceeded},
			Action{Do: Settle, Outcome: job.Unknown, Reason: job.ReasonTimeout, CountsAttempt: true}},
		{"timeout within an answer", &whatsapp.Error{Class: whatsapp.ClassAmbiguous, HTTPStatus: 200, Err: context.DeadlineExceeded},
			Action{Do: Settle, Outcome: job.Unknown, Reason: job.ReasonTimeout, CountsAttempt: true}},
		{"bad answer", fmt.Errorf("send: %w", &whatsapp.Error{Class: whatsapp.ClassAmbiguous, HTTPStatus: 502}),
			Action{Do: Settle, Outcome: job.Unknown, Reason: job.ReasonBadAnswer, CountsAttempt: true}},
		{"lost", &whatsapp.Error{Class: whatsapp.ClassAmbiguous, Err: errors.New("reset")},
			Action{Do: Settle, Outcome: job.Unknown, Reason: job.ReasonConnectionLost, CountsAttempt: true}},
		{"asked to wait", &whatsapp.Error{Class: whatsapp.ClassThrottledAccount, RetryAfter: 12 * time.Minute},
			Action{Do: GiveBack, Stop: ScopeAccount, Reason: job.ReasonThrottled, Delay: 12 * time.Minute}},
		{"asked to wait less than we do", &whatsapp.Error{Class: whatsapp.ClassThrottledAccount, RetryAfter: time.Second},
			Action{Do: GiveBack, Stop: ScopeAccount, Reason: job.ReasonThrottled, Delay: time.Minute}},
		{"a number that was asked to wait", &whatsapp.Error{Class: whatsapp.ClassThrottledNumber, RetryAfter: 7 * time.Second},
			Action{Do: Retry, Slow: ScopeNumber, Reason: job.ReasonThrottled, Delay: 7 * time.Second, Hold: 7 * time.Second}},
		{"a recipient that was", &whatsapp.Error{Class: whatsapp.ClassThrottledPair, RetryAfter: 7 * time.Second},
			Action{Do: Retry, Slow: ScopeRecipient, Reason: job.ReasonThrottled, Delay: 7 * time.Second, Hold: 7 * time.Second}},
		{"a stop that was asked to wait", &whatsapp.Error{Class: whatsapp.ClassUnavailableNumber, RetryAfter: 3 * time.Minute},
			Action{Do: GiveBack, Stop: ScopeNumber, Reason: job.ReasonNumber, Delay: 3 * time.Minute}},
	}
	for _, tt := range tests {
		if diff := cmp.Diff(tt.want, DecideError(tt.err, 1, Limits{})); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
}

func TestNames(t *testing.T) {
	if got, want := fmt.Sprint(Settle, Retry, GiveBack, Do(0)), "settle retry give_back invalid"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if got, want := fmt.Sprint(ScopeNone, ScopeRecipient, ScopeTemplate, ScopeNumber, ScopeAccount, ScopeApp, Scope(9)), "none recipient template number account app invalid"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func ExampleDecide() {
	for attempt := range 3 {
		a := Decide(whatsapp.ClassTransient, attempt+1, Limits{MaxAttempts: 3}, 0)
		fmt.Println(a.Do, a.Delay, a.Outcome, a.Reason)
	}
	a := Decide(whatsapp.ClassRefusedTemplate, 1, Limits{}, 0)
	fmt.Println(a.Do, a.Stop, a.Reason)
	// Output:
	// retry 1s  transient
	// retry 2s  transient
	// settle 0s rejected attempts_exhausted
	// give_back template template_refused
}
