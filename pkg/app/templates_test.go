package app

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wacast/wacast/pkg/sender"
)

// A folder of templates is read again when its files change; what makes no sense
// changes nothing and is told of once.
func TestTemplatesAreReadAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		write := func(text string) {
			t.Helper()
			if err := os.WriteFile(filepath.Join(dir, "t.json"), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		of := func(category string) string {
			return `{"data":[{"name":"n","language":"en","status":"APPROVED","category":"` + category + `","components":[{"type":"BODY","text":"Hi"}]}]}`
		}
		write(of("UTILITY"))
		var log strings.Builder
		all, err := loadTemplates([]*sender.Account{{WABA: "1", Templates: dir}}, slog.New(slog.NewTextHandler(&log, nil)))
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		var running sync.WaitGroup
		running.Go(func() { all.watch(ctx) })
		for _, step := range []struct{ text, want string }{{of("MARKETING"), "MARKETING"}, {"{", "MARKETING"}, {of("UTILITY"), "UTILITY"}} {
			write(step.text)
			time.Sleep(3 * folderEvery)
			synctest.Wait()
			d, err := all.Definition("1", "n", "en")
			if err != nil || d.Category() != step.want {
				t.Errorf("%v, %v; want %s", d, err, step.want)
			}
		}
		cancel()
		running.Wait()
		if read, failed := strings.Count(log.String(), "read again"), strings.Count(log.String(), "cannot be read"); read != 2 || failed != 1 {
			t.Errorf("%d times read again, %d times not:\n%s", read, failed, &log)
		}
	})
}
