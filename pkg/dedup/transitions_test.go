package dedup

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/wacast/wacast/pkg/embed/embedtest"
)

const (
	mine   Nonce = 0x0102030405060708
	theirs Nonce = 0xffffffffffffff00
)

var (
	first  = PublicationOf("WACAST_JOBS", 1)
	second = PublicationOf("WACAST_JOBS", 2)
)

// The entries the tables start from: all of the body 1 and the first publication.
var (
	none     = stored{}
	open2    = stored{state: Open, attempt: 2, body: 1, publication: first}
	claimed2 = stored{state: Claimed, attempt: 2, body: 1, publication: first, nonce: mine, lease: time.Hour}
	live2    = stored{state: Claimed, attempt: 2, body: 1, publication: first, nonce: theirs, lease: time.Hour}
	late2    = stored{state: Claimed, attempt: 2, body: 1, publication: first, nonce: mine, lease: -time.Second}
	stale2   = stored{state: Claimed, attempt: 2, body: 1, publication: first, nonce: theirs, lease: -time.Second}
	unknown2 = stored{state: Unknown, attempt: 2, body: 1, publication: first, code: 9}
	rejected = stored{state: Rejected, attempt: 0, body: 1, publication: first, code: 9}
	accepted = stored{state: Accepted, attempt: 2, body: 1, publication: first, code: 9}
)

// ask of the tables: the body 1 in the first publication, unless said otherwise.
func asking(s Subject) Subject { s.Body, s.Publication = 1, first; return s }
func otherBody(s Subject) Subject {
	s.Body, s.Publication = 2, second
	return s
}
func otherMessage(s Subject) Subject { s.Body, s.Publication = 1, second; return s }
func anyMessage(s Subject) Subject   { s.Body, s.Publication = 0, 0; return s }

func TestClaim(t *testing.T) {
	type result struct {
		Verdict       Verdict
		Attempt       int
		SamePublished bool
	}
	cases := []struct {
		name string
		from stored
		as   func(Subject) Subject
		want result
	}{
		{"a new job", none, asking, result{Yours, 1, true}},
		{"an open job goes on at its attempt", open2, asking, result{Yours, 2, true}},
		{"an open job, by its copy", open2, otherMessage, result{Yours, 2, true}},
		{"an open job with another body", open2, otherBody, result{Conflict, 2, false}},
		{"the same claim again", claimed2, asking, result{Yours, 2, true}},
		{"the same claim again, past its lease", late2, asking, result{Yours, 2, true}},
		{"another's claim", live2, asking, result{Held, 2, true}},
		{"another's claim of another message", live2, otherMessage, result{Held, 2, false}},
		{"another's claim with another body", live2, otherBody, result{Conflict, 2, false}},
		{"another's claim past its lease", stale2, asking, result{Stale, 2, true}},
		{"a redelivery of a sent job", accepted, asking, result{Settled, 2, true}},
		{"a duplicate of a sent job", accepted, otherMessage, result{Settled, 2, false}},
		{"a conflict with a sent job", accepted, otherBody, result{Conflict, 2, false}},
		{"an unknown job", unknown2, asking, result{Settled, 2, true}},
		{"a job refused before", rejected, asking, result{Settled, 0, true}},
	}
	onBackends(t, func(t *testing.T, s *embedtest.Server) {
		l := open(s, Options{})
		for _, c := range cases {
			sub := c.as(subject(c.name))
			l.put(t, sub.Key, c.from)
			got := l.claimOne(t, sub, mine)
			if diff := cmp.Diff(c.want, result{got.Verdict, got.Entry.Attempt, got.Entry.SamePublication}); diff != "" {
				t.Errorf("%s (-want +got):\n%s", c.name, diff)
			}
			if yours := got.Verdict == Yours; yours != got.Deadline.After(time.Now()) || yours != (got.Entry.Nonce == mine && !got.Entry.Stale()) {
				t.Errorf("%s: %+v", c.name, got)
			}
		}
	})
}

// changeCase is a row of the tables of changes. What is refused must leave the
// entry as it was.
type changeCase struct {
	name    string
	from    stored
	done    bool
	state   State
	attempt int
	code    uint8
}

func (c changeCase) check(t *testing.T, got Change) {
	t.Helper()
	want := Change{Done: c.done, Entry: Entry{State: c.state, Attempt: c.attempt, Code: c.code}}
	got.Entry = Entry{State: got.Entry.State, Attempt: got.Entry.Attempt, Code: got.Entry.Code}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", c.name, diff)
	}
}

