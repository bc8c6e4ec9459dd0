package campaign

import (
	"fmt"
	"slices"
	"strings"

	"github.com/wacast/wacast/pkg/job"
)

// Answers are the replies that answer a campaign's messages: payloads of buttons, or
// their labels. Case does not matter. A list that is empty is the usual one.
type Answers struct {
	Confirmed []string `json:"confirmed,omitempty"`
	Declined  []string `json:"declined,omitempty"`
}

// Bounds of the lists of [Answers].
const (
	maxAnswers = 50
	maxAnswer  = 256
)

// usualAnswers are the replies that answer where a campaign names no others.
func usualAnswers() Answers {
	return Answers{Confirmed: []string{"confirm", "confirmed", "yes"}, Declined: []string{"decline", "declined", "no"}}
}

// Answer is what a reply says to the campaign's messages: [job.Confirmed],
// [job.Declined], or nothing where it is no answer.
func (s *Spec) Answer(reply string) job.Kind {
	reply = strings.TrimSpace(reply)
	if answer := s.Answers.read(reply); answer != "" {
		return answer
	}
	usual := usualAnswers()
	if len(s.Answers.Confirmed) > 0 {
		usual.Confirmed = nil
	}
	if len(s.Answers.Declined) > 0 {
		usual.Declined = nil
	}
	return usual.read(reply)
}

func (a *Answers) read(reply string) job.Kind {
	is := func(answer string) bool { return strings.EqualFold(reply, answer) }
	switch {
	case slices.ContainsFunc(a.Confirmed, is):
		return job.Confirmed
	case slices.ContainsFunc(a.Declined, is):
		return job.Declined
	}
	return ""
}

func (s *Spec) checkAnswers() error {
	for name, list := range map[string][]string{"confirmed": s.Answers.Confirmed, "declined": s.Answers.Declined} {
		if len(list) > maxAnswers {
			return fmt.Errorf("campaign %s: answers.%s has %d entries, at most %d", s.ID, name, len(list), maxAnswers)
		}
		for _, answer := range list {
			if answer == "" || answer != strings.TrimSpace(answer) || len(answer) > maxAnswer {
				return fmt.Errorf("campaign %s: answers.%s: an answer is 1 to %d bytes without spaces around it", s.ID, name, maxAnswer)
			}
		}
	}
	for _, answer := range s.Answers.Confirmed {
		if slices.ContainsFunc(s.Answers.Declined, func(other string) bool { return strings.EqualFold(answer, other) }) {
			return fmt.Errorf("campaign %s: answers: %q both confirms and declines", s.ID, answer)
		}
	}
	return nil
}
