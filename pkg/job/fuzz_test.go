package job_test

import (
	"bytes"
	"errors"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/wacast/wacast/pkg/job"
)

// FuzzDecode takes anything without a panic, holds no telephone number in its
// errors, and writes what it read so that it is read the same.
func FuzzDecode(f *testing.F) {
	data, err := os.ReadFile("testdata/v1.json")
	if err != nil {
		f.Fatal(err)
	}
	for line := range bytes.Lines(data) {
		f.Add(bytes.TrimRight(line, ",\n"))
	}
	for _, tt := range rules {
		f.Add([]byte(tt.in))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		j, err := job.Decode(data)
		if err != nil {
			checkError(t, data, err)
			return
		}
		first, err := job.Encode(j)
		if err != nil {
			t.Fatalf("%v: %s", err, data)
		}
		again, err := job.DecodeStrict(first)
		if err != nil {
			t.Fatalf("%v: %s became %s", err, data, first)
		}
		second, err := job.Encode(again)
		if err != nil {
			t.Fatalf("%v: %s became %s", err, data, first)
		}
		if diff := cmp.Diff(string(first), string(second)); diff != "" {
			t.Errorf("%s is written in two ways:\n%s", data, diff)
		}
		if j.BodyHash() != again.BodyHash() {
			t.Errorf("%s has two hashes", data)
		}
	})
}

func checkError(t *testing.T, data []byte, err error) {
	t.Helper()
	var invalid *job.InvalidError
	if !errors.Is(err, job.ErrNewer) && !errors.Is(err, job.ErrTooLarge) && !errors.As(err, &invalid) {
		t.Errorf("%s gives an error of no kind: %v", data, err)
	}
	if longNumber.MatchString(err.Error()) {
		t.Errorf("%s gives an error with a number: %v", data, err)
	}
}
