package whatsapp

import (
	"net/http"
	"testing"
	"time"
)

func TestParseUsage(t *testing.T) {
	tests := []struct {
		name, app, business string
		want                Usage
	}{
		{"none", "", "", Usage{}},
		{"app", `{"call_count":101,"total_cputime":22,"total_time":31}`, "", Usage{App: Load{101, 22, 31}}},
		{"business: the highest counts", "",
			`{"1":[{"call_count":1,"total_cputime":9,"estimated_time_to_regain_access":3},{"call_count":37,"total_time":11}],"2":[{"total_time":2}]}`,
			Usage{Business: Load{37, 9, 11}, Regain: 3 * time.Minute}},
		{"broken app", `{"call_count":`, `{"1":[{"call_count":5}]}`, Usage{Business: Load{Calls: 5}}},
		{"broken business", `{"call_count":5}`, `[]`, Usage{App: Load{Calls: 5}}},
		{"out of range", `{"call_count":-4,"total_cputime":1e300}`, `{"1":[{"estimated_time_to_regain_access":1e300}]}`,
			Usage{App: Load{CPU: 1e6}, Regain: maxWait}},
	}
	for _, tt := range tests {
		h := http.Header{}
		h.Set("x-app-usage", tt.app)
		h.Set("x-business-use-case-usage", tt.business)
		if got := usageHeadersOf(h).parse(); got != tt.want {
			t.Errorf("%s: %+v, want %+v", tt.name, got, tt.want)
		}
	}
}

func TestParseRetryAfter(t *testing.T) {
	now := time.Date(2026, 10, 21, 7, 28, 0, 0, time.UTC)
	for raw, want := range map[string]time.Duration{
		"":                              0,
		"7":                             7 * time.Second,
		" 0.5 ":                         500 * time.Millisecond,
		"-3":                            0,
		"NaN":                           0,
		"Inf":                           maxWait,
		"99999999999":                   maxWait,
		"soon":                          0,
		"Wed, 21 Oct 2026 07:29:30 GMT": 90 * time.Second,
		"Wed, 21 Oct 2026 07:00:00 GMT": 0,
		"Wed, 21 Oct 2099 07:00:00 GMT": maxWait,
	} {
		if got := parseRetryAfter(http.Header{"Retry-After": {raw}}, now); got != want {
			t.Errorf("%q: %v, want %v", raw, got, want)
		}
	}
}
