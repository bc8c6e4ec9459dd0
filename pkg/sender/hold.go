package sender

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/wacast/wacast/pkg/job"
)

// Hold is what a worker knows of a queue that waits and others cannot see: a daily
// limit that is used up, or a portfolio's. It stops nothing; it tells people why
// nothing is sent.
type Hold struct {
	Reason job.Reason `json:"reason"`
	// Until is when there may be room again.
	Until time.Time `json:"until"`
	// By is the worker that found it, and Since when.
	By    string    `json:"by"`
	Since time.Time `json:"since"`
}

// holdStep is by how much the end of a hold must move to be told again, and holdKept
// how long one that is over stays in the store.
const (
	holdStep = 10 * time.Second
	holdKept = time.Hour
)

// Hold tells that the jobs of a number's campaign wait until a time; an empty
// campaign is all of the number's, [job.NoCampaign] those without one. It is cheap
// to tell again what is known.
func (s *Stops) Hold(ctx context.Context, sender, campaign string, reason job.Reason, until time.Time) error {
	key := holdKey(sender, campaign)
	h := Hold{Reason: reason, Until: until.UTC(), By: s.name, Since: s.now().UTC()}
	s.mu.Lock()
	was, known := s.holds[key]
	if known && was.Reason == reason && was.Until.After(h.Since) {
		if d := until.Sub(was.Until); d < holdStep && d > -holdStep {
			s.mu.Unlock()
			return nil
		}
		h.Since = was.Since
	}
	s.holds[key] = h
	over := s.holdsOver()
	s.mu.Unlock()
	if s.store == nil {
		return nil
	}
	for _, old := range over {
		if err := s.store.Delete(ctx, old); err != nil {
			return fmt.Errorf("forget what was held: %w", err)
		}
	}
	value, err := json.Marshal(h)
	if err == nil {
		err = s.store.Put(ctx, key, value)
	}
	if err != nil {
		return fmt.Errorf("tell what is held: %w", err)
	}
	return nil
}

// Release tells that the jobs of a number's campaign go on, before their time.
func (s *Stops) Release(ctx context.Context, sender, campaign string) error {
	key := holdKey(sender, campaign)
	s.mu.Lock()
	_, known := s.holds[key]
	delete(s.holds, key)
	s.mu.Unlock()
	if !known {
		return nil
	}
	return s.remove(ctx, key)
}

// Held is why the jobs of a number's campaign wait; false once the time has come.
func (s *Stops) Held(sender, campaign string) (Hold, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	now := s.now()
	for _, key := range []string{holdKey(sender, campaign), holdKey(sender, "")} {
		if h, ok := s.holds[key]; ok && h.Until.After(now) {
			return h, true
		}
	}
	return Hold{}, false
}

// holdsOver takes out what was over long ago, and returns its keys; s.mu is held.
func (s *Stops) holdsOver() (keys []string) {
	for key, h := range s.holds {
		if s.now().Sub(h.Until) > holdKept {
			delete(s.holds, key)
			keys = append(keys, key)
		}
	}
	return keys
}

// applyHold takes a change of what is held; false where the key is another's.
func (s *Stops) applyHold(key string, value []byte) bool {
	if !strings.HasPrefix(key, holdPrefix) {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if value == nil {
		delete(s.holds, key)
		return true
	}
	var h Hold
	if err := json.Unmarshal(value, &h); err != nil {
		s.log.Error("what is held is ignored", "key", key, "error", err)
		return true
	}
	s.holds[key] = h
	return true
}

func holdKey(sender, campaign string) string {
	if campaign == "" {
		return holdPrefix + sender
	}
	return holdPrefix + sender + "." + campaign
}
