package app

import (
	"context"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/wacast/wacast/pkg/campaign"
	"github.com/wacast/wacast/pkg/sender"
	"github.com/wacast/wacast/pkg/template"
)

// templates finds what a job's template looks like: definitions by account,
// expressions by campaign. It is safe for concurrent use.
type templates struct {
	folders map[string]string // by WABA
	log     *slog.Logger

	mu        sync.RWMutex
	catalogs  map[string]*template.Catalog // by WABA
	seen      map[string]string            // folders as they were last read, by WABA
	campaigns *campaign.Store              // nil until they are followed
	compiled  map[string]compiled          // by campaign
}

// compiled are a campaign's expressions, as long as their sources stay the same.
type compiled struct {
	sources     map[string]string
	expressions *template.Expressions
	err         error
}

// loadTemplates reads the folders of all accounts. An account without a folder
// has no catalog: its parameters are sent unchecked, which is said once.
func loadTemplates(accounts []*sender.Account, log *slog.Logger) (*templates, error) {
	t := &templates{
		folders: make(map[string]string), log: log, catalogs: make(map[string]*template.Catalog),
		seen: make(map[string]string), compiled: make(map[string]compiled),
	}
	for _, a := range accounts {
		if a.Templates == "" {
			log.Warn("no template definitions: parameters are sent unchecked; set templates to a folder of them", "account", a.WABA)
			continue
		}
		t.folders[a.WABA] = a.Templates
		if err := t.read(a.WABA, state(a.Templates)); err != nil {
			return nil, err
		}
	}
	return t, nil
}

// read reads an account's folder, which is in a state.
func (t *templates) read(waba, seen string) error {
	folder := t.folders[waba]
	catalog, err := template.LoadDir(os.DirFS(folder))
	t.mu.Lock()
	defer t.mu.Unlock()
	t.seen[waba] = seen
	if err != nil {
		return fmt.Errorf("templates (%sTEMPLATES) in %s: %w (wacast template pull brings those of the API)", envPrefix, folder, err)
	}
	t.catalogs[waba] = catalog
	return nil
}

// folderEvery is how often it is looked whether folders have changed.
const folderEvery = 5 * time.Second

// watch reads folders again that have changed, until ctx ends. A folder that makes no
// sense is told of once, and what was known stays.
func (t *templates) watch(ctx context.Context) {
	tick := time.NewTicker(folderEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		t.look()
	}
}

func (t *templates) look() {
	for waba, folder := range t.folders {
		now := state(folder)
		t.mu.RLock()
		same := t.seen[waba] == now
		t.mu.RUnlock()
		if same {
			continue
		}
		if err := t.read(waba, now); err != nil {
			t.log.Error("templates have changed and cannot be read, those from before stay", "account", waba, "error", err)
			continue
		}
		t.log.Info("templates have changed and are read again", "account", waba, "folder", folder)
	}
}

// state tells a folder from what it was: the names, sizes and times of its files.
func state(folder string) string {
	var b strings.Builder
	_ = fs.WalkDir(os.DirFS(folder), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return nil // what cannot be read is told by the reading
		}
		if info, err := os.Stat(filepath.Join(folder, name)); err == nil { // of a link, where it leads to
			fmt.Fprintln(&b, name, info.Size(), info.ModTime().UnixNano())
		}
		return nil
	})
	return b.String()
}

// follow takes expressions from the campaigns from now on.
func (t *templates) follow(campaigns *campaign.Store) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.campaigns = campaigns
}

// Definition finds an account's template.
func (t *templates) Definition(waba, name, language string) (*template.Definition, error) {
	t.mu.RLock()
	catalog := t.catalogs[waba]
	t.mu.RUnlock()
	if catalog == nil {
		return template.Unchecked(name, language), nil
	}
	return catalog.Lookup(name, language)
}

// Expressions are those of a campaign, compiled once for each version of them.
func (t *templates) Expressions(id string) (*template.Expressions, error) {
	t.mu.RLock()
	c, campaigns := t.compiled[id], t.campaigns
	t.mu.RUnlock()
	spec, ok := campaigns.Lookup(id)
	if !ok || len(spec.Params) == 0 {
		return nil, fmt.Errorf("campaign %q has no parameter expressions, so a job with vars cannot be filled; give the job params", id)
	}
	if maps.Equal(c.sources, spec.Params) {
		return c.expressions, c.err
	}
	c = compiled{sources: spec.Params}
	c.expressions, c.err = template.CompileExpressions(spec.Params)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.compiled[id] = c
	return c.expressions, c.err
}
