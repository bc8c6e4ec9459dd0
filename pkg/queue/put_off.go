package queue

import (
	"cmp"
	"context"
	"fmt"
	"slices"
)

// PutOff counts the jobs of a number's campaign that wait for their time.
type PutOff struct {
	// Kind is what they wait for, such as [KindSendAt].
	Kind     string
	Sender   string
	Campaign string
	Jobs     uint64
}

// PutOff lists what waits for its time, by kind, number and campaign. It lists every
// job, which takes a while for many.
func (l *Later) PutOff(ctx context.Context) ([]PutOff, error) {
	info, err := readInfo(ctx, l.nc, l.names.LaterStream(), l.names.wild("later", "", "", "", ""))
	if err != nil {
		return nil, fmt.Errorf("count jobs put off: %w", err)
	}
	counts := make(map[PutOff]uint64)
	for subject, n := range info.State.Subjects {
		if kind, sender, campaign, ok := l.names.parseLater(subject); ok {
			counts[PutOff{Kind: kind, Sender: sender, Campaign: campaign}] += n
		}
	}
	list := make([]PutOff, 0, len(counts))
	for p, n := range counts {
		p.Jobs = n
		list = append(list, p)
	}
	slices.SortFunc(list, func(a, b PutOff) int {
		return cmp.Or(cmp.Compare(a.Sender, b.Sender), cmp.Compare(a.Campaign, b.Campaign), cmp.Compare(a.Kind, b.Kind))
	})
	return list, nil
}

// AskSubject is where workers tell how they and their numbers stand: a request of core
// NATS, which any one of them answers.
func (n Names) AskSubject() string { return n.subject("ask", "worker") }
