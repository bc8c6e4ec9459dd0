package queue_test

import (
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/wacast/wacast/pkg/queue"
)

func TestRanges(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		sequences []uint64
		want      string
		ranges    []queue.Range
	}{
		{nil, "", nil},
		{[]uint64{7}, "7", []queue.Range{{First: 7, Last: 7}}},
		{[]uint64{3, 1, 2, 2}, "1-3", []queue.Range{{First: 1, Last: 3}}},
		{[]uint64{500, 502, 1, 501, 504, 2}, "1-2,500-502,504", []queue.Range{{First: 1, Last: 2}, {First: 500, Last: 502}, {First: 504, Last: 504}}},
		{[]uint64{math.MaxUint64, math.MaxUint64 - 1}, "18446744073709551614-18446744073709551615", []queue.Range{{First: math.MaxUint64 - 1, Last: math.MaxUint64}}},
	} {
		if got := queue.Ranges(tt.sequences); got != tt.want {
			t.Errorf("Ranges(%v) = %q, want %q", tt.sequences, got, tt.want)
		}
		got, err := queue.ParseRanges(tt.want)
		if diff := cmp.Diff(tt.ranges, got); diff != "" || err != nil {
			t.Errorf("%q: %v %s", tt.want, err, diff)
		}
	}
	for _, bad := range []string{",", "1,", "0", "a", "2-1", "1-2,2", "5,3", "1-", "-1", "1-2-3", "1 ", "18446744073709551616"} {
		if got, err := queue.ParseRanges(bad); err == nil {
			t.Errorf("ParseRanges(%q) = %v, want an error", bad, got)
		}
	}
}
