package main

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

	"github.com/wacast/wacast/pkg/app"
)

// build is what this program was built from, as wacast version prints it.
type build struct {
	Version string `json:"version"`
	// Revision is the commit, empty where it was built outside a checkout; Modified
	// says that files differed from it.
	Revision string `json:"revision,omitempty"`
	Modified bool   `json:"modified"`
	Go       string `json:"go"`
	Platform string `json:"platform"`
}

func newVersion() *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "Shows the version, its commit, and what it was built with", Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			b := buildOf(debug.ReadBuildInfo())
			if jsonOutput(cmd) {
				return printJSON(cmd, b)
			}
			_, err := fmt.Fprintln(cmd.OutOrStdout(), "wacast version", b)
			return err
		},
	}
}

func buildOf(info *debug.BuildInfo, ok bool) build {
	b := build{Version: app.Version(), Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
	if !ok {
		return b
	}
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			b.Revision = s.Value
		case "vcs.modified":
			b.Modified = s.Value == "true"
		}
	}
	return b
}

func (b build) String() string {
	text := b.Version
	if b.Revision != "" {
		text += ", commit " + b.Revision
	}
	if b.Modified {
		text += " with changes"
	}
	return text + ", " + b.Go + " " + b.Platform
}
