package simulator_test

import (
	"math/rand/v2"
	"net/http"
	"testing"
	"time"

	"github.com/wacast/wacast/pkg/simulator"
)

// However requests arrive, no sliding second holds more than the limit, and every
// refusal was needed.
func TestThroughputIsExact(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for round := range 12 {
		clock := newManual()
		limit := 1 + rng.IntN(40)
		s := newServer(t, simulator.Config{MPS: limit, Clock: clock.Now})
		var accepted []time.Time
		for range 600 {
			clock.now = clock.now.Add(time.Duration(rng.ExpFloat64() * float64(time.Second) / float64(limit) / 1.3))
			got := post(t, s, path, hello("447700900456", ""))
			within := 0
			for i := len(accepted) - 1; i >= 0 && clock.now.Sub(accepted[i]) < time.Second; i-- {
				within++
			}
			switch {
			case got.status == http.StatusOK && within >= limit:
				t.Fatalf("round %d: %d accepted in the second before an acceptance, the limit is %d", round, within, limit)
			case got.status != http.StatusOK && within < limit:
				t.Fatalf("round %d: refused although only %d of %d were accepted", round, within, limit)
			case got.status == http.StatusOK:
				accepted = append(accepted, clock.now)
			case got.Error.Code != 130429:
				t.Fatalf("code %d, want 130429", got.Error.Code)
			}
		}
		st := s.Stats()
		n := st.Numbers[number]
		if n.Peak != limit || n.Accepted != int64(len(accepted)) || n.Throttled != 600-n.Accepted || st.Refused[130429] != n.Throttled {
			t.Errorf("round %d: limit %d, accepted %d, stats %+v", round, limit, len(accepted), n)
		}
	}
}

func TestEvenPaceIsNeverRefused(t *testing.T) {
	clock := newManual()
	s := newServer(t, simulator.Config{Clock: clock.Now})
	for i := range 10 * simulator.DefaultMPS {
		if got := post(t, s, path, hello("447700900456", "")); got.status != http.StatusOK {
			t.Fatalf("message %d refused: %+v", i, got.Error)
		}
		clock.now = clock.now.Add(time.Second / simulator.DefaultMPS)
	}
	if peak := s.Stats().Numbers[number].Peak; peak != simulator.DefaultMPS {
		t.Errorf("peak %d, want %d", peak, simulator.DefaultMPS)
	}
}

// What was refused for another reason takes nothing from the limit, and numbers
// do not take from each other.
func TestOnlyAcceptedCounts(t *testing.T) {
	clock := newManual()
	s := newServer(t, simulator.Config{MPS: 1, ThrottleStatus: http.StatusTooManyRequests, Clock: clock.Now})
	post(t, s, path, hello("bad", ""))
	for _, to := range []string{path, "/v25.0/2/messages"} {
		if got := post(t, s, to, hello("447700900456", "")); got.status != http.StatusOK {
			t.Errorf("%s: refused: %+v", to, got.Error)
		}
	}
	if got := post(t, s, path, hello("447700900456", "")); got.status != http.StatusTooManyRequests || got.Error.Code != 130429 {
		t.Errorf("status %d, code %d, want 429 and 130429", got.status, got.Error.Code)
	}
}

func TestSetMPS(t *testing.T) {
	clock := newManual()
	s := newServer(t, simulator.Config{MPS: 2, Clock: clock.Now})
	count := func() (accepted int) {
		for range 10 {
			if post(t, s, path, hello("447700900456", "")).status == http.StatusOK {
				accepted++
			}
		}
		return accepted
	}
	for _, step := range []struct{ mps, want int }{{2, 2}, {5, 3}, {1, 0}} { // all in one second
		if err := s.SetMPS(number, step.mps); err != nil {
			t.Fatal(err)
		}
		if got := count(); got != step.want {
			t.Errorf("at %d: %d accepted, want %d more", step.mps, got, step.want)
		}
	}
	clock.now = clock.now.Add(time.Second)
	if got := count(); got != 1 {
		t.Errorf("a second later %d accepted, want 1", got)
	}
	if err := s.SetMPS(number, 0); err == nil {
		t.Error("0 messages a second was taken")
	}
}

