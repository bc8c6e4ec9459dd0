package app_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/redis/go-redis/v9"
)

// recordedLine is one line of a recording: a stream, a message of the stream before it, or a
// key of Redis.
type recordedLine struct {
	Stream *jetstream.StreamConfig `json:"stream,omitempty"`

	Sequence uint64              `json:"seq,omitempty"`
	Subject  string              `json:"subject,omitempty"`
	Header   map[string][]string `json:"header,omitempty"`
	Data     content             `json:"data,omitempty"`

	// Key comes without the namespace.
	Key    string             `json:"key,omitempty"`
	String content            `json:"string,omitempty"`
	Hash   map[string]content `json:"hash,omitempty"`
	// Redis and Generation are those that the keys were written in, and Epoch is that of
	// the parts of the ledger that have none of their own.
	Redis      string  `json:"redis,omitempty"`
	Generation int64   `json:"generation,omitempty"`
	Epoch      content `json:"epoch,omitempty"`
}

// content is text, or bytes written as a Go string.
type content string

// MarshalText keeps text as it is, so that a recording can be read.
func (c content) MarshalText() ([]byte, error) {
	if utf8.ValidString(string(c)) && !strings.HasPrefix(string(c), `"`) && !strings.ContainsFunc(string(c), func(r rune) bool { return r < ' ' }) {
		return []byte(c), nil
	}
	return strconv.AppendQuoteToASCII(nil, string(c)), nil
}

// UnmarshalText reads either.
func (c *content) UnmarshalText(text []byte) error {
	*c = content(text)
	if bytes.HasPrefix(text, []byte(`"`)) {
		plain, err := strconv.Unquote(string(text))
		*c = content(plain)
		return err
	}
	return nil
}

func (r *recorder) writeLine(lines *bytes.Buffer, line *recordedLine) {
	r.t.Helper()
	e := json.NewEncoder(lines)
	e.SetEscapeHTML(false)
	must(r.t, e.Encode(line))
}

// writeStreams writes each stream and bucket with its messages.
func (r *recorder) writeStreams(lines *bytes.Buffer) {
	r.t.Helper()
	list := r.jetStream().ListStreams(r.t.Context())
	infos := make(map[string]*jetstream.StreamInfo)
	for info := range list.Info() {
		infos[info.Config.Name] = info
	}
	must(r.t, list.Err())
	for _, name := range slices.Sorted(maps.Keys(infos)) {
		s, err := r.jetStream().Stream(r.t.Context(), name)
		must(r.t, err)
		config := infos[name].Config
		r.writeLine(lines, &recordedLine{Stream: &config, Sequence: infos[name].State.LastSeq})
		for n := infos[name].State.FirstSeq; n <= infos[name].State.LastSeq; n++ {
			m, err := s.GetMsg(r.t.Context(), n)
			if err != nil {
				continue // it is gone
			}
			r.writeLine(lines, &recordedLine{Sequence: n, Subject: m.Subject, Header: published(m.Header), Data: content(m.Data)})
		}
	}
}

// published are the headers that a message was published with, but for what made sure
// that it came first.
func published(h nats.Header) map[string][]string {
	maps.DeleteFunc(h, func(name string, _ []string) bool {
		return slices.Contains([]string{"Nats-Sequence", "Nats-Stream", "Nats-Subject", "Nats-Time-Stamp", "Nats-Expected-Last-Subject-Sequence"}, name)
	})
	return h
}

// writeRedis writes all keys of the namespace.
func (r *recorder) writeRedis(lines *bytes.Buffer) {
	r.t.Helper()
	c, ctx := dial(r.t, r.redisOptions()), r.t.Context()
	keys, err := c.Keys(ctx, recordedNamespace+":*").Result()
	must(r.t, err)
	slices.Sort(keys)
	var all []*recordedLine
	epochs := make(map[content]int)
	for _, key := range keys {
		line := &recordedLine{Key: strings.TrimPrefix(key, recordedNamespace)}
		all = append(all, line)
		switch kind := c.Type(ctx, key).Val(); kind {
		case "string":
			line.String = content(c.Get(ctx, key).Val())
		case "hash":
			line.Hash = make(map[string]content)
			for field, value := range c.HGetAll(ctx, key).Val() {
				name, _ := content(field).MarshalText()
				line.Hash[string(name)] = content(value)
			}
			if isEpoch(line) {
				epochs[line.Hash["e"]]++
			}
		default:
			r.t.Fatalf("%s is a %s, which a recording cannot hold", key, kind)
		}
	}
	usual := content("")
	for epoch, n := range epochs {
		if n > epochs[usual] {
			usual = epoch
		}
	}
	r.writeLine(lines, &recordedLine{Redis: runID(r.rig, c), Generation: generation(), Epoch: usual})
	for _, line := range all {
		if !isEpoch(line) || line.Hash["e"] != usual {
			r.writeLine(lines, line)
		}
	}
}

