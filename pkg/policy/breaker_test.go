package policy

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/wacast/wacast/pkg/whatsapp"
)

// feed gives a breaker answers, written as one letter each: a ambiguous, t transient, n not sent,
// o accepted, r refused; a digit is a pause of so many seconds.
func feed(b *Breaker, now time.Time, answers string) (trippedAt int) {
	classes := map[rune]whatsapp.Class{
		'a': whatsapp.ClassAmbiguous, 't': whatsapp.ClassTransient, 'n': whatsapp.ClassNotSent,
		'o': whatsapp.ClassAccepted, 'r': whatsapp.ClassRefusedRecipient,
	}
	for i, c := range answers {
		if c >= '0' && c <= '9' {
			now = now.Add(time.Duration(c-'0') * time.Second)
			continue
		}
		now = now.Add(time.Millisecond)
		if b.Answer(classes[c], now, now) {
			return i + 1
		}
	}
	return 0
}

func TestBreaker(t *testing.T) {
	tests := []struct {
		name, answers string
		trips         int // at which character; 0 for never
	}{
		{"nothing", "", 0},
		{"all is well", "oooooooooooooooooooo", 0},
		{"refusals are clear", "rrrrrrrrrrrrrrrrrrrr", 0},
		{"nine in a row", "aaaaaaaaa", 0},
		{"ten in a row", "aaaaaaaaaa", 10},
		{"ten in a row, transient too", "atatatatat", 10},
		{"ten in a row over a long time", "a9a9a9a9a9a9a9a9a9a", 19},
		{"ten in a row among many good ones before", "oooooooooooooooooooooooooaaaaaaaaaa", 35},
		{"a clear one begins the row anew", "oooooooooooaaaaaaaaao99aaaaaaaaa", 0},
		{"what was not sent is no answer", "nnnnnnnnnnnnnnnnnnnn", 0},
		{"what was not sent interrupts nothing", "aaaaanaaaaa", 11},
		{"half of them", "oaoaoaoaoaoaoaoaoaoa", 0},
		{"more than half", "aoaoaoaoaoaa", 11},
		{"more than half, but of too few", "aaoaaoaao", 0},
		{"more than half of ten", "aaoaaoaaoa", 10},
		{"more than half, but not within ten seconds", "aaoaa99aoaao99oaaoa", 0},
		{"a share that came to an end", "aaaaaa99oooooooooooooooaaaaaa", 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var b Breaker
			if got := feed(&b, time.Unix(1_790_000_000, 0), tt.answers); got != tt.trips {
				t.Errorf("%s trips at %d, want %d", tt.answers, got, tt.trips)
			}
		})
	}
}

// After it has tripped, what was on its way then says nothing; ten that were sent
// afterwards do.
func TestBreakerForgetsWhatWasInFlight(t *testing.T) {
	var b Breaker
	began := time.Unix(1_790_000_000, 0)
	if at := feed(&b, began, "aaaaaaaaaa"); at != 10 {
		t.Fatalf("trips at %d, want 10", at)
	}
	for i := range 5000 { // at 80 a second and with 20 s of waiting, there are 1,600
		if b.Answer(whatsapp.ClassAmbiguous, began, began.Add(time.Duration(i)*time.Millisecond)) {
			t.Fatal("it trips by what was sent before it tripped")
		}
	}
	if at := feed(&b, began.Add(20*time.Second), "aaaaaaaaaa"); at != 10 {
		t.Errorf("the second time it trips at %d, want 10", at)
	}
}

// The properties, for answers of every kind in any order: it never trips by a clear
// answer nor before 10 unclear ones since it last did, it always trips by the
// tenth in a row, and never while at least half of the answers are clear and no row
// is.
func TestBreakerProperties(t *testing.T) {
	classes := append(whatsapp.Classes(), 0)
	for seed := range uint64(100) {
		r := rand.New(rand.NewPCG(seed, 7))
		bad := r.Float64()
		var b Breaker
		now := time.Unix(1_790_000_000, 0)
		var times []time.Time // of the unclear answers since it last tripped
		var all int
		row := 0
		for range 1000 {
			now = now.Add(time.Duration(r.Float64() * float64(time.Second)))
			class := classes[r.IntN(len(classes))]
			if r.Float64() < bad {
				class = whatsapp.ClassAmbiguous
			}
			trips := b.Answer(class, now, now)
			switch {
			case class == whatsapp.ClassNotSent:
			case Conclusive(class):
				row, all = 0, all+1
			default:
				row, all = row+1, all+1
				times = append(times, now)
			}
			switch {
			case trips && (Conclusive(class) || class == whatsapp.ClassNotSent):
				t.Fatalf("seed %d: %v trips it", seed, class)
			case trips && all < breakerRow:
				t.Fatalf("seed %d: it trips after %d answers", seed, all)
			case trips && row < breakerRow && recent(times, now) < breakerRow/2+1:
				t.Fatalf("seed %d: it trips with %d unclear answers in the window, %d in a row", seed, recent(times, now), row)
			case !trips && row >= breakerRow:
				t.Fatalf("seed %d: %d in a row do not trip it", seed, row)
			}
			if trips {
				row, all, times = 0, 0, nil
			}
		}
	}
}

func recent(times []time.Time, now time.Time) (n int) {
	for _, at := range times {
		if now.Sub(at) < breakerWindow*time.Second {
			n++
		}
	}
	return n
}

func TestProbeWait(t *testing.T) {
	for n, want := range map[int]time.Duration{0: 2, 1: 2, 2: 4, 3: 8, 4: 10, 5: 10, 1000: 10} {
		if got := ProbeWait(n); got != want*time.Second {
			t.Errorf("wait for probe %d is %v, want %ds", n, got, want)
		}
	}
}

func BenchmarkBreaker(b *testing.B) {
	var breaker Breaker
	now := time.Unix(1_790_000_000, 0)
	for b.Loop() {
		breaker.Answer(whatsapp.ClassAccepted, now, now)
	}
}
