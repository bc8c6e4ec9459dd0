package whatsapp

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
)

const proofParameter = "appsecret_proof"

// AppSecretProof shows the API that who sends a token also knows its app's secret
// (fact sheet 6.2): the HMAC-SHA256 of the token in lower-case hexadecimal. With
// "Require App Secret" on, the API refuses calls without it, and a stolen token alone
// is worth nothing.
func AppSecretProof(secret, token string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	_, _ = mac.Write([]byte(token)) // never fails
	return hex.EncodeToString(mac.Sum(nil))
}

// proofOf is empty where no proof goes along.
func (c *Client) proofOf(token string) string {
	if c.proof == nil {
		return ""
	}
	return c.proof(token)
}