// isEpoch reports whether a line is the epoch of a part of the ledger, and no more.
func isEpoch(line *recordedLine) bool {
	return strings.HasPrefix(line.Key, ":e:{") && len(line.Hash) == 1 && line.Hash["e"] != ""
}

// generation is the ledger's at the usual window.
func generation() int64 { return time.Now().UnixMilli() / (7 * 24 * time.Hour).Milliseconds() }

func runID(r *rig, c *redis.Client) string {
	r.t.Helper()
	info, err := c.Info(r.t.Context(), "server").Result()
	must(r.t, err)
	return regexp.MustCompile(`run_id:(\w+)`).FindStringSubmatch(info)[1]
}

// readRecording reads the lines of a file.
func readRecording(r *rig, path string) []recordedLine {
	r.t.Helper()
	data, err := os.ReadFile(path)
	must(r.t, err)
	var all []recordedLine
	for line := range strings.Lines(string(data)) {
		var one recordedLine
		must(r.t, json.Unmarshal([]byte(line), &one))
		all = append(all, one)
	}
	return all
}

// loader puts a recording into the servers of a test.
type loader struct {
	*rig
	lines []recordedLine

	stream jetstream.Stream
	filler string
	// next is the place of the next message, last that of the stream's last one.
	next, last uint64

	redis        *redis.Client
	wasRun, run  string
	shift        int64 // of the generations
	atGeneration *regexp.Regexp
}

// streams makes the streams as they were, with each message at its place.
func (l *loader) streams() {
	l.t.Helper()
	for i := range l.lines {
		switch line := &l.lines[i]; {
		case line.Stream != nil:
			l.fill(l.last + 1)
			var err error
			l.stream, err = l.jetStream().CreateStream(l.t.Context(), *line.Stream)
			must(l.t, err)
			l.filler = strings.NewReplacer("*", "x", ">", "x.x").Replace(line.Stream.Subjects[0])
			l.next, l.last = 1, line.Sequence
			if line.Stream.DenyDelete { // a bucket, whose places nobody refers to
				l.next = line.Sequence + 1
			}
		case line.Subject != "":
			l.fill(line.Sequence)
			l.next = max(l.next, l.store(&nats.Msg{Subject: line.Subject, Header: line.Header, Data: []byte(line.Data)})+1)
		case line.Redis != "":
			l.fill(l.last + 1)
			return
		}
	}
}

// fill fills places up to one with messages that are taken out at once: what was there
// had gone.
func (l *loader) fill(upTo uint64) {
	l.t.Helper()
	for ; l.next < upTo; l.next++ {
		must(l.t, l.stream.DeleteMsg(l.t.Context(), l.store(nats.NewMsg(l.filler))))
	}
}

func (l *loader) store(m *nats.Msg) uint64 {
	l.t.Helper()
	ack, err := l.jetStream().PublishMsg(l.t.Context(), m)
	must(l.t, err)
	return ack.Sequence
}

// keys puts the keys of Redis back, as if the server and the generation were still the
// same.
func (l *loader) keys() {
	l.t.Helper()
	l.redis, l.atGeneration = dial(l.t, l.redisOptions()), regexp.MustCompile(`^(:l:|b)(\d+)`)
	for i := range l.lines {
		line := &l.lines[i]
		if line.Redis != "" {
			l.wasRun, l.run, l.shift = line.Redis, runID(l.rig, l.redis), generation()-line.Generation
			for tag := range 256 {
				l.set(fmt.Sprintf(":e:{%x}", tag), "e", line.Epoch)
			}
		}
		if line.String != "" {
			must(l.t, l.redis.Set(l.t.Context(), recordedNamespace+l.moved(line.Key), string(line.String), time.Hour).Err())
		}
		for field, value := range line.Hash {
			l.set(l.moved(line.Key), field, value)
		}
	}
}

func (l *loader) set(key, field string, value content) {
	l.t.Helper()
	var name content
	must(l.t, name.UnmarshalText([]byte(field)))
	text := strings.ReplaceAll(string(value), l.wasRun, l.run)
	must(l.t, l.redis.HSet(l.t.Context(), recordedNamespace+key, l.moved(string(name)), text).Err())
}

// moved is a name in the generation that it would have now.
func (l *loader) moved(name string) string {
	at := l.atGeneration.FindStringSubmatch(name)
	if at == nil {
		return name
	}
	n, err := strconv.ParseInt(at[2], 10, 64)
	must(l.t, err)
	return at[1] + strconv.FormatInt(n+l.shift, 10) + strings.TrimPrefix(name, at[0])
}

// upgradeRig has a rig use the recordings' namespace: one at a time, as they share it.
func upgradeRig(r *rig) *rig {
	r.t.Helper()
	for i, e := range r.env {
		if strings.HasPrefix(e, "WACAST_NAMESPACE=") {
			r.env[i] = "WACAST_NAMESPACE=" + recordedNamespace
		}
	}
	r.redis.Namespace = recordedNamespace // which are the keys that go when the test ends
	return r
}
