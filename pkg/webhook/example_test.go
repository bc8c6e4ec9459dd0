package webhook_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/wacast/wacast/pkg/queue"
	"github.com/wacast/wacast/pkg/sender"
	"github.com/wacast/wacast/pkg/webhook"
	"github.com/wacast/wacast/pkg/whatsapp"
)

// printed is a store that shows what it gets; queue.Webhooks keeps it.
type printed struct{}

func (printed) Store(_ context.Context, h queue.Hook) error {
	fmt.Printf("stored %s\n", h.Body)
	return nil
}

// A receiver answers the platform's handshake, and stores what is rightly signed.
func ExampleReceiver() {
	receiver, err := webhook.NewReceiver(webhook.ReceiverConfig{
		Store: printed{}, Secrets: &secrets{"app secret"}, VerifyToken: sender.Literal("verify token"),
		Metrics: webhook.NewMetrics(prometheus.NewRegistry()), Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	ask := func(r *http.Request) {
		w := httptest.NewRecorder()
		receiver.ServeHTTP(w, r)
		fmt.Println(w.Code, strings.TrimSpace(w.Body.String()))
	}
	ask(httptest.NewRequest("GET", "/webhook?hub.mode=subscribe&hub.challenge=1158201444&hub.verify_token=verify+token", nil))
	body := `{"object":"whatsapp_business_account","entry":[]}`
	post := httptest.NewRequest("POST", "/webhook", strings.NewReader(body))
	ask(post)
	post = httptest.NewRequest("POST", "/webhook", strings.NewReader(body))
	post.Header.Set(whatsapp.SignatureHeader, whatsapp.Sign([]byte(body), "app secret"))
	ask(post)
	// Output:
	// 200 1158201444
	// 401 bad_signature
	// stored {"object":"whatsapp_business_account","entry":[]}
	// 200
}
