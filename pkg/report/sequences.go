package report

import (
	"iter"
	"maps"
	"math/bits"
	"slices"
)

// pageBits is how many sequences a page of [sequences] has.
const pageBits = 1 << 16

// sequences is a set of stream sequences: a bit each, in pages, so that ten million
// of them take little more than a megabyte.
type sequences struct {
	pages map[uint64]*[pageBits / 64]uint64
	n     uint64
}

func newSequences() *sequences {
	return &sequences{pages: make(map[uint64]*[pageBits / 64]uint64)}
}

// add puts a sequence into the set, and reports false when it was there.
func (s *sequences) add(seq uint64) bool {
	page := s.pages[seq/pageBits]
	if page == nil {
		page = new([pageBits / 64]uint64)
		s.pages[seq/pageBits] = page
	}
	word, bit := seq%pageBits/64, uint64(1)<<(seq%64)
	if page[word]&bit != 0 {
		return false
	}
	page[word] |= bit
	s.n++
	return true
}

// addRange puts the sequences of a range into the set, its ends among them.
func (s *sequences) addRange(first, last uint64) {
	for seq := first; seq <= last; seq++ {
		s.add(seq)
	}
}

// without is what is in none of the others.
func (s *sequences) without(others ...*sequences) *sequences {
	left := newSequences()
	for at, page := range s.pages {
		rest := *page
		for _, o := range others {
			if other := o.pages[at]; other != nil {
				for i := range rest {
					rest[i] &^= other[i]
				}
			}
		}
		n := 0
		for _, word := range rest {
			n += bits.OnesCount64(word)
		}
		if n > 0 {
			left.pages[at] = &rest
			left.n += uint64(n)
		}
	}
	return left
}

// all yields the sequences, the lowest first.
func (s *sequences) all() iter.Seq[uint64] {
	return func(yield func(uint64) bool) {
		for _, at := range slices.Sorted(maps.Keys(s.pages)) {
			for i, word := range s.pages[at] {
				for ; word != 0; word &= word - 1 {
					if !yield(at*pageBits + uint64(i)*64 + uint64(bits.TrailingZeros64(word))) {
						return
					}
				}
			}
		}
	}
}
