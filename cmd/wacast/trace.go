package main

import (
	"context"
	"os"

	"github.com/wacast/wacast/pkg/job"
)

// withTrace puts what is published into the trace that the variable TRACEPARENT names,
// as pipelines hand it to the commands they run.
func withTrace(ctx context.Context) context.Context {
	return job.WithTraceparent(ctx, job.ParseTraceparent(os.Getenv("TRACEPARENT")))
}
