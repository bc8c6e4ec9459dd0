package fault_test

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/wacast/wacast/pkg/app"
	"github.com/wacast/wacast/pkg/job"
	"github.com/wacast/wacast/pkg/queue"
	"github.com/wacast/wacast/pkg/report"
	"github.com/wacast/wacast/pkg/simulator"
)

// fieldJobs makes n jobs of a campaign, of both numbers by turns. They are
// transactional, whose deliveries a killed worker keeps for seconds and not for half
// a minute; every bulk-th is not.
func fieldJobs(campaign string, n, bulk int) []*job.Job {
	jobs := make([]*job.Job, n)
	for i := range jobs {
		jobs[i] = &job.Job{
			V: job.Version, ID: fmt.Sprintf("row-%06d", i), Campaign: campaign, From: []string{"106540352242922", "106540352242923"}[i%2],
			To: job.Phone(fmt.Sprintf("+54911%08d", i)), Template: job.Template{
				Name: "appointment", Language: "es_AR",
				Params: &job.Params{Body: job.Positional("Emilia", fmt.Sprintf("23 de noviembre, %02d:30", i%24))},
			},
		}
		if bulk == 0 || i%bulk != 0 {
			jobs[i].Lane = job.Transactional
		}
	}
	return jobs
}

func encode(t *testing.T, j *job.Job) string {
	t.Helper()
	data, err := job.Encode(j)
	must(t, err)
	return string(data)
}

// publish publishes the jobs as wacast publish does, again until all are stored.
func (f *field) publish(jobs []*job.Job) {
	f.t.Helper()
	var lines bytes.Buffer
	for _, j := range jobs {
		lines.WriteString(encode(f.t, j) + "\n")
	}
	f.eventually("all is published", func() error {
		if out, code := f.wacast(bytes.NewReader(lines.Bytes()), "publish"); code != 0 {
			return fmt.Errorf("exit code %d: %s", code, out)
		}
		return nil
	})
}

// again publishes the jobs a second time, past the server's own window of ids.
func (f *field) again(jobs []*job.Job) {
	f.t.Helper()
	for _, j := range jobs {
		subject := f.names().JobSubject(queue.ID{Sender: j.From, Lane: laneOf(j), Campaign: j.Campaign})
		_, err := f.js.PublishAsync(subject, []byte(encode(f.t, j)))
		must(f.t, err)
	}
	select {
	case <-f.js.PublishAsyncComplete():
	case <-time.After(faultPatience):
		f.t.Fatal("published again: acks are missing")
	}
}

func laneOf(j *job.Job) job.Lane {
	if j.Lane == "" {
		return job.Bulk
	}
	return j.Lane
}

// fates are what the events say of the jobs of a campaign.
type fates struct {
	// ends are the outcomes of each job, those of its duplicates left out, as settled.
	ends map[string][]job.Kind
	// duplicates counts publications that ended as duplicates.
	duplicates int
}

// fates reads all outcomes of a campaign.
func (f *field) fates(campaign string) (*fates, error) {
	events, err := queue.NewEvents(f.js, f.names())
	if err != nil {
		return nil, err
	}
	defer events.Close()
	all := &fates{ends: make(map[string][]job.Kind)}
	seen := make(map[string]bool)
	filter := queue.Filter{Campaign: campaign, Kinds: append(job.Outcomes(), job.Settled)}
	err = events.Read(f.t.Context(), filter, func(e *queue.Recorded) error {
		if d := &e.Data; !seen[e.ID] {
			seen[e.ID] = true
			all.add(d)
		}
		return nil
	})
	return all, err
}

func (f *fates) add(d *job.EventData) {
	switch {
	case d.Kind == job.Duplicate:
		f.duplicates++
	case d.Kind == job.Settled:
		if i := slices.Index(f.ends[d.ID], d.Was); i >= 0 {
			f.ends[d.ID][i] = d.Outcome
			return
		}
		f.ends[d.ID] = append(f.ends[d.ID], "settled from nothing") // its outcome may be read later
	default:
		f.ends[d.ID] = append(f.ends[d.ID], d.Kind)
	}
}

// count counts the jobs that ended so.
func (f *fates) count(kind job.Kind) (n int) {
	for _, ends := range f.ends {
		if slices.Equal(ends, []job.Kind{kind}) {
			n++
		}
	}
	return n
}

// sent are the ids of a campaign's jobs that the API has accepted, by its own memory.
func (f *field) sent(campaign string) map[string]int {
	f.t.Helper()
	var messages []simulator.Message
	f.ask("/_sim/messages?limit=0", &messages)
	ids := make(map[string]int)
	for _, m := range messages {
		token, ok := job.ParseToken(m.Token)
		if !ok || token.Namespace != fieldNamespace {
			f.t.Errorf("the callback data %q is no token", m.Token)
		}
		if token.Key.Campaign == campaign {
			ids[token.Key.ID]++
		}
	}
	return ids
}

// verdict is how a campaign went, or several.
type verdict struct {
	jobs, accepted, unknown, duplicates, lost, kills int
	faults                                           int64
	took                                             time.Duration
}

func (v *verdict) String() string {
	return fmt.Sprintf("%d jobs: accepted %d, unknown and never accepted %d, sent twice %d, lost %d; %d answers disturbed, %d processes killed, %.0f s",
		v.jobs, v.accepted, v.unknown, v.duplicates, v.lost, v.faults, v.kills, v.took.Seconds())
}

func (v *verdict) add(other *verdict) {
	v.jobs, v.accepted, v.unknown = v.jobs+other.jobs, v.accepted+other.accepted, v.unknown+other.unknown
	v.duplicates, v.lost, v.kills = v.duplicates+other.duplicates, v.lost+other.lost, v.kills+other.kills
	v.faults, v.took = v.faults+other.faults, v.took+other.took
}

