package simulator

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"slices"
)

// SetAppSecrets replaces the secrets of [Config.AppSecrets], as a new one of the app
// does: the platform takes no proof of the old one from then on. None at all turns
// Require App Secret off.
func (s *Server) SetAppSecrets(secrets ...string) error {
	if slices.Contains(secrets, "") {
		return errors.New("simulator: one of the app secrets is empty")
	}
	secrets = slices.Clone(secrets)
	s.appSecrets.Store(&secrets)
	return nil
}

// prove refuses a call without the right proof of its token (appsecret_proof), where the
// app requires its secret. Nothing is told about the token's rights before.
func (s *Server) prove(r *http.Request, token string) *refusal {
	secrets := *s.appSecrets.Load()
	if len(secrets) == 0 {
		return nil
	}
	given := r.URL.Query()["appsecret_proof"]
	if len(given) == 1 && slices.ContainsFunc(secrets, func(secret string) bool { return proves(given[0], secret, token) }) {
		return nil
	}
	s.journal.update(func(st *Stats) { st.Unproved++ })
	out := &refusal{status: http.StatusBadRequest, code: 100, kind: "GraphMethodException", message: "Invalid appsecret_proof provided in the API argument"}
	if len(given) == 0 {
		out.message = "API calls from the server require an appsecret_proof argument"
	}
	return out
}

// proves compares with the HMAC-SHA256 of the token in lower-case hexadecimal.
func proves(given, secret, token string) bool {
	mac := hmac.New(sha256.New, []byte(secret))
	_, _ = mac.Write([]byte(token)) // never fails
	return hmac.Equal([]byte(given), []byte(hex.EncodeToString(mac.Sum(nil))))
}

func (s *Server) controlAppSecrets(r *http.Request) (any, error) {
	var change struct {
		Secrets []string `json:"app_secrets"`
	}
	if err := decodeStrict(r, &change); err != nil {
		return nil, err
	}
	if change.Secrets == nil {
		return nil, errors.New("app_secrets is missing; an empty list requires none")
	}
	return done{true}, s.SetAppSecrets(change.Secrets...)
}
