package dedup

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/wacast/wacast/pkg/job"
)

func TestStatesAreOutcomes(t *testing.T) {
	for _, kind := range job.Kinds() {
		state, ok := StateOf(kind)
		want := kind.IsOutcome() && kind != job.Duplicate
		if ok != want {
			t.Errorf("%s is a state: %v, want %v", kind, ok, want)
		}
		if ok && (state.Kind() != kind || !state.Final() || state.String() != string(kind)) {
			t.Errorf("%s came back as %s", kind, state.Kind())
		}
	}
	for _, s := range []State{None, Open, Claimed, 9, 255} {
		if s.Final() || s.Kind() != "" {
			t.Errorf("%v is final", s)
		}
	}
}

// Stored numbers must not change between versions.
func TestStoredFormat(t *testing.T) {
	now := time.UnixMilli(0x0102_0304_0506)
	s := Subject{Body: 0x1111_2222_3333_4455, Publication: 0x0a0b0c0d}
	sec := string([]byte{0x01, 0x02, 0x03, 0x04}) // any time will do
	for name, c := range map[string]struct {
		packed string
		want   Entry
	}{
		"open":    {"\x01\x02\x44\x55" + sec + "\x0a\x0b\x0c\x0d", Entry{State: Open, Attempt: 2, SameBody: true, SamePublication: true, Publication: 0x0a0b0c0d}},
		"claimed": {"\x02\x03\x44\x55" + sec + "\x0a\x0b\x0c\x0e" + "\x00\x00\x00\x00\x00\x00\x00\x2a" + "\x01\x02\x03\x04\x05\x07\x02", Entry{State: Claimed, Attempt: 3, SameBody: true, Nonce: 42, LeaseLeft: time.Millisecond, Publication: 0x0a0b0c0e, Seen: SeenDelivered}},
		"stale":   {"\x02\x03\x44\x55" + sec + "\x0a\x0b\x0c\x0e" + "\x00\x00\x00\x00\x00\x00\x00\x2a" + "\x01\x02\x03\x04\x05\x06\x00", Entry{State: Claimed, Attempt: 3, SameBody: true, Nonce: 42, Publication: 0x0a0b0c0e}},
		"final":   {"\x08\xff\x44\x56" + sec + "\x00\x00\x00\x00" + "\x07\x13" + "\x01\x02\x03\x04\x05", Entry{State: Unknown, Attempt: 255, Code: 7, Seen: SeenSent | SeenDelivered | SeenDoubt, Event: 0x0102030405}},
		"no body": {"\x03\x01\x00\x00" + sec + "\x00\x00\x00\x00" + "\x00\x00" + "\x00\x00\x00\x00\x00", Entry{State: Accepted, Attempt: 1, SameBody: true}},
		"nothing": {"", Entry{}},
	} {
		got, err := decodeEntry(c.packed, s, now.UnixMilli())
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if c.packed != "" {
			c.want.Since = time.Unix(0x01020304, 0)
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func FuzzDecodeEntry(f *testing.F) {
	f.Add("", uint64(0))
	f.Add("\x01\x02\x44\x55tttt\x0a\x0b\x0c\x0d", uint64(1))
	f.Add("\x02\x03\x44\x55tttt\x0a\x0b\x0c\x0enoncenon\xff\xff\xff\xff\xff\xff\x00", uint64(2))
	f.Add("\x09", uint64(2))
	f.Add("\x0200000000000000000000000000", uint64(0)) // a lease of some thousand years
	f.Fuzz(func(t *testing.T, packed string, body uint64) {
		e, err := decodeEntry(packed, Subject{Body: body}, 0)
		if err != nil {
			if packed == "" {
				t.Error("no entry is an error")
			}
			return
		}
		if e.LeaseLeft < 0 || (e.State == None) != (packed == "") || e.SamePublication {
			t.Errorf("%q is %+v", packed, e)
		}
	})
}

func TestMarksAreNeverZero(t *testing.T) {
	if bodyMark(0) != 0 || bodyMark(0x10000) == 0 {
		t.Error("only an unknown body has the mark 0")
	}
	if PublicationOf("WACAST_JOBS", 1) == PublicationOf("WACAST_DUE", 1) || PublicationOf("WACAST_JOBS", 1) == PublicationOf("WACAST_JOBS", 2) {
		t.Error("two messages have one mark")
	}
	if a, b := NewNonce(), NewNonce(); a == 0 || a == b {
		t.Errorf("nonces %x and %x", a, b)
	}
}

func TestKeysAreTold(t *testing.T) {
	a, b := hashOf(job.Key{Campaign: "ab", ID: "c"}), hashOf(job.Key{Campaign: "a", ID: "bc"})
	if a == b {
		t.Error("campaign ab with c is campaign a with bc")
	}
}
