package app_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/wacast/wacast/pkg/report"
	"github.com/wacast/wacast/pkg/simulator"
	"github.com/wacast/wacast/pkg/whatsapp"
)

// An app that requires the app secret: every call proves it, with the token and the
// secret as they are then, and nothing shows the proof.
func TestAppSecretProof(t *testing.T) {
	dir := t.TempDir()
	secret := "secret-1"
	write(t, dir, "token", "token-1")
	write(t, dir, "secret", secret)
	write(t, dir, "accounts/a.yaml", fmt.Sprintf("waba_id: 1\nnumbers: [%s]\naccess_token_file: %s/token\napp_secret_files: [%s/secret]\n", numberA, dir, dir))
	var required atomic.Pointer[string]
	required.Store(&secret)
	var r *rig
	var bare atomic.Int32
	guard := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		token := strings.TrimPrefix(req.Header.Get("Authorization"), "Bearer ")
		if req.URL.Query().Get("appsecret_proof") != whatsapp.AppSecretProof(*required.Load(), token) {
			bare.Add(1)
			w.WriteHeader(http.StatusBadRequest)
			fmt.Fprint(w, `{"error":{"message":"Invalid appsecret_proof provided in the API argument","type":"GraphMethodException","code":100}}`)
			return
		}
		r.sim.ServeHTTP(w, req)
	}))
	t.Cleanup(guard.Close)
	r = newRig(t, simulator.Config{}, "WACAST_ACCOUNTS_DIR="+filepath.Join(dir, "accounts"), "WACAST_APP_SECRET_PROOF=on", "WACAST_API_URL="+guard.URL)
	r.ready("w")
	v := r.view()
	r.publish(newJobs(numberA, "first", 0, 20)...)
	r.await(v, "first", accepted(20))

	write(t, dir, "token", "token-02")
	r.publish(newJobs(numberA, "second", 0, 20)...)
	r.await(v, "second", accepted(20))
	if n := bare.Load(); n != 0 {
		t.Errorf("%d calls without the right proof", n)
	}
	// A wrong secret: what is refused shows neither secret nor proof.
	other := "another"
	required.Store(&other)
	r.publish(newJob(numberA, "third", 0))
	r.await(v, "third", func(p *report.Progress) bool { return bare.Load() > 0 })
	for _, token := range []string{"token-1", "token-02"} {
		for _, hidden := range []string{secret, token, whatsapp.AppSecretProof(secret, token)} {
			if strings.Contains(r.log.String(), hidden) {
				t.Errorf("the log holds %s", hidden)
			}
		}
	}
}
