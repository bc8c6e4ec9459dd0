package simulator_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/wacast/wacast/pkg/simulator"
)

// Each is that of: printf test-token | openssl dgst -sha256 -hmac secret
const (
	proofOfOld = "3cdb71589996813d9099c4da81e40764503c42e911b0aad2665b6a1183a28495"
	proofOfNew = "d724d85fcfc5daead9142545b388b4c4b10244c9c81676766d24f11c15807269"
)

const (
	wantsProof = "API calls from the server require an appsecret_proof argument"
	wrongProof = "Invalid appsecret_proof provided in the API argument"
)

// An app that requires its secret takes nothing without the proof, read or message, and
// what it says of it is what the platform says.
func TestRequiresAppSecret(t *testing.T) {
	for name, tc := range map[string]struct {
		secrets []string
		query   string
		want    string // of the refusal; empty where it is answered
	}{
		"not required":  {nil, "", ""},
		"not looked at": {nil, "appsecret_proof=wrong", ""},
		"proved":        {[]string{"old"}, "appsecret_proof=" + proofOfOld, ""},
		"missing":       {[]string{"old"}, "", wantsProof},
		"empty":         {[]string{"old"}, "appsecret_proof=", wrongProof},
		"wrong":         {[]string{"old"}, "appsecret_proof=" + proofOfNew, wrongProof},
		"upper case":    {[]string{"old"}, "appsecret_proof=" + strings.ToUpper(proofOfOld), wrongProof},
		"twice":         {[]string{"old"}, "appsecret_proof=" + proofOfOld + "&appsecret_proof=" + proofOfOld, wrongProof},
		"one of two":    {[]string{"old", "new"}, "appsecret_proof=" + proofOfNew, ""},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := strict(t)
			cfg.AppSecrets = tc.secrets
			s := newServer(t, cfg)
			refused := int64(0)
			for _, path := range []string{"/v26.0/" + number, "/v26.0/" + waba, "/v26.0/" + waba + "/phone_numbers", "/v26.0/" + waba + "/subscribed_apps",
				"/v26.0/" + waba + "/message_templates", "/v26.0/debug_token"} {
				status, got := ask(t, s, http.MethodGet, path+"?input_token="+token+"&"+tc.query, token)
				e, _ := got["error"].(map[string]any)
				if tc.want == "" && status == http.StatusOK {
					continue
				}
				refused++
				if status != http.StatusBadRequest || e["message"] != tc.want || e["code"] != 100. || e["type"] != "GraphMethodException" || e["error_data"] != nil {
					t.Errorf("%s: %d %v, want %q", path, status, got, tc.want)
				}
			}
			got := post(t, s, path+"?"+tc.query, hello(person, "a"))
			if got.Error.Message != tc.want || (got.status == http.StatusOK) != (tc.want == "") {
				t.Errorf("a message: %d %+v, want %q", got.status, got.Error, tc.want)
			}
			if tc.want != "" {
				refused++
			}
			if st := s.Stats(); st.Unproved != refused || tc.want != "" && st.Accepted != 0 {
				t.Errorf("%d of %d are counted, %d accepted", st.Unproved, refused, st.Accepted)
			}
		})
	}
}

// A new secret of the app ends the old one's proofs at once; a bad token is told first.
func TestAppSecretIsReplaced(t *testing.T) {
	cfg := strict(t)
	cfg.AppSecrets = []string{"old"}
	s := newServer(t, cfg)
	send := func(proof string) string {
		return post(t, s, path+"?appsecret_proof="+proof, hello(person, "")).Error.Message
	}
	if got := control(t, s, http.MethodPost, "/_sim/app", `{"app_secrets":["new"]}`, nil); got != http.StatusOK {
		t.Fatal(got)
	}
	if got := send(proofOfOld); got != wrongProof {
		t.Errorf("the old one: %q", got)
	}
	if got := send(proofOfNew); got != "" {
		t.Errorf("the new one: %q", got)
	}
	if status, _ := ask(t, s, http.MethodGet, "/v26.0/"+number, "other"); status != http.StatusUnauthorized {
		t.Errorf("a wrong token without a proof: %d", status)
	}
	for _, wrong := range []string{`{}`, `{"app_secrets":[""]}`, `{"secrets":[]}`} {
		if got := control(t, s, http.MethodPost, "/_sim/app", wrong, nil); got != http.StatusBadRequest {
			t.Errorf("%s: %d", wrong, got)
		}
	}
	if got := control(t, s, http.MethodPost, "/_sim/app", `{"app_secrets":[]}`, nil); got != http.StatusOK || send("") != "" {
		t.Error("a proof is still asked for")
	}
	if _, err := simulator.New(simulator.Config{AppSecrets: []string{""}}); err == nil {
		t.Error("an empty secret is taken")
	}
}
