package app_test

import (
	"testing"
	"time"

	"github.com/wacast/wacast/pkg/dedup"
	"github.com/wacast/wacast/pkg/job"
	"github.com/wacast/wacast/pkg/queue"
	"github.com/wacast/wacast/pkg/simulator"
)

// claimAs claims the publication of a job as a worker that dies then.
func (r *rig) claimAs(j *job.Job, sequence uint64, lease time.Duration) dedup.ClaimRequest {
	r.t.Helper()
	cfg := r.config()
	ledger := dedup.New(r.redis.Client, dedup.Options{Namespace: cfg.Namespace, Window: cfg.DedupWindow, Lease: lease})
	stream := queue.Names{Namespace: cfg.Namespace}.JobsStream()
	request := dedup.ClaimRequest{
		Subject: dedup.Subject{Key: j.Key(), Body: j.BodyHash(), Publication: dedup.PublicationOf(stream, sequence)},
		Nonce:   dedup.NewNonce(),
	}
	claims, err := ledger.Claim(r.t.Context(), []dedup.ClaimRequest{request})
	if err != nil || claims[0].Verdict != dedup.Yours {
		r.t.Fatalf("claim: %v, %v", claims, err)
	}
	return request
}

// A worker that dies between its claim and its record leaves a job of which nobody
// can say whether it was sent. While its lease runs, the job waits; then it is
// unknown, and is not sent.
func TestDeadOwnersClaimIsUnknown(t *testing.T) {
	r := newRig(t, simulator.Config{})
	j := newJob(numberA, "orphans", 1)
	start := time.Now()
	const lease = 2 * time.Second
	r.claimAs(j, 1, lease)
	r.ready("one")
	v := r.view()
	r.publish(j)
	p := r.await(v, "orphans", ended(1))
	if p.Unknown != 1 || r.sim.Stats().Requests != 0 {
		t.Errorf("progress %+v after %d requests, want 1 unknown and no request", p, r.sim.Stats().Requests)
	}
	if took := time.Since(start); took < lease {
		t.Errorf("decided after %s, within the owner's lease of %s", took, lease)
	}
}

// A worker that dies between its record and its settle has left the outcome in the
// event stream: it stands, and there is no second one.
func TestRecordedOutcomeOfADeadOwnerStands(t *testing.T) {
	r := newRig(t, simulator.Config{})
	r.ready("one")
	v := r.view()
	j := newJob(numberA, "recorded", 1)
	request := r.claimAs(j, 1, 500*time.Millisecond)
	cfg := r.config()
	names := queue.Names{Namespace: cfg.Namespace}
	events, err := queue.NewEvents(r.jetStream(), names)
	if err != nil {
		t.Fatal(err)
	}
	defer events.Close()
	_, err = events.Record(t.Context(), []job.Event{job.NewEvent("dead worker", time.Now(), job.EventData{
		Kind: job.Accepted, Campaign: j.Campaign, ID: j.ID, From: j.From, Attempt: 1, Stream: names.JobsStream(), Sequence: 1,
	})})
	if err != nil {
		t.Fatal(err)
	}
	r.publish(j)
	p := r.await(v, "recorded", ended(1))
	if p.Accepted != 1 || p.Ended() != 1 || r.sim.Stats().Requests != 0 {
		t.Errorf("progress %+v after %d requests, want the recorded acceptance and no request", p, r.sim.Stats().Requests)
	}
	ledger := dedup.New(r.redis.Client, dedup.Options{Namespace: cfg.Namespace, Window: cfg.DedupWindow})
	entries, err := ledger.Lookup(t.Context(), []dedup.Subject{request.Subject})
	if err != nil || entries[0].State != dedup.Accepted {
		t.Errorf("the ledger says %+v, %v; want accepted", entries, err)
	}
}
