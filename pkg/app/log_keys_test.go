package app_test

import (
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/wacast/wacast/pkg/embed/embedtest"
)

// logKeys are all keys of log lines, for those who search and count them: what is here
// does not change its meaning.
var logKeys = map[string]string{
	"time": "when", "level": "DEBUG, INFO, WARN or ERROR", "msg": "what happened", "error": "why, without a whole number or a secret",
	"trace_id": "the trace of the job: its publisher's, or where there is none and spans are exported, that of its request",
	"job":      "a job: id, campaign, from, to (masked), lane, template",
	"event":    "what is on record of a job: kind, id, campaign, from, to (masked), attempt, reason, code, wamid (masked)",
	"outcome":  "what a job ended in; empty for one that goes back to its queue", "reason": "one of the reasons", "code": "the Cloud API's error code",
	"attempt": "the attempt, from 1", "effect": "what is learned of a recipient",
	"campaign": "a campaign's id", "number": "a phone number id of ours", "account": "a WhatsApp business account", "portfolio": "a business portfolio",
	"template": "a template's name", "language": "a template's language", "queue": "sender, lane and campaign",
	"scope": "what kind of thing is stopped", "name": "which one", "by": "who asked for it", "detail": "more about it, for people", "stopped_for": "how long",
	"what": "what is asked for", "says": "the platform's words", "person": "a keyed hash of a recipient", "key": "a key in a bucket", "folder": "of templates", "category": "of templates",
	"publication": "a stream", "sequence": "a place in a stream", "difference": "how a stream differs from the settings",
	"jobs": "how many", "messages": "how many", "numbers": "how many", "events": "how many", "claims": "how many", "records": "how many", "parts": "how many", "times": "how often",
	"away": "for how long", "waited": "for how long", "took": "how long", "in": "how soon", "next_try": "how soon", "at_most": "how long",
	"throughput": "the level of a number", "was": "what it was before", "limit": "a messaging limit", "do": "what to do about it",
	"version": "of wacast", "admin": "an address", "webhook": "an address", "nats": "an address", "data_dir": "a folder", "namespace": "the settings' namespace", "part": "of the process", "variables": "which to set",
	"verb": "a command",
}

// Every key that the code logs is one that is documented.
func TestLogKeys(t *testing.T) {
	used := map[string]string{}
	err := filepath.WalkDir(embedtest.Root(t), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") || strings.Contains(path, "/simulator/") || strings.Contains(path, "/embedtest/") {
			return err
		}
		files := token.NewFileSet()
		f, err := parser.ParseFile(files, path, nil, 0)
		if err != nil {
			return err
		}
		ast.Inspect(f, func(n ast.Node) bool {
			for _, key := range keysOf(n) {
				used[key] = files.Position(n.Pos()).String()
			}
			return true
		})
		return nil
	})
	must(t, err)
	for key, at := range used {
		if logKeys[key] == "" {
			t.Errorf("%s: the key %q is not in the list", at, key)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(logKeys)) {
		if used[key] == "" && !slices.Contains([]string{"time", "level", "msg"}, key) {
			t.Errorf("no line has the key %q", key)
		}
	}
	if used["level"] != "" || used["msg"] != "" || used["time"] != "" {
		t.Error("a key of every line is used once more")
	}
}

// keysOf are the keys of a node that is a call of a logger.
func keysOf(n ast.Node) (keys []string) {
	call, ok := n.(*ast.CallExpr)
	if !ok {
		return nil
	}
	method, ok := call.Fun.(*ast.SelectorExpr)
	if !ok || len(call.Args) == 0 || isNamed(method.X, "http") || isNamed(call.Args[0], "ctx") {
		return nil // http.Error, and Redis's INFO
	}
	first := 1
	switch method.Sel.Name {
	case "Debug", "Info", "Warn", "Error":
	case "With":
		first = 0
	default:
		return nil
	}
	for i := first; i < len(call.Args); i += 2 {
		if lit, ok := call.Args[i].(*ast.BasicLit); ok && lit.Kind == token.STRING {
			key, _ := strconv.Unquote(lit.Value)
			keys = append(keys, key)
		}
	}
	return keys
}

func isNamed(e ast.Expr, name string) bool {
	id, ok := e.(*ast.Ident)
	return ok && id.Name == name
}

// checkLines reports what of JSON log lines is not as documented.
func checkLines(t *testing.T, lines string) {
	t.Helper()
	for line := range strings.Lines(lines) {
		var fields map[string]json.RawMessage
		if err := json.Unmarshal([]byte(line), &fields); err != nil {
			t.Errorf("%v: %s", err, line)
		}
		for key := range fields {
			if logKeys[key] == "" {
				t.Errorf("the key %q is not in the list: %s", key, line)
			}
		}
	}
}

// writeLogKeys is the reference's part about logs.
func writeLogKeys(b *strings.Builder) {
	b.WriteString("## Logs\n\nOne line each, JSON where `log.format` is `json`. Never a whole phone number, a message id or a secret.\n\n| key | what |\n| --- | --- |\n")
	for _, key := range slices.Sorted(maps.Keys(logKeys)) {
		fmt.Fprintf(b, "| `%s` | %s |\n", key, logKeys[key])
	}
	b.WriteString(logLevels)
}
