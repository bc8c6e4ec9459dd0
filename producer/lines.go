package producer

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"iter"

	"github.com/wacast/wacast/pkg/job"
)

// Lines reads jobs in JSON, one a line. A line that is no job is yielded as an
// error that names the line; empty lines are passed over. Reading is as strict
// as the contract allows: an unknown field is the author's mistake.
func Lines(r io.Reader) iter.Seq2[*job.Job, error] {
	return func(yield func(*job.Job, error) bool) {
		lines := bufio.NewReaderSize(r, job.MaxSize+2)
		for number := 1; ; number++ {
			line, err := lines.ReadSlice('\n')
			if errors.Is(err, bufio.ErrBufferFull) {
				err = discardLine(lines)
				if !yield(nil, fmt.Errorf("line %d: %w", number, job.ErrTooLarge)) {
					return
				}
				line = nil
			}
			if err != nil && !errors.Is(err, io.EOF) {
				yield(nil, fmt.Errorf("line %d: read: %w", number, err))
				return
			}
			if text := bytes.TrimSpace(line); len(text) > 0 {
				j, jobErr := job.DecodeStrict(text)
				if jobErr != nil {
					jobErr = fmt.Errorf("line %d: %w", number, jobErr)
				}
				if !yield(j, jobErr) {
					return
				}
			}
			if err != nil {
				return
			}
		}
	}
}

// discardLine skips the rest of a line that is too long.
func discardLine(r *bufio.Reader) error {
	for {
		_, err := r.ReadSlice('\n')
		if !errors.Is(err, bufio.ErrBufferFull) {
			return err
		}
	}
}
