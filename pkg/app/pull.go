package app

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/wacast/wacast/pkg/sender"
	"github.com/wacast/wacast/pkg/template"
	"github.com/wacast/wacast/pkg/whatsapp"
)

var (
	// ErrNoTemplates marks a list without templates, which would empty the folder.
	ErrNoTemplates = errors.New("the API lists no templates")
	// ErrChooseAccount marks settings with several accounts, or without the one
	// that was named.
	ErrChooseAccount = errors.New("no single account is meant")
	// ErrNoFolder marks an account without a folder of definitions.
	ErrNoFolder = errors.New("no folder of template definitions is set")
	// ErrDefinedTwice marks templates that another file defines too.
	ErrDefinedTwice = errors.New("other files define the same templates")
)

// Pull is what became of an account's templates.
type Pull struct {
	Account string `json:"account"`
	// File holds them now.
	File      string `json:"file"`
	Templates int    `json:"templates"`
	// Added, Removed and Changed name what is different from before.
	Added   []string `json:"added"`
	Removed []string `json:"removed"`
	Changed []string `json:"changed"`
	// LeftOut are those that this build cannot read, and why.
	LeftOut []string `json:"left_out"`
}

// PullTemplates writes the API's list of an account's templates into the file
// <account>.json of its folder, all at once or not at all. waba chooses among
// several accounts. An empty list is [ErrNoTemplates], unless it is forced.
func PullTemplates(ctx context.Context, cfg Config, waba string, force bool) (*Pull, error) {
	a, err := cfg.oneAccount(waba)
	if err != nil {
		return nil, err
	}
	if a.Templates == "" {
		return nil, fmt.Errorf("%w: templates (%sTEMPLATES)", ErrNoFolder, envPrefix)
	}
	raws, err := cfg.listTemplates(ctx, a)
	if err != nil {
		return nil, fmt.Errorf("list templates of account %s: %w", a.WABA, err)
	}
	if len(raws) == 0 && !force {
		return nil, fmt.Errorf("account %s: %w", a.WABA, ErrNoTemplates)
	}
	p := &Pull{
		Account: a.WABA, File: filepath.Join(a.Templates, a.WABA+".json"),
		Added: []string{}, Removed: []string{}, Changed: []string{}, LeftOut: []string{},
	}
	return p, p.write(raws)
}

func (c *Config) listTemplates(ctx context.Context, a *sender.Account) ([]json.RawMessage, error) {
	token, err := a.Token.Value()
	if err != nil {
		return nil, err
	}
	api, err := whatsapp.New(c.prove(whatsapp.Config{BaseURL: c.APIURL, Version: c.APIVersion, Timeout: c.SendTimeout}, []*sender.Account{a}))
	if err != nil {
		return nil, err
	}
	defer api.Close()
	return api.Templates(ctx, a.WABA, token)
}

// oneAccount is the only account, or the one that is named.
func (c *Config) oneAccount(waba string) (*sender.Account, error) {
	directory, err := c.directory()
	if err != nil {
		return nil, err
	}
	accounts := directory.Accounts()
	var ids []string
	for _, a := range accounts {
		if a.WABA == waba {
			return a, nil
		}
		ids = append(ids, a.WABA)
	}
	switch {
	case waba != "":
		return nil, fmt.Errorf("%w: the settings have no account %s, but %s", ErrChooseAccount, waba, listed(ids))
	case len(accounts) == 0:
		return nil, fmt.Errorf("access_token (%[1]sACCESS_TOKEN or %[1]sACCESS_TOKEN_FILE): missing, and no accounts are given (%[1]sACCOUNTS_DIR)", envPrefix)
	case len(accounts) > 1:
		return nil, fmt.Errorf("%w: the settings have %s", ErrChooseAccount, listed(ids))
	}
	return accounts[0], nil
}

