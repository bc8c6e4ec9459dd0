package queue

import (
	"encoding/hex"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/wacast/wacast/pkg/job"
)

var someNotes = []ClaimNote{
	{Key: job.Key{Campaign: "c1", ID: "a"}, Attempt: 1, Body: 0x1234, Stream: "WACAST_JOBS", Sequence: 1000},
	{Key: job.Key{Campaign: "c1", ID: "b"}, Attempt: 1, Body: 0xffff, Stream: "WACAST_JOBS", Sequence: 1001},
	{Return: true, Key: job.Key{ID: "c"}, Attempt: 200, Stream: "WACAST_LATER", Sequence: 7},
}

// The stream is read by workers of other versions, for a day.
func TestClaimsAreWrittenAsEver(t *testing.T) {
	got := encodeClaims(90*time.Second, someNotes, math.MaxInt)
	const want = "01" + "90bf05" +
		"06" + "026331" + "0b5741434153545f4a4f4253" + "0161" + "01" + "3412" + "d00f" +
		"00" + "0162" + "01" + "ffff" + "02" +
		"07" + "00" + "0c5741434153545f4c41544552" + "0163" + "c801" + "0000" + "c30f"
	if len(got) != 1 || hex.EncodeToString(got[0]) != want {
		t.Errorf("%x\nwant %s", got, want)
	}
}

func TestClaimsThatAreNone(t *testing.T) {
	good := appendClaims(nil, time.Second, someNotes)
	var b ClaimBatch
	for _, bad := range [][]byte{
		nil, {2}, {0}, {claimsVersion}, {claimsVersion, 0xff}, {claimsVersion, 1, 8},
		append(slices.Clone(good), 1), append(slices.Clone(good), 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1),
	} {
		if err := b.decode(bad); err == nil {
			t.Errorf("%x was read as %+v", bad, b)
		}
	}
	for n := range len(good) {
		if err := b.decode(good[:n]); err == nil && cmp.Equal(b.Notes, someNotes) {
			t.Errorf("%d of %d bytes were enough", n, len(good))
		}
	}
}

// Whatever bytes are there, reading them ends, and what is read is written as it was.
func TestClaimsOfAnyBytes(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	good := appendClaims(nil, time.Second, someNotes)
	read := 0
	for range 20_000 {
		data := slices.Clone(good)
		for range random.IntN(4) {
			data[random.IntN(len(data))] = byte(random.Uint32())
		}
		data = data[:len(data)-random.IntN(2)*random.IntN(len(data))]
		var b, again ClaimBatch
		if b.decode(data) != nil || len(b.Notes) == 0 {
			continue
		}
		read++
		if err := again.decode(appendClaims(nil, b.Lease, b.Notes)); err != nil || !cmp.Equal(b, again) {
			t.Fatalf("%x: %v %s", data, err, cmp.Diff(b, again))
		}
	}
	if read < 1000 {
		t.Errorf("only %d could be read, so the test shows little", read)
	}
}
