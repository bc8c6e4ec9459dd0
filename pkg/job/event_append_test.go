package job_test

import (
	"testing"
	"time"

	"github.com/wacast/wacast/pkg/job"
)

// Events behind each other in one buffer are each what they are alone.
func TestAppendEvent(t *testing.T) {
	var buffer []byte
	for _, kind := range job.Kinds() {
		e := job.NewEvent("wacast/test", time.Unix(1_790_000_000, 0), job.EventData{
			Kind: kind, Campaign: "c", ID: "a:1", From: "1", To: "+5491155550100", Metadata: []byte(`{"a":[1]}`),
		})
		alone, err := job.EncodeEvent(&e)
		if err != nil {
			t.Fatal(err)
		}
		before := len(buffer)
		if buffer, err = job.AppendEvent(buffer, &e); err != nil {
			t.Fatal(err)
		}
		if got := string(buffer[before:]); got != string(alone) {
			t.Errorf("%s: appended %s, alone %s", kind, got, alone)
		}
	}
}
