package ratelimit

// simPauses is the next pause of a replica, or of the way to the API.
type simPauses struct {
	from, to int64
	known    bool
}

// paused is when something comes about that would at a time: then, or at the end of
// the pause that is meanwhile. Times that were asked for come roughly in their order.
func (s *simulation) paused(p *simPauses, cfg SimPauses, at int64) int64 {
	if cfg.Every == 0 {
		return at
	}
	for !p.known || p.to < at-1e6 { // nothing that far back is asked for
		every, most := float64(cfg.Every.Microseconds()), float64(cfg.Most.Microseconds())
		p.from = max(p.to, at-1e6) + int64(s.rng.ExpFloat64()*every)
		p.to = p.from + int64(s.rng.Float64()*most)
		p.known = true
	}
	if at >= p.from && at < p.to {
		return p.to
	}
	return at
}

// comeUrgent has the next urgent job come.
func (s *simulation) comeUrgent(now int64) {
	at := now + int64(s.rng.ExpFloat64()*float64(s.cfg.Urgent.Microseconds()))
	replica := int32(s.rng.IntN(len(s.replicas)))
	s.push(simEvent{at: at + s.spread(s.cfg.RoundTrip)/2, what: simUrgent, replica: replica, urgent: at})
}

// askUrgent gives an urgent job its slot.
func (s *simulation) askUrgent(e simEvent) {
	got, _, back := s.reserve(e, 1, 1)
	if got.Count == 0 {
		s.push(simEvent{at: back + got.Again + s.spread(s.cfg.RoundTrip)/2, what: simUrgent, replica: e.replica, urgent: e.urgent})
		return
	}
	s.urgent = append(s.urgent, max(back, e.at+got.First)-e.urgent)
	s.comeUrgent(e.urgent)
}
