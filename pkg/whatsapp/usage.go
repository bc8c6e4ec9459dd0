package whatsapp

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Usage is how much of its call limits the API says are used (fact sheet 3.4). A
// header that is missing or broken leaves its part zero: advice, never an error.
type Usage struct {
	// App is the app's load.
	App Load
	// Business is the account's load: the highest of its use cases.
	Business Load
	// Regain is how long until the account may call again; zero when it may.
	Regain time.Duration
}

// Load is in percent of a limit; 100 and more is throttled.
type Load struct {
	Calls, CPU, Time int
}

// maxWait bounds a wait that a header asks for: beyond a day it is a mistake.
const maxWait = 24 * time.Hour

// usageHeaders are the headers that tell, as they came.
type usageHeaders struct{ app, business string }

func usageHeadersOf(h http.Header) usageHeaders {
	return usageHeaders{app: h.Get("X-App-Usage"), business: h.Get("X-Business-Use-Case-Usage")}
}

func (h usageHeaders) parse() Usage {
	var u Usage
	if raw := h.app; raw != "" {
		var entry usageEntry
		if json.Unmarshal([]byte(raw), &entry) == nil {
			u.App = entry.load()
		}
	}
	if raw := h.business; raw != "" {
		var accounts map[string][]usageEntry
		if json.Unmarshal([]byte(raw), &accounts) == nil {
			for _, entries := range accounts {
				for _, entry := range entries {
					u.Business = u.Business.max(entry.load())
					u.Regain = max(u.Regain, bounded(entry.Regain, time.Minute))
				}
			}
		}
	}
	return u
}

type usageEntry struct {
	Calls  float64 `json:"call_count"`
	CPU    float64 `json:"total_cputime"`
	Time   float64 `json:"total_time"`
	Regain float64 `json:"estimated_time_to_regain_access"`
}

func (e usageEntry) load() Load {
	return Load{Calls: percent(e.Calls), CPU: percent(e.CPU), Time: percent(e.Time)}
}

func (l Load) max(o Load) Load {
	return Load{Calls: max(l.Calls, o.Calls), CPU: max(l.CPU, o.CPU), Time: max(l.Time, o.Time)}
}

func percent(f float64) int { return int(min(max(f, 0), 1e6)) }

// bounded is n units as a duration between zero and maxWait; NaN is zero.
func bounded(n float64, unit time.Duration) time.Duration {
	if !(n > 0) {
		return 0
	}
	return time.Duration(min(n*float64(unit), float64(maxWait)))
}

// parseRetryAfter reads seconds or an HTTP date. No Meta document mentions the
// header for this API (fact sheet 2.2), gateways may send it all the same.
func parseRetryAfter(h http.Header, now time.Time) time.Duration {
	raw := strings.TrimSpace(h.Get("Retry-After"))
	if raw == "" {
		return 0
	}
	if seconds, err := strconv.ParseFloat(raw, 64); err == nil {
		return bounded(seconds, time.Second)
	}
	if at, err := http.ParseTime(raw); err == nil {
		return min(max(at.Sub(now), 0), maxWait)
	}
	return 0
}
