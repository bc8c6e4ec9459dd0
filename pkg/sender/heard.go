package sender

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// heard is what the store keeps of the webhooks of a number.
type heard struct {
	// SentAt is when the latest message was sent of which a status came in.
	SentAt time.Time `json:"sent_at"`
}

// HeardKey is the store's key for what was heard of a number.
func HeardKey(number string) string { return heardPrefix + number }

// EncodeHeard is the value under [HeardKey]: a status has come in of a message of
// the number that was sent at a time.
func EncodeHeard(sentAt time.Time) ([]byte, error) {
	value, err := json.Marshal(heard{SentAt: sentAt.UTC()})
	if err != nil {
		return nil, fmt.Errorf("encode what was heard: %w", err)
	}
	return value, nil
}

// DecodeHeard reads what [EncodeHeard] wrote.
func DecodeHeard(value []byte) (sentAt time.Time, err error) {
	var h heard
	if err := json.Unmarshal(value, &h); err != nil {
		return time.Time{}, fmt.Errorf("decode what was heard: %w", err)
	}
	return h.SentAt, nil
}

// HeardSince says when the latest message of a number was sent of which a status has
// come in. Of what was sent before it, a missing status means something; of what was
// sent later, it means nothing yet. It is zero while webhooks are silent.
func (s *Stops) HeardSince(number string) time.Time {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.heard[number]
}

// applyHeard takes a change of what was heard; false where the key is another's.
func (s *Stops) applyHeard(key string, value []byte) bool {
	number, ok := strings.CutPrefix(key, heardPrefix)
	if !ok {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if value == nil {
		delete(s.heard, number)
		return true
	}
	sentAt, err := DecodeHeard(value)
	if err != nil {
		s.log.Error("what was heard of a number is ignored", "number", number, "error", err)
		return true
	}
	s.heard[number] = sentAt
	return true
}
