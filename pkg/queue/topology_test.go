package queue_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/wacast/wacast/pkg/queue"
)

func config(t *testing.T, r *rig, stream string) jetstream.StreamConfig {
	t.Helper()
	s, err := r.js.Stream(context.Background(), stream)
	if err != nil {
		t.Fatal(err)
	}
	return s.CachedInfo().Config
}

// ensure runs Ensure and writes the differences down.
func ensure(t *testing.T, r *rig, s queue.Settings) []string {
	t.Helper()
	diffs, err := queue.Ensure(context.Background(), r.js, s.Topology())
	if err != nil {
		t.Fatal(err)
	}
	return lines(diffs)
}

func lines(diffs []queue.Difference) []string {
	var all []string
	for _, d := range diffs {
		all = append(all, d.String())
	}
	return all
}

func TestEnsureTwice(t *testing.T) {
	t.Parallel()
	r := bare(t)
	settings := queue.Settings{Names: names, JobsMaxBytes: 1 << 20}
	diffs, err := queue.Diff(context.Background(), r.js, settings.Topology())
	if err != nil {
		t.Fatal(err)
	}
	if len(diffs) != 12 {
		t.Errorf("of an empty account 12 are missing, Diff says %v", lines(diffs))
	}
	var configs [2][]jetstream.StreamConfig
	for i := range configs {
		if diffs := ensure(t, r, settings); len(diffs) > 0 {
			t.Errorf("Ensure number %d leaves %v", i+1, diffs)
		}
		for _, stream := range []string{"WACAST_JOBS", "WACAST_LATER", "WACAST_EVENTS", "WACAST_DEAD", "WACAST_CLAIMS", "WACAST_WEBHOOKS", "KV_wacast_campaigns", "KV_wacast_senders",
			"KV_wacast_consent", "KV_wacast_people", "KV_wacast_windows", "KV_wacast_answers"} {
			configs[i] = append(configs[i], config(t, r, stream))
		}
	}
	if diff := cmp.Diff(configs[0], configs[1]); diff != "" {
		t.Error("the second Ensure changed something:", diff)
	}
	if diffs, err := queue.Diff(context.Background(), r.js, settings.Topology()); err != nil || len(diffs) > 0 {
		t.Errorf("Diff afterwards = %v, %v", lines(diffs), err)
	}
}

