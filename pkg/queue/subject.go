package queue

import (
	"errors"
	"strconv"
	"strings"

	"github.com/wacast/wacast/pkg/job"
)

// noToken stands in a subject where there is nothing to say.
const noToken = job.NoCampaign

// eventShards is how many parts the events of a campaign are spread over, so that
// the history of one job is read from one of them.
const eventShards = 64

// ID names a queue. Anybody may publish to any subject of the stream, so an ID
// that was parsed may hold tokens that no job has; its jobs are rejected.
type ID struct {
	// Sender is the phone number id.
	Sender string
	Lane   job.Lane
	// Campaign is the campaign's token, [job.NoCampaign] for none.
	Campaign string
}

// IDOf is the queue a job belongs to.
func IDOf(j *job.Job) ID {
	return ID{Sender: j.From, Lane: j.EffectiveLane(), Campaign: j.Key().CampaignToken()}
}

// String is sender.lane.campaign, as in subjects.
func (id ID) String() string {
	return token(id.Sender) + "." + token(string(id.Lane)) + "." + token(id.Campaign)
}

// Names are the names of everything wacast has on a NATS account. The namespace
// is the prefix of all of them, so that two wacasts share an account.
type Names struct {
	// Namespace is 1 to 32 of a–z 0–9 _ -, wacast by default.
	Namespace string
}

// Validate checks the namespace.
func (n Names) Validate() error {
	ok := n.Namespace != "" && len(n.Namespace) <= 32
	for _, c := range []byte(n.Namespace) {
		ok = ok && (c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '_' || c == '-')
	}
	if !ok {
		return errors.New("namespace: must be 1 to 32 of a-z 0-9 _ - (WACAST_NAMESPACE)")
	}
	return nil
}

// JobsStream is the stream of published jobs.
func (n Names) JobsStream() string { return n.stream("JOBS") }

// LaterStream is the stream of jobs that are put off, and of those that are due.
func (n Names) LaterStream() string { return n.stream("LATER") }

// EventsStream is the stream of outcomes and statuses.
func (n Names) EventsStream() string { return n.stream("EVENTS") }

// DeadStream is the stream of rejected and unknown jobs.
func (n Names) DeadStream() string { return n.stream("DEAD") }

// ClaimsStream is the stream of claims that workers have made.
func (n Names) ClaimsStream() string { return n.stream("CLAIMS") }

// WebhooksStream is the stream of webhooks as they came.
func (n Names) WebhooksStream() string { return n.stream("WEBHOOKS") }

// CampaignsBucket is the bucket of campaigns.
func (n Names) CampaignsBucket() string { return n.Namespace + "_campaigns" }

// SendersBucket is the bucket of what is stopped.
func (n Names) SendersBucket() string { return n.Namespace + "_senders" }

// ConsentBucket is the bucket of what people do not want, by a keyed hash of each.
func (n Names) ConsentBucket() string { return n.Namespace + "_consent" }

// PeopleBucket is the bucket of which aliases are one person.
func (n Names) PeopleBucket() string { return n.Namespace + "_people" }

// WindowsBucket is the bucket of who wrote to which number within the last day.
func (n Names) WindowsBucket() string { return n.Namespace + "_windows" }

// AnswersBucket is the bucket of what was answered to jobs that wait for an answer.
func (n Names) AnswersBucket() string { return n.Namespace + "_answers" }

func (n Names) stream(name string) string { return strings.ToUpper(n.Namespace) + "_" + name }

// JobSubject is where jobs of a queue are published.
func (n Names) JobSubject(id ID) string { return n.Namespace + ".jobs." + id.String() }

// DueSubject is where jobs of a queue appear that were put off and are due.
func (n Names) DueSubject(id ID) string { return n.Namespace + ".due." + id.String() }

// HintSubject is where producers say that a queue has got jobs. No stream keeps it.
func (n Names) HintSubject(id ID) string { return n.Namespace + ".hint." + id.String() }

// LaterSubject is where one job waits for its time, once for each kind of waiting.
func (n Names) LaterSubject(kind, sender string, key job.Key) string {
	return n.subject("later", kind, sender, key.Campaign, key.ID)
}

// EventSubject is where events of a kind about a job are recorded.
func (n Names) EventSubject(kind job.Kind, sender string, key job.Key) string {
	return n.subject("events", string(kind), sender, key.Campaign, shard(key))
}

// DeadSubject is where a queue's dead letters with a reason are kept.
func (n Names) DeadSubject(reason job.Reason, sender, campaign string) string {
	return n.subject("dead", string(reason), sender, campaign)
}

