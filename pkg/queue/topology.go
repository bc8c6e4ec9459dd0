package queue

import (
	"cmp"
	"strconv"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// Defaults of [Settings].
const (
	// DefaultJobsMaxBytes holds several million jobs.
	DefaultJobsMaxBytes = 2 << 30
	// DefaultEventsMaxAge is more than three windows of the ledger.
	DefaultEventsMaxAge = 30 * 24 * time.Hour
	// DefaultDeadMaxAge is how long a dead letter can still be looked at.
	DefaultDeadMaxAge = 30 * 24 * time.Hour
)

const (
	// duplicateWindow is how long the server knows a message id. It catches what is
	// published again because an ack was lost; the ledger catches the rest.
	duplicateWindow = 5 * time.Minute
	// ClaimsMaxAge is how far back the ledger's claims can be restored. An older claim
	// ended long ago, or its publication comes back without one.
	ClaimsMaxAge = 24 * time.Hour
	// claimsWindow is short: claims that are there twice harm nobody.
	claimsWindow = time.Minute
	// maxConsumers must be a number: without one, servers stop at 1,000.
	maxConsumers = 100_000
	// maxCampaignSize bounds a value in the bucket of campaigns.
	maxCampaignSize = 256 << 10
	// maxStopSize bounds a value in the bucket of senders.
	maxStopSize = 16 << 10
	// maxConsentSize and maxPersonSize bound what is held about one person.
	maxConsentSize = 64 << 10
	maxPersonSize  = 4 << 10
	// windowsMaxAge is longer than a customer service window.
	windowsMaxAge = 25 * time.Hour
)

// managedBy marks in a stream's metadata that Ensure may change its limits. A
// stream that somebody else created and keeps in order does not have it.
//
// Its value is the version of the layout: subjects, headers and values of the stream
// or bucket. It goes up when an earlier wacast would misread what is there.
const (
	managedBy     = "wacast-managed"
	layoutVersion = 1
)

// Settings are what an operator decides about the streams.
type Settings struct {
	Names Names
	// JobsMaxBytes is when the stream of jobs is full and producers are refused.
	// Defaults to [DefaultJobsMaxBytes].
	JobsMaxBytes int64
	// EventsMaxAge is how long outcomes are kept. Defaults to [DefaultEventsMaxAge].
	EventsMaxAge time.Duration
	// EventsMaxBytes is when the stream of events is full and sending stops.
	// Defaults to no limit but the account's.
	EventsMaxBytes int64
	// WebhooksMaxBytes is when the stream of webhooks is full and those who deliver
	// them are told to come back. Defaults to no limit but the account's.
	WebhooksMaxBytes int64
	// DeadMaxAge is how long dead letters are kept. Defaults to [DefaultDeadMaxAge].
	DeadMaxAge time.Duration
	// Replicas of each stream, 1, 3 or 5. Defaults to 1.
	Replicas int
}

// Topology is what wacast needs on a NATS account.
type Topology struct {
	Streams []jetstream.StreamConfig
	Buckets []jetstream.KeyValueConfig
}

// Topology describes the streams and buckets.
func (s Settings) Topology() Topology {
	n := s.Names
	return Topology{
		Streams: []jetstream.StreamConfig{s.jobs(), s.later(), s.events(), s.dead(), s.claims(), s.webhooks()},
		Buckets: []jetstream.KeyValueConfig{
			s.bucket(n.CampaignsBucket(), "campaigns and their states", maxCampaignSize, 0),
			s.bucket(n.SendersBucket(), "what is stopped, and why", maxStopSize, 0),
			// What people have said has no age: an opt-out is never forgotten.
			s.bucket(n.ConsentBucket(), "who does not want what", maxConsentSize, 0),
			s.bucket(n.PeopleBucket(), "which numbers and user ids are one person", maxPersonSize, 0),
			s.bucket(n.WindowsBucket(), "who wrote to which number within the last day", maxPersonSize, windowsMaxAge),
			s.bucket(n.AnswersBucket(), "what was answered to jobs", maxPersonSize, cmp.Or(s.EventsMaxAge, DefaultEventsMaxAge)),
		},
	}
}

func (s Settings) bucket(name, holds string, maxValue int32, age time.Duration) jetstream.KeyValueConfig {
	return jetstream.KeyValueConfig{
		Bucket: name, Description: "wacast: " + holds, MaxValueSize: maxValue, TTL: age,
		Replicas: cmp.Or(s.Replicas, 1), Metadata: managed(),
	}
}

// jobs has no schedules, TTLs or roll-ups: schedules exclude DiscardNew, and with
// them any publisher could wipe the stream.
func (s Settings) jobs() jetstream.StreamConfig {
	return jetstream.StreamConfig{
		Name:         s.Names.JobsStream(),
		Description:  "wacast: jobs to be sent",
		Subjects:     []string{s.Names.wild("jobs", "", "", "")},
		Retention:    jetstream.WorkQueuePolicy,
		Storage:      jetstream.FileStorage,
		Discard:      jetstream.DiscardNew,
		MaxBytes:     cmp.Or(s.JobsMaxBytes, DefaultJobsMaxBytes),
		MaxConsumers: maxConsumers,
		AllowDirect:  true,
		Duplicates:   duplicateWindow,
		Replicas:     cmp.Or(s.Replicas, 1),
		Metadata:     managed(),
	}
}

// later has no limits: what wacast has put off must not be refused or dropped.
func (s Settings) later() jetstream.StreamConfig {
	return jetstream.StreamConfig{
		Name:              s.Names.LaterStream(),
		Description:       "wacast: jobs to be sent later, and those that are due",
		Subjects:          []string{s.Names.wild("later", "", "", "", ""), s.Names.wild("due", "", "", "")},
		Retention:         jetstream.WorkQueuePolicy,
		Storage:           jetstream.FileStorage,
		Discard:           jetstream.DiscardOld, // the only one schedules allow; no limit, no discard
		MaxConsumers:      maxConsumers,
		AllowMsgSchedules: true,
		AllowDirect:       true,
		Duplicates:        duplicateWindow,
		Replicas:          cmp.Or(s.Replicas, 1),
		Metadata:          managed(),
	}
}

func (s Settings) events() jetstream.StreamConfig {
	age := cmp.Or(s.EventsMaxAge, DefaultEventsMaxAge)
	return jetstream.StreamConfig{
		Name:        s.Names.EventsStream(),
		Description: "wacast: what became of each job",
		Subjects:    []string{s.Names.wild("events", "", "", "", "")},
		Retention:   jetstream.LimitsPolicy,
		Storage:     jetstream.FileStorage,
		Discard:     jetstream.DiscardNew,
		MaxAge:      age,
		MaxBytes:    cmp.Or(s.EventsMaxBytes, -1),
		AllowDirect: true,
		Duplicates:  min(duplicateWindow, age),
		Replicas:    cmp.Or(s.Replicas, 1),
		Metadata:    managed(),
	}
}

func (s Settings) dead() jetstream.StreamConfig {
	age := cmp.Or(s.DeadMaxAge, DefaultDeadMaxAge)
	return jetstream.StreamConfig{
		Name:        s.Names.DeadStream(),
		Description: "wacast: rejected and unknown jobs, whole",
		Subjects:    []string{s.Names.wild("dead", "", "", "")},
		Retention:   jetstream.LimitsPolicy,
		Storage:     jetstream.FileStorage,
		Discard:     jetstream.DiscardNew,
		MaxAge:      age,
		AllowDirect: true,
		Duplicates:  min(duplicateWindow, age),
		Replicas:    cmp.Or(s.Replicas, 1),
		Metadata:    managed(),
	}
}

// claims are kept for a day: longer than any lease, and than a ledger that is whole
// ever needs to look back.
func (s Settings) claims() jetstream.StreamConfig {
	return jetstream.StreamConfig{
		Name:        s.Names.ClaimsStream(),
		Description: "wacast: which jobs workers were about to send",
		Subjects:    []string{s.Names.wild("claims", "")},
		Retention:   jetstream.LimitsPolicy,
		Storage:     jetstream.FileStorage,
		Discard:     jetstream.DiscardNew,
		MaxAge:      ClaimsMaxAge,
		Duplicates:  claimsWindow,
		Replicas:    cmp.Or(s.Replicas, 1),
		Metadata:    managed(),
	}
}

// webhooks keeps what waits for a treatment until it has had it; what is set aside
// or waits to be passed on has an age of its own, as TTL.
func (s Settings) webhooks() jetstream.StreamConfig {
	return jetstream.StreamConfig{
		Name:         s.Names.WebhooksStream(),
		Description:  "wacast: webhooks as they came",
		Subjects:     []string{s.Names.wild("webhooks", "")},
		Retention:    jetstream.WorkQueuePolicy,
		Storage:      jetstream.FileStorage,
		Discard:      jetstream.DiscardNew,
		MaxBytes:     cmp.Or(s.WebhooksMaxBytes, -1),
		MaxConsumers: maxConsumers,
		AllowMsgTTL:  true,
		AllowDirect:  true,
		Duplicates:   duplicateWindow,
		Replicas:     cmp.Or(s.Replicas, 1),
		Metadata:     managed(),
	}
}

func managed() map[string]string { return map[string]string{managedBy: strconv.Itoa(layoutVersion)} }
