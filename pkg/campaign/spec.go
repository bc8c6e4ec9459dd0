package campaign

import (
	"encoding/json"
	"errors"
	"fmt"
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
	Expected  uint64    `json:"expected,omitempty"`
	CreatedAt time.Time `json:"created_at"`
}

// Validate checks the id and the state.
func (s *Spec) Validate() error {
	if !job.ValidCampaign(s.ID) {
		return errors.New("campaign id: must be 1 to 64 of A-Z a-z 0-9 _ - (and more than a single _)")
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
