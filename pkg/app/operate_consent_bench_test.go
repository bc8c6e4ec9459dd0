package app_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/wacast/wacast/pkg/embed/embedtest"
	"github.com/wacast/wacast/pkg/recipient"
)

// A list of opt-outs is imported.
func BenchmarkImport(b *testing.B) {
	y := newYard(b, embedtest.Redis(b))
	at := 0
	for b.Loop() {
		people := make(chan recipient.Person, 256)
		go func() {
			defer close(people)
			for range benchJobs(b) {
				at++
				people <- recipient.Person{Number: fmt.Sprintf("+54911%08d", at)}
			}
		}()
		began := time.Now()
		done, err := y.o.Import(b.Context(), people, recipient.OptOut{Scope: recipient.All, Source: recipient.Import})
		if err != nil || done.Added != benchJobs(b) {
			b.Fatal(done, err)
		}
		b.ReportMetric(float64(done.Added)/time.Since(began).Seconds(), "people/s")
	}
}
