package app

import (
	"fmt"
	"log/slog"
	"maps"
	"os"
	"sync"

	"github.com/wacast/wacast/pkg/campaign"
	"github.com/wacast/wacast/pkg/sender"
	"github.com/wacast/wacast/pkg/template"
)

// templates finds what a job's template looks like: definitions by account,
// expressions by campaign. It is safe for concurrent use.
type templates struct {
	catalogs map[string]*template.Catalog // by WABA

	mu        sync.RWMutex
	campaigns *campaign.Store     // nil until they are followed
	compiled  map[string]compiled // by campaign
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
	t := &templates{catalogs: make(map[string]*template.Catalog), compiled: make(map[string]compiled)}
	for _, a := range accounts {
		if a.Templates == "" {
			log.Warn("no template definitions: parameters are sent unchecked; set templates to a folder of them", "account", a.WABA)
			continue
		}
		catalog, err := template.LoadDir(os.DirFS(a.Templates))
		if err != nil {
			return nil, fmt.Errorf("templates (%sTEMPLATES) in %s: %w (wacast template pull brings those of the API)", envPrefix, a.Templates, err)
		}
		t.catalogs[a.WABA] = catalog
	}
	return t, nil
}

// follow takes expressions from the campaigns from now on.
func (t *templates) follow(campaigns *campaign.Store) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.campaigns = campaigns
}

// Definition finds an account's template.
func (t *templates) Definition(waba, name, language string) (*template.Definition, error) {
	catalog := t.catalogs[waba]
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
