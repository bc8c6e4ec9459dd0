package main

import (
	"runtime/debug"
	"strings"
	"testing"
)

func TestABuildNamesItsCommit(t *testing.T) {
	info := &debug.BuildInfo{Settings: []debug.BuildSetting{{Key: "vcs.revision", Value: "0123456789abcdef"}, {Key: "vcs.modified", Value: "true"}}}
	b := buildOf(info, true)
	if b.Revision != "0123456789abcdef" || !b.Modified {
		t.Errorf("%+v, want the commit, with changes", b)
	}
	if text := b.String(); !strings.Contains(text, ", commit 0123456789abcdef with changes, go1") {
		t.Errorf("%q does not name the commit and Go", text)
	}
	if text := buildOf(nil, false).String(); strings.Contains(text, "commit") {
		t.Errorf("%q names a commit that nobody knows", text)
	}
}
