package recipient

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
)

// keyName is the key of the bucket of consent under which the identity key is, where
// no setting gives one.
const keyName = "key"

// ParseKey reads a key as settings hold it: in hexadecimal, or any text.
func ParseKey(text string) (Key, error) {
	k := Key(text)
	if raw, err := hex.DecodeString(text); err == nil {
		k = raw
	}
	return k, k.Validate()
}

// SharedKey is the key that is kept in the bucket of consent. The first who asks makes
// it, and everybody after that gets the same.
func SharedKey(ctx context.Context, consent Store) (Key, error) {
	for {
		value, err := peek(ctx, consent, keyName)
		if err != nil {
			return nil, fmt.Errorf("identity key: %w", err)
		}
		if value != nil {
			k, err := ParseKey(string(value))
			if err != nil {
				return nil, fmt.Errorf("the bucket of consent holds no good key: %w", err)
			}
			return k, nil
		}
		fresh := make([]byte, 32)
		_, _ = rand.Read(fresh) // never fails
		if _, err := consent.Create(ctx, keyName, []byte(hex.EncodeToString(fresh))); err != nil {
			return nil, fmt.Errorf("make the identity key: %w", err)
		}
	}
}
