package app

import (
	"fmt"
	"io"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/wacast/wacast/pkg/sender"
)

// Print writes the settings as a YAML file would hold them, with the variable of
// each beside it. Secrets and passwords are never shown.
func (c *Config) Print(w io.Writer) error {
	v := reflect.ValueOf(c).Elem()
	for _, s := range Settings() {
		if _, err := fmt.Fprintf(w, "%-18s %-32s # %s: %s\n", s.Key+":", show(v.Field(s.field).Interface()), s.Env, s.Help); err != nil {
			return err
		}
	}
	for _, a := range c.Accounts {
		if _, err := fmt.Fprintf(w, "# account %s: numbers %d, portfolio %q, templates %q\n", a.WABAID, len(a.Numbers), a.Portfolio, a.Templates); err != nil {
			return err
		}
	}
	return nil
}

// Redacted returns the settings by key, as they may be shown.
func (c *Config) Redacted() map[string]string {
	v := reflect.ValueOf(c).Elem()
	out := make(map[string]string)
	for _, s := range Settings() {
		out[s.Key] = show(v.Field(s.field).Interface())
	}
	return out
}

func show(value any) string {
	switch x := value.(type) {
	case sender.Secret:
		return "[secret]"
	case time.Duration:
		return formatDuration(x)
	case int64:
		return formatBytes(x)
	case float64:
		return strconv.FormatFloat(x, 'g', -1, 64)
	case string:
		return withoutPassword(x)
	case nil:
		return ""
	}
	return fmt.Sprint(value)
}

// withoutPassword hides the user part and the query of a URL, or of each in a list
// of them. It cuts by hand: what a password makes of a URL may not parse as one. Where
// it cannot tell, it hides all.
func withoutPassword(s string) string {
	parts := strings.Split(s, "://")
	if strings.Contains(parts[0], "@") {
		return "[secret]"
	}
	for i := 1; i < len(parts); i++ {
		url, next := parts[i], ""
		if comma := strings.LastIndex(url, ","); comma >= 0 && i < len(parts)-1 {
			url, next = url[:comma], url[comma:] // the next one's scheme
		}
		url, query, asked := strings.Cut(url, "?")
		if strings.Contains(query, "@") { // of the query, or of a password with a question mark
			return "[secret]"
		}
		if at := strings.LastIndex(url, "@"); at >= 0 {
			url = "xxxxx" + url[at:]
		}
		if asked {
			url += "?[secret]"
		}
		parts[i] = url + next
	}
	return strings.Join(parts, "://")
}

// formatBytes writes what [parseBytes] reads.
func formatBytes(n int64) string {
	for i, unit := range []string{"TiB", "GiB", "MiB", "KiB"} {
		if size := int64(1) << (10 * (4 - i)); n >= size && n%size == 0 {
			return strconv.FormatInt(n/size, 10) + unit
		}
	}
	return strconv.FormatInt(n, 10)
}
