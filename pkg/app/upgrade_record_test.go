package app_test

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/redis/go-redis/v9"

	"github.com/wacast/wacast/pkg/embed/embedtest"
	"github.com/wacast/wacast/pkg/job"
	"github.com/wacast/wacast/pkg/queue"
	"github.com/wacast/wacast/pkg/simulator"
)

// upgradeRecord has TestUpgradeFromRecording record first what a build leaves behind:
//
//	go test ./pkg/app -run TestUpgradeFromRecording -upgrade.record 4f5ce22=/path/to/wacast
var upgradeRecord = flag.String("upgrade.record", "", "REVISION=BINARY: record what an earlier wacast leaves in NATS and Redis")

// recordedNamespace is in the callback tokens of the recordings, so it is that of the
// tests that read them too.
const recordedNamespace = "recorded"

// recordedEnv are the settings of all builds of a recording.
func recordedEnv(hook string) []string {
	return []string{
		"WACAST_WABA_ID=" + simulator.DefaultWABA, "WACAST_APP_SECRET=" + hookSecret, "WACAST_VERIFY_TOKEN=word", "WACAST_WEBHOOK_ADDR=" + hook,
	}
}

// The jobs of a recording are named for what becomes of them: the first letter says
// what the earlier build has done with a job, and what is left to do.
const (
	jobDone     = 'a' // accepted, with all its statuses on record
	jobRejected = 'b' // refused for good, a dead letter
	jobUnknown  = 'c' // unknown; the API never took it
	jobTaken    = 'd' // unknown; a webhook that the API took it waits in the stream
	jobClaimed  = 'e' // the worker was killed while the API took it; the webhook waits
	jobOrphan   = 'f' // the worker was killed before the API took it
	jobRetried  = 'g' // refused for now, and waits for its next attempt
	jobLater    = 'h' // its send_at came after the end of the recording
	jobFuture   = 'i' // its send_at is years away
	jobWaiting  = 'j' // published when no worker ran
	jobPaused   = 'k' // of a template that an operator has paused
	jobOptedOut = 'l' // to somebody who has opted out, if the build knows of that
	jobEnded    = 'm' // its campaign was cancelled
)

// recordedJobs makes a job of each name, such as "a1".
func recordedJobs(campaign string, names ...string) []*job.Job {
	var jobs []*job.Job
	for _, name := range names {
		j := newJob(numberA, campaign, 0)
		j.ID, j.To = name, job.Phone(fmt.Sprintf("+54911%04d%04d", name[0], name[1]))
		j.Lane = job.Transactional
		switch name[0] {
		case jobLater:
			j.SendAt = time.Now().Add(30 * time.Second).Truncate(time.Second)
		case jobFuture:
			j.SendAt = time.Date(2056, 1, 1, 0, 0, 0, 0, time.UTC)
		case jobPaused, jobEnded:
			j.Template.Name = "paused"
		}
		jobs = append(jobs, j)
	}
	return jobs
}

// recordedFaults are what meets the jobs of a letter.
func recordedFaults() []simulator.Rule {
	to := func(letter rune, r simulator.Rule) simulator.Rule {
		for i := '1'; i <= '9'; i++ {
			r.Recipients = append(r.Recipients, fmt.Sprintf("54911%04d%04d", letter, i))
		}
		return r
	}
	long := simulator.Duration(time.Minute)
	return []simulator.Rule{
		to(jobRejected, simulator.Rule{Kind: simulator.Error, Code: 131026}),
		to(jobUnknown, simulator.Rule{Kind: simulator.LostBefore}),
		to(jobTaken, simulator.Rule{Kind: simulator.LostAfter}),
		to(jobClaimed, simulator.Rule{Kind: simulator.Hang, After: true, Delay: long}),
		to(jobOrphan, simulator.Rule{Kind: simulator.Hang, Delay: long}),
		to(jobRetried, simulator.Rule{Kind: simulator.Error, Code: 131016}),
	}
}

// recorder runs an earlier build through all that a job can meet.
type recorder struct {
	*rig
	wards    *embedtest.Wards
	binary   string
	worker   *embedtest.Process
	receiver *embedtest.Process
}

func record(t *testing.T, revision, binary string) {
	t.Helper()
	hook := fmt.Sprintf("127.0.0.1:%d", embedtest.Port(t))
	r := &recorder{rig: upgradeRig(makeRig(t, simulator.Config{
		Faults: recordedFaults(), Webhook: simulator.Webhook{URL: "http://" + hook + "/webhook", Secret: hookSecret, RetrySpeed: 50},
	}, recordedEnv(hook)...)), wards: embedtest.NewWards(t), binary: binary}
	r.sim.Start()
	t.Cleanup(func() { _ = r.sim.Stop(canceled()) })
	env := append(embedtest.PlainEnv(), r.env...)
	r.worker = r.wards.Program("old-worker", []string{binary, "worker"}, env)
	r.receiver = r.wards.Program("old-receiver", []string{binary, "webhook"}, env)
	r.worker.Start()
	r.receiver.Start()
	r.settledPart()
	r.openPart()
	r.write(filepath.Join("testdata", "upgrade", revision+".ndjson"))
}