// OpenTemplates reads the folder of an account, and says where it is. Where there are no
// accounts it is the folder of the settings, and takes no token.
func OpenTemplates(cfg Config, waba string) (catalog *template.Catalog, folder string, err error) {
	folder = cfg.Templates
	if len(cfg.Accounts) > 0 || waba != "" {
		a, err := cfg.oneAccount(waba)
		if err != nil {
			return nil, "", err
		}
		folder = a.Templates
	}
	if folder == "" {
		return nil, "", fmt.Errorf("%w: templates (%sTEMPLATES)", ErrNoFolder, envPrefix)
	}
	catalog, err = template.LoadDir(os.DirFS(folder))
	if err != nil {
		return nil, "", fmt.Errorf("templates in %s: %w", folder, err)
	}
	return catalog, folder, nil
}

// write compares the list with the file and replaces it.
func (p *Pull) write(raws []json.RawMessage) error {
	var defs []*template.Definition
	kept := make([]json.RawMessage, 0, len(raws))
	for _, raw := range raws {
		parsed, err := template.Parse(raw)
		if err != nil {
			// A file with it would keep workers from starting.
			p.LeftOut = append(p.LeftOut, err.Error())
			continue
		}
		defs, kept = append(defs, parsed...), append(kept, raw)
	}
	p.Templates = len(kept)
	if err := p.others(defs); err != nil {
		return err
	}
	if err := p.compare(defs); err != nil {
		return err
	}
	var text bytes.Buffer
	e := json.NewEncoder(&text)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(struct {
		Data []json.RawMessage `json:"data"`
	}{kept}); err != nil {
		return fmt.Errorf("write %s: %w", p.File, err)
	}
	return replaceFile(p.File, text.Bytes())
}

// others refuses templates that another file of the folder has too: the folder
// could not be read any more.
func (p *Pull) others(defs []*template.Definition) error {
	files, err := filepath.Glob(filepath.Join(filepath.Dir(p.File), "*.json"))
	if err != nil {
		return err
	}
	var twice []string
	for _, file := range files {
		if filepath.Base(file) == filepath.Base(p.File) {
			continue
		}
		data, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		there, _ := template.Parse(data) // what else is wrong with it, config check says
		for _, d := range there {
			if find(defs, d) != nil {
				twice = append(twice, fmt.Sprintf("%s in %s", d, file))
			}
		}
	}
	if len(twice) > 0 {
		return fmt.Errorf("%w: %s", ErrDefinedTwice, strings.Join(twice, ", "))
	}
	return nil
}

// compare tells what is different from the file as it is.
func (p *Pull) compare(defs []*template.Definition) error {
	data, err := os.ReadFile(p.File)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	var before []*template.Definition
	if len(data) > 0 {
		before, _ = template.Parse(data) // a broken file is replaced
	}
	for _, d := range defs {
		old := find(before, d)
		switch {
		case old == nil:
			p.Added = append(p.Added, fmt.Sprintf("%s %s", d, d.Status()))
		case old.Status() != d.Status():
			p.Changed = append(p.Changed, fmt.Sprintf("%s %s, was %s", d, d.Status(), cmp.Or(old.Status(), "without a status")))
		case !old.Equal(d):
			p.Changed = append(p.Changed, d.String()+" has a new text")
		}
	}
	for _, d := range before {
		if find(defs, d) == nil {
			p.Removed = append(p.Removed, d.String())
		}
	}
	return nil
}

// find looks for the definition of the same name and language.
func find(defs []*template.Definition, like *template.Definition) *template.Definition {
	i := slices.IndexFunc(defs, func(d *template.Definition) bool {
		return d.Name() == like.Name() && d.Language() == like.Language()
	})
	if i < 0 {
		return nil
	}
	return defs[i]
}

// replaceFile puts a file in place of another at once, so that nobody reads half
// of it. The temporary name is none that the folder's readers look at.
func replaceFile(path string, data []byte) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), ".wacast-*.tmp")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(f.Name()))
		}
	}()
	_, err = f.Write(data)
	if err == nil {
		err = f.Chmod(0o644)
	}
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}
