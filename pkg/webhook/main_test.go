package webhook_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/wacast/wacast/pkg/embed/embedtest"
)

func TestMain(m *testing.M) { embedtest.Main(m) }

func must[T any](tb testing.TB) func(T, error) T {
	return func(v T, err error) T {
		tb.Helper()
		if err != nil {
			tb.Fatal(err)
		}
		return v
	}
}

// fixture is a recorded webhook; those of the package that parses them serve here too.
func fixture(tb testing.TB, name string) []byte {
	tb.Helper()
	return must[[]byte](tb)(os.ReadFile(filepath.Join("..", "whatsapp", "testdata", "webhook", name+".json")))
}

// eventually waits for what no signal tells of.
func eventually(tb testing.TB, what string, ok func() bool) {
	tb.Helper()
	for deadline := time.Now().Add(30 * time.Second); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			tb.Fatal("not in time:", what)
		}
	}
}

// value is a counter's, or a histogram's count, of the series with the last label.
func value(tb testing.TB, reg *prometheus.Registry, name, label string) float64 {
	tb.Helper()
	families, err := reg.Gather()
	if err != nil {
		tb.Fatal(err)
	}
	for _, family := range families {
		if family.GetName() != name {
			continue
		}
		for _, m := range family.GetMetric() {
			if l := m.GetLabel(); label == "" || l[len(l)-1].GetValue() == label {
				return m.GetCounter().GetValue() + float64(m.GetHistogram().GetSampleCount())
			}
		}
	}
	tb.Fatalf("there is no %s of %s", name, label)
	return 0
}
