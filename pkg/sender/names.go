package sender

import (
	"encoding/hex"
	"fmt"
	"strings"
)

// keyName is a name as a part of a key, whatever it is made of.
func keyName(name string) string { return escape(name, "") }

// pathName is a name that may have slashes and dots, as the rest of a key. Names come
// from webhooks too, which may say anything.
func pathName(name string) string { return escape(name, "/.") }

func escape(name, also string) string {
	var b strings.Builder
	for _, c := range []byte(name) {
		if c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' || c == '_' || c == '-' || strings.IndexByte(also, c) >= 0 {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "=%02X", c)
		}
	}
	return b.String()
}

// parseName reads what pathName wrote.
func parseName(key string) string {
	first, rest, _ := strings.Cut(key, "=")
	var b strings.Builder
	b.WriteString(first)
	for rest != "" {
		var part string
		part, rest, _ = strings.Cut(rest, "=")
		c, err := hex.DecodeString(part[:min(2, len(part))])
		if err != nil || len(c) != 1 {
			return key
		}
		b.WriteByte(c[0])
		b.WriteString(part[2:])
	}
	return b.String()
}
