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
	// Type says how a value is written.
	Type Type
	// Secret settings have no flag and are never printed.
	Secret bool
	// Min is the least value, OneOf are the only ones; empty where there is no limit.
	Min   string
	OneOf []string

	field int
}

// Type is how a setting's value is written.
type Type string

// The types of settings.
const (
	TypeText     Type = "text"
	TypeNumber   Type = "whole number"
	TypeShare    Type = "share" // 0 to less than 1
	TypeSize     Type = "size"
	TypeDuration Type = "duration"
)

func typeOf(field reflect.Type) Type {
	switch reflect.Zero(field).Interface().(type) {
	case int:
		return TypeNumber
	case float64:
		return TypeShare
	case int64:
		return TypeSize
	case time.Duration:
		return TypeDuration
	}
	return TypeText
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
			Default: f.Tag.Get("default"), Help: f.Tag.Get("help"), Type: typeOf(f.Type), Secret: f.Type == secretType,
			Min: f.Tag.Get("min"), OneOf: strings.Fields(f.Tag.Get("oneof")), field: i,
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
		if len(s.OneOf) > 0 && !slices.Contains(s.OneOf, value) {
			return fmt.Errorf("%q is not one of %s", value, strings.Join(s.OneOf, ", "))
		}
		field.SetString(value)
	case int:
		n, err := strconv.Atoi(value)
		if err != nil {
			return fmt.Errorf("%q is not a whole number", value)
		}
		if least, _ := strconv.Atoi(s.Min); n < least {
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
		if least, _ := parseBytes(s.Min); n < least {
			return fmt.Errorf("%s is below the least value, %s", value, s.Min)
		}
		field.SetInt(n)
	case time.Duration:
		d, err := parseDuration(value)
		if err != nil {
			return err
		}
		if least, _ := parseDuration(s.Min); d < least {
			return fmt.Errorf("%s is below the least value, %s", value, s.Min)
		}
		field.SetInt(int64(d))
	default:
		return fmt.Errorf("has no reader for %s", field.Type())
	}
	return nil
}

// ParseDuration reads a duration as settings are written: 90s, 15m or 7d.
func ParseDuration(s string) (time.Duration, error) { return parseDuration(s) }

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
