package app_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/wacast/wacast/pkg/simulator"
)

// How full the streams are shows, also where nothing is sent from them, and so does what
// waits in that of webhooks.
func TestStreamMetrics(t *testing.T) {
	r := newRig(t, simulator.Config{}, "WACAST_APP_SECRET="+hookSecret, "WACAST_VERIFY_TOKEN=word", "WACAST_WEBHOOK_ADDR=127.0.0.1:0")
	r.sim.ExpireToken("token-a")
	a := r.both()
	r.publishRaw(r.config().Namespace+".webhooks.odd", "nobody can make sense of it")
	r.publish(newJobs(numberA, "waiting", 0, 25)...)
	jobs := r.names().JobsStream()
	stream, err := r.jetStream().Stream(t.Context(), jobs)
	if err != nil {
		t.Fatal(err)
	}
	r.eventually(func() (bool, string) {
		info, err := stream.Info(t.Context())
		if err != nil {
			return false, err.Error()
		}
		_, metrics := get(t, a, "/metrics")
		for _, want := range []string{
			fmt.Sprintf(`wacast_stream_messages{stream="%s"} 25`, jobs),
			fmt.Sprintf(`wacast_stream_bytes{stream="%s"} %d`, jobs, info.State.Bytes),
			fmt.Sprintf(`wacast_stream_max_bytes{stream="%s"} %v`, jobs, float64(info.Config.MaxBytes)),
			`wacast_webhooks_waiting{box="inbox"} 0`,
			`wacast_webhooks_waiting{box="quarantine"} 1`,
		} {
			if !strings.Contains(metrics, want+"\n") {
				return false, want + " is not among\n" + metrics
			}
		}
		return !strings.Contains(metrics, `wacast_stream_max_bytes{stream="`+r.names().LaterStream()), metrics
	})
}