// ClaimsSubject is where the claims of one worker are kept.
func (n Names) ClaimsSubject(owner string) string { return n.subject("claims", owner) }

// ControlSubject is where workers take commands, such as pause: requests of core
// NATS, which no stream keeps. An empty verb stands for all, to subscribe to.
func (n Names) ControlSubject(verb string) string { return n.wild("control", verb) }

// webhookSubject is where webhooks are kept that wait for one treatment.
func (n Names) webhookSubject(box string) string { return n.subject("webhooks", box) }

func (n Names) subject(branch string, tokens ...string) string {
	var b strings.Builder
	b.Grow(128)
	b.WriteString(n.Namespace)
	b.WriteByte('.')
	b.WriteString(branch)
	for _, t := range tokens {
		b.WriteByte('.')
		b.WriteString(bounded(t))
	}
	return b.String()
}

// ParseJob reads a subject of [Names.JobSubject].
func (n Names) ParseJob(subject string) (ID, bool) { return n.parseQueue("jobs", subject) }

// ParseDue reads a subject of [Names.DueSubject].
func (n Names) ParseDue(subject string) (ID, bool) { return n.parseQueue("due", subject) }

// ParseControl reads a subject of [Names.ControlSubject].
func (n Names) ParseControl(subject string) (verb string, ok bool) {
	var t [1]string
	ok = n.parse("control", subject, t[:])
	return t[0], ok
}

func (n Names) parseQueue(branch, subject string) (ID, bool) {
	var t [3]string
	if !n.parse(branch, subject, t[:]) {
		return ID{}, false
	}
	return ID{Sender: t[0], Lane: job.Lane(t[1]), Campaign: t[2]}, true
}

// eventParts is what a subject of events tells.
type eventParts struct {
	kind             job.Kind
	sender, campaign string
}

func (n Names) parseEvent(subject string) (eventParts, bool) {
	var t [4]string
	ok := n.parse("events", subject, t[:])
	return eventParts{kind: job.Kind(t[0]), sender: t[1], campaign: t[2]}, ok
}

func (n Names) parseLater(subject string) (kind, sender, campaign string, ok bool) {
	var t [4]string
	ok = n.parse("later", subject, t[:])
	return t[0], t[1], t[2], ok
}

func (n Names) parseDead(subject string) (reason job.Reason, sender, campaign string, ok bool) {
	var t [3]string
	ok = n.parse("dead", subject, t[:])
	return job.Reason(t[0]), t[1], t[2], ok
}

// parse fills tokens with what follows the branch, if there are just as many.
func (n Names) parse(branch, subject string, tokens []string) bool {
	rest, ok := strings.CutPrefix(subject, n.Namespace)
	if !ok {
		return false
	}
	if rest, ok = strings.CutPrefix(rest, "."+branch+"."); !ok {
		return false
	}
	for i := range tokens {
		more := false
		tokens[i], rest, more = strings.Cut(rest, ".")
		if tokens[i] == "" || more != (i < len(tokens)-1) {
			return false
		}
	}
	return true
}

// wild is a subject filter in which empty tokens match anything.
func (n Names) wild(branch string, tokens ...string) string {
	filter := n.Namespace + "." + branch
	for _, t := range tokens {
		if t == "" {
			filter += ".*"
		} else {
			filter += "." + bounded(t)
		}
	}
	return filter
}

// maxToken is longer than any token of a job that keeps the contract.
const maxToken = 128

// bounded is token for what a job says, which may be of any length.
func bounded(s string) string {
	if len(s) > maxToken {
		return noToken
	}
	return token(s)
}

// token makes s fit for a subject. What a subject can hold passes unchanged; the
// fields of a job that breaks the contract may hold anything, and its rejection
// must be recorded all the same.
func token(s string) string {
	if s == "" || s == "*" || s == ">" {
		return noToken
	}
	for i := range len(s) {
		if c := s[i]; c <= ' ' || c == '.' || c == 0x7f {
			return noToken
		}
	}
	return s
}

// shard is the part of its campaign's events that a job's are in: the FNV-1a hash
// of campaign/id.
func shard(key job.Key) string {
	const offset, prime = 14695981039346656037, 1099511628211
	h := uint64(offset)
	for _, s := range [...]string{key.CampaignToken(), "/", key.ID} {
		for i := range len(s) {
			h = (h ^ uint64(s[i])) * prime
		}
	}
	return strconv.FormatUint(h%eventShards, 10)
}
