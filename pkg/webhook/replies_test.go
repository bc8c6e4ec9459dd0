package webhook_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/wacast/wacast/pkg/job"
	"github.com/wacast/wacast/pkg/recipient"
	"github.com/wacast/wacast/pkg/webhook"
)

const person = "447700900456"

// written wraps inbound messages as the platform does.
func written(messages ...string) []byte {
	return fmt.Appendf(nil, `{"object":"whatsapp_business_account","entry":[{"id":"1","changes":[{"field":"messages","value":{"metadata":{"phone_number_id":%q},"contacts":[{"wa_id":%q,"user_id":"GB.1"}],"messages":[%s]}}]}]}`,
		number, person, strings.Join(messages, ","))
}

// said is an inbound message: its id, its second, and what makes it one.
func said(id string, second int, rest string) string {
	return fmt.Sprintf(`{"from":%q,"id":"wamid.in.%s","timestamp":"%d",%s}`, person, id, begun.Unix()+int64(second), rest)
}

func text(body string) string { return fmt.Sprintf(`"type":"text","text":{"body":%q}`, body) }

func tap(payload, label string) string {
	return fmt.Sprintf(`"type":"button","button":{"payload":%q,"text":%q}`, payload, label)
}

func quoting(wamid job.Wamid, rest string) string {
	return fmt.Sprintf(`"context":{"id":%q},%s`, string(wamid), rest)
}

// payloadOf is the payload of a button of a job's message.
func payloadOf(t testing.TB, id, author string) string {
	t.Helper()
	payload, ok := job.SignPayload(identity, key(id), 0, author)
	if !ok {
		t.Fatal("the payload is too long")
	}
	return payload
}

// heard are the events of a kind of a job, in short.
func (r *rig) heard(id string, kinds ...job.Kind) (all []string) {
	r.tb.Helper()
	k := key(id)
	if id == "" {
		k = job.Key{}
	}
	for _, e := range must[[]job.Event](r.tb)(r.events.Find(r.tb.Context(), k, "", time.Time{})) {
		for _, kind := range kinds {
			if d := &e.Data; d.Kind == kind {
				all = append(all, strings.TrimRight(strings.Join([]string{string(kind), string(d.Match), d.Payload, d.Text, d.Detail, d.Scope, string(d.Was)}, "/"), "/"))
			}
		}
	}
	return all
}

// answersOf are the events about the answers to a job.
func (r *rig) answersOf(id string) string {
	return strings.Join(r.heard(id, job.Confirmed, job.Declined, job.NoAnswer, job.Settled), " ")
}

