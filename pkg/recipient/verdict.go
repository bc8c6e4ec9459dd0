package recipient

import (
	"time"

	"github.com/wacast/wacast/pkg/job"
)

// Verdict answers [Book.Check].
type Verdict struct {
	// OK lets the message through.
	OK bool
	// Reason and Detail say why not; the detail is for people.
	Reason job.Reason
	Detail string
	// Until is when it may be asked again; zero where that is not known.
	Until time.Time
	// Permanent is set where only the person, or a person at work, changes it.
	Permanent bool
}
