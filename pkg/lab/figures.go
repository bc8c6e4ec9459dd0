package lab

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/wacast/wacast/pkg/whatsapp"
)

// figures are what a number of messages cost this process.
type figures struct {
	messages int
	wall     time.Duration
	cpu      time.Duration
	allocs   uint64
	bytes    uint64
}

func (f figures) rate() float64               { return float64(f.messages) / f.wall.Seconds() }
func (f figures) cpuMicros() float64          { return float64(f.cpu.Microseconds()) / float64(f.messages) }
func (f figures) perMessage(n uint64) float64 { return float64(n) / float64(f.messages) }

// measure runs do and takes the difference of what the process has used.
func measure(messages int, do func() error) (figures, error) {
	runtime.GC()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	cpu, start := cpuTime(), time.Now()
	err := do()
	f := figures{messages: messages, wall: time.Since(start), cpu: cpuTime() - cpu}
	runtime.ReadMemStats(&after)
	f.allocs, f.bytes = after.Mallocs-before.Mallocs, after.TotalAlloc-before.TotalAlloc
	return f, err
}

// cpuTime is the user and system time of this process.
func cpuTime() time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		return 0
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// measureBare posts the same messages with nothing but net/http and keep-alive:
// what no sender can beat.
func measureBare(ctx context.Context, api string, n, inFlight int) (figures, error) {
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: inFlight, MaxConnsPerHost: inFlight}}
	defer client.CloseIdleConnections()
	url := api + "/" + whatsapp.DefaultVersion + "/" + Clinic + "/messages"
	var next atomic.Int64
	return measure(n, func() error {
		errs := make([]error, inFlight)
		var posting sync.WaitGroup
		for w := range inFlight {
			posting.Go(func() {
				for i := next.Add(1); i <= int64(n) && errs[w] == nil; i = next.Add(1) {
					errs[w] = postBare(ctx, client, url, int(i))
				}
			})
		}
		posting.Wait()
		return errors.Join(errs...)
	})
}

const bareBody = `{"messaging_product":"whatsapp","recipient_type":"individual","to":"+54911%08d","type":"template","template":{"name":"appointment_confirmation","language":{"code":"es_AR"},"components":[{"type":"body","parameters":[{"type":"text","text":"Emilia"},{"type":"text","text":"23 de noviembre, 09:30"}]}]},"biz_opaque_callback_data":"bare/1/1/bench/row-%07d"}`

func postBare(ctx context.Context, client *http.Client, url string, i int) error {
	body := fmt.Appendf(nil, bareBody, i, i)
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer simulated")
	req.Header.Set("Content-Type", "application/json")
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("the stand-in of the API answered %s", resp.Status)
	}
	return nil
}
