package dedup

import "context"

// suspendReturned makes sure that a master which was demoted, and comes back as it was,
// is not taken for whole: its epochs still fit its run id. What gives it away is that
// the process is another one than at the last look and nothing had to be replayed, as
// it has to be wherever a process is new. It lacks what came since its last
// checkpoint, so the replay begins there. It returns the epochs as they then are.
func (k *Keeper) suspendReturned(ctx context.Context, found []epoch) ([]epoch, error) {
	returned := k.noteRuns(found)
	if len(returned) == 0 {
		return found, nil
	}
	k.opts.Log.Warn("a Redis that was master before is so again, and may lack what came meanwhile", "parts", len(returned))
	if _, err := k.ledger.epochsOf(ctx, returned, epochAsk{verb: epochSuspend, token: k.token}); err != nil {
		return nil, err
	}
	found, err := k.ledger.epochsOf(ctx, allTags, epochAsk{verb: epochLook})
	if err != nil {
		return nil, err
	}
	k.noteRuns(found)
	return found, nil
}

// noteRuns remembers which process each tag is in, and returns the tags that are whole
// in another one than before.
func (k *Keeper) noteRuns(found []epoch) (returned []int) {
	for _, e := range found {
		if last := k.runs[e.tag]; last != 0 && last != e.run && e.whole {
			returned = append(returned, e.tag)
			continue // until it is suspended
		}
		k.runs[e.tag] = e.run
	}
	return returned
}
