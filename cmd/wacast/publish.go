package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/spf13/cobra"

	"github.com/wacast/wacast/pkg/app"
	"github.com/wacast/wacast/producer"
)

func newPublish() *cobra.Command {
	return &cobra.Command{
		Use: "publish", Short: "Publishes jobs: JSON, one a line, on standard input", Args: noFiles,
		Long: `Publishes jobs: JSON, one a line, on standard input (wacast schema job describes
one). A line that is no job is reported with its number, and all the others go.
Running it again with the same input is safe: no job is sent twice.

The variable TRACEPARENT puts the jobs into a trace (W3C trace context).

Exit code 3 says that some lines were no jobs.`,
		RunE: runPublish,
	}
}

func noFiles(_ *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usageError{hintError{fmt.Errorf("reads standard input, and takes no arguments such as %q", args[0]), "wacast publish < " + args[0]}}
	}
	return nil
}

func runPublish(cmd *cobra.Command, _ []string) error {
	cfg, err := settings(cmd)
	if err != nil {
		return err
	}
	nc, err := app.DialOnce(cfg)
	if err != nil {
		return err
	}
	defer nc.Close()
	p, err := producer.New(nc, producer.Config{Namespace: cfg.Namespace, Log: logger(cmd, cfg)})
	if err != nil {
		return err
	}
	defer p.Close()
	awaitStreams(cmd, nc, cfg)
	stats, err := p.PublishAll(withTrace(cmd.Context()), producer.Lines(input(cmd)), func(r producer.Rejection) {
		fmt.Fprintln(cmd.ErrOrStderr(), "rejected:", r.Err)
	})
	if printErr := printPublished(cmd, stats); printErr != nil {
		return errors.Join(err, printErr)
	}
	switch {
	case errors.Is(err, producer.ErrFull):
		return hintError{err, "when workers have sent some (wacast status tells), publish the same input again"}
	case err != nil:
		return hintError{err, "what was published stays; publish the same input again to go on"}
	case stats.Rejected > 0:
		return exitError(exitPartial)
	}
	return nil
}

// streamsPatience is longer than a worker takes to make the streams when it first
// starts.
const streamsPatience = 5 * time.Second

// awaitStreams gives a worker that has just been started the time to make the streams.
func awaitStreams(cmd *cobra.Command, nc *nats.Conn, cfg app.Config) {
	app.AwaitStreams(cmd.Context(), nc, cfg.Namespace, streamsPatience, func() {
		fmt.Fprintf(cmd.ErrOrStderr(), "no worker has made the streams yet; waiting up to %s for one\n", streamsPatience)
	})
}

// input is standard input up to the first interrupt. Nothing ends a read from a
// terminal, so the goroutine that reads may stay until the process ends.
func input(cmd *cobra.Command) io.Reader {
	r, w := io.Pipe()
	context.AfterFunc(cmd.Context(), func() { _ = r.CloseWithError(context.Cause(cmd.Context())) })
	go func() {
		_, err := io.Copy(w, cmd.InOrStdin())
		_ = w.CloseWithError(err) // nil is the end of the file
	}()
	return r
}

func printPublished(cmd *cobra.Command, s producer.Stats) error {
	if jsonOutput(cmd) {
		return printJSON(cmd, struct {
			Published  int     `json:"published"`
			Duplicates int     `json:"duplicates"`
			Rejected   int     `json:"rejected"`
			Bytes      int64   `json:"bytes"`
			Seconds    float64 `json:"seconds"`
		}{s.Published, s.Duplicates, s.Rejected, s.Bytes, s.Elapsed.Seconds()})
	}
	_, err := fmt.Fprintf(cmd.OutOrStdout(), "published %s in %.1f s (%.0f a second); %d of them the server had already; %s rejected\n",
		count(s.Published, "job"), s.Elapsed.Seconds(), s.Rate(), s.Duplicates, count(s.Rejected, "line"))
	return err
}
