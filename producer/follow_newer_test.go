package producer_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/wacast/wacast/pkg/job"
	"github.com/wacast/wacast/pkg/queue"
	"github.com/wacast/wacast/producer"
)

// Events of a newer wacast are passed on with what this one knows of them; what is no
// event is passed over. Neither ends the following, or hides what comes behind it.
func TestFollowPassesOnWhatANewerBuildSays(t *testing.T) {
	t.Parallel()
	r := start(t, producer.Config{}, 1<<20)
	names := queue.Names{Namespace: "wacast"}
	key := job.Key{Campaign: "c1", ID: "j1"}
	for _, text := range []string{
		`{"specversion":"1.1","id":"new","source":"wacast/newer","type":"wacast.forwarded.v2","subject":"c1/j1","time":"2027-01-01T00:00:00Z",` +
			`"datacontenttype":"application/json","sequencetype":"Integer","severity":{"level":[1,2,{"x":null}]},` +
			`"data":{"kind":"forwarded","campaign":"c1","id":"j1","from":"106540352242922","reason":"moved_on","hops":[{"to":"+1"}],"depth":2.5}}`,
		`{"this is":"no event"`,
	} {
		if _, err := r.js.Publish(t.Context(), names.EventSubject("forwarded", "106540352242922", key), []byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	recorded(t, r.js, job.Accepted, "c1", 2, 1)
	got, last := follow(t, r.nc, producer.FollowConfig{Campaign: "c1"}, 2, nil)
	if diff := cmp.Diff([]string{"c1/j1 forwarded", "c1/j2 accepted"}, got); diff != "" || last != 3 {
		t.Errorf("up to %d (-want +got):%s", last, diff)
	}
	want := job.EventData{Kind: "forwarded", Campaign: "c1", ID: "j1", From: "106540352242922", Reason: "moved_on"}
	err := producer.Follow(t.Context(), r.nc, producer.FollowConfig{}, func(_ context.Context, e *producer.Followed) error {
		if diff := cmp.Diff(want, e.Data); diff != "" {
			t.Errorf("(-want +got):%s", diff)
		}
		if at := time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC); e.Type != "wacast.forwarded.v2" || !e.Time.Equal(at) {
			t.Errorf("%+v", e.Event)
		}
		return errEnough
	})
	if !errors.Is(err, errEnough) {
		t.Error(err)
	}
}
