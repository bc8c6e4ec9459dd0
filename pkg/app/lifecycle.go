package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
)

// stack takes down what was set up, the last first. Each step is registered
// beside what it undoes.
type stack struct {
	log   *slog.Logger
	steps []step
}

type step struct {
	name string
	undo func(ctx context.Context) error
}

func (s *stack) push(name string, undo func(ctx context.Context) error) {
	s.steps = append(s.steps, step{name, undo})
}

// unwind undoes everything, also when steps fail, and joins their errors.
func (s *stack) unwind(ctx context.Context) error {
	var errs []error
	for i := len(s.steps) - 1; i >= 0; i-- {
		s.log.Debug("stopping", "part", s.steps[i].name)
		if err := s.steps[i].undo(ctx); err != nil {
			errs = append(errs, fmt.Errorf("stop %s: %w", s.steps[i].name, err))
		}
	}
	s.steps = nil
	return errors.Join(errs...)
}
