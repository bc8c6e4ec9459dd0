package app_test

import (
	"context"
	"fmt"

	"github.com/wacast/wacast/pkg/app"
)

func ExampleExamine() {
	cfg, _, err := app.Load(app.Sources{Environ: []string{"WACAST_NATS_URL=nats://127.0.0.1:1", "WACAST_REDIS_URL=redis://127.0.0.1:1/0"}})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, f := range app.Examine(context.Background(), cfg, "") {
		fmt.Println(f.Name, f.Level)
	}
	// Output:
	// settings failed
	// nats failed
	// redis failed
}
