package queue

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Range is the sequences from First to Last.
type Range struct{ First, Last uint64 }

// Count is how many sequences there are.
func (r Range) Count() uint64 { return r.Last - r.First + 1 }

// Ranges writes sequences, in any order and each once, as in 1-500,502.
func Ranges(sequences []uint64) string {
	sorted := slices.Compact(slices.Sorted(slices.Values(sequences)))
	var b []byte
	for i := 0; i < len(sorted); {
		j := i + 1
		for j < len(sorted) && sorted[j] == sorted[j-1]+1 {
			j++
		}
		if len(b) > 0 {
			b = append(b, ',')
		}
		b = strconv.AppendUint(b, sorted[i], 10)
		if j > i+1 {
			b = strconv.AppendUint(append(b, '-'), sorted[j-1], 10)
		}
		i = j
	}
	return string(b)
}

// errRanges marks what [Ranges] has not written.
var errRanges = errors.New("not a list of sequences")

// ParseRanges reads what [Ranges] has written. The ranges come in order and do not
// meet; they may be of any length, so nobody should expand them unseen.
func ParseRanges(s string) ([]Range, error) {
	if s == "" {
		return nil, nil
	}
	var all []Range
	last := uint64(0)
	for part := range strings.SplitSeq(s, ",") {
		first, end, more := strings.Cut(part, "-")
		if !more {
			end = first
		}
		r, err := parseRange(first, end)
		if err == nil && r.First <= last {
			err = errRanges
		}
		if err != nil {
			return nil, fmt.Errorf("read sequences: %w", err)
		}
		last = r.Last
		all = append(all, r)
	}
	return all, nil
}

func parseRange(first, last string) (Range, error) {
	f, err1 := strconv.ParseUint(first, 10, 64)
	l, err2 := strconv.ParseUint(last, 10, 64)
	if err1 != nil || err2 != nil || f == 0 || l < f {
		return Range{}, errRanges
	}
	return Range{First: f, Last: l}, nil
}
