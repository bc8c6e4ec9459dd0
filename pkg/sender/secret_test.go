package sender

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestLiteralNeverPrintsItself(t *testing.T) {
	s := Literal("EAAsecret")
	for _, verb := range []string{"%v", "%s", "%+v", "%#v", "%q"} {
		if got := fmt.Sprintf(verb, s); strings.Contains(got, "EAAsecret") {
			t.Errorf("%s prints %s", verb, got)
		}
	}
	if _, err := Literal("").Value(); !errors.Is(err, ErrNoSecret) {
		t.Errorf("empty literal: %v, want ErrNoSecret", err)
	}
}

// A rotated token is used without a restart, and a file that is being replaced
// keeps its last value.
func TestFileRotates(t *testing.T) {
	path := filepath.Join(t.TempDir(), "token")
	write := func(value string, at time.Time) {
		t.Helper()
		if err := os.WriteFile(path, []byte(value), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, at, at); err != nil {
			t.Fatal(err)
		}
	}
	now := time.Unix(1_790_000_000, 0)
	f := &file{path: path, now: func() time.Time { return now }}
	expect := func(want string) {
		t.Helper()
		if got, err := f.Value(); err != nil || got != want {
			t.Errorf("Value() = %q, %v; want %q", got, err, want)
		}
	}

	write(" first\n", now)
	expect("first")
	write("second", now.Add(time.Minute))
	expect("first") // looked at less than a second ago
	now = now.Add(checkEvery)
	expect("second")

	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	now = now.Add(checkEvery)
	expect("second")
	write("", now)
	now = now.Add(checkEvery)
	expect("second")
}

func TestFileErrorsNameTheFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "missing")
	if _, err := File(path).Value(); !errors.Is(err, os.ErrNotExist) || !strings.Contains(err.Error(), path) {
		t.Errorf("missing file: %v", err)
	}
	if err := os.WriteFile(path, []byte(" \n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := File(path).Value(); !errors.Is(err, ErrNoSecret) || !strings.Contains(err.Error(), path) {
		t.Errorf("empty file: %v", err)
	}
}
