package app

import (
	"fmt"
	"io"
	"net/url"
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
		if _, err := fmt.Fprintf(w, "# account %s: %d numbers, portfolio %q, templates %q\n", a.WABAID, len(a.Numbers), a.Portfolio, a.Templates); err != nil {
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
// of them. What is no URL but may hold a password is hidden whole.
func withoutPassword(s string) string {
	list := strings.Split(s, ",")
	for i, one := range list {
		u, err := url.Parse(one)
		switch {
		case err != nil || u.Host == "":
			if strings.Contains(one, "@") {
				list[i] = "[secret]"
			}
			continue
		case u.User != nil:
			u.User = url.User("xxxxx") // as net/url does; brackets would be escaped
		}
		if u.RawQuery != "" {
			u.RawQuery = "[secret]"
		}
		list[i] = u.String()
	}
	return strings.Join(list, ",")
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
