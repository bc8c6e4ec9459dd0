package queue

import (
	"hash/fnv"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/wacast/wacast/pkg/job"
)

func TestSubjects(t *testing.T) {
	n := Names{Namespace: "wacast"}
	j := &job.Job{From: "1065", Campaign: "c-1", ID: "a:b_c-d"}
	none := &job.Job{From: "1065", ID: "x", Lane: job.Transactional}
	bad := job.Key{Campaign: "a.b *", ID: "x\r\ny"}
	long := strings.Repeat("x", 5000)
	for _, tt := range []struct{ got, want string }{
		{n.JobSubject(IDOf(j)), "wacast.jobs.1065.bulk.c-1"},
		{n.JobSubject(IDOf(none)), "wacast.jobs.1065.transactional._"},
		{n.DueSubject(IDOf(j)), "wacast.due.1065.bulk.c-1"},
		{n.HintSubject(IDOf(j)), "wacast.hint.1065.bulk.c-1"},
		{n.ClaimsSubject("worker-1"), "wacast.claims.worker-1"},
		{n.ClaimsSubject("host.of us"), "wacast.claims._"},
		{n.ControlSubject("pause"), "wacast.control.pause"},
		{n.ControlSubject(""), "wacast.control.*"},
		{n.webhookSubject(boxIn), "wacast.webhooks.in"},
		{n.LaterSubject(KindSendAt, "1065", j.Key()), "wacast.later.send_at.1065.c-1.a:b_c-d"},
		{n.LaterSubject(KindRetry, "1065", none.Key()), "wacast.later.retry.1065._.x"},
		{n.EventSubject(job.Accepted, "1065", none.Key()), "wacast.events.accepted.1065._." + shard(none.Key())},
		{n.DeadSubject(job.ReasonInvalidJob, "1065", "c-1"), "wacast.dead.invalid_job.1065.c-1"},
		// What a job that breaks the contract says must still make a subject.
		{n.EventSubject(job.Rejected, "12 34\n", bad), "wacast.events.rejected._._." + shard(bad)},
		{n.DeadSubject(job.ReasonInvalidJob, ">", long), "wacast.dead.invalid_job._._"},
		{n.JobsStream(), "WACAST_JOBS"},
		{Names{Namespace: "w-2"}.EventsStream(), "W-2_EVENTS"},
		{n.CampaignsBucket(), "wacast_campaigns"},
		{n.SendersBucket(), "wacast_senders"},
		{n.ConsentBucket(), "wacast_consent"},
		{n.PeopleBucket(), "wacast_people"},
		{n.WindowsBucket(), "wacast_windows"},
		{n.AnswersBucket(), "wacast_answers"},
	} {
		if tt.got != tt.want {
			t.Errorf("got %s, want %s", tt.got, tt.want)
		}
	}
}

func TestParseRefusesOtherSubjects(t *testing.T) {
	n := Names{Namespace: "wacast"}
	for _, s := range []string{
		"", "wacast", "wacast.jobs", "wacast.jobs.a.b", "wacast.jobs.a.b.", "wacast.jobs..b.c", "wacast.jobs.a.b.c.d",
		"wacast.due.a.b.c", "wacast2.jobs.a.b.c", "other.jobs.a.b.c", "wacastxjobs.a.b.c",
	} {
		if id, ok := n.ParseJob(s); ok {
			t.Errorf("ParseJob(%q) = %v", s, id)
		}
	}
}

func TestNamespaces(t *testing.T) {
	for _, good := range []string{"wacast", "a", "wa-cast_2", strings.Repeat("a", 32)} {
		if err := (Names{Namespace: good}).Validate(); err != nil {
			t.Errorf("%q: %v", good, err)
		}
	}
	for _, bad := range []string{"", "Wacast", "a.b", "a b", "a*", "ä", strings.Repeat("a", 33)} {
		if (Names{Namespace: bad}).Validate() == nil {
			t.Errorf("%q is valid", bad)
		}
	}
}

// Shards are in subjects that are stored: they must never change.
func TestShardsStay(t *testing.T) {
	got := map[string]string{}
	used := map[string]bool{}
	for i := range 2000 {
		k := job.Key{Campaign: "c1", ID: "j" + strconv.Itoa(i)}
		if i < 3 {
			got[k.String()] = shard(k)
		}
		used[shard(k)] = true
		h := fnv.New64a()
		h.Write([]byte(k.String()))
		if want := strconv.FormatUint(h.Sum64()%eventShards, 10); shard(k) != want {
			t.Fatalf("shard of %s = %s, FNV-1a says %s", k, shard(k), want)
		}
	}
	if diff := cmp.Diff(map[string]string{"c1/j0": "24", "c1/j1": "11", "c1/j2": "62"}, got); diff != "" {
		t.Error(diff)
	}
	if len(used) != eventShards {
		t.Errorf("2000 jobs are in %d shards of %d", len(used), eventShards)
	}
}

func FuzzParseJob(f *testing.F) {
	f.Add("wacast.jobs.106540352242922.bulk.c1")
	f.Add("wacast.jobs.1._._")
	f.Add("wacast.jobs.*.>.c")
	f.Add("wacast.jobs.a.b.c.d")
	n := Names{Namespace: "wacast"}
	f.Fuzz(func(t *testing.T, subject string) {
		id, ok := n.ParseJob(subject)
		if !ok {
			return
		}
		again, ok := n.ParseJob(n.JobSubject(id))
		if !ok {
			t.Fatalf("%q gives %+v, whose subject %q is none", subject, id, n.JobSubject(id))
		}
		if publishable(subject) && (again != id || n.JobSubject(id) != subject) {
			t.Errorf("%q gives %+v, which gives %q", subject, id, n.JobSubject(id))
		}
	})
}

// publishable reports whether a server can have stored a message with the subject.
func publishable(subject string) bool {
	for _, t := range strings.Split(subject, ".") {
		if t == "*" || t == ">" {
			return false
		}
	}
	return !strings.ContainsFunc(subject, func(r rune) bool { return r <= ' ' || r == 0x7f })
}

func FuzzSubjectsOfAnyJob(f *testing.F) {
	f.Add("1065", "c1", "j1", "accepted")
	f.Add("", "a.b", "\r\n", "*")
	n := Names{Namespace: "wacast"}
	f.Fuzz(func(t *testing.T, sender, campaign, id, kind string) {
		key := job.Key{Campaign: campaign, ID: id}
		for subject, tokens := range map[string]int{
			n.EventSubject(job.Kind(kind), sender, key):       6,
			n.LaterSubject(kind, sender, key):                 6,
			n.DeadSubject(job.Reason(kind), sender, campaign): 5,
		} {
			if !publishable(subject) || strings.Count(subject, ".") != tokens-1 || strings.Contains(subject, "..") || len(subject) > 1000 {
				t.Errorf("subject %q of %q %q %q %q", subject, sender, campaign, id, kind)
			}
		}
	})
}
