package sender

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"sync"
	"time"
)

// ErrNoSecret marks a secret that is empty.
var ErrNoSecret = errors.New("secret is empty")

// Secret is a token or key. It never prints itself.
type Secret interface {
	// Value returns the secret as it is now. The error names the file, never
	// what is in it.
	Value() (string, error)
}

// Literal is a secret given as a value.
func Literal(value string) Secret { return literal(value) }

type literal string

func (l literal) Value() (string, error) {
	if l == "" {
		return "", ErrNoSecret
	}
	return string(l), nil
}

func (literal) String() string   { return "[secret]" }
func (literal) GoString() string { return "[secret]" }

// File is a secret in a file that is read again when it changes, so that a
// rotated token needs no restart. A file that cannot be read keeps its last
// value: a volume that is being replaced must not stop the sending.
func File(path string) Secret { return &file{path: path, now: time.Now} }

// checkEvery bounds how often the file's time is looked at: the token is asked
// for before every message.
const checkEvery = time.Second

type file struct {
	path string
	now  func() time.Time

	mu      sync.Mutex
	checked time.Time
	changed time.Time
	size    int64
	value   string
}

func (f *file) Value() (string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if now := f.now(); f.value == "" || now.Sub(f.checked) >= checkEvery {
		f.checked = now
		if err := f.refresh(); err != nil && f.value == "" {
			return "", fmt.Errorf("read secret: %w", err)
		}
	}
	if f.value == "" {
		return "", fmt.Errorf("%w: %s", ErrNoSecret, f.path)
	}
	return f.value, nil
}

func (f *file) refresh() error {
	var info fs.FileInfo
	info, err := os.Stat(f.path)
	if err != nil {
		return err
	}
	if f.value != "" && info.ModTime().Equal(f.changed) && info.Size() == f.size {
		return nil
	}
	data, err := os.ReadFile(f.path)
	if err != nil {
		return err
	}
	if value := strings.TrimSpace(string(data)); value != "" {
		f.value, f.changed, f.size = value, info.ModTime(), info.Size()
	}
	return nil
}

func (f *file) String() string { return "[secret in " + f.path + "]" }
