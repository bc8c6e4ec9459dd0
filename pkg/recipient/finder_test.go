package recipient_test

import (
	"testing"

	"github.com/wacast/wacast/pkg/recipient"
)

// A person is found by any alias, and by those that are learned on the way.
func TestFinder(t *testing.T) {
	t.Parallel()
	key := recipient.Key("0123456789abcdef0123456789abcdef")
	f := key.NewFinder([]recipient.ID{key.Number("+5491155550100"), "no id"})
	other := recipient.Person{Number: "+5491155550101", WaID: "5491155550101", UserID: "AR.2"}
	for name, tt := range map[string]struct {
		p    recipient.Person
		want bool
	}{
		"the number":             {recipient.Person{Number: "+5491155550100"}, true},
		"the number as wa_id":    {recipient.Person{WaID: "5491155550100"}, true},
		"both":                   {recipient.Person{Number: "+5491155550100", WaID: "5491155550100"}, true},
		"one of several aliases": {recipient.Person{UserID: "AR.1", WaID: "5491155550100"}, true},
		"another":                {other, false},
		"nobody":                 {recipient.Person{}, false},
		"a user id not learned":  {recipient.Person{UserID: "AR.1"}, false},
	} {
		if got := f.Is(tt.p); got != tt.want {
			t.Errorf("%s: %v, want %v", name, got, tt.want)
		}
	}
	both := recipient.Person{UserID: "AR.1", WaID: "541155550100"}
	if !f.Learn(both) || f.Learn(both) {
		t.Error("aliases are new once")
	}
	if !f.Is(recipient.Person{UserID: "AR.1"}) || !f.Is(recipient.Person{Number: "+541155550100"}) || f.Is(other) {
		t.Error("what was learned is not known")
	}
	if n := len(f.IDs()); n != 3 {
		t.Errorf("%d ids, want 3", n)
	}
}

func BenchmarkFinder(b *testing.B) {
	key := recipient.Key("0123456789abcdef0123456789abcdef")
	f := key.NewFinder([]recipient.ID{key.Number("+5491155550100")})
	p := recipient.Person{Number: "+5491155550101", WaID: "5491155550101"}
	for b.Loop() {
		f.Is(p)
	}
}
