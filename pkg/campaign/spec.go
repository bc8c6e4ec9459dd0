package campaign

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/wacast/wacast/pkg/job"
)

// State says what happens to a campaign's jobs.
type State string

const (
	// Open: jobs are sent.
	Open State = "open"
	// Paused: jobs wait.
	Paused State = "paused"
	// Closed: no more jobs are expected; those that are there are sent.
	Closed State = "closed"
	// Cancelled: jobs that are not on their way yet end as cancelled. It is for good.
	Cancelled State = "cancelled"
)

// Spec is a campaign. It is a value: what a [Store] returns is shared and must not
// be changed.
type Spec struct {
	ID    string `json:"id"`
	State State  `json:"state"`
	// Reason is why the campaign is in its state, for people, By is who said so, and
	// Since is from when on.
	Reason string    `json:"reason,omitempty"`
	By     string    `json:"by,omitempty"`
	Since  time.Time `json:"since"`
	// Resumes is the state that a paused campaign goes back to; empty is open.
	Resumes State `json:"resumes,omitempty"`
	// Template and Language are what the campaign sends, when it has but one.
	Template string `json:"template,omitempty"`
	Language string `json:"language,omitempty"`
	// Params are expressions by parameter, for jobs that carry vars.
	Params map[string]string `json:"params,omitempty"`
	// Expected is how many jobs there must be once the campaign is closed; 0 where
	// nobody said.
	Expected uint64 `json:"expected,omitempty"`
	// PerDay is the most jobs that are sent in any 24 hours; 0 for no such limit.
	PerDay int `json:"per_day,omitempty"`
	// Spread is the period over which the expected jobs are sent evenly, as
	// [time.Duration] prints it; empty sends them as fast as they may go.
	Spread string `json:"spread,omitempty"`
	// Window says who gets the campaign, by their customer service windows; empty is
	// [WindowAny].
	Window Window `json:"window,omitempty"`
	// Answers are the replies that count as answers to its messages.
	Answers   Answers   `json:"answers,omitzero"`
	CreatedAt time.Time `json:"created_at"`
}

// Window says whether recipients whose customer service window is open get a campaign:
// those who wrote to its number, or called it, within 24 hours.
type Window string

const (
	// WindowAny: everybody does.
	WindowAny Window = "any"
	// WindowSkipOpen leaves them out: somebody is talking with them.
	WindowSkipOpen Window = "skip_open"
	// WindowOnlyOpen takes nobody else.
	WindowOnlyOpen Window = "only_open"
)

// Windows lists the choices.
func Windows() []Window { return []Window{WindowAny, WindowSkipOpen, WindowOnlyOpen} }

// MaxSpread is the longest period that a campaign may be spread over.
const MaxSpread = 90 * 24 * time.Hour

// Pace has the campaign sent evenly over a period, and no more than perDay of its
// jobs in any 24 hours; 0 leaves the one or the other open. Spreading it takes the
// number of jobs, of which there may be more than was known.
func (s *Spec) Pace(spread time.Duration, perDay int, jobs uint64) error {
	s.Spread, s.PerDay = "", perDay
	if spread != 0 {
		s.Spread = spread.String()
		s.Expected = max(s.Expected, jobs)
	}
	return s.checkPace()
}

// Period is the spread as a duration; 0 for none.
func (s *Spec) Period() time.Duration {
	period, err := time.ParseDuration(s.Spread)
	if err != nil {
		return 0
	}
	return period
}

func (s *Spec) checkPace() error {
	if s.PerDay < 0 {
		return fmt.Errorf("campaign %s: per_day is %d, it must be at least 1, or 0 for no limit", s.ID, s.PerDay)
	}
	if s.Spread == "" {
		return nil
	}
	if period, err := time.ParseDuration(s.Spread); err != nil || period < time.Second || period > MaxSpread {
		return fmt.Errorf("campaign %s: spread is %q, it must be a duration from 1s to %s, such as 8h", s.ID, s.Spread, MaxSpread)
	}
	if s.Expected == 0 {
		return fmt.Errorf("campaign %s: how many jobs are to be spread over %s must be said (expected)", s.ID, s.Spread)
	}
	return nil
}

// Validate checks the id, the state, how the campaign is paced, and whom it reaches.
func (s *Spec) Validate() error {
	if !job.ValidCampaign(s.ID) {
		return errors.New("campaign id: must be 1 to 64 of A-Z a-z 0-9 _ - (and more than a single _)")
	}
	if err := errors.Join(s.checkPace(), s.checkAnswers()); err != nil {
		return err
	}
	if s.Window != "" && !slices.Contains(Windows(), s.Window) {
		return fmt.Errorf("campaign %s: window is %q, it must be any, skip_open or only_open", s.ID, s.Window)
	}
	switch s.State {
	case Open, Paused, Closed, Cancelled:
		return nil
	}
	return fmt.Errorf("campaign %s: state must be open, paused, closed or cancelled", s.ID)
}

// Decode reads a campaign as the bucket keeps it under a key.
func Decode(key string, value []byte) (*Spec, error) {
	s := new(Spec)
	if err := json.Unmarshal(value, s); err != nil {
		return nil, fmt.Errorf("decode campaign %s: %w", key, err)
	}
	if err := s.Validate(); err != nil {
		return nil, err
	}
	if s.ID != key {
		return nil, fmt.Errorf("campaign %s: is stored under the key of another one", s.ID)
	}
	return s, nil
}
