package app_test

import (
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/wacast/wacast/pkg/embed/embedtest"
)

const module = "github.com/wacast/wacast"

// rows is the order of the packages: imports go to lower rows only, and packages
// of one row never import each other. A new package needs a place here.
var rows = map[string]int{
	"pkg/job":      0,
	"pkg/whatsapp": 0,

	"pkg/policy":    1,
	"pkg/template":  1,
	"pkg/sender":    1,
	"pkg/recipient": 1,
	"pkg/ratelimit": 1,
	"pkg/dedup":     1,
	"pkg/queue":     1,
	"pkg/campaign":  1,
	"pkg/simulator": 1,
	"pkg/embed":     1,

	"worker":      2,
	"producer":    2,
	"pkg/webhook": 2,
	"pkg/report":  2,

	"pkg/app":       3,
	"pkg/lab":       4,
	"pkg/app/fault": 4,
	"cmd/wacast":    5,
}

// helpers exist for tests alone. They stand beside the package they help with, and
// no program may hold them.
var helpers = map[string]string{"pkg/embed/embedtest": "pkg/embed"}

// users are the only packages that may import what is costly to depend on.
var users = map[string][]string{
	"github.com/redis/go-redis":       {"pkg/dedup", "pkg/ratelimit", "pkg/embed", "pkg/app"},
	"github.com/nats-io/nats.go":      {"pkg/queue", "pkg/campaign", "pkg/embed", "producer", "pkg/report", "pkg/app", "pkg/lab", "cmd/wacast"},
	"github.com/nats-io/nats-server":  {"pkg/embed"},
	"github.com/alicebob/miniredis":   {"pkg/embed"},
	"github.com/prometheus":           {"worker", "pkg/webhook", "pkg/app"},
	"go.opentelemetry.io":             {"pkg/app"},
	"google.golang.org/grpc":          {},
	"github.com/nyaruka/phonenumbers": {"cmd/wacast"},
	"go.yaml.in/yaml":                 {"cmd/wacast"},
	"github.com/google/go-cmp":        {},
	"github.com/rogpeppe/go-internal": {},
	"github.com/santhosh-tekuri":      {},
	"go.uber.org/goleak":              {},
	"github.com/stretchr/testify":     {},
	"github.com/golang/mock":          {},
	"go.uber.org/mock":                {},
	"testing":                         {},
	"net/http/httptest":               {},
	module + "/pkg/embed/embedtest":   {},
	module + "/pkg/app/fault":         {}, // it holds tests and nothing else
}

// pkg is what go list says of a package.
type pkg struct {
	ImportPath                         string
	Standard                           bool
	Imports, TestImports, XTestImports []string
}

// name is the package's place in the module.
func (p *pkg) name() string { return strings.TrimPrefix(p.ImportPath, module+"/") }

func TestImports(t *testing.T) {
	for _, p := range goList(t, "./...") {
		name := p.name()
		if parent, ok := helpers[name]; ok {
			checkImports(t, &p, p.Imports, rows[parent], parent)
			continue
		}
		row, ok := rows[name]
		if !ok {
			t.Errorf("%s has no row: give it a place in this table", name)
			continue
		}
		checkImports(t, &p, p.Imports, row)
		// Tests may also use the in-process NATS and Redis.
		checkImports(t, &p, p.TestImports, row, "pkg/embed", "pkg/embed/embedtest", name)
		checkImports(t, &p, p.XTestImports, row, "pkg/embed", "pkg/embed/embedtest", name)
	}
}

func checkImports(t *testing.T, p *pkg, imports []string, row int, also ...string) {
	t.Helper()
	for _, path := range imports {
		imported, ok := strings.CutPrefix(path, module+"/")
		if !ok || slices.Contains(also, imported) {
			continue
		}
		if other, ok := rows[imported]; !ok || other >= row {
			t.Errorf("%s imports %s, which is not in a lower row", p.name(), imported)
		}
	}
}

func TestCostlyImports(t *testing.T) {
	for _, p := range goList(t, "./...") {
		if _, ok := helpers[p.name()]; ok {
			continue
		}
		for _, path := range p.Imports {
			for costly, allowed := range users {
				if within(path, costly) && !slices.Contains(allowed, p.name()) {
					t.Errorf("%s imports %s, which only %v may", p.name(), path, allowed)
				}
			}
		}
	}
}

// within reports whether path is in the tree of packages that begins with root.
func within(path, root string) bool {
	return path == root || strings.HasPrefix(path, root+"/")
}

// Campaign systems import these, and get all that they import.
func TestLightClosures(t *testing.T) {
	tests := []struct {
		name    string
		allowed func(dependency *pkg) bool
	}{
		{"pkg/job", onlyStandard},
		{"pkg/whatsapp", onlyStandard},
		{"producer", func(d *pkg) bool {
			for _, heavy := range []string{
				"github.com/redis", "github.com/nats-io/nats-server", "github.com/prometheus", "github.com/alicebob",
				"github.com/google/go-cmp", "github.com/stretchr/testify", "github.com/rogpeppe", "github.com/santhosh-tekuri",
				"go.uber.org/goleak", "testing", "net/http/httptest", "github.com/spf13", "github.com/knadh",
				"github.com/nyaruka", "golang.org/x/text", "go.opentelemetry.io", "google.golang.org",
			} {
				if within(d.ImportPath, heavy) {
					return false
				}
			}
			return true
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := os.Stat(filepath.Join(embedtest.Root(t), tt.name)); errors.Is(err, os.ErrNotExist) {
				return // its row is reserved, its code not written
			}
			for _, d := range goList(t, "-deps", "./"+tt.name) {
				if d.name() != tt.name && !tt.allowed(&d) {
					t.Errorf("%s drags in %s", tt.name, d.ImportPath)
				}
			}
		})
	}
}

func onlyStandard(d *pkg) bool { return d.Standard }

// goList runs go list in the module. Packages that do not compile are listed too:
// that they do not is for the compiler to say.
func goList(t *testing.T, args ...string) []pkg {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", append([]string{"list", "-e", "-json=ImportPath,Standard,Imports,TestImports,XTestImports"}, args...)...)
	cmd.Dir = embedtest.Root(t)
	out, err := cmd.Output()
	if err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			t.Fatalf("%s: %s", err, exit.Stderr)
		}
		t.Fatal(err)
	}
	var list []pkg
	for dec := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p pkg
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return list
		} else if err != nil {
			t.Fatal(err)
		}
		list = append(list, p)
	}
}
