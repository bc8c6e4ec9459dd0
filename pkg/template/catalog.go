package template

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"sync/atomic"
)

// ErrUnknown marks a name and language that no definition has.
var ErrUnknown = errors.New("unknown template")

// Catalog holds definitions by name and language. It is safe for concurrent use;
// the zero value is empty.
type Catalog struct {
	snapshot atomic.Pointer[map[key]*Definition]
}

type key struct{ name, language string }

// NewCatalog holds the given definitions. Two of one name and language are an error.
func NewCatalog(defs []*Definition) (*Catalog, error) {
	c := new(Catalog)
	if err := c.Replace(defs); err != nil {
		return nil, err
	}
	return c, nil
}

// Replace swaps all definitions at once. After an error the catalog is unchanged.
func (c *Catalog) Replace(defs []*Definition) error {
	next := make(map[key]*Definition, len(defs))
	var errs []error
	for _, d := range defs {
		k := key{d.name, d.language}
		if next[k] != nil {
			errs = append(errs, fmt.Errorf("template %s is defined twice", d))
		}
		next[k] = d
	}
	if len(errs) > 0 {
		return errors.Join(errs...)
	}
	c.snapshot.Store(&next)
	return nil
}

// Lookup finds a definition. Its error is [ErrUnknown] and names the languages
// that the template has, since en and en_US are two templates without fallback.
func (c *Catalog) Lookup(name, language string) (*Definition, error) {
	all := c.all()
	if d := all[key{name, language}]; d != nil {
		return d, nil
	}
	var languages []string
	for k := range all {
		if k.name == name {
			languages = append(languages, k.language)
		}
	}
	if len(languages) == 0 {
		return nil, fmt.Errorf("%w: no definition has the name %q", ErrUnknown, name)
	}
	slices.Sort(languages)
	return nil, fmt.Errorf("%w: %s exists in %s, not in %q; there is no fallback between languages",
		ErrUnknown, name, strings.Join(languages, ", "), language)
}

// All lists the definitions by name and language.
func (c *Catalog) All() []*Definition {
	return slices.SortedFunc(maps.Values(c.all()), func(a, b *Definition) int {
		if n := strings.Compare(a.name, b.name); n != 0 {
			return n
		}
		return strings.Compare(a.language, b.language)
	})
}

func (c *Catalog) all() map[key]*Definition {
	if all := c.snapshot.Load(); all != nil {
		return *all
	}
	return nil
}

// LoadDir reads all *.json files of a folder, each as [Parse] takes it. The error
// joins all that is wrong, by file.
func LoadDir(fsys fs.FS) (*Catalog, error) {
	files, err := fs.Glob(fsys, "*.json")
	if err != nil {
		return nil, fmt.Errorf("list template definitions: %w", err)
	}
	if len(files) == 0 {
		// An empty catalog would refuse every job, one by one.
		return nil, errors.New("no template definitions: the folder has no *.json file")
	}
	slices.Sort(files)
	var all []*Definition
	var errs []error
	from := make(map[key]string)
	for _, file := range files {
		defs, err := parseFile(fsys, file)
		if err != nil {
			errs = append(errs, err)
		}
		for _, d := range defs {
			k := key{d.name, d.language}
			if first, ok := from[k]; ok {
				errs = append(errs, fmt.Errorf("template %s is defined in %s and again in %s; keep one", d, first, file))
				continue
			}
			from[k] = file
			all = append(all, d)
		}
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	return NewCatalog(all)
}

// parseFile puts the file's name before each of its problems.
func parseFile(fsys fs.FS, file string) ([]*Definition, error) {
	data, err := fs.ReadFile(fsys, file)
	if err != nil {
		return nil, fmt.Errorf("read template definitions: %w", err)
	}
	defs, err := Parse(data)
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		var errs []error
		for _, e := range joined.Unwrap() {
			errs = append(errs, fmt.Errorf("%s: %w", file, e))
		}
		return defs, errors.Join(errs...)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return defs, nil
}
