package job

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"strconv"
	"strings"
	"unicode/utf8"
)

// MaxPayload is how many characters a quick reply's payload may have (Cloud API
// fact sheet 3.7). Characters beyond the basic plane count as two, so that no way of
// counting finds more.
const MaxPayload = 256

// SignedPayload is what wacast puts into a quick reply, and what comes back when the
// recipient taps it.
type SignedPayload struct {
	Key Key
	// Attempt counts from 1; 0 where it was not known yet.
	Attempt int
	// Author is the payload that the job's author gave the button; empty for none.
	Author string
}

// PayloadStatus says whose a payload is.
type PayloadStatus uint8

// The statuses of a payload.
const (
	// PayloadNone: wacast signed nothing; it is the author's own, or a button's label.
	PayloadNone PayloadStatus = iota
	// PayloadValid: wacast signed it, and nobody changed it.
	PayloadValid
	// PayloadForged: it claims to be wacast's and is not. It is free text.
	PayloadForged
)

// String is the status in one word, for logs and metrics.
func (s PayloadStatus) String() string {
	switch s {
	case PayloadNone:
		return "none"
	case PayloadValid:
		return "valid"
	case PayloadForged:
		return "forged"
	}
	return "invalid"
}

const (
	// payloadMark begins what wacast signed. The 1 is the version of this form.
	payloadMark = "wc1."
	// payloadDomain keeps the key's other uses apart.
	payloadDomain = "payload/"
	// payloadMAC is 72 bits of the code, as base64url.
	payloadMACBytes = 9
	payloadMAC      = payloadMACBytes * 4 / 3
)

// SignPayload is wc1.<code>/<attempt>/<campaign>/<id>/<author>, where the code proves
// to whoever has the key that nobody changed the rest. It reports false where that
// is longer than [MaxPayload], where author is no valid UTF-8 (which JSON could not
// keep as it is), where there is no key, or where the job's key is no valid one: the
// author's payload then stays as it is.
func SignPayload(key []byte, k Key, attempt int, author string) (string, bool) {
	if len(key) == 0 || attempt < 0 || !k.valid() || !utf8.ValidString(author) {
		return "", false
	}
	rest := "/" + strconv.Itoa(attempt) + "/" + k.String() + "/" + author
	if len(payloadMark)+payloadMAC+characters(rest) > MaxPayload {
		return "", false
	}
	return payloadMark + payloadCode(key, rest) + rest, true
}

// ParsePayload reads a payload that came back. What [PayloadValid] does not vouch for
// is empty.
func ParsePayload(key []byte, s string) (SignedPayload, PayloadStatus) {
	signed, ok := strings.CutPrefix(s, payloadMark)
	if !ok {
		return SignedPayload{}, PayloadNone
	}
	if len(key) == 0 || len(signed) < payloadMAC {
		return SignedPayload{}, PayloadForged
	}
	code, rest := signed[:payloadMAC], signed[payloadMAC:]
	if subtle.ConstantTimeCompare([]byte(code), []byte(payloadCode(key, rest))) != 1 {
		return SignedPayload{}, PayloadForged
	}
	parts := strings.SplitN(rest, "/", 5)
	if len(parts) != 5 || parts[0] != "" {
		return SignedPayload{}, PayloadForged
	}
	attempt, err := strconv.Atoi(parts[1])
	k, ok := readKey(parts[2], parts[3])
	if err != nil || attempt < 0 || !ok {
		return SignedPayload{}, PayloadForged
	}
	return SignedPayload{Key: k, Attempt: attempt, Author: parts[4]}, PayloadValid
}

// payloadCode is the code of all that follows it.
func payloadCode(key []byte, rest string) string {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(payloadDomain))
	mac.Write([]byte(rest))
	var sum [sha256.Size]byte
	return base64.RawURLEncoding.EncodeToString(mac.Sum(sum[:0])[:payloadMACBytes])
}

// characters counts as JavaScript and Java do, which is never less than the number
// of code points.
func characters(s string) int {
	n := 0
	for _, r := range s {
		n++
		if r > 0xffff {
			n++
		}
	}
	return n
}
