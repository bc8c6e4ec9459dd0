package whatsapp

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"strings"
)

// SignatureHeader is where a webhook carries its signature (fact sheet 5.2).
const SignatureHeader = "X-Hub-Signature-256"

const signaturePrefix = "sha256="

// VerifySignature reports whether a webhook's body was signed with one of the app
// secrets. It wants the bytes as they came: JSON that was decoded and encoded again
// has another signature. An empty secret signs nothing. The time it takes tells
// nothing of a secret, nor which of them it was.
func VerifySignature(body []byte, signature string, secrets ...string) bool {
	digest, ok := strings.CutPrefix(signature, signaturePrefix)
	given, err := hex.DecodeString(digest)
	if !ok || err != nil || len(given) != sha256.Size {
		return false
	}
	signed := false
	for _, secret := range secrets {
		if secret != "" && hmac.Equal(given, digestOf(body, secret)) {
			signed = true
		}
	}
	return signed
}

// Sign is the signature that the platform gives a webhook's body, as it stands in
// [SignatureHeader].
func Sign(body []byte, secret string) string {
	return signaturePrefix + hex.EncodeToString(digestOf(body, secret))
}

func digestOf(body []byte, secret string) []byte {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write(body)
	return mac.Sum(nil)
}