func TestSettle(t *testing.T) {
	type from = func(Subject) Subject
	cases := []struct {
		changeCase
		as      from
		nonce   Nonce
		attempt int
		to      State
	}{
		// The owner of the claim.
		{changeCase{"own claim", claimed2, true, Accepted, 2, 7}, asking, mine, 2, Accepted},
		{changeCase{"own claim, refused by the API", claimed2, true, Rejected, 2, 7}, asking, mine, 2, Rejected},
		{changeCase{"own claim, nobody knows", claimed2, true, Unknown, 2, 7}, asking, mine, 2, Unknown},
		{changeCase{"own claim, suppressed after all", claimed2, true, Suppressed, 2, 7}, asking, mine, 0, Suppressed},
		{changeCase{"own claim past its lease", late2, true, Rejected, 2, 7}, asking, mine, 2, Rejected},
		{changeCase{"own claim, lost by Redis", none, true, Accepted, 3, 7}, asking, mine, 3, Accepted},
		{changeCase{"own claim, given back before", open2, false, Open, 2, 0}, asking, mine, 1, Rejected},
		{changeCase{"own claim, given back at the same attempt", open2, true, Rejected, 2, 7}, asking, mine, 2, Rejected},
		{changeCase{"own claim, made unknown meanwhile", unknown2, true, Rejected, 2, 7}, asking, mine, 2, Rejected},
		{changeCase{"own claim, of an earlier attempt", unknown2, false, Unknown, 2, 9}, asking, mine, 1, Rejected},
		{changeCase{"own claim, taken by another", live2, false, Claimed, 2, 0}, asking, mine, 2, Accepted},
		// Refused before any claim.
		{changeCase{"no claim, new job", none, true, Expired, 0, 7}, asking, 0, 0, Expired},
		{changeCase{"no claim, open job", open2, true, Cancelled, 2, 7}, asking, 0, 0, Cancelled},
		{changeCase{"no claim, open job, by its copy", open2, true, Expired, 2, 7}, otherMessage, 0, 0, Expired},
		{changeCase{"no claim, open job of another body", open2, false, Open, 2, 0}, otherBody, 0, 0, Expired},
		{changeCase{"no claim, another's claim", live2, false, Claimed, 2, 0}, asking, 0, 0, Expired},
		{changeCase{"no claim, stale claim", stale2, false, Claimed, 2, 0}, asking, 0, 0, Expired},
		{changeCase{"no claim, unknown job", unknown2, false, Unknown, 2, 9}, asking, 0, 0, Expired},
		{changeCase{"no claim, sent job", accepted, false, Accepted, 2, 9}, asking, 0, 0, Suppressed},
		// Evidence from elsewhere: an attempt, but neither claim nor message.
		{changeCase{"evidence, nothing known", none, true, Accepted, 1, 7}, anyMessage, 0, 1, Accepted},
		{changeCase{"evidence, unknown job", unknown2, true, Accepted, 2, 7}, anyMessage, 0, 2, Accepted},
		{changeCase{"evidence of an earlier attempt", unknown2, true, Accepted, 1, 7}, anyMessage, 0, 1, Accepted},
		{changeCase{"evidence, about to be tried again", open2, true, Accepted, 1, 7}, anyMessage, 0, 1, Accepted},
		{changeCase{"evidence, stale claim", stale2, true, Accepted, 2, 7}, anyMessage, 0, 2, Accepted},
		{changeCase{"evidence, live claim", live2, false, Claimed, 2, 0}, anyMessage, 0, 2, Accepted},
		{changeCase{"evidence, refused job", rejected, false, Rejected, 0, 9}, anyMessage, 0, 1, Accepted},
		// Again.
		{changeCase{"settled so before", accepted, true, Accepted, 2, 9}, asking, mine, 2, Accepted},
		{changeCase{"settled so before, evidence again", accepted, true, Accepted, 2, 9}, anyMessage, 0, 2, Accepted},
		{changeCase{"settled so before by another message", accepted, false, Accepted, 2, 9}, otherMessage, mine, 2, Accepted},
		{changeCase{"unknown before", unknown2, true, Unknown, 2, 9}, asking, mine, 2, Unknown},
		{changeCase{"an acceptance is not taken back", accepted, false, Accepted, 2, 9}, asking, mine, 2, Rejected},
		{changeCase{"nor made unknown", accepted, false, Accepted, 2, 9}, asking, mine, 2, Unknown},
		{changeCase{"a refusal does not become an acceptance", rejected, false, Rejected, 0, 9}, asking, mine, 2, Accepted},
	}
	onBackends(t, func(t *testing.T, s *embedtest.Server) {
		l := open(s, Options{})
		for _, c := range cases {
			sub := c.as(subject(c.name))
			l.put(t, sub.Key, c.from)
			c.check(t, l.settleOne(t, Settlement{Subject: sub, Nonce: c.nonce, Attempt: c.attempt, State: c.to, Code: 7}))
			c.check(t, Change{Done: c.done, Entry: l.lookupOne(t, sub)})
		}
	})
}

