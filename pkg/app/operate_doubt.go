package app

import (
	"context"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/wacast/wacast/pkg/job"
	"github.com/wacast/wacast/pkg/sender"
	"github.com/wacast/wacast/pkg/template"
)

// Doubt is why targets may be misspelled, with the names that are known; empty where
// one of them is known, or nobody can tell. It is a warning and no more: what exists
// at the Cloud API only may have to be stopped too.
func (o *Operator) Doubt(ctx context.Context, targets []sender.Target) (string, error) {
	if len(targets) == 0 {
		return "", nil
	}
	switch t := targets[0]; t.Scope {
	case sender.ScopeTemplate:
		return o.doubtTemplate(targets), nil
	case sender.ScopeNumber:
		return o.doubtNumber(ctx, t.Name)
	}
	return "", nil
}

// doubtTemplate looks into the folders of definitions. Without one that can be read
// there is no telling.
func (o *Operator) doubtTemplate(targets []sender.Target) string {
	directory, err := o.cfg.directory()
	if err != nil {
		return ""
	}
	known := make(map[string]bool)
	for _, t := range targets {
		account, name, _ := strings.Cut(t.Name, "/")
		folder := o.cfg.Templates
		for _, a := range directory.Accounts() {
			if a.WABA == account {
				folder = a.Templates
			}
		}
		catalog, err := template.LoadDir(os.DirFS(folder))
		if err != nil {
			return ""
		}
		for _, d := range catalog.All() {
			known[d.Name()] = true
		}
		if known[name] {
			return ""
		}
	}
	_, name, _ := strings.Cut(targets[0].Name, "/")
	return fmt.Sprintf("no definition has the name %s; there are %s", name, listed(slices.Sorted(maps.Keys(known))))
}

// doubtNumber looks for the number in the settings, and for jobs of it.
func (o *Operator) doubtNumber(ctx context.Context, number string) (string, error) {
	known := make(map[string]bool)
	for _, a := range o.cfg.Accounts {
		for _, n := range a.Numbers {
			known[n] = true
		}
	}
	depths, err := o.queues.Discover(ctx)
	if err != nil {
		return "", err
	}
	for _, d := range depths {
		known[d.Sender] = true
	}
	if known[number] {
		return "", nil
	}
	if had, err := o.had(ctx, number); had || err != nil {
		return "", err
	}
	text := fmt.Sprintf("nothing is known of number %s: no job of it waits, or has ended", number)
	if len(known) > 0 {
		text += "; there are " + listed(slices.Sorted(maps.Keys(known)))
	}
	return text, nil
}

// had reports whether a number has an outcome on record, or a job that is put off.
func (o *Operator) had(ctx context.Context, number string) (bool, error) {
	names := o.names
	if last, err := o.last(ctx, names.LaterStream(), names.Namespace+".later.*."+number+".>"); last > 0 || err != nil {
		return last > 0, err
	}
	for _, kind := range job.Outcomes() {
		last, err := o.last(ctx, names.EventsStream(), names.Namespace+".events."+string(kind)+"."+number+".>")
		if last > 0 || err != nil {
			return last > 0, err
		}
	}
	return false, nil
}
