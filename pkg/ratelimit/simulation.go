package ratelimit

import (
	"container/heap"
	"math"
	"math/rand/v2"
	"slices"
	"time"
)

// simLead is how long before its last slot a replica asks for more, as a worker
// does that has handed its slots out.
const simLead = 20_000

// simulation runs a [SimConfig]. Times are microseconds from its start; the
// limiter's clock begins at simEpoch, so that it never is a number's unknown 0.
type simulation struct {
	cfg      SimConfig
	rng      *rand.Rand
	events   simEvents
	replicas []simReplica
	number   pace
	judge    simJudge // of arrivals, by what the API allows
	slots    simJudge // of slots, which nobody refuses
	stalls   simPauses
	urgent   []int64 // how long urgent jobs waited
	result   SimResult
}

const simEpoch = int64(1e15)

// simReplica is one replica. It is killed at dies, and notices changes of the limit
// late.
type simReplica struct {
	dies, notice int64
	drift        float64
	empty        int // asks in a row that found nothing
	pauses       simPauses
	accepted     int
}

// simEvent is something that happens at a time: a replica's ask comes to the
// limiter, a slot is there, a request comes to the API, a refusal to the limiter.
type simEvent struct {
	at      int64
	what    simKind
	replica int32
	sent    int64 // of a slot: when the replica sends
	urgent  int64 // of an ask for an urgent job: when that came
}

type simKind int8

const (
	simAsk simKind = iota
	simUrgent
	simSlot
	simArrive
	simRefusal
)

func newSimulation(cfg SimConfig) *simulation {
	s := &simulation{cfg: cfg, rng: rand.New(rand.NewPCG(cfg.Seed, 0)), replicas: make([]simReplica, cfg.Replicas)}
	s.result.Seconds = make([]SimSecond, int(math.Ceil(cfg.Duration.Seconds())))
	for i := range s.result.Seconds {
		at := int64(i) * 1e6
		s.result.Seconds[i].Allowed = min(s.allowed(at), s.limit(at))
	}
	for i := range s.replicas {
		r := &s.replicas[i]
		r.notice = int64(s.rng.Float64() * float64(cfg.Notice.Microseconds()))
		r.drift = 1 + cfg.Drift*(2*s.rng.Float64()-1)
		s.start(i, 0)
	}
	if cfg.Urgent > 0 {
		s.comeUrgent(0)
	}
	return s
}

// start brings a replica up, and says when it is killed.
func (s *simulation) start(replica int, at int64) {
	r := &s.replicas[replica]
	r.dies = math.MaxInt64
	if s.cfg.Life > 0 {
		r.dies = at + int64(s.rng.ExpFloat64()*float64(s.cfg.Life.Microseconds()))
	}
	s.push(simEvent{at: at + s.spread(s.cfg.RoundTrip)/2, what: simAsk, replica: int32(replica)})
}

// spread is a time around its mean.
func (s *simulation) spread(mean time.Duration) int64 {
	return int64(float64(mean.Microseconds()) * (1 + s.cfg.Jitter*(2*s.rng.Float64()-1)))
}

func (s *simulation) push(e simEvent) { heap.Push(&s.events, e) }

func (s *simulation) run() {
	for len(s.events) > 0 {
		e := heap.Pop(&s.events).(simEvent)
		if e.at >= s.cfg.Duration.Microseconds() {
			return
		}
		switch e.what {
		case simAsk:
			s.ask(e)
		case simUrgent:
			s.askUrgent(e)
		case simSlot:
			s.slot(e)
		case simArrive:
			s.arrive(e)
		case simRefusal:
			s.number = s.number.slow(s.clock(e.at), s.spacing(e), s.cfg.Hold.Microseconds(), 1)
		}
	}
}

// clock is the limiter's.
func (s *simulation) clock(at int64) int64 {
	now := simEpoch + at
	for _, j := range s.cfg.Jumps {
		if j.At.Microseconds() <= at {
			now += j.By.Microseconds()
		}
	}
	return now
}

// limit is the rate that is set, allowed what the API allows.
func (s *simulation) limit(at int64) float64 { return changed(s.cfg.Rate.PerSecond, s.cfg.Limits, at) }
func (s *simulation) allowed(at int64) float64 {
	return changed(s.cfg.Rate.PerSecond, s.cfg.Allowed, at)
}

func changed(rate float64, changes []SimChange, at int64) float64 {
	for _, c := range changes {
		if c.At.Microseconds() <= at {
			rate = c.PerSecond
		}
	}
	return rate
}

// ask gives a replica its slots, and asks again when the worker's line would.
func (s *simulation) ask(e simEvent) {
	r := &s.replicas[e.replica]
	if e.at >= r.dies {
		s.start(int(e.replica), r.dies+s.cfg.Down.Microseconds())
		return
	}
	got, spacing, back := s.reserve(e, s.cfg.Want, 0)
	r.empty = min(r.empty+1, 2)
	wait := r.own(got.Again) + s.stagger()<<(r.empty-1)
	if got.Count > 0 {
		r.empty = 0
		wait = max(0, r.own(got.First+int64(got.Count-1)*spacing)-simLead)
	}
	at := s.paused(&r.pauses, s.cfg.Pauses, back+wait)
	s.push(simEvent{at: at + s.spread(s.cfg.RoundTrip)/2, what: simAsk, replica: e.replica})
}

