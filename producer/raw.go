package producer

import (
	"io"
	"strings"
)

// rawReader remembers what was read of the row under way, for one whose cells cannot
// be told apart.
type rawReader struct {
	r io.Reader
	// seen begins at the offset from, and row is where the row does.
	seen      []byte
	from, row int64
}

// Read implements [io.Reader].
func (r *rawReader) Read(p []byte) (int, error) {
	r.seen, r.from = append(r.seen[:0], r.seen[r.row-r.from:]...), r.row
	n, err := r.r.Read(p)
	r.seen = append(r.seen, p[:n]...)
	return n, err
}

// begin says where a row begins: what was before is not asked for any more.
func (r *rawReader) begin(offset int64) { r.row = offset }

// line is the row, which ends at an offset.
func (r *rawReader) line(end int64) string {
	return strings.TrimRight(string(r.seen[r.row-r.from:end-r.from]), "\r\n")
}
