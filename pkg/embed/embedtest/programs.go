package embedtest

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"
)

// Programs are the binaries that a test breaks.
type Programs struct{ Wacast, NATS string }

// BuildPrograms builds them without the race detector, which is for the tests: it
// would slow them down until other things break first.
func BuildPrograms(tb testing.TB) Programs {
	tb.Helper()
	dir := tb.TempDir()
	p := Programs{Wacast: filepath.Join(dir, "wacast"), NATS: filepath.Join(dir, "nats-server")}
	Build(tb, p.Wacast, "./cmd/wacast")
	Build(tb, p.NATS, "./pkg/embed/embedtest/testdata/nats")
	return p
}

// BuildOffset builds a wacast whose clock CLOCK_OFFSET puts off by seconds. A Go
// program asks the kernel for the time without a library that could be changed under
// it, so this is done to its runtime, in assembly.
func BuildOffset(tb testing.TB) string {
	tb.Helper()
	if runtime.GOOS != "linux" || runtime.GOARCH != "amd64" {
		tb.Skip("clocks can be put off on linux/amd64 only")
	}
	dir := tb.TempDir()
	over := make(map[string]string)
	for _, name := range []string{"clock_linux_amd64.go", "clock_linux_amd64.s"} {
		over[filepath.Join(Root(tb), "cmd", "wacast", name)] = filepath.Join(Root(tb), "pkg", "embed", "embedtest", "testdata", "nats", name)
	}
	data, err := json.Marshal(map[string]any{"Replace": over})
	must(tb, err)
	overlay := filepath.Join(dir, "overlay.json")
	must(tb, os.WriteFile(overlay, data, 0o600))
	Build(tb, filepath.Join(dir, "wacast"), "-overlay", overlay, "./cmd/wacast")
	return filepath.Join(dir, "wacast")
}

// Build builds a package of this repository into a file, as go build with more of its
// arguments does.
func Build(tb testing.TB, into string, args ...string) {
	tb.Helper()
	cmd := exec.CommandContext(tb.Context(), "go", append([]string{"build", "-o", into}, args...)...)
	cmd.Dir = Root(tb)
	if out, err := cmd.CombinedOutput(); err != nil {
		tb.Fatalf("%v: %v\n%s", cmd.Args, err, out)
	}
}

// Root is the folder of this repository.
func Root(tb testing.TB) string {
	tb.Helper()
	dir, err := os.Getwd()
	if err != nil {
		tb.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		if parent := filepath.Dir(dir); parent != dir {
			dir = parent
			continue
		}
		tb.Fatal("there is no go.mod above the tests")
	}
}