// reserve gives a replica slots, and returns them, their spacing and when it knows.
func (s *simulation) reserve(e simEvent, want, urgent int) (got Slots, spacing, back int64) {
	r := &s.replicas[e.replica]
	now := s.clock(e.at)
	spacing = s.spacing(e)
	s.number, got = s.number.next(now, spacing, s.cfg.Horizon.Microseconds(), want, urgent)
	spacing = stretch(spacing, s.number.part(now))
	s.result.Asks++
	back = s.paused(&r.pauses, s.cfg.Pauses, e.at+s.spread(s.cfg.RoundTrip)/2)
	for i := range int64(got.Count) {
		delay := got.First + i*spacing
		s.push(simEvent{at: e.at + delay, what: simSlot, replica: e.replica, sent: back + r.own(delay)})
	}
	return got, spacing, back
}

// spacing is that of the full limit as the replica of an event knows it.
func (s *simulation) spacing(e simEvent) int64 {
	perSecond := s.limit(e.at - s.replicas[e.replica].notice)
	return Rate{PerSecond: perSecond, Headroom: s.cfg.Rate.Headroom}.Spacing().Microseconds()
}

// stagger is how much later than it might a replica asks that found nothing.
func (s *simulation) stagger() int64 {
	return int64(s.rng.Float64() * float64(s.cfg.Stagger.Microseconds()))
}

// own is a delay as the replica's clock measures it.
func (r *simReplica) own(delay int64) int64 { return int64(float64(delay) * r.drift) }

func (s *simulation) slot(e simEvent) {
	s.result.Slots++
	n := s.slots.add(e.at)
	s.result.Peak = max(s.result.Peak, n)
	if float64(n) > s.highest(e.at) {
		s.result.Over++
	}
	if e.sent >= s.replicas[e.replica].dies {
		s.result.Lost++
		return
	}
	sent := s.paused(&s.replicas[e.replica].pauses, s.cfg.Pauses, e.sent)
	if sent-e.sent > s.cfg.Late.Microseconds() {
		s.result.Late++
		return
	}
	at := s.paused(&s.stalls, s.cfg.Stalls, sent+s.spread(s.cfg.Latency)/2)
	s.push(simEvent{at: at, what: simArrive, replica: e.replica})
}

// highest is the highest limit with which the slots of the second that ends at a
// time can have been asked for.
func (s *simulation) highest(at int64) float64 {
	from := at - 1e6 - s.cfg.Horizon.Microseconds() - s.cfg.Notice.Microseconds()
	highest := s.limit(from)
	for _, c := range s.cfg.Limits {
		if t := c.At.Microseconds(); t > from && t <= at {
			highest = max(highest, c.PerSecond)
		}
	}
	return math.Ceil(highest)
}

func (s *simulation) arrive(e simEvent) {
	second := &s.result.Seconds[e.at/1e6]
	if float64(s.judge.count(e.at)) < s.allowed(e.at) {
		s.judge.add(e.at)
		second.Accepted++
		s.result.Accepted++
		s.replicas[e.replica].accepted++
		return
	}
	second.Refused++
	s.result.Refused++
	s.push(simEvent{at: e.at + s.spread(s.cfg.Latency)/2 + s.spread(s.cfg.RoundTrip)/2, what: simRefusal, replica: e.replica})
}

func (s *simulation) sum() SimResult {
	allowed := 0.0
	for _, second := range s.result.Seconds {
		allowed += second.Allowed
	}
	s.result.Use = float64(s.result.Accepted) / allowed
	least := s.result.Accepted
	for _, r := range s.replicas {
		least = min(least, r.accepted)
	}
	if slices.Sort(s.urgent); len(s.urgent) > 0 {
		s.result.Urgent = microseconds(s.urgent[len(s.urgent)*99/100])
		s.result.UrgentMost = microseconds(s.urgent[len(s.urgent)-1])
	}
	s.result.Least = float64(least*len(s.replicas)) / float64(max(1, s.result.Accepted))
	return s.result
}

// simJudge counts what was in the last second.
type simJudge struct {
	times []int64
	from  int
}

// count is how much was in the second that ends now; one that was exactly a
// second ago is not of it.
func (j *simJudge) count(now int64) int {
	for j.from < len(j.times) && j.times[j.from] <= now-1e6 {
		j.from++
	}
	if j.from > len(j.times)/2 { // what is past is let go, at a constant cost each
		j.times = append(j.times[:0], j.times[j.from:]...)
		j.from = 0
	}
	return len(j.times) - j.from
}

// add counts one more, and returns the count with it.
func (j *simJudge) add(now int64) int {
	j.times = append(j.times, now)
	return j.count(now)
}

// simEvents is a heap by time.
type simEvents []simEvent

func (h simEvents) Len() int           { return len(h) }
func (h simEvents) Less(i, j int) bool { return h[i].at < h[j].at }
func (h simEvents) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }

// Push is heap.Interface's.
func (h *simEvents) Push(e any) { *h = append(*h, e.(simEvent)) }

// Pop is heap.Interface's.
func (h *simEvents) Pop() any {
	last := len(*h) - 1
	e := (*h)[last]
	*h = (*h)[:last]
	return e
}
