package sender

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// anyTime ignores when a limit was said.
var anyTime = cmpopts.IgnoreFields(Limit{}, "Since")

// What an operator says beats what the API tells, each in what it speaks of, on
// every replica; forgetting the one leaves the other.
func TestLimitsOfANumber(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		all := replicas(t, &bucket{}, 2)
		cli, _ := newTestStops(all[0].store) // a command, which never ran
		for _, step := range []struct {
			name string
			do   func() error
			want Limit
			ok   bool
		}{
			{"nobody has spoken", func() error { return nil }, Limit{Source: SourceDefault}, false},
			{"the day only", func() error {
				return cli.SetLimit(t.Context(), "100", Limit{PerDay: 5000, Source: SourceOperator, By: "ana"})
			}, Limit{PerDay: 5000, Source: SourceDefault, By: "ana"}, true},
			{"the API tells", func() error {
				return all[1].SetLimit(t.Context(), "100", Limit{MPS: 80, Level: "STANDARD", Source: SourceAPI})
			}, Limit{MPS: 80, Level: "STANDARD", PerDay: 5000, Source: SourceAPI, By: "ana"}, true},
			{"the operator too", func() error {
				return cli.SetLimit(t.Context(), "100", Limit{MPS: 1000, Source: SourceOperator, By: "ana"})
			}, Limit{MPS: 1000, Level: "STANDARD", Source: SourceOperator, By: "ana"}, true},
			{"the API once more", func() error {
				return all[0].SetLimit(t.Context(), "100", Limit{MPS: 80, Level: "HIGH", Source: SourceAPI})
			}, Limit{MPS: 1000, Level: "HIGH", Source: SourceOperator, By: "ana"}, true},
			{"the operator's word is forgotten", func() error { return cli.ClearLimit(t.Context(), "100") },
				Limit{MPS: 80, Level: "HIGH", Source: SourceAPI}, true},
			{"a level without a limit", func() error {
				return all[0].SetLimit(t.Context(), "100", Limit{Level: "NOT_APPLICABLE", Source: SourceAPI})
			}, Limit{Level: "NOT_APPLICABLE", Source: SourceDefault}, true},
		} {
			if err := step.do(); err != nil {
				t.Fatalf("%s: %v", step.name, err)
			}
			for i, s := range all {
				got, ok := s.Limit("100")
				if diff := cmp.Diff(step.want, got, anyTime); diff != "" || ok != step.ok {
					t.Errorf("%s, replica %d: known %v (-want +got):\n%s", step.name, i, ok, diff)
				}
				if _, ok := s.Limit("200"); ok || !s.Free() {
					t.Errorf("%s, replica %d: another number has a limit, or something is stopped", step.name, i)
				}
			}
		}
	})
}

// A change of a limit acts at once, and hearing the same again wakes nobody.
func TestLimitsWake(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		all := replicas(t, &bucket{}, 2)
		told := Limit{MPS: 80, Level: "STANDARD", Source: SourceAPI}
		for _, tt := range []struct {
			name  string
			do    func() error
			wakes bool
		}{
			{"a level", func() error { return all[0].SetLimit(t.Context(), "100", told) }, true},
			{"the same an hour later", func() error {
				time.Sleep(time.Hour)
				return all[0].SetLimit(t.Context(), "100", told)
			}, false},
			{"an operator's word", func() error { return all[0].SetLimit(t.Context(), "100", Limit{MPS: 20, Source: SourceOperator}) }, true},
			{"it is forgotten", func() error { return all[0].ClearLimit(t.Context(), "100") }, true},
			{"it is forgotten again", func() error { return all[0].ClearLimit(t.Context(), "100") }, false},
			{"a portfolio", func() error {
				return all[0].SetPortfolio(t.Context(), "p", PortfolioLimit{Recipients: 250, Source: SourceAPI})
			}, true},
		} {
			changed := all[1].Changed()
			if err := tt.do(); err != nil {
				t.Fatalf("%s: %v", tt.name, err)
			}
			synctest.Wait()
			woken := false
			select {
			case <-changed:
				woken = true
			default:
			}
			if woken != tt.wakes {
				t.Errorf("%s: woken %v, want %v", tt.name, woken, tt.wakes)
			}
		}
		if got, _ := all[1].Told("100"); time.Since(got.Since) > 0 {
			t.Errorf("the API was asked %v ago, as far as the other replica knows; want just now", time.Since(got.Since))
		}
	})
}

// A portfolio is called what its owner likes.
func TestLimitOfAPortfolio(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		all := replicas(t, &bucket{}, 2)
		for _, name := range []string{"102290129340398", "Clínica Sur / Sucursales", "a.b"} {
			if _, ok := all[1].Portfolio(name); ok {
				t.Fatalf("%q has a limit that nobody has said", name)
			}
			if err := all[0].SetPortfolio(t.Context(), name, PortfolioLimit{Recipients: 2000, Source: SourceAPI}); err != nil {
				t.Fatal(err)
			}
			if err := all[0].SetPortfolio(t.Context(), name, PortfolioLimit{Source: SourceOperator, By: "ana"}); err != nil {
				t.Fatal(err)
			}
			if got, ok := all[1].Portfolio(name); !ok || got.Recipients != 0 || got.By != "ana" {
				t.Errorf("%q: %+v, %v; want ana's word, unlimited", name, got, ok)
			}
			if err := all[0].ClearPortfolio(t.Context(), name); err != nil {
				t.Fatal(err)
			}
			if got, ok := all[1].Portfolio(name); !ok || got.Recipients != 2000 {
				t.Errorf("%q: %+v, %v; want the API's 2,000", name, got, ok)
			}
		}
	})
}

func TestBadLimits(t *testing.T) {
	s, _ := newTestStops(nil)
	for _, l := range []Limit{{MPS: 80}, {MPS: -1, Source: SourceOperator}, {PerDay: -1, Source: SourceOperator}, {Source: SourceDefault}} {
		if err := s.SetLimit(t.Context(), "100", l); err == nil {
			t.Errorf("%+v was taken", l)
		}
	}
	for _, l := range []PortfolioLimit{{}, {Recipients: -1, Source: SourceAPI}} {
		if err := s.SetPortfolio(t.Context(), "p", l); err == nil {
			t.Errorf("%+v was taken", l)
		}
	}
}

// What cannot be read leaves what was known.
func TestUnreadableLimit(t *testing.T) {
	s, log := newTestStops(nil)
	if err := s.SetLimit(t.Context(), "100", Limit{MPS: 20, Source: SourceOperator}); err != nil {
		t.Fatal(err)
	}
	s.apply("limit.100", []byte("twenty"))
	if got, _ := s.Limit("100"); got.MPS != 20 || log.Len() == 0 {
		t.Errorf("limit %d with %d bytes of log; want 20 and a line", got.MPS, log.Len())
	}
}
