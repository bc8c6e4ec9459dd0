package job

import (
	"crypto/sha256"
	"encoding/binary"
)

// BodyHash tells two bodies with one key apart. Bodies that say the same have the
// same hash: white space, the order of fields, escapes, a default that is written
// out and a time zone make no difference, so a job that is published again by
// another language is a duplicate and no conflict.
//
// Replicas of two builds compare their hashes, so for a given job the hash may
// never change.
func (j *Job) BodyHash() uint64 { return new(Hasher).BodyHash(j) }

// Hasher makes body hashes with a buffer that it keeps, for those who make many.
// It is for one goroutine at a time.
type Hasher struct {
	plain Job
	w     writer
}

// BodyHash is [Job.BodyHash].
func (h *Hasher) BodyHash(j *Job) uint64 {
	h.plain = *j
	plain := &h.plain
	plain.Lane = j.EffectiveLane()
	plain.OnUnknown = j.EffectiveOnUnknown()
	plain.SendAt, plain.ExpiresAt, plain.ReplyBy = j.SendAt.UTC(), j.ExpiresAt.UTC(), j.ReplyBy.UTC()
	h.w = writer{buf: h.w.buf[:0]}
	h.w.job(plain)
	sum := sha256.Sum256(h.w.buf)
	return binary.BigEndian.Uint64(sum[:8])
}
