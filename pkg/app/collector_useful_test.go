package app

import (
	"testing"
	"time"
)

func TestUsefulWorkers(t *testing.T) {
	for _, tt := range []struct {
		name        string
		rate        float64
		latency     time.Duration
		maxInFlight int
		want        int
	}{
		{"nothing to do", 0, time.Second, 1000, 0},
		{"one number, whatever waits behind it", 79, time.Second, 1000, 1},
		{"ten numbers of 1,000 are more than a core", 10_000, 40 * time.Millisecond, 1000, 3},
		{"one of 1,000 whose answers take a second", 1000, time.Second, 1000, 2},
		{"before the first answer", 79, 0, 1000, 1},
		{"few requests at once", 80, time.Second, 10, 12},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := usefulWorkers(tt.rate, tt.latency, tt.maxInFlight); got != tt.want {
				t.Errorf("%d workers, want %d", got, tt.want)
			}
		})
	}
}
