package campaign

import (
	"cmp"
	"errors"
	"fmt"
	"time"
)

// What cannot be done to a campaign because of its state.
var (
	// ErrPaused: the campaign is paused.
	ErrPaused = errors.New("the campaign is paused")
	// ErrCancelled: the campaign is cancelled, which is for good.
	ErrCancelled = errors.New("the campaign is cancelled")
)

// Sends reports whether jobs of the campaign are sent.
func (s *Spec) Sends() bool { return s.State != Paused && s.State != Cancelled }

// Close says that no more jobs are expected. What is published afterwards is sent
// all the same: a close is a statement to be checked, no barrier. An expected count
// of 0 leaves the one that was given before. A paused campaign stays paused,
// [ErrPaused]: closing it would send what waits.
func (s *Spec) Close(expected uint64, now time.Time) error {
	switch s.State {
	case Paused:
		return fmt.Errorf("close campaign %s: %w", s.ID, ErrPaused)
	case Cancelled:
		return fmt.Errorf("close campaign %s: %w", s.ID, ErrCancelled)
	case Open:
		s.enter(Closed, "", "", now)
	}
	if expected > 0 {
		s.Expected = expected
	}
	return nil
}

// Pause keeps the campaign's jobs where they are until [Spec.Resume]. One that is
// paused stays as it is.
func (s *Spec) Pause(reason, by string, now time.Time) error {
	switch s.State {
	case Cancelled:
		return fmt.Errorf("pause campaign %s: %w", s.ID, ErrCancelled)
	case Paused:
		return nil
	}
	was := s.State
	s.enter(Paused, reason, by, now)
	s.Resumes = was
	return nil
}

// Resume lets a paused campaign go on, in the state it was in. Its jobs wait where
// they were, so there is nothing to publish again. One that is not paused stays as
// it is.
func (s *Spec) Resume(reason, by string, now time.Time) error {
	switch s.State {
	case Cancelled:
		return fmt.Errorf("resume campaign %s: %w", s.ID, ErrCancelled)
	case Paused:
		s.enter(cmp.Or(s.Resumes, Open), reason, by, now)
	}
	return nil
}

// Cancel ends the campaign for good: what is on its way to the API ends as it may,
// everything else as cancelled, what is published later too. One that is cancelled
// stays as it is.
func (s *Spec) Cancel(reason, by string, now time.Time) {
	if s.State != Cancelled {
		s.enter(Cancelled, reason, by, now)
	}
}

func (s *Spec) enter(state State, reason, by string, now time.Time) {
	s.State, s.Reason, s.By, s.Since, s.Resumes = state, reason, by, now.UTC(), ""
}