// check waits for the end of a campaign and holds it against what the simulator has
// seen: nothing twice, nothing lost, nothing unknown that was accepted, all accounts
// closed; then the same jobs published again are sent to nobody.
func (f *field) check(jobs []*job.Job) *verdict {
	f.t.Helper()
	campaign := jobs[0].Campaign
	f.awaitEnd(campaign, uint64(len(jobs)))
	f.awaitWebhooks()
	var all *fates
	f.eventually("what the API has accepted is on record as accepted", func() (err error) {
		if all, err = f.fates(campaign); err != nil {
			return err
		}
		sent := f.sent(campaign)
		if missing := notAccepted(all, sent); len(missing) > 0 {
			return fmt.Errorf("%d of %d are not: %s", len(missing), len(sent), strings.Join(missing[:min(5, len(missing))], ", "))
		}
		return nil
	})
	f.awaitTried(campaign, &all)
	v := f.judge(jobs, all)
	f.verify(campaign)
	accepted := f.stats().Accepted
	f.again(jobs)
	f.awaitEnd(campaign, uint64(len(jobs)+all.duplicates+len(jobs)))
	if now := f.stats(); now.Accepted != accepted || now.Duplicates != 0 {
		f.t.Errorf("published again, %d more were accepted, %d of them duplicates", now.Accepted-accepted, now.Duplicates)
	}
	f.verify(campaign)
	return v
}

// notAccepted are the jobs that the API accepted, and how they stand instead.
func notAccepted(all *fates, sent map[string]int) (missing []string) {
	for id := range sent {
		if ends := all.ends[id]; !slices.Equal(ends, []job.Kind{job.Accepted}) {
			missing = append(missing, fmt.Sprintf("%s %v", id, ends))
		}
	}
	slices.Sort(missing)
	return missing
}

// awaitTried waits until no job is to be tried once more. An owner that slept may hear a
// clear refusal of what was called unknown meanwhile: the ledger has the job open then,
// and it is sent at its deadline, or with its next publication.
func (f *field) awaitTried(campaign string, all **fates) {
	f.t.Helper()
	o, err := app.OpenOperator(f.t.Context(), f.config(), "fault")
	must(f.t, err)
	defer o.Close()
	f.eventually("what was refused late is tried once more", func() (err error) {
		if *all, err = f.fates(campaign); err != nil {
			return err
		}
		for id, ends := range (*all).ends {
			if !slices.Equal(ends, []job.Kind{job.Unknown}) {
				continue
			}
			s, err := o.Explain(f.t.Context(), job.Key{Campaign: campaign, ID: id})
			if err != nil {
				return err
			}
			if !strings.HasPrefix(s.Ledger, string(job.Unknown)) {
				return fmt.Errorf("%s is unknown, and the ledger says %s", id, s.Ledger)
			}
		}
		return nil
	})
}

// judge compares each job with what became of it.
func (f *field) judge(jobs []*job.Job, all *fates) *verdict {
	f.t.Helper()
	sent := f.sent(jobs[0].Campaign)
	stats := f.stats()
	v := &verdict{jobs: len(jobs), unknown: all.count(job.Unknown), accepted: all.count(job.Accepted), kills: f.kills}
	v.duplicates = int(stats.Duplicates)
	for _, n := range stats.Faults {
		v.faults += n
	}
	for _, j := range jobs {
		switch ends := all.ends[j.ID]; {
		case len(ends) == 0:
			v.lost++
			f.t.Errorf("job %s has no outcome; the API accepted it %d times", j.ID, sent[j.ID])
		case len(ends) > 1:
			f.t.Errorf("job %s has the outcomes %v", j.ID, ends)
		case ends[0] == job.Accepted && sent[j.ID] == 0:
			v.lost++
			f.t.Errorf("job %s is on record as accepted, and the API never did", j.ID)
		case ends[0] != job.Accepted && ends[0] != job.Unknown:
			f.t.Errorf("job %s ended as %s", j.ID, ends[0])
		}
	}
	if v.duplicates != 0 {
		var twice []simulator.Duplicate
		f.ask("/_sim/duplicates", &twice)
		f.t.Errorf("%d were accepted twice: %+v", v.duplicates, twice[:min(5, len(twice))])
	}
	return v
}

// verify asks the command, as people do.
func (f *field) verify(campaign string) {
	f.t.Helper()
	if out, code := f.wacast(nil, "campaign", "verify", campaign); code != 0 {
		f.t.Errorf("campaign verify: exit code %d: %s", code, out)
	}
}

// awaitEnd waits until that many publications have ended and none waits.
func (f *field) awaitEnd(campaign string, n uint64) {
	f.t.Helper()
	var p *report.Progress
	f.eventually(fmt.Sprintf("all %d have ended", n), func() (err error) {
		if p, err = f.view.Progress(f.t.Context(), campaign); err != nil {
			return err
		}
		if p.Ended() < n || p.Left() > 0 {
			return fmt.Errorf("%+v", *p)
		}
		return nil
	})
}

// awaitWebhooks waits until the receiver has taken all that the platform has to tell.
func (f *field) awaitWebhooks() {
	f.t.Helper()
	f.eventually("all webhooks are taken", func() error {
		var s simulator.WebhookStats
		f.ask("/_sim/webhooks", &s)
		if s.Pending > 0 {
			return fmt.Errorf("%d are pending after %d posts, failed %v", s.Pending, s.Posts, s.Failed)
		}
		return nil
	})
}
