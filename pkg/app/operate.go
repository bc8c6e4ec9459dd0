package app

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"os/user"
	"time"

	"github.com/wacast/wacast/pkg/job"
)

// Operator changes what a running wacast does, as a person tells it to, and answers
// questions as a [View] does. It writes where all workers watch, so that it needs
// none of them.
type Operator struct {
	*View
	cfg Config
	by  string
}

// OpenOperator connects, and fails at once where nothing answers. What is done is
// signed with by, such as [OperatorName].
func OpenOperator(ctx context.Context, cfg Config, by string) (*Operator, error) {
	v, err := OpenView(ctx, cfg)
	if err != nil {
		return nil, err
	}
	return &Operator{View: v, cfg: cfg, by: by}, nil
}

// OperatorName is who runs this process, as user@host.
func OperatorName() string {
	name := os.Getenv("USER")
	if u, err := user.Current(); name == "" && err == nil {
		name = u.Username
	}
	if name == "" {
		name = "somebody"
	}
	host, err := os.Hostname()
	if err != nil {
		return name
	}
	return name + "@" + host
}

// source is what the events of an operator say they come from.
func (o *Operator) source() string { return "wacast/operator/" + url.PathEscape(o.by) }

// note records what was done, for whoever asks later.
func (o *Operator) note(ctx context.Context, data job.EventData) error {
	if _, err := o.events.Record(ctx, []job.Event{job.NewEvent(o.source(), time.Now(), data)}); err != nil {
		return fmt.Errorf("it is done, but not on record: %w", err)
	}
	return nil
}

// signed is a reason with the name of who gives it.
func (o *Operator) signed(reason string) string {
	if reason == "" {
		return "by " + o.by
	}
	return reason + " (by " + o.by + ")"
}

// Config is what the operator was opened with.
func (o *Operator) Config() Config { return o.cfg }