// Each message is about the job whose button was tapped, else about the message it
// quotes, else about the latest one to its author, else about none.
func TestReplies(t *testing.T) {
	tests := map[string]struct {
		said func(t *testing.T, r *rig) string
		want string // of a; with a bar before it, of no job
	}{
		"signed payload":                      {func(t *testing.T, _ *rig) string { return tap(payloadOf(t, "a", "ticket-7"), "More") }, "reply/payload/ticket-7/More"},
		"signed payload without the author's": {func(t *testing.T, _ *rig) string { return tap(payloadOf(t, "a", ""), "More") }, "reply/payload//More"},
		"interactive": {func(t *testing.T, _ *rig) string {
			return fmt.Sprintf(`"type":"interactive","interactive":{"type":"button_reply","button_reply":{"id":%q,"title":"More"}}`, payloadOf(t, "a", "x"))
		}, "reply/payload/x/More"},
		"label and context":  {func(*testing.T, *rig) string { return quoting(wamidOf("a"), tap("More", "More")) }, "reply/context/More/More"},
		"text and context":   {func(*testing.T, *rig) string { return quoting(wamidOf("a"), text("thanks")) }, "reply/context//thanks"},
		"latest":             {func(*testing.T, *rig) string { return text("thanks") }, "|b: reply/latest//thanks"},
		"context of another": {func(*testing.T, *rig) string { return quoting("wamid.other", text("thanks")) }, "|b: reply/latest//thanks"},
		"forged":             {func(t *testing.T, _ *rig) string { return tap(payloadOf(t, "a", "confirm")+"x", "Confirm") }, "|b: reply/latest//Confirm"},
		"did not request": {func(*testing.T, *rig) string {
			return quoting(wamidOf("a"), tap("DID_NOT_REQUEST_CODE", "I didn't request a code"))
		}, "reply/context/DID_NOT_REQUEST_CODE/I didn't request a code"},
		"picture":     {func(*testing.T, *rig) string { return quoting(wamidOf("a"), `"type":"image","image":{"id":"1"}`) }, "reply/context///image"},
		"unsupported": {func(*testing.T, *rig) string { return `"type":"unsupported","errors":[{"code":131051}]` }, "|b: reply/latest///unsupported"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			r.accepted("a")
			r.accepted("b")
			r.start(nil)
			r.post(written(said("1", 5, tt.said(t, r))))
			r.processed()
			about, want := "a", tt.want
			if rest, ok := strings.CutPrefix(want, "|b: "); ok {
				about, want = "b", rest
			}
			if diff := cmp.Diff([]string{want}, r.heard(about, job.Reply)); diff != "" {
				t.Errorf("of %s (-want +got):\n%s", about, diff)
			}
			if got := r.answersOf("a") + r.answersOf("b"); got != "" {
				t.Errorf("answers: %s", got)
			}
			until, open := r.book.Window(number, recipient.Person{Number: "+" + person})
			if want := begun.Add(5*time.Second + 24*time.Hour); !until.Equal(want) && open {
				t.Errorf("the window is open until %v, want %v", until, want)
			}
		})
	}
}

// A reply's event says what the job's outcome does, and what came in.
func TestReplyEvent(t *testing.T) {
	r := newRig(t)
	m := r.accepted("a")
	r.start(nil)
	r.post(written(said("1", 5, quoting(wamidOf("a"), text("see you")))))
	r.processed()
	want := job.NewEvent("wacast/"+r.names.Namespace+"/tested", begun.Add(5*time.Second), job.EventData{
		Kind: job.Reply, Campaign: "c", ID: "a", From: number, To: "+" + person, UserID: "GB.1", Lane: job.Bulk, Template: "hello", Language: "en", Attempt: 1,
		Wamid: "wamid.in.1", WaID: person, Text: "see you", Match: job.MatchContext, WindowUntil: begun.Add(5*time.Second + 24*time.Hour),
		Stream: r.names.JobsStream(), Sequence: m.publication, Metadata: []byte(`{"row":1}`),
	})
	events := r.recorded("a")
	if diff := cmp.Diff(want, events[len(events)-1]); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got := value(t, r.registry, "wacast_replies_total", "context"); got != 1 {
		t.Errorf("counted %v", got)
	}
}