// settledPart is what the build has brought to an end.
func (r *recorder) settledPart() {
	t := r.t
	r.eventually(func() (bool, string) {
		_, err := r.jetStream().Stream(t.Context(), r.names().EventsStream())
		return err == nil, "the build makes no streams"
	})
	r.do("publish", recordedJobs("spring", "a1", "a2", "a3", "a4", "b1", "b2", "c1")...)
	r.awaitEvents(job.Accepted, 4)
	r.awaitEvents(job.Read, 4)
	r.awaitEvents(job.Rejected, 2)
	r.awaitEvents(job.Unknown, 1)
	r.do("pause --template paused --reason wrong-text")
	r.do("publish", recordedJobs("autumn", "m1", "m2", "m3")...)
	r.do("publish", recordedJobs("spring", "k1")...)
	if _, code := r.command(nil, "campaign", "cancel", "autumn", "--reason", "not-this-year", "--yes"); code != 0 {
		r.do("campaign cancel autumn --reason not-this-year") // which did not ask
	}
	if out, code := r.command(nil, "suppression", "add", string(recordedJobs("spring", "l1")[0].To), "--reason", "asked-for-it"); code == 0 {
		r.do("publish", recordedJobs("winter", "a1")...) // the book of this build has opt-outs
	} else {
		t.Logf("the build has no suppressions: %s", strings.SplitN(out, "\n", 2)[0])
	}
}

// openPart is what the build leaves unfinished: it is killed while messages are under
// way, and the receiver while it cannot process what it has stored, as Redis is away.
func (r *recorder) openPart() {
	t, paused, goes := r.t, true, false
	must(t, r.sim.SetWebhooks(simulator.WebhookChange{Paused: &paused}))
	r.do("publish", recordedJobs("spring", "d1", "h1", "h2", "i1", "g1")...)
	r.awaitEvents(job.Unknown, 2)
	r.eventually(func() (bool, string) {
		n := r.count(r.names().LaterStream(), "")
		return n >= 5, fmt.Sprintf("%d are put off", n) // c1, d1, h1, h2, i1
	})
	before := r.sim.Stats()
	r.do("publish", recordedJobs("spring", "e1", "f1")...)
	r.eventually(func() (bool, string) {
		s := r.sim.Stats()
		return s.Requests >= before.Requests+2 && s.Accepted == before.Accepted+1, fmt.Sprintf("%+v", s)
	})
	r.worker.Kill()
	must(t, dial(t, r.redisOptions()).Do(t.Context(), "CLIENT", "PAUSE", 8_000, "ALL").Err())
	must(t, r.sim.SetWebhooks(simulator.WebhookChange{Paused: &goes}))
	r.eventually(func() (bool, string) {
		n := r.count(r.names().WebhooksStream(), "")
		return n > 0 && r.sim.Webhooks().Pending == 0, fmt.Sprintf("%d webhooks are stored", n)
	})
	r.receiver.Kill()
	r.do("publish", recordedJobs("spring", "j1", "j2", "j3", "l1")...)
	r.do("campaign close spring")
	r.eventually(func() (bool, string) {
		return dial(t, r.redisOptions()).Ping(t.Context()).Err() == nil, "Redis is still away"
	})
}

// do runs a command of the build, with jobs on its standard input.
func (r *recorder) do(command string, jobs ...*job.Job) {
	r.t.Helper()
	if out, code := r.command(jobs, strings.Fields(command)...); code != 0 {
		r.t.Fatalf("%s: exit code %d: %s", command, code, out)
	}
}

func (r *recorder) command(jobs []*job.Job, args ...string) (string, int) {
	r.t.Helper()
	var lines bytes.Buffer
	for _, j := range jobs {
		lines.WriteString(encode(r.t, j) + "\n")
	}
	return r.wards.Run(append([]string{r.binary}, args...), append(embedtest.PlainEnv(), r.env...), &lines)
}

func (r *recorder) awaitEvents(kind job.Kind, n uint64) {
	r.t.Helper()
	r.eventually(func() (bool, string) {
		got := r.count(r.names().EventsStream(), strings.Join([]string{recordedNamespace, "events", string(kind), ">"}, "."))
		return got >= n, fmt.Sprintf("%d events %s", got, kind)
	})
}

// canceled is a context that has ended: nobody waits.
func canceled() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}

func (r *rig) names() queue.Names { return queue.Names{Namespace: r.config().Namespace} }

// count is how many messages a stream has, of a subject if one is given.
func (r *rig) count(stream, subject string) (n uint64) {
	r.t.Helper()
	s, err := r.jetStream().Stream(r.t.Context(), stream)
	must(r.t, err)
	if subject == "" {
		return s.CachedInfo().State.Msgs
	}
	subjects, err := s.Info(r.t.Context(), jetstream.WithSubjectFilter(subject))
	must(r.t, err)
	for _, of := range subjects.State.Subjects {
		n += of
	}
	return n
}

func (r *rig) redisOptions() *redis.Options {
	r.t.Helper()
	o, err := redis.ParseURL(r.redis.URL)
	must(r.t, err)
	return o
}

// write writes all that is in NATS and Redis into a file.
func (r *recorder) write(path string) {
	r.t.Helper()
	var lines bytes.Buffer
	r.writeStreams(&lines)
	r.writeRedis(&lines)
	host, err := os.Hostname()
	must(r.t, err)
	text := bytes.ReplaceAll(lines.Bytes(), []byte(host), []byte("host"))
	must(r.t, os.WriteFile(path, text, 0o644))
	r.t.Logf("%s: %d lines, %d bytes", path, bytes.Count(lines.Bytes(), []byte("\n")), lines.Len())
}
