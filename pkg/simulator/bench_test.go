package simulator_test

import (
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"github.com/wacast/wacast/pkg/simulator"
)

// discard is a ResponseWriter that costs nothing.
type discard struct{ header http.Header }

func (d *discard) Header() http.Header         { return d.header }
func (d *discard) Write(b []byte) (int, error) { return len(b), nil }
func (d *discard) WriteHeader(int)             {}

func BenchmarkServeHTTP(b *testing.B) {
	s := newServer(b, simulator.Config{MPS: 1 << 30, Templates: templatesOf(
		`{"name":"visit_confirm","language":"en","components":[{"type":"BODY","text":"Dear {{1}}, is {{2}} fine?"},{"type":"BUTTONS","buttons":[{"type":"QUICK_REPLY"},{"type":"QUICK_REPLY"}]}]}`)})
	send := body("visit_confirm", "en", texts("body", "Amina", "10:30")+","+
		button("quick_reply", `"0"`, `{"type":"payload","payload":"yes"}`)+","+button("quick_reply", `"1"`, `{"type":"payload","payload":"no"}`))
	prefix := send[:len(send)-1]
	url, header := &url.URL{Path: path}, http.Header{"Authorization": {"Bearer " + token}}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		text := prefix + `,"biz_opaque_callback_data":"ns/1/1/campaign/` + strconv.Itoa(i) + `"}`
		r := &http.Request{Method: http.MethodPost, URL: url, Header: header, Body: io.NopCloser(strings.NewReader(text)), ContentLength: int64(len(text))}
		s.ServeHTTP(&discard{make(http.Header)}, r)
	}
	b.StopTimer()
	if st := s.Stats(); st.Accepted != int64(b.N) {
		b.Fatalf("accepted %d of %d", st.Accepted, b.N)
	}
}