// Somebody to whom nothing was sent is heard all the same.
func TestReplyToNothing(t *testing.T) {
	r := newRig(t)
	r.start(nil)
	r.post(written(said("1", 5, text("hello?"))), written(said("1", 5, text("hello?"))))
	r.processed()
	if diff := cmp.Diff([]string{"reply///hello?"}, r.heard("", job.Reply)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got := value(t, r.registry, "wacast_replies_total", "none"); got != 1 {
		t.Errorf("counted %v", got)
	}
}

// The first answer counts, another one takes its place, the same one changes nothing,
// and an older one that comes later neither.
func TestAnswers(t *testing.T) {
	yes, no := func(t *testing.T) string { return tap(payloadOf(t, "a", "confirm"), "Yes") }, func(t *testing.T) string { return tap(payloadOf(t, "a", ""), "No") }
	tests := map[string]struct {
		told []func(t *testing.T) string // each a second after the other, or before
		back bool
		want string
	}{
		"confirmed":      {[]func(*testing.T) string{yes}, false, "confirmed/payload/confirm/Yes"},
		"declined":       {[]func(*testing.T) string{no}, false, "declined/payload//No"},
		"twice the same": {[]func(*testing.T) string{yes, yes}, false, "confirmed/payload/confirm/Yes"},
		"changed":        {[]func(*testing.T) string{yes, no}, false, "confirmed/payload/confirm/Yes settled//////confirmed declined/payload//No"},
		"changed back": {[]func(*testing.T) string{yes, no, yes}, false,
			"confirmed/payload/confirm/Yes settled//////confirmed declined/payload//No settled//////declined confirmed/payload/confirm/Yes"},
		"an older one later": {[]func(*testing.T) string{yes, no}, true, "confirmed/payload/confirm/Yes"},
		"no tap":             {[]func(*testing.T) string{func(*testing.T) string { return text("yes") }}, false, ""},
		"nobody asked":       {[]func(*testing.T) string{func(*testing.T) string { return quoting(wamidOf("a"), tap("Yes", "Yes")) }}, false, ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			r.accepted("a")
			r.start(nil)
			for i, say := range tt.told {
				second := 5 + i
				if tt.back {
					second = 5 - i
				}
				r.post(written(said(fmt.Sprint(i), second, say(t))))
				r.processed()
			}
			if got := r.answersOf("a"); got != tt.want {
				t.Errorf("%s, want %s", got, tt.want)
			}
			if got := len(r.heard("a", job.Reply)); got != len(tt.told) {
				t.Errorf("%d replies, want %d", got, len(tt.told))
			}
		})
	}
}

// A word or a button that opts out does so before the webhook is done with; the event
// names the job, and a word to the contrary takes it back.
func TestWishes(t *testing.T) {
	tests := map[string]struct {
		said, want string
		out        bool
		scope      recipient.Scope
	}{
		"word":             {text(" Stop! "), "opt_out/latest///keyword/all", true, ""},
		"marketing only":   {text("stop"), "opt_out/latest///keyword/marketing", true, recipient.Marketing},
		"button":           {quoting(wamidOf("a"), tap("Stop promotions", "Stop promotions")), "opt_out/context///button/all", true, ""},
		"part of a text":   {text("please stop by tomorrow"), "", false, ""},
		"in a group":       {`"group_id":"g",` + text("stop"), "", false, ""},
		"number of nobody": {text("BAJA"), "opt_out/latest///keyword/all", true, ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			r.accepted("a")
			r.start(func(c *webhook.ProcessorConfig) { c.Scope = tt.scope })
			r.post(written(said("1", 5, tt.said)))
			r.processed()
			if got := strings.Join(r.heard("a", job.OptOut, job.OptIn), " "); got != tt.want {
				t.Errorf("%s, want %s", got, tt.want)
			}
			who := recipient.Person{Number: "+" + person}
			eventually(t, "the book knows", func() bool { return r.book.Check(who, number, true).OK != tt.out })
			r.post(written(said("2", 9, text("start"))))
			r.processed()
			eventually(t, "the book knows better", func() bool { return r.book.Check(who, number, true).OK })
		})
	}
}

// A word that comes in a later webhook than a newer one changes nothing, whatever the
// scope of the settings.
func TestWishesOutOfOrder(t *testing.T) {
	for _, scope := range []recipient.Scope{recipient.All, recipient.Marketing} {
		t.Run(string(scope), func(t *testing.T) {
			r := newRig(t)
			r.start(func(c *webhook.ProcessorConfig) { c.Scope = scope })
			who := recipient.Person{Number: "+" + person}
			word := 0
			say := func(second int, text string) {
				word++
				r.post(written(said(string(rune('a'+word)), second, text)))
				r.processed()
			}
			say(9, text("stop"))
			say(5, text("start"))
			eventually(t, "the newer STOP stands", func() bool { return !r.book.Check(who, number, true).OK })
			say(12, text("start"))
			say(10, text("stop"))
			eventually(t, "the newer START stands", func() bool { return r.book.Check(who, number, true).OK })
		})
	}
}
