package producer

import (
	"hash/maphash"
	"math/bits"
)

const (
	// seenParts is how many tables share the ids, so that one grows at a time and
	// little is copied at once. Their number is that of the values of a tag.
	seenParts = 1 << tagBits
	tagBits   = 12
	// seenLeast is the slots of the smallest table.
	seenLeast = 8
)

// seen remembers jobs by 64 bits of their id and 12 of their body, in at most 16
// bytes a job (and half a megabyte). Ids that share all 64 bits are taken for one:
// among three million that happens once in four million files.
type seen struct {
	seed  maphash.Seed
	parts [seenParts]seenPart
}

// seenPart is an open-addressing hash table with linear probing. Its place in
// seen.parts is the first 12 bits of the ids' hashes; an entry is the other 52 and
// the tag, which is never zero.
type seenPart struct {
	slots []uint64
	n     int
}

// verdict says what is known of a job.
type verdict int

const (
	isNew verdict = iota
	isSame
	isConflict
)

func newSeen() *seen { return &seen{seed: maphash.MakeSeed()} }

// add remembers a job, unless its id is known.
func (s *seen) add(id string, body uint64) verdict {
	return s.addHash(maphash.String(s.seed, id), body)
}

func (s *seen) addHash(hash, body uint64) verdict {
	tag := body%(seenParts-1) + 1
	return s.parts[hash>>(64-tagBits)].add(hash<<tagBits | tag)
}

func (p *seenPart) add(entry uint64) verdict {
	if 20*(p.n+1) > 17*len(p.slots) { // at most 85 % full
		p.grow()
	}
	at := p.find(entry)
	switch found := p.slots[at]; {
	case found == 0:
		p.slots[at] = entry
		p.n++
		return isNew
	case found == entry:
		return isSame
	}
	return isConflict
}

// find is the slot with the entry's id, or the free one for it.
func (p *seenPart) find(entry uint64) int {
	high, _ := bits.Mul64(entry>>tagBits<<tagBits, uint64(len(p.slots)))
	at := int(high)
	for p.slots[at] != 0 && p.slots[at]>>tagBits != entry>>tagBits {
		if at++; at == len(p.slots) {
			at = 0
		}
	}
	return at
}

// grow by half: a table is never less than 56 % full, which is 14 bytes a job.
func (p *seenPart) grow() {
	old := p.slots
	p.slots = make([]uint64, max(seenLeast, len(old)+len(old)/2))
	for _, entry := range old {
		if entry != 0 {
			p.slots[p.find(entry)] = entry
		}
	}
}
