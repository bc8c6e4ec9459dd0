package whatsapp

import (
	"encoding/hex"
	"encoding/json"
	"strings"
	"testing"
)

type signatureVector struct {
	Name      string `json:"name"`
	Secret    string `json:"app_secret"`
	Body      string `json:"body_hex"`
	Signature string `json:"x_hub_signature_256"`
}

func signatureVectors(t *testing.T) []signatureVector {
	t.Helper()
	var file struct {
		Vectors []signatureVector `json:"vectors"`
	}
	if err := json.Unmarshal(fixture(t, "webhook", "signature_vectors"), &file); err != nil || len(file.Vectors) == 0 {
		t.Fatal(len(file.Vectors), "vectors:", err)
	}
	return file.Vectors
}

func TestSignatureVectors(t *testing.T) {
	for _, v := range signatureVectors(t) {
		body, err := hex.DecodeString(v.Body)
		if err != nil {
			t.Fatal(err)
		}
		if got := Sign(body, v.Secret); got != v.Signature {
			t.Errorf("%s: signed as %s", v.Name, got)
		}
		for _, secrets := range [][]string{{v.Secret}, {"older", v.Secret}, {v.Secret, "", "newer"}} {
			if !VerifySignature(body, v.Signature, secrets...) {
				t.Errorf("%s: refused with %d secrets", v.Name, len(secrets))
			}
		}
		if VerifySignature(append(body, ' '), v.Signature, v.Secret) {
			t.Errorf("%s: a body that was changed is accepted", v.Name)
		}
	}
}

func TestWrongSignatures(t *testing.T) {
	body := []byte(`{"object":"whatsapp_business_account","entry":[]}`)
	good := Sign(body, "secret")
	tests := []struct {
		name, header string
		secrets      []string
	}{
		{"another secret", good, []string{"other"}},
		{"no secret", good, nil},
		{"an empty secret", Sign(body, ""), []string{""}},
		{"no header", "", []string{"secret"}},
		{"no prefix", strings.TrimPrefix(good, "sha256="), []string{"secret"}},
		{"another algorithm", strings.Replace(good, "256", "1", 1), []string{"secret"}},
		{"cut off", good[:len(good)-2], []string{"secret"}},
		{"too long", good + "00", []string{"secret"}},
		{"no digits", "sha256=" + strings.Repeat("zz", 32), []string{"secret"}},
	}
	for _, tt := range tests {
		if VerifySignature(body, tt.header, tt.secrets...) {
			t.Errorf("%s: accepted", tt.name)
		}
	}
}