func TestReopen(t *testing.T) {
	cases := []struct {
		changeCase
		as    func(Subject) Subject
		nonce Nonce
		next  int
	}{
		{changeCase{"own claim, for the next attempt", claimed2, true, Open, 3, 0}, asking, mine, 3},
		{changeCase{"own claim, nothing was sent", claimed2, true, Open, 2, 0}, asking, mine, 2},
		{changeCase{"own claim past its lease", late2, true, Open, 2, 0}, asking, mine, 2},
		{changeCase{"own claim, lost by Redis", none, true, Open, 3, 0}, asking, mine, 3},
		{changeCase{"another's claim", live2, false, Claimed, 2, 0}, asking, mine, 3},
		{changeCase{"another's stale claim", stale2, false, Claimed, 2, 0}, asking, mine, 3},
		{changeCase{"reopened so before", open2, true, Open, 2, 0}, asking, mine, 2},
		{changeCase{"reopened otherwise", open2, false, Open, 2, 0}, asking, mine, 3},
		{changeCase{"unknown, tried again", unknown2, true, Open, 3, 0}, asking, 0, 3},
		{changeCase{"unknown, tried again by its copy", unknown2, true, Open, 3, 0}, otherMessage, 0, 3},
		{changeCase{"unknown, of another body", unknown2, false, Unknown, 2, 9}, otherBody, 0, 3},
		{changeCase{"unknown, at another attempt", unknown2, false, Unknown, 2, 9}, asking, 0, 2},
		{changeCase{"unknown, too late", accepted, false, Accepted, 2, 9}, asking, 0, 3},
		{changeCase{"a refused job", rejected, false, Rejected, 0, 9}, asking, 0, 1},
	}
	onBackends(t, func(t *testing.T, s *embedtest.Server) {
		l := open(s, Options{})
		for _, c := range cases {
			sub := c.as(subject(c.name))
			l.put(t, sub.Key, c.from)
			c.check(t, l.reopenOne(t, Reopening{Subject: sub, Nonce: c.nonce, Next: c.next}))
			c.check(t, Change{Done: c.done, Entry: l.lookupOne(t, sub)})
		}
	})
}

func TestResolve(t *testing.T) {
	cases := []struct {
		changeCase
		nonce   Nonce
		attempt int
	}{
		{changeCase{"the stale claim", stale2, true, Unknown, 2, 7}, theirs, 2},
		{changeCase{"the claim is alive", live2, false, Claimed, 2, 0}, theirs, 2},
		{changeCase{"a stale claim, but another", stale2, false, Claimed, 2, 0}, mine, 2},
		{changeCase{"the claim at another attempt", stale2, false, Claimed, 2, 0}, theirs, 1},
		{changeCase{"given back meanwhile", open2, false, Open, 2, 0}, theirs, 2},
		{changeCase{"settled meanwhile", accepted, false, Accepted, 2, 9}, theirs, 2},
		{changeCase{"resolved meanwhile", unknown2, false, Unknown, 2, 9}, theirs, 2},
		{changeCase{"lost by Redis", none, false, None, 0, 0}, theirs, 2},
	}
	onBackends(t, func(t *testing.T, s *embedtest.Server) {
		l := open(s, Options{})
		for _, c := range cases {
			sub := asking(subject(c.name))
			l.put(t, sub.Key, c.from)
			c.check(t, l.resolveOne(t, Resolution{Subject: sub, Nonce: c.nonce, Attempt: c.attempt, Code: 7}))
			c.check(t, Change{Done: c.done, Entry: l.lookupOne(t, sub)})
		}
	})
}
