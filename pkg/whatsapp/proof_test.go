package whatsapp

import "testing"

// The value is that of: printf token | openssl dgst -sha256 -hmac secret
func TestAppSecretProof(t *testing.T) {
	const want = "e941110e3d2bfe82621f0e3e1434730d7305d106c5f68c87165d0b27a4611a4a"
	if got := AppSecretProof("secret", "token"); got != want {
		t.Errorf("%s, want %s", got, want)
	}
}
