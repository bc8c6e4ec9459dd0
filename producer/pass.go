package producer

import (
	"errors"
	"fmt"
	"iter"

	"github.com/wacast/wacast/pkg/job"
)

// Counts is what a pass over a file has met.
type Counts struct {
	// Rows were read, those without content not counted.
	Rows int `json:"rows"`
	// Unselected rows are not what where asks for.
	Unselected int `json:"unselected"`
	// Jobs are the rows that can be published.
	Jobs int `json:"jobs"`
	// Rejected rows are wrong, the Conflicts among them: they have the id of an
	// earlier row and say something else.
	Rejected  int `json:"rejected"`
	Conflicts int `json:"conflicts"`
	// Duplicates have the id of an earlier row and say the same.
	Duplicates int `json:"duplicates"`
}

// Pass reads a file once and makes jobs of its rows. A file that is read twice is
// first counted and then published: both passes meet the same jobs.
//
// A pass remembers the ids it has met in at most 16 bytes a row; nothing else of it
// grows with the file.
type Pass struct {
	Rows   *Rows
	Recipe *Recipe
	// Limit ends the pass after so many jobs; zero is no limit.
	Limit int
	// Rejected is told of each row that is wrong; it may be nil.
	Rejected func(Row, *RowError)

	counts Counts
	line   int
	err    error
}

// Counts is what the pass has met so far.
func (p *Pass) Counts() Counts { return p.counts }

// Line is where the row of the latest job begins.
func (p *Pass) Line() int { return p.line }

// Err is why the file could not be read to its end.
func (p *Pass) Err() error { return p.err }

// Jobs yields the jobs that can be published, each id once. It never yields an
// error: rows that are wrong go to Rejected, and [Pass.Err] says in the end whether
// the file was read.
func (p *Pass) Jobs() iter.Seq2[*job.Job, error] {
	return func(yield func(*job.Job, error) bool) {
		met := newSeen()
		for row, err := range p.Rows.All() {
			j := p.judge(met, row, err)
			if p.err != nil {
				return
			}
			if j == nil {
				continue
			}
			p.counts.Jobs++
			if !yield(j, nil) || p.counts.Jobs == p.Limit {
				return
			}
		}
	}
}

// judge counts a row and makes its job, if it has one.
func (p *Pass) judge(met *seen, row Row, err error) *job.Job {
	var j *job.Job
	if err == nil {
		j, err = p.Recipe.Make(row)
	}
	var bad *RowError
	if err != nil && !errors.As(err, &bad) {
		p.err = fmt.Errorf("read rows: %w", err)
		return nil
	}
	p.counts.Rows++
	p.line = row.Line
	switch {
	case bad != nil:
		p.reject(row, bad)
		return nil
	case j == nil:
		p.counts.Unselected++
		return nil
	}
	switch met.add(j.ID, j.BodyHash()) {
	case isSame:
		p.counts.Duplicates++
		return nil
	case isConflict:
		p.counts.Conflicts++
		p.reject(row, p.conflict(row.Line))
		return nil
	}
	return j
}

func (p *Pass) reject(row Row, bad *RowError) {
	p.counts.Rejected++
	if p.Rejected != nil {
		p.Rejected(row, bad)
	}
}

func (p *Pass) conflict(line int) *RowError {
	if p.Recipe.Expressions.Has("id") {
		return rowError(line, "id", "an earlier row has the same id and says something else; the earlier one counts")
	}
	return rowError(line, "to", "an earlier row has the same recipient and says something else; the earlier one counts (an id of its own would make it another message)")
}