func TestPairLimit(t *testing.T) {
	clock := newManual()
	s := newServer(t, simulator.Config{MPS: 1000, PairLimit: true, Clock: clock.Now})
	send := func(to string) int { return post(t, s, path, hello(to, "")).Error.Code }
	for i := range 45 {
		if code := send("+447700900456"); code != 0 {
			t.Fatalf("message %d of the burst: code %d", i, code)
		}
	}
	for i, want := range []int{131056, 0, 131056} {
		if i == 1 {
			clock.now = clock.now.Add(6 * time.Second)
		}
		if code := send("447700900456"); code != want {
			t.Errorf("step %d: code %d, want %d", i, code, want)
		}
	}
	if code := send("447700900457"); code != 0 {
		t.Errorf("another person: code %d", code)
	}
}

func TestTokens(t *testing.T) {
	cfg := strict(t)
	cfg.Accounts = append(cfg.Accounts, simulator.Account{WABA: "2", Tokens: []string{"other"}, Numbers: []simulator.Number{{ID: "202"}}})
	s := newServer(t, cfg)
	for i, tc := range []struct {
		authorization, number string
		status, code, subcode int
	}{
		{"", number, 401, 104, 0},
		{"Basic " + token, number, 401, 104, 0},
		{"Bearer ", number, 401, 104, 0},
		{"Bearer nonsense", number, 401, 190, 0},
		{"Bearer EAAGm0PX4ZCpsBA", number, 401, 190, 0},
		{"Bearer " + token, "202", 400, 100, 33},
		{"Bearer other", number, 400, 100, 33},
		{"Bearer " + token, "303", 400, 100, 33},
		{"Bearer other", "202", 200, 0, 0},
		{"bearer " + token, number, 200, 0, 0},
	} {
		got := postAs(t, s, tc.authorization, "/v25.0/"+tc.number+"/messages", hello("447700900456", ""))
		if got.status != tc.status || got.Error.Code != tc.code || got.Error.Subcode != tc.subcode {
			t.Errorf("case %d: %d, %d/%d; want %+v", i, got.status, got.Error.Code, got.Error.Subcode, tc)
		}
	}
	s.ExpireToken(token)
	if got := post(t, s, path, hello("447700900456", "")); got.status != 401 || got.Error.Code != 190 || got.Error.Subcode != 463 {
		t.Errorf("expired: %d, %+v", got.status, got.Error)
	}
	s.RestoreToken(token)
	if got := post(t, s, path, hello("447700900456", "")); got.status != 200 {
		t.Errorf("restored: %+v", got.Error)
	}
}

func TestRealTokensAreRefused(t *testing.T) {
	const real = "EAAGm0PX4ZCpsBA"
	got := postAs(t, newServer(t, simulator.Config{}), "Bearer "+real, path, hello("447700900456", ""))
	if got.status != 401 || got.Error.Code != 190 {
		t.Errorf("%d %+v, want 401 and 190", got.status, got.Error)
	}
	_, err := simulator.New(simulator.Config{Accounts: []simulator.Account{{WABA: "1", Tokens: []string{real}}}})
	if err == nil {
		t.Error("a configuration with a real token was taken")
	}
}

func TestNewRefuses(t *testing.T) {
	for name, cfg := range map[string]simulator.Config{
		"MPS":            {MPS: -1},
		"ThrottleStatus": {ThrottleStatus: 503},
		"Keep":           {Keep: -1},
		"latency":        {Latency: simulator.Latency{Base: -1}},
		"no WABA":        {Accounts: []simulator.Account{{}}},
		"number id":      {Accounts: []simulator.Account{{WABA: "1", Numbers: []simulator.Number{{ID: "+44"}}}}},
		"number twice":   {Accounts: []simulator.Account{{WABA: "1", Numbers: []simulator.Number{{ID: "1"}, {ID: "1"}}}}},
		"template":       {Templates: templatesOf(`{"name":"x"}`)},
		"not JSON":       {Templates: templatesOf(`{`)},
		"variable":       {Templates: templatesOf(`{"name":"x","language":"en","components":[{"type":"BODY","text":"{{first}}"}]}`)},
		"fault kind":     {Faults: []simulator.Rule{{Kind: "flood"}}},
		"fault share":    {Faults: []simulator.Rule{{Kind: simulator.Held, Share: 1.5}}},
		"fault code":     {Faults: []simulator.Rule{{Kind: simulator.Error}}},
		"fault delay":    {Faults: []simulator.Rule{{Kind: simulator.Slow}}},
		"fault times":    {Faults: []simulator.Rule{{Kind: simulator.Held, Times: -1}}},
		"fault status":   {Faults: []simulator.Rule{{Kind: simulator.Error, Code: 1, Status: 200}}},
	} {
		if _, err := simulator.New(cfg); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
