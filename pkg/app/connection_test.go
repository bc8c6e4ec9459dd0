package app

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// What another process is told leads it to the same servers, and tells it nothing else.
func TestConnection(t *testing.T) {
	given := []string{
		"WACAST_NATS_URL=nats://me:secret@n.example:4222", "WACAST_REDIS_PASSWORD=hush", "WACAST_REDIS_URL=redis://r.example:6379/3",
		"WACAST_ACCESS_TOKEN=token", "WACAST_DEFAULT_MPS=20",
	}
	cfg, _, err := Load(Sources{Environ: given})
	if err != nil {
		t.Fatal(err)
	}
	got, err := cfg.Connection()
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(got)
	if diff := cmp.Diff(given[:3], got); diff != "" {
		t.Error("(-want +got):\n", diff)
	}
	again, _, err := Load(Sources{Environ: got})
	if err != nil || again.NATSURL != cfg.NATSURL || again.RedisURL != cfg.RedisURL {
		t.Errorf("read again: %v, %v", again.Redacted(), err)
	}
}
