package simulator

import (
	"fmt"
	"net/http"
	"time"
)

// upgrade is a throughput to come.
type upgrade struct {
	at  time.Time
	mps int
}

// UpgradeNumber raises a number's throughput as the platform does: for some time its
// messages are refused with 131057, then it has the new throughput, and a
// phone_number_quality_update says THROUGHPUT_UPGRADE.
func (s *Server) UpgradeNumber(id string, mps int, maintenance time.Duration) error {
	n := s.accounts.number(id)
	switch {
	case n == nil:
		return fmt.Errorf("simulator: number %q does not exist", id)
	case mps < 1:
		return fmt.Errorf("simulator: mps is %d; it must be positive", mps)
	case maintenance < 0:
		return fmt.Errorf("simulator: maintenance is %v; it must be positive", maintenance)
	}
	now := s.cfg.Clock()
	n.mu.Lock()
	n.upgrade = &upgrade{now.Add(maintenance), mps}
	n.mature(s.cfg.Clock)
	n.mu.Unlock()
	if s.hooks == nil {
		return nil
	}
	const field = "phone_number_quality_update"
	value := object{
		"display_phone_number": n.display, "event": "THROUGHPUT_UPGRADE",
		"current_limit": s.cfg.MessagingLimit, "max_daily_conversations_per_business": s.cfg.MessagingLimit,
	}
	s.hooks.tell([]news{{
		account: n.account, field: field, stamp: now.Add(maintenance).Unix(),
		change: appendChangeOf(nil, field, mustJSON(value)), due: maintenance,
	}})
	return nil
}

// mature carries out an upgrade whose time has come. It reports whether one is still
// to come. The caller holds the lock.
func (n *number) mature(clock func() time.Time) (busy bool) {
	if n.upgrade == nil {
		return false
	}
	if clock().Before(n.upgrade.at) {
		return true
	}
	n.mps, n.upgrade = n.upgrade.mps, nil
	return false
}

// refuses is why the number sends nothing at all.
func (n *number) refuses(clock func() time.Time) *refusal {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.mature(clock) {
		return refuse(131057, "")
	}
	if n.status != connected {
		return refuse(133010, "")
	}
	return nil
}

func (s *Server) controlUpgrade(r *http.Request) (any, error) {
	var change struct {
		MPS         int      `json:"mps"`
		Maintenance Duration `json:"maintenance"`
	}
	if err := decodeStrict(r, &change); err != nil {
		return nil, err
	}
	return done{true}, s.UpgradeNumber(r.PathValue("id"), change.MPS, time.Duration(change.Maintenance))
}
