package webhook

import (
	"hash/maphash"

	"github.com/wacast/wacast/pkg/job"
)

// maxWamids is how many messages are remembered. With the names of their jobs they take
// about 150 bytes each.
const maxWamids = 64 << 10

// wamids remembers to which attempts messages belong, of the latest ones. Wamids hold
// telephone numbers, so that it keeps hashes only; with 64 bits one in 10^14 questions
// about somebody else's message gets a wrong answer.
type wamids struct {
	seed maphash.Seed
	// old are those that were neither told nor asked for since young was begun.
	young, old map[uint64]job.Token
}

func newWamids() *wamids {
	return &wamids{seed: maphash.MakeSeed(), young: make(map[uint64]job.Token)}
}

func (w *wamids) add(wamid string, token job.Token) {
	if len(w.young) >= maxWamids/2 {
		w.old, w.young = w.young, make(map[uint64]job.Token)
	}
	w.young[maphash.String(w.seed, wamid)] = token
}

func (w *wamids) find(wamid string) (job.Token, bool) {
	at := maphash.String(w.seed, wamid)
	if token, ok := w.young[at]; ok {
		return token, true
	}
	token, ok := w.old[at]
	if ok {
		w.add(wamid, token)
	}
	return token, ok
}
