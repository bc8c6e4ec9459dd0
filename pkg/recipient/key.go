package recipient

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"hash"
	"strings"
	"sync"
)

// Key is the secret that recipients are hashed with. Without it nobody finds out,
// by trying all telephone numbers, whom a bucket holds.
type Key []byte

// ID names a person, or one alias of a person: 16 characters of base64url. It is no
// telephone number and may be logged.
type ID string

// Person is what one message knows of its recipient or author; each field may be
// empty.
type Person struct {
	// Number is the number as it was sent to. Number and WaID are alike with and
	// without +: a wa_id that is the number is the same alias.
	Number string
	// WaID is what WhatsApp calls the recipient, which may be another number.
	WaID string
	// UserID is the business-scoped user id.
	UserID string
}

// MinKey is the least length of a key.
const MinKey = 16

// Validate refuses a key that is too short to be a secret.
func (k Key) Validate() error {
	if len(k) < MinKey {
		return errors.New("identity key: must have at least 16 bytes")
	}
	return nil
}

// Number is the id of a telephone number or wa_id, with or without its +.
func (k Key) Number(number string) ID { return newHasher(k).number(number).ID() }

// User is the id of a business-scoped user id.
func (k Key) User(userID string) ID { return newHasher(k).user(userID).ID() }

// IDs are those of what is known of a person, the canonical one first.
func (k Key) IDs(p Person) []ID {
	known := newHasher(k).aliases(p)
	ids := make([]ID, 0, len(known.list))
	for _, a := range known.all() {
		ids = append(ids, a.ID())
	}
	return ids
}

// alias is an [ID] as memory holds it: the first 96 bits of the hash.
type alias [12]byte

// ID is the alias in text, as keys of buckets have it.
func (a alias) ID() ID { return ID(base64.RawURLEncoding.EncodeToString(a[:])) }

func (a alias) compare(b alias) int { return bytes.Compare(a[:], b[:]) }

// idLength is that of an [ID].
const idLength = 16

// parseAlias reads an [ID].
func parseAlias(s string) (a alias, ok bool) {
	if len(s) != idLength {
		return a, false
	}
	n, err := base64.RawURLEncoding.Decode(a[:], []byte(s))
	return a, err == nil && n == len(a)
}

// aliases are up to three of one person, the canonical one first.
type aliases struct {
	list [3]alias
	n    int
}

func (s *aliases) all() []alias { return s.list[:s.n] }

func (s *aliases) add(a alias) {
	for _, known := range s.all() {
		if known == a {
			return
		}
	}
	s.list[s.n] = a
	s.n++
}

// hasher hashes with one key. Its states are kept: setting one up costs more than
// hashing a number with it.
type hasher struct{ states sync.Pool }

// state is one HMAC and the room it needs.
type state struct {
	mac hash.Hash
	buf []byte
}

func newHasher(k Key) *hasher {
	return &hasher{states: sync.Pool{New: func() any {
		return &state{mac: hmac.New(sha256.New, k), buf: make([]byte, 0, 256)}
	}}}
}

func (h *hasher) number(number string) alias {
	return h.hash("person/number/", strings.TrimPrefix(number, "+"))
}

func (h *hasher) user(userID string) alias { return h.hash("person/user/", userID) }

func (h *hasher) hash(kind, value string) (a alias) {
	s := h.states.Get().(*state)
	s.mac.Reset()
	s.buf = append(append(s.buf[:0], kind...), value...)
	_, _ = s.mac.Write(s.buf) // a hash never fails
	s.buf = s.mac.Sum(s.buf[:0])
	copy(a[:], s.buf)
	h.states.Put(s)
	return a
}

func (h *hasher) aliases(p Person) (known aliases) {
	if p.Number != "" {
		known.add(h.number(p.Number))
	}
	if p.WaID != "" {
		known.add(h.number(p.WaID))
	}
	if p.UserID != "" {
		known.add(h.user(p.UserID))
	}
	return known
}

// masked is the person as people may see them.
func (p Person) masked() string {
	for _, number := range []string{p.Number, p.WaID} {
		if number != "" {
			return maskNumber(number)
		}
	}
	return maskUser(p.UserID)
}

// IsID reports whether a key of the bucket of consent is a person's.
func IsID(key string) bool {
	_, ok := parseAlias(key)
	return ok
}
