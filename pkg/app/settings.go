package app

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/wacast/wacast/pkg/sender"
)

// envPrefix starts every variable of ours.
const envPrefix = "WACAST_"

// Setting describes one setting, for flags, documentation and messages.
type Setting struct {
	// Key is its name in the YAML file, Env its variable.
	Key, Env string
	// Default is as a person would write it; empty for none.
	Default string
	// Help is one phrase.
	Help string
	// Secret settings have no flag and are never printed.
	Secret bool

	field int
	min   string
	oneof []string
	unit  string
}

// FileEnv is the variable that names a file with the secret.
func (s Setting) FileEnv() string { return s.Env + "_FILE" }

var secretType = reflect.TypeFor[sender.Secret]()

// Settings lists every setting in the order of [Config].
func Settings() []Setting {
	t := reflect.TypeFor[Config]()
	var list []Setting
	for i := range t.NumField() {
		f := t.Field(i)
		key := f.Tag.Get("key")
		if key == "" {
			continue
		}
		list = append(list, Setting{
			Key: key, Env: envPrefix + envName(key),
			Default: f.Tag.Get("default"), Help: f.Tag.Get("help"), Secret: f.Type == secretType,
			field: i, min: f.Tag.Get("min"), oneof: strings.Fields(f.Tag.Get("oneof")), unit: f.Tag.Get("unit"),
		})
	}
	return list
}

func envName(key string) string {
	return strings.NewReplacer(".", "_", "-", "_").Replace(strings.ToUpper(key))
}

// set reads value into the setting's field of cfg. The error says what would be
// right, and holds the value unless it is a secret.
func (s Setting) set(cfg *Config, value string) error {
	field := reflect.ValueOf(cfg).Elem().Field(s.field)
	if err := s.assign(field, value); err != nil {
		return fmt.Errorf("%s (%s): %w", s.Key, s.Env, err)
	}
	return nil
}

func (s Setting) assign(field reflect.Value, value string) error {
	switch field.Interface().(type) {
	case string:
		if len(s.oneof) > 0 && !slices.Contains(s.oneof, value) {
			return fmt.Errorf("%q is not one of %s", value, strings.Join(s.oneof, ", "))
		}
		field.SetString(value)
	case int:
		n, err := strconv.Atoi(value)
		if err != nil {
			return fmt.Errorf("%q is not a whole number", value)
		}
		if least, _ := strconv.Atoi(s.min); n < least {
			return fmt.Errorf("%d is below the least value, %d", n, least)
		}
		field.SetInt(int64(n))
	case float64:
		f, err := strconv.ParseFloat(value, 64)
		if err != nil || f < 0 || f >= 1 {
			return fmt.Errorf("%q is not a share between 0 and 1", value)
		}
		field.SetFloat(f)
	case int64:
		n, err := parseBytes(value)
		if err != nil {
			return err
		}
		if least, _ := parseBytes(s.min); n < least {
			return fmt.Errorf("%s is below the least value, %s", value, s.min)
		}
		field.SetInt(n)
	case time.Duration:
		d, err := parseDuration(value)
		if err != nil {
			return err
		}
		if least, _ := parseDuration(s.min); d < least {
			return fmt.Errorf("%s is below the least value, %s", value, s.min)
		}
		field.SetInt(int64(d))
	default:
		return fmt.Errorf("has no reader for %s", field.Type())
	}
	return nil
}

// parseDuration reads what time.ParseDuration does, and whole days: 7d.
func parseDuration(s string) (time.Duration, error) {
	if days, ok := strings.CutSuffix(s, "d"); ok {
		if n, err := strconv.ParseUint(days, 10, 16); err == nil {
			return time.Duration(n) * 24 * time.Hour, nil
		}
	}
	d, err := time.ParseDuration(s)
	if err != nil {
		return 0, fmt.Errorf("%q is not a duration such as 90s, 15m or 7d", s)
	}
	return d, nil
}

// formatDuration writes what [parseDuration] reads.
func formatDuration(d time.Duration) string {
	const day = 24 * time.Hour
	if d >= day && d%day == 0 {
		return strconv.FormatInt(int64(d/day), 10) + "d"
	}
	return d.String()
}

// parseBytes reads a whole number of bytes, KiB, MiB or GiB.
func parseBytes(s string) (int64, error) {
	shift := 0
	number := s
	for i, unit := range []string{"KiB", "MiB", "GiB", "TiB"} {
		if n, ok := strings.CutSuffix(s, unit); ok {
			number, shift = n, 10*(i+1)
		}
	}
	n, err := strconv.ParseInt(strings.TrimSpace(number), 10, 64)
	if err != nil || n < 0 || n > (1<<62)>>shift {
		return 0, fmt.Errorf("%q is not a size such as 1048576, 512MiB or 2GiB", s)
	}
	return n << shift, nil
}
