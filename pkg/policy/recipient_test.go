package policy_test

import (
	"testing"

	"github.com/wacast/wacast/pkg/policy"
)

func TestOnRecipient(t *testing.T) {
	for code, want := range map[int]string{131050: "opt_out", 131049: "hold", 131026: "undeliverable", 131000: "none", 0: "none", 131042: "none"} {
		if got := policy.OnRecipient(code); got.String() != want {
			t.Errorf("%d: %v, want %s", code, got, want)
		}
	}
}
