package app

import (
	"fmt"
	"reflect"
	"strings"

	"github.com/wacast/wacast/pkg/sender"
)

// Connection is the environment in which another program finds the same NATS and
// Redis. It holds passwords: it is for a process of ours, not to be shown.
func (c *Config) Connection() ([]string, error) {
	var environ []string
	v := reflect.ValueOf(c).Elem()
	for _, s := range Settings() {
		if !strings.HasPrefix(s.Key, "nats.") && !strings.HasPrefix(s.Key, "redis.") {
			continue
		}
		value, err := plain(v.Field(s.field).Interface())
		if err != nil {
			return nil, fmt.Errorf("%s: %w", s.Key, err)
		}
		// What a context of the nats command line says must not be overruled by a default.
		if value != "" && value != s.Default {
			environ = append(environ, s.Env+"="+value)
		}
	}
	return environ, nil
}

// plain is a text or a secret as it is given in a variable.
func plain(value any) (string, error) {
	switch x := value.(type) {
	case string:
		return x, nil
	case sender.Secret:
		return x.Value()
	}
	return "", nil
}
