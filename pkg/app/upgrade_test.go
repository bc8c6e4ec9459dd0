package app_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/wacast/wacast/pkg/queue"
	"github.com/wacast/wacast/pkg/simulator"
)

// What a newer wacast has laid out in another way is left alone, and said so with the
// layout that is needed.
func TestNewerLayoutsAreRefused(t *testing.T) {
	for name, lay := range map[string]func(r *rig) error{
		"stream": func(r *rig) error {
			return relabel(r, queue.Names{Namespace: r.config().Namespace}.EventsStream())
		},
		"bucket": func(r *rig) error {
			return relabel(r, "KV_"+queue.Names{Namespace: r.config().Namespace}.SendersBucket())
		},
		"ledger": func(r *rig) error {
			o, err := redis.ParseURL(r.redis.URL)
			if err != nil {
				return err
			}
			return dial(r.t, o).Set(r.t.Context(), r.config().Namespace+":l:layout", 2, 0).Err()
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, simulator.Config{})
			if _, err := queue.Ensure(t.Context(), r.jetStream(), appTopology(r)); err != nil {
				t.Fatal(err)
			}
			must(t, lay(r))
			r.start("old")
			r.publish(newJob(numberA, "c", 1))
			r.eventually(func() (bool, string) {
				log := r.log.String()
				return strings.Contains(log, "layout 2 and this build knows 1"), "no word of the layout"
			})
			if n := r.sim.Stats().Requests; n != 0 {
				t.Errorf("%d messages were sent all the same", n)
			}
		})
	}
}

func appTopology(r *rig) queue.Topology { cfg := r.config(); return cfg.Topology() }

// relabel makes a stream one of the next layout.
func relabel(r *rig, name string) error {
	s, err := r.jetStream().Stream(r.t.Context(), name)
	if err != nil {
		return err
	}
	config := s.CachedInfo().Config
	if config.Metadata["wacast-managed"] != "1" {
		return fmt.Errorf("%s has layout %q", name, config.Metadata["wacast-managed"])
	}
	config.Metadata = map[string]string{"wacast-managed": "2"}
	_, err = r.jetStream().UpdateStream(r.t.Context(), config)
	return err
}
