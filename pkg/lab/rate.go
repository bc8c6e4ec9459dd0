package lab

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"runtime"
	"slices"
	"time"

	"github.com/wacast/wacast/pkg/app"
)

// RatePart is a part of what [Rate] measures.
type RatePart string

// The parts, in the order in which they are measured.
const (
	// RateVirtual simulates hours in virtual time.
	RateVirtual RatePart = "virtual"
	// RateReplicas sends with worker processes, also while they are killed.
	RateReplicas RatePart = "replicas"
	// RateTransactional sends single jobs past a backlog.
	RateTransactional RatePart = "transactional"
	// RateStorm halves the limit for a while without telling anybody.
	RateStorm RatePart = "storm"
)

// RateParts are all parts.
func RateParts() []RatePart {
	return []RatePart{RateVirtual, RateReplicas, RateTransactional, RateStorm}
}

// RateOptions say what [Rate] measures. Everything is required.
type RateOptions struct {
	// Config says where NATS and Redis are.
	Config app.Config
	// Worker makes a command that runs a worker, with all its settings from the
	// environment, which is added.
	Worker func() *exec.Cmd
	Parts  []RatePart
	// Limits of a number, in messages a second. The first is that of the backlog. The
	// simulator tells workers no level below 80.
	Limits []int
	// Replicas are numbers of worker processes, VirtualReplicas those of the
	// simulation.
	Replicas, VirtualReplicas []int
	// Headrooms are the shares of a limit to leave unused that are compared. The other
	// parts take the first.
	Headrooms []float64
	// Each is how long a measurement with processes takes, Virtual how much time a
	// simulation simulates, Storm how long a limit is halved.
	Each, Virtual, Storm time.Duration
	// Jobs is the backlog of bulk jobs in front of a transactional one, Campaigns by
	// how many campaigns it is shared.
	Jobs      int
	Campaigns []int
	// Latency is the mean time from a request to its answer, Jitter the part of it by
	// which it goes up and down. Half of both passes on the way to the judge.
	Latency time.Duration
	Jitter  float64
	// Progress gets a line before each measurement.
	Progress io.Writer
}

// RateReport is what [Rate] measured.
type RateReport struct {
	// CPUs are this machine's, which workers, servers and judge share.
	CPUs          int                    `json:"cpus"`
	Virtual       []VirtualFigures       `json:"virtual,omitempty"`
	Replicas      []ReplicaFigures       `json:"replicas,omitempty"`
	Headrooms     []HeadroomFigures      `json:"headrooms,omitempty"`
	Transactional []TransactionalFigures `json:"transactional,omitempty"`
	Storm         []StormFigures         `json:"storm,omitempty"`
}

// Holds reports whether anything was measured.
func (r *RateReport) Holds() bool {
	return len(r.Virtual)+len(r.Replicas)+len(r.Transactional)+len(r.Storm) > 0
}

// Rate measures how exactly a number's limit is kept and used. It leaves nothing in
// NATS, and in Redis what ends by itself. With an error it returns what was measured
// before.
func Rate(ctx context.Context, opts RateOptions) (*RateReport, error) {
	r := &RateReport{CPUs: runtime.NumCPU()}
	if err := opts.Validate(); err != nil {
		return r, fmt.Errorf("bench rate: %w", err)
	}
	measure := map[RatePart]func(context.Context, RateOptions) error{
		RateVirtual: r.measureVirtual, RateReplicas: r.measureReplicas,
		RateTransactional: r.measureTransactional, RateStorm: r.measureStorm,
	}
	for _, part := range RateParts() {
		if !slices.Contains(opts.Parts, part) {
			continue
		}
		if err := measure[part](ctx, opts); err != nil {
			return r, fmt.Errorf("bench rate: %s: %w", part, err)
		}
	}
	return r, nil
}

// Validate says what is wrong with the options.
func (o RateOptions) Validate() error {
	for _, part := range o.Parts {
		if !slices.Contains(RateParts(), part) {
			return fmt.Errorf("there is no part %q; there are %v", part, RateParts())
		}
	}
	for name, list := range map[string][]int{"limits": o.Limits, "replicas": o.Replicas, "virtual replicas": o.VirtualReplicas, "campaigns": o.Campaigns} {
		if len(list) == 0 || slices.Min(list) < 1 {
			return fmt.Errorf("%s are %v; give numbers of 1 or more", name, list)
		}
	}
	switch {
	case slices.Min(o.Limits) < 80:
		return fmt.Errorf("limits are %v; no number has one below 80", o.Limits)
	case len(o.Headrooms) == 0 || slices.Min(o.Headrooms) < 0 || slices.Max(o.Headrooms) >= 1:
		return fmt.Errorf("headrooms are %v; give shares from 0 to below 1", o.Headrooms)
	case min(o.Each, o.Virtual, o.Storm) < time.Second:
		return errors.New("a measurement takes a second or more")
	case o.Jobs < 1 || o.Latency < 0 || o.Jitter < 0 || o.Jitter > 1:
		return errors.New("jobs are 1 or more, latency 0 or more, jitter 0 to 1")
	}
	return nil
}

func (o RateOptions) say(format string, args ...any) { fmt.Fprintf(o.Progress, format+"\n", args...) }
