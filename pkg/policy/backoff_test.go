package policy

import (
	"math"
	"testing"
	"testing/quick"
	"time"
)

func TestBackoffIsMonotoneAndBounded(t *testing.T) {
	property := func(first, limit int64, factor uint8, n uint32) bool {
		b := Backoff{First: time.Duration(first & math.MaxInt64), Limit: time.Duration(limit & math.MaxInt64), Factor: int(factor)}
		d := int(n >> 1)
		low, high := b.Wait(d), b.Wait(d+1)
		return 0 <= low && low <= high && high <= b.Limit && low >= min(b.First, b.Limit)
	}
	if err := quick.Check(property, &quick.Config{MaxCount: 20000}); err != nil {
		t.Error(err)
	}
}

func TestBackoffWait(t *testing.T) {
	b := Backoff{First: time.Second, Factor: 2, Limit: 5 * time.Minute}
	for n, want := range map[int]time.Duration{
		math.MinInt: time.Second, 0: time.Second, 1: time.Second, 2: 2 * time.Second, 9: 256 * time.Second,
		10: 5 * time.Minute, 64: 5 * time.Minute, 1 << 30: 5 * time.Minute, math.MaxInt: 5 * time.Minute,
	} {
		if got := b.Wait(n); got != want {
			t.Errorf("wait %d is %v, want %v", n, got, want)
		}
	}
	if got := (Backoff{First: 1, Factor: 3, Limit: math.MaxInt64}).Wait(1 << 30); got != math.MaxInt64 {
		t.Errorf("without a real limit the wait is %v", got)
	}
}

func TestJitter(t *testing.T) {
	for _, tt := range []struct {
		d    time.Duration
		r    float64
		want time.Duration
	}{
		{time.Minute, 0, time.Minute},
		{time.Minute, 0.5, 75 * time.Second},
		{time.Minute, 1, 90 * time.Second},
		{time.Minute, 7, 90 * time.Second},
		{time.Minute, -1, time.Minute},
		{time.Minute, math.NaN(), time.Minute},
		{time.Minute, math.Inf(1), 90 * time.Second},
		{0, 0.5, 0},
		{-5, 0.5, -5},
		{math.MaxInt64, 1, math.MaxInt64},
	} {
		if got := Jitter(tt.d, tt.r); got != tt.want {
			t.Errorf("Jitter(%v, %v) = %v, want %v", tt.d, tt.r, got, tt.want)
		}
	}
	property := func(d int64, r, s uint16) bool {
		wait := time.Duration(d & (math.MaxInt64 >> 1))
		low, high := Jitter(wait, float64(min(r, s))/math.MaxUint16), Jitter(wait, float64(max(r, s))/math.MaxUint16)
		return wait <= low && low <= high && high-wait <= wait/2+wait/1000+1 // floats round
	}
	if err := quick.Check(property, &quick.Config{MaxCount: 20000}); err != nil {
		t.Error(err)
	}
}
