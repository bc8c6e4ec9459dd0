package app_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/wacast/wacast/pkg/embed/embedtest"
)

// The limits of this module's code. They are tests, because a rule that nothing
// enforces does not last.
const (
	maxFunction = 80  // lines
	maxTest     = 120 // lines, of a test with its table of cases
	maxFile     = 400 // lines, of a file without tests
)

// conventional methods say nothing about their type: what they do is known.
var conventional = []string{"Error", "Is", "Unwrap", "String", "Len", "Less", "Swap", "Read", "Write", "Close", "ServeHTTP"}

// catchAlls are names that say nothing about what is in a package.
var catchAlls = []string{"util", "utils", "common", "helper", "helpers", "misc", "shared", "base"}

// source is one parsed file of the module.
type source struct {
	path string
	test bool
	file *ast.File
	set  *token.FileSet
}

func TestLimits(t *testing.T) {
	for _, s := range sources(t) {
		if n := s.line(s.file.FileEnd); n > maxFile && !s.test {
			t.Errorf("%s has %d lines, at most %d are allowed", s.path, n, maxFile)
		}
		if slices.Contains(catchAlls, s.file.Name.Name) {
			t.Errorf("%s: name the package after what it provides, not %s", s.path, s.file.Name.Name)
		}
		for _, decl := range s.file.Decls {
			f, ok := decl.(*ast.FuncDecl)
			if !ok {
				continue
			}
			if f.Recv == nil && f.Name.Name == "init" {
				t.Errorf("%s: an init function runs in every program that imports the package; build the value where it is used", s.at(f))
			}
			most := maxFunction
			if s.test {
				most = maxTest
			}
			if n := s.line(f.End()) - s.line(f.Pos()) + 1; n > most {
				t.Errorf("%s: %s has %d lines, at most %d are allowed", s.at(f), f.Name.Name, n, most)
			}
		}
	}
}

func TestEveryPackageHasAComment(t *testing.T) {
	commented := map[string]bool{}
	for _, s := range sources(t) {
		if s.test {
			continue
		}
		dir := filepath.Dir(s.path)
		commented[dir] = commented[dir] || s.file.Doc != nil
	}
	for dir, ok := range commented {
		if !ok {
			t.Errorf("%s has no package comment", dir)
		}
	}
}

func TestEveryExportedNameHasAComment(t *testing.T) {
	for _, s := range sources(t) {
		if s.test || s.file.Name.Name == "main" {
			continue
		}
		for _, decl := range s.file.Decls {
			for _, name := range undocumented(decl) {
				t.Errorf("%s: %s has no comment", s.at(decl), name)
			}
		}
	}
}

// undocumented returns the exported names of a declaration that no comment is for.
// A group's comment is for all of its constants or variables.
func undocumented(decl ast.Decl) []string {
	var bare []string
	switch d := decl.(type) {
	case *ast.FuncDecl:
		if d.Name.IsExported() && d.Doc == nil && needsComment(d) {
			bare = append(bare, d.Name.Name)
		}
	case *ast.GenDecl:
		for _, spec := range d.Specs {
			switch spec := spec.(type) {
			case *ast.TypeSpec:
				if spec.Name.IsExported() && d.Doc == nil && spec.Doc == nil {
					bare = append(bare, spec.Name.Name)
				}
			case *ast.ValueSpec:
				for _, name := range spec.Names {
					if name.IsExported() && d.Doc == nil && spec.Doc == nil && spec.Comment == nil {
						bare = append(bare, name.Name)
					}
				}
			}
		}
	}
	return bare
}

// needsComment is false for conventional methods and those of hidden types.
func needsComment(f *ast.FuncDecl) bool {
	if f.Recv == nil || len(f.Recv.List) == 0 {
		return true
	}
	visible := true
	ast.Inspect(f.Recv.List[0].Type, func(n ast.Node) bool {
		if name, ok := n.(*ast.Ident); ok {
			visible = name.IsExported()
			return false
		}
		return true
	})
	return visible && !slices.Contains(conventional, f.Name.Name)
}

// sources parses every Go file of the module.
func sources(t *testing.T) []source {
	t.Helper()
	top := embedtest.Root(t)
	var all []source
	err := filepath.WalkDir(top, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := entry.Name()
		if entry.IsDir() && path != top && (strings.HasPrefix(name, ".") || name == "testdata") {
			return filepath.SkipDir
		}
		if entry.IsDir() || filepath.Ext(name) != ".go" {
			return nil
		}
		set := token.NewFileSet()
		file, err := parser.ParseFile(set, path, nil, parser.ParseComments)
		if err != nil {
			return err
		}
		short, err := filepath.Rel(top, path)
		all = append(all, source{path: short, test: strings.HasSuffix(name, "_test.go"), file: file, set: set})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(all) < 10 {
		t.Fatalf("only %d files were found below %s", len(all), top)
	}
	return all
}

func (s *source) line(p token.Pos) int { return s.set.Position(p).Line }

// at is where a node is, as file:line.
func (s *source) at(n ast.Node) string { return fmt.Sprintf("%s:%d", s.path, s.line(n.Pos())) }
