package recipient

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"time"
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

// ErrKey marks an identity key that is not the one the stored people were hashed with:
// nobody who has opted out would be found.
var ErrKey = errors.New("the identity key is not the one that recipients were stored with")

// proofName is the key of the bucket of consent that tells one identity key from another.
const proofName = "proof"

// A copy of the bucket may be behind its leader, and what it lacks looks as if it had
// never been. So before a key is called wrong the bucket is asked again, after each of
// these waits doubled, up to the last.
const (
	firstLook = 50 * time.Millisecond
	lastLook  = 2 * time.Second
)

// UseKey is the key to hash with: the given one, or without one the key that all
// processes share. One that is not the key of what is stored is [ErrKey].
func UseKey(ctx context.Context, consent Store, given Key) (Key, error) {
	for wait := firstLook; ; wait *= 2 {
		k, err := useKey(ctx, consent, given)
		if !errors.Is(err, ErrKey) || wait > lastLook {
			return k, err
		}
		select {
		case <-ctx.Done():
			return nil, err
		case <-time.After(wait):
		}
	}
}

func useKey(ctx context.Context, consent Store, given Key) (Key, error) {
	k := given
	if k == nil {
		var err error
		if k, err = existingKey(ctx, consent); err != nil {
			return nil, err
		}
	}
	want := string(newHasher(k).hash("proof/", "").ID())
	if _, err := consent.Create(ctx, proofName, []byte(want)); err != nil {
		return nil, fmt.Errorf("identity key: %w", err)
	}
	have, err := peek(ctx, consent, proofName)
	if err != nil {
		return nil, fmt.Errorf("identity key: %w", err)
	}
	if string(have) != want {
		return nil, fmt.Errorf("%w: give the former identity_key, or none if there was none", ErrKey)
	}
	return k, nil
}

// existingKey is the shared key, unless people were stored with another one.
func existingKey(ctx context.Context, consent Store) (Key, error) {
	proof, err := peek(ctx, consent, proofName)
	if err != nil {
		return nil, fmt.Errorf("identity key: %w", err)
	}
	shared, err := peek(ctx, consent, keyName)
	if err != nil {
		return nil, fmt.Errorf("identity key: %w", err)
	}
	if proof != nil && shared == nil {
		return nil, fmt.Errorf("%w: they were stored with one of the settings, give identity_key", ErrKey)
	}
	return SharedKey(ctx, consent)
}