func TestStreamsAreWhatTheGuaranteesNeed(t *testing.T) {
	t.Parallel()
	r := start(t, queue.Settings{})
	type form struct {
		Subjects  string
		Retention jetstream.RetentionPolicy
		Discard   jetstream.DiscardPolicy
		Storage   jetstream.StorageType
		MaxAge    time.Duration
		Schedules bool
		Rollups   bool
		TTL       bool
		Direct    bool
	}
	want := map[string]form{
		"WACAST_JOBS":     {Subjects: "wacast.jobs.*.*.*", Retention: jetstream.WorkQueuePolicy, Discard: jetstream.DiscardNew, Direct: true},
		"WACAST_LATER":    {Subjects: "wacast.later.*.*.*.* wacast.due.*.*.*", Retention: jetstream.WorkQueuePolicy, Discard: jetstream.DiscardOld, Schedules: true, Rollups: true, Direct: true},
		"WACAST_EVENTS":   {Subjects: "wacast.events.*.*.*.*", Discard: jetstream.DiscardNew, MaxAge: 30 * 24 * time.Hour, Direct: true},
		"WACAST_DEAD":     {Subjects: "wacast.dead.*.*.*", Discard: jetstream.DiscardNew, MaxAge: 30 * 24 * time.Hour, Direct: true},
		"WACAST_CLAIMS":   {Subjects: "wacast.claims.*", Discard: jetstream.DiscardNew, MaxAge: 24 * time.Hour},
		"WACAST_WEBHOOKS": {Subjects: "wacast.webhooks.*", Retention: jetstream.WorkQueuePolicy, Discard: jetstream.DiscardNew, TTL: true, Direct: true},
	}
	got := make(map[string]form)
	for stream := range want {
		c := config(t, r, stream)
		got[stream] = form{strings.Join(c.Subjects, " "), c.Retention, c.Discard, c.Storage, c.MaxAge, c.AllowMsgSchedules, c.AllowRollup, c.AllowMsgTTL, c.AllowDirect}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	ages := make(map[string]time.Duration)
	for _, bucket := range []string{"consent", "people", "windows", "answers"} {
		ages[bucket] = config(t, r, "KV_wacast_"+bucket).MaxAge
	}
	if diff := cmp.Diff(map[string]time.Duration{"consent": 0, "people": 0, "windows": 25 * time.Hour, "answers": 30 * 24 * time.Hour}, ages); diff != "" {
		t.Error("ages of buckets:", diff)
	}
	if c := config(t, r, "WACAST_JOBS"); c.MaxConsumers <= 1000 || c.MaxBytes <= 0 {
		t.Errorf("jobs: max consumers %d, max bytes %d", c.MaxConsumers, c.MaxBytes)
	}
}

func TestEnsureChangesItsOwnLimits(t *testing.T) {
	t.Parallel()
	r := start(t, queue.Settings{})
	settings := queue.Settings{Names: names, JobsMaxBytes: 2 << 20, EventsMaxAge: time.Minute, DeadMaxAge: time.Minute}
	if diffs := ensure(t, r, settings); len(diffs) > 0 {
		t.Errorf("left: %v", diffs)
	}
	if got := config(t, r, "WACAST_JOBS").MaxBytes; got != 2<<20 {
		t.Errorf("max bytes of jobs = %d", got)
	}
	for _, stream := range []string{"WACAST_EVENTS", "KV_wacast_answers"} {
		if got := config(t, r, stream).MaxAge; got != time.Minute {
			t.Errorf("max age of %s = %v", stream, got)
		}
	}
	if c := config(t, r, "WACAST_DEAD"); c.MaxAge != time.Minute || c.Duplicates != time.Minute {
		t.Errorf("max age of dead letters = %v, window %v", c.MaxAge, c.Duplicates)
	}
}

func TestEnsureLeavesWhatOthersManage(t *testing.T) {
	t.Parallel()
	r := bare(t)
	settings := queue.Settings{Names: names, JobsMaxBytes: 1 << 20}
	theirs := settings.Topology().Streams[0]
	theirs.Metadata = nil
	theirs.MaxBytes = 3 << 20
	theirs.Discard = jetstream.DiscardOld
	if _, err := r.js.CreateStream(context.Background(), theirs); err != nil {
		t.Fatal(err)
	}
	want := []string{
		"WACAST_JOBS: discard is DiscardOld, wacast wants DiscardNew (required)",
		"WACAST_JOBS: max_bytes is 3145728, wacast wants 1048576",
	}
	if diff := cmp.Diff(want, ensure(t, r, settings)); diff != "" {
		t.Error(diff)
	}
	if c := config(t, r, "WACAST_JOBS"); c.MaxBytes != 3<<20 || c.Discard != jetstream.DiscardOld {
		t.Errorf("Ensure changed it: %+v", c)
	}
}

func TestEnsureSaysWhatItCannotChange(t *testing.T) {
	t.Parallel()
	r := bare(t)
	settings := queue.Settings{Names: names, JobsMaxBytes: 1 << 20}
	old := settings.Topology().Streams[0]
	old.Retention = jetstream.LimitsPolicy
	if _, err := r.js.CreateStream(context.Background(), old); err != nil {
		t.Fatal(err)
	}
	settings.JobsMaxBytes = 2 << 20
	want := []string{"WACAST_JOBS: retention is Limits, wacast wants WorkQueue (required)"}
	if diff := cmp.Diff(want, ensure(t, r, settings)); diff != "" {
		t.Error(diff)
	}
	if got := config(t, r, "WACAST_JOBS").MaxBytes; got != 2<<20 {
		t.Errorf("max bytes = %d: what can be changed was not", got)
	}
}

func TestEnsureOfTooMuch(t *testing.T) {
	t.Parallel()
	r := bare(t)
	_, err := queue.Ensure(context.Background(), r.js, queue.Settings{Names: names, JobsMaxBytes: 1 << 60}.Topology())
	if err == nil || !strings.Contains(err.Error(), "WACAST_JOBS_MAX_BYTES") {
		t.Errorf("Ensure = %v, want the remedy", err)
	}
}

func TestNamespacesShareAnAccount(t *testing.T) {
	t.Parallel()
	r := start(t, queue.Settings{})
	other := &rig{server: r.server, nc: r.nc, js: r.js, names: queue.Names{Namespace: "wacast-2"}}
	ensure(t, other, queue.Settings{Names: other.names, JobsMaxBytes: 1 << 20})
	publish(t, other.publisher(t, queue.PublisherConfig{}), bulk, 1)
	if mine, theirs := r.messages(t, "WACAST_JOBS"), r.messages(t, "WACAST-2_JOBS"); mine != 0 || theirs != 1 {
		t.Errorf("messages = %d and %d, want 0 and 1", mine, theirs)
	}
}
