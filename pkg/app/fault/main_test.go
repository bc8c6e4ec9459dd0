package fault_test

import (
	"testing"

	"github.com/wacast/wacast/pkg/embed/embedtest"
)

func TestMain(m *testing.M) { embedtest.Main(m) }

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
