// Command wacast sends WhatsApp template messages in bulk: it is the worker, the
// tools of campaign engineers and of those who run it, and a simulator to try it
// with. `wacast --help` lists the subcommands, the README explains them.
package main

import (
	"context"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"github.com/wacast/wacast/pkg/app"
)

func main() { os.Exit(run()) }

// run gives the command a context that the first interrupt ends; a second one
// kills the process.
func run() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop)
	app.QuietRedis()
	if os.Getenv("GOGC") == "" {
		// A few tens of megabytes live at a time; collecting less often costs little
		// memory and saves a twentieth of the CPU.
		debug.SetGCPercent(400)
	}
	return execute(ctx, newRoot(), os.Args[1:])
}
