package embedtest

import (
	"fmt"
	"os"
	"testing"

	"go.uber.org/goleak"
)

// Main runs a package's tests with one Redis for all of them, says on standard
// error which one that is, and fails a run that leaves goroutines behind. Call it
// as the whole of TestMain; it does not return.
func Main(m *testing.M, opts ...goleak.Option) {
	backend, err := sharedBackend()
	if err != nil {
		fmt.Fprintln(os.Stderr, "embedtest:", err)
		os.Exit(1)
	}
	fmt.Fprintln(os.Stderr, "embedtest: redis is", backend.name)
	code := m.Run()
	backend.stop()
	if code == 0 {
		if err := goleak.Find(opts...); err != nil {
			fmt.Fprintln(os.Stderr, "embedtest:", err)
			code = 1
		}
	}
	os.Exit(code)
}

// sharedBackend opens a backend and leaves its address in the environment, where
// [Redis] looks first.
func sharedBackend() (*backend, error) {
	b, err := openBackend()
	if err != nil {
		return nil, err
	}
	for name, value := range map[string]string{envURL: b.url, envBackend: b.name} {
		if err := os.Setenv(name, value); err != nil {
			b.stop()
			return nil, fmt.Errorf("share redis with the tests: %w", err)
		}
	}
	return b, nil
}
