package producer

import (
	"math/rand/v2"
	"strconv"
	"testing"
)

// The set and a map agree, also where many hashes share a part and a place in it.
func TestSeenIsAMap(t *testing.T) {
	t.Parallel()
	for name, hash := range map[string]func(r *rand.Rand) uint64{
		"spread":       func(r *rand.Rand) uint64 { return r.Uint64N(50_000) * 0x9e3779b97f4a7c15 },
		"one part":     func(r *rand.Rand) uint64 { return r.Uint64N(20_000) * 0x9e3779b97f4a7c15 >> tagBits },
		"one place":    func(r *rand.Rand) uint64 { return r.Uint64N(300) },
		"the last one": func(r *rand.Rand) uint64 { return ^r.Uint64N(300) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := rand.New(rand.NewPCG(1, 2))
			s, model := newSeen(), make(map[uint64]uint64)
			for range 60_000 {
				h, body := hash(r), r.Uint64N(3)
				want := isNew
				if known, ok := model[h]; ok && known == body {
					want = isSame
				} else if ok {
					want = isConflict
				} else {
					model[h] = body
				}
				if got := s.addHash(h, body); got != want {
					t.Fatalf("hash %x, body %d: verdict %d, want %d", h, body, got, want)
				}
			}
		})
	}
}

func TestSeenOfIDs(t *testing.T) {
	t.Parallel()
	s := newSeen()
	for i := range 1000 {
		if got := s.add(strconv.Itoa(i), 7); got != isNew {
			t.Fatalf("id %d is known already: %d", i, got)
		}
	}
	if got := s.add("999", 7); got != isSame {
		t.Errorf("the same again: %d", got)
	}
	if got := s.add("999", 8); got != isConflict {
		t.Errorf("another body: %d", got)
	}
}

// 16 bytes a job, whatever their number.
func TestSeenIsSmall(t *testing.T) {
	t.Parallel()
	const most = 16
	s := newSeen()
	r := rand.New(rand.NewPCG(3, 4))
	for n := 1; n <= 1_000_000; n++ {
		s.addHash(r.Uint64(), 0)
		if n < 100_000 || n%50_000 != 0 {
			continue
		}
		slots := 0
		for i := range s.parts {
			slots += cap(s.parts[i].slots)
		}
		if 8*slots > most*n {
			t.Errorf("%d jobs take %.1f bytes each, want at most %d", n, float64(8*slots)/float64(n), most)
		}
	}
}

func BenchmarkSeen(b *testing.B) {
	s := newSeen()
	r := rand.New(rand.NewPCG(5, 6))
	b.ReportAllocs()
	for b.Loop() {
		s.addHash(r.Uint64(), 0)
	}
}
