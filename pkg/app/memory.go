package app

import (
	"context"
	"fmt"
	"strconv"
	"strings"
)

// RedisMemory is how many bytes Redis uses for its data.
func RedisMemory(ctx context.Context, cfg Config) (int64, error) {
	rdb, err := dialRedis(cfg)
	if err != nil {
		return 0, err
	}
	defer rdb.Close()
	info, err := rdb.Info(ctx, "memory").Result()
	if err != nil {
		return 0, fmt.Errorf("memory of Redis at %s: %w", withoutPassword(cfg.RedisURL), err)
	}
	for line := range strings.Lines(info) {
		if value, ok := strings.CutPrefix(strings.TrimSpace(line), "used_memory:"); ok {
			return strconv.ParseInt(value, 10, 64)
		}
	}
	return 0, fmt.Errorf("memory of Redis at %s: it does not say", withoutPassword(cfg.RedisURL))
}
