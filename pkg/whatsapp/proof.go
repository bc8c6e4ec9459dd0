package whatsapp

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/url"
	"strings"
)

const (
	proofParameter = "appsecret_proof"
	// maxProofs bounds how many proofs a read tries: an app has two secrets at most, and
	// another app's may stand beside them.
	maxProofs = 3
)

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

// withProof is the query with the proof, which is not put into it: pages share it.
func withProof(query url.Values, proof string) string {
	text := query.Encode()
	switch {
	case proof == "":
		return text
	case text != "":
		text += "&"
	}
	return text + proofParameter + "=" + proof
}

// heed tells of a proof that was not taken, so that the next call may have another. A
// message is not repeated; a read is, with another proof.
func (c *Client) heed(token, proof string, err error) {
	if c.refused != nil && proof != "" && refusesProof(err) {
		c.refused(token, proof)
	}
}

func refusesProof(err error) bool {
	var e *Error
	return errors.As(err, &e) && e.RefusesProof()
}

// RefusesProof reports whether the API wants a proof of the app secret, or another one.
func (e *Error) RefusesProof() bool {
	return e.coded && AboutProof(e.Code, e.Message+e.Details)
}

// What the API says of proofs is code 100 too, and only its text tells it from a bad
// parameter.
var (
	noProof = Code{
		Code: codeParameter, Class: ClassRefusedAccount, Meaning: "the app requires an appsecret_proof, and there was none",
		Remedy: "The token's app has Require App Secret on: set app_secret_proof: on (WACAST_APP_SECRET_PROOF=on) and give that app's secret " +
			"in WACAST_APP_SECRET_FILE, or in app_secret_files of the account.",
	}
	badProof = Code{
		Code: codeParameter, Class: ClassRefusedAccount, Meaning: "the appsecret_proof does not fit the token",
		Remedy: "None of the app secrets is that of the token's app as it is now: put the secret that the app's dashboard shows under App settings, Basic, " +
			"into the file of WACAST_APP_SECRET_FILE, or into one of app_secret_files of the account; it is read within seconds.",
	}
)

// aboutProof finds the meaning of an error that is about a proof.
func aboutProof(code int, text string) (Code, bool) {
	switch {
	case code != codeParameter || !strings.Contains(text, proofParameter):
		return Code{}, false
	case strings.Contains(text, "require an "+proofParameter):
		return noProof, true
	}
	return badProof, true
}

// AboutProof reports whether a code and its error's text are about a proof of the app
// secret, which was missing or not taken.
func AboutProof(code int, text string) bool {
	_, ok := aboutProof(code, text)
	return ok
}

// LookupText finds the row of a code as [Lookup] does without a subcode, or the one that
// only the error's text tells.
func LookupText(code int, text string) (Code, bool) {
	if row, ok := aboutProof(code, text); ok {
		return row, true
	}
	return Lookup(code, 0)
}
