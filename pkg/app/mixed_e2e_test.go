package app_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/wacast/wacast/pkg/embed/embedtest"
	"github.com/wacast/wacast/pkg/job"
	"github.com/wacast/wacast/pkg/queue"
	"github.com/wacast/wacast/pkg/simulator"
	"github.com/wacast/wacast/pkg/whatsapp"
)

// mixed is the jobs of TestMixedUpdates; each has three statuses, every second one a
// reply, and one of ten the rest.
const mixed = 2400

// posting is a webhook as somebody posts it, with the answer that ends it.
type posting struct {
	body []byte
	key  string
	want int
}

// change is a webhook of one change.
func change(field, value string) posting {
	return posting{fmt.Appendf(nil, `{"object":"whatsapp_business_account","entry":[{"id":%q,"time":%d,"changes":[{"field":%q,"value":%s}]}]}`,
		simulator.DefaultWABA, time.Now().Unix(), field, value), hookSecret, http.StatusOK}
}

// mixedUpdates are 10,000 and more, in no order.
func mixedUpdates(namespace string, jobs []*job.Job) []posting {
	var all []posting
	value := func(i int, what, rest string) posting {
		return change("messages", fmt.Sprintf(`{"metadata":{"phone_number_id":%q},%q:[{"timestamp":"%d",%s}]}`, numberA, what, time.Now().Unix()+int64(i%7), rest))
	}
	for i, j := range jobs {
		token, from := job.Token{Namespace: namespace, Key: j.Key(), Attempt: 1}.String(), string(j.To)[1:]
		for _, s := range []string{"sent", "delivered", "read"} {
			all = append(all, value(i, "statuses", fmt.Sprintf(`"id":"wamid.%d","status":%q,"recipient_id":%q,"biz_opaque_callback_data":%q`, i, s, from, token)))
		}
		said := func(kind, rest string) {
			all = append(all, value(i, "messages", fmt.Sprintf(`"id":"wamid.%s.%d","from":%q,%s`, kind, i, from, rest)))
		}
		if i%2 == 0 {
			said("text", `"type":"text","text":{"body":"thanks"}`)
		}
		switch i % 10 {
		case 1:
			said("stop", `"type":"text","text":{"body":"STOP"}`)
		case 3:
			said("tap", `"type":"button","button":{"payload":"w1.forged","text":"Yes"}`)
		case 5:
			p := value(i, "messages", fmt.Sprintf(`"id":"wamid.forged.%d","from":%q,"type":"text","text":{"body":"STOP"}`, i, from))
			p.key, p.want = "another secret", http.StatusUnauthorized
			all = append(all, p)
		case 7:
			all = append(all, change("moods", fmt.Sprintf(`{"mood":%d}`, i)), posting{fmt.Appendf(nil, `{"object":"whatsapp_business_account","entry":[%d`, i), hookSecret, http.StatusOK})
		case 9:
			all = append(all, change("user_preferences", fmt.Sprintf(`{"metadata":{"phone_number_id":%q},"user_preferences":[{"wa_id":%q,"category":"marketing_messages","value":"stop","timestamp":%d}]}`, numberA, from, time.Now().Unix())))
		}
	}
	for _, p := range all[:len(all)/20] { // the platform repeats itself, from another host
		p.body = append(bytes.Clone(p.body), ' ')
		all = append(all, p)
	}
	rand.New(rand.NewPCG(6, 6)).Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	return all
}

// post posts until it is answered, as the platform does.
func (p *posting) post(t *testing.T, client *http.Client, url string) {
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, bytes.NewReader(p.body))
		if err != nil {
			t.Error(err)
			return
		}
		req.Header.Set(whatsapp.SignatureHeader, whatsapp.Sign(p.body, p.key))
		resp, err := client.Do(req)
		if err != nil {
			continue // it was killed
		}
		resp.Body.Close()
		if resp.StatusCode == p.want {
			return
		}
		if resp.StatusCode < 500 {
			t.Errorf("answered %s, want %d", resp.Status, p.want)
			return
		}
	}
	t.Error("never answered")
}

// Ten thousand updates of all kinds, forged and broken ones among them, and the
// receiver, which also processes, is killed again and again: everything is on record
// once.
func TestMixedUpdates(t *testing.T) {
	w := embedtest.NewWards(t)
	program := filepath.Join(t.TempDir(), "wacast")
	embedtest.Build(t, program, "./cmd/wacast")
	port := embedtest.Port(t)
	r := newRig(t, simulator.Config{}, "WACAST_WABA_ID="+simulator.DefaultWABA, "WACAST_APP_SECRET="+hookSecret, "WACAST_VERIFY_TOKEN=word", fmt.Sprintf("WACAST_WEBHOOK_ADDR=127.0.0.1:%d", port))
	r.ready("one")
	o := r.operator()
	jobs := newJobs(numberA, "mixed", 0, mixed)
	r.publish(jobs...)
	r.await(o.View, "mixed", accepted(mixed))

	receiver := w.Program("receiver", []string{program, "webhook"}, append(embedtest.PlainEnv(), r.env...))
	receiver.Start()
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 32}, Timeout: 10 * time.Second}
	defer client.CloseIdleConnections()
	next := make(chan posting)
	var running sync.WaitGroup
	for range 32 {
		running.Go(func() {
			for p := range next {
				p.post(t, client, fmt.Sprintf("http://127.0.0.1:%d/webhook", port))
			}
		})
	}
	all := mixedUpdates(r.config().Namespace, jobs)
	for i, p := range all {
		if next <- p; i%(len(all)/5) == len(all)/10 {
			receiver.Kill()
			receiver.Start()
		}
	}
	close(next)
	running.Wait()
	odd := 0
	for _, p := range all {
		if bytes.Contains(p.body, []byte(`"moods"`)) || !json.Valid(p.body) {
			odd++
		}
	}
	r.checkMixed(odd)
}

// checkMixed counts what is on record: what one in ten jobs had of each kind, and odd
// webhooks in quarantine.
func (r *rig) checkMixed(odd int) {
	r.t.Helper()
	hooks, err := queue.NewWebhooks(r.jetStream(), queue.Names{Namespace: r.config().Namespace})
	must(r.t, err)
	defer hooks.Close()
	o := r.operator()
	r.eventually(func() (bool, string) {
		left, err := hooks.Waiting(r.t.Context())
		return err == nil && left.Inbox == 0, fmt.Sprint(left, err)
	})
	left, err := hooks.Waiting(r.t.Context())
	must(r.t, err)
	if left.Odd != uint64(odd) {
		r.t.Errorf("%d webhooks are kept for a person, want %d", left.Odd, odd)
	}
	for campaign, want := range map[string]map[job.Kind]uint64{
		"mixed": {job.Accepted: mixed, job.Sent: mixed, job.Delivered: mixed, job.Read: mixed, job.Reply: mixed/2 + 2*mixed/10, job.OptOut: mixed / 10},
		"":      {job.OptOut: mixed / 10},
	} {
		counts, err := o.Counts(r.t.Context(), campaign)
		must(r.t, err)
		if diff := cmp.Diff(want, counts); diff != "" {
			r.t.Errorf("events of campaign %q (-want +got):\n%s", campaign, diff)
		}
	}
	r.balanced(o, "mixed", mixed)
}
