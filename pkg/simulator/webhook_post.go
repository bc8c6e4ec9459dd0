package simulator

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"log/slog"
	"net/http"
	"time"
)

// Retries as the simulator makes them. The platform says only that they come less
// and less often, for seven days. [Webhook.RetrySpeed] divides all three.
const (
	firstRetry = 10 * time.Second
	longRetry  = time.Hour
	giveUp     = 7 * 24 * time.Hour
)

// backoff is the wait after a failed attempt: 10 s, doubled each time, up to an hour.
func backoff(attempt int, speed float64) time.Duration {
	wait := longRetry
	if doubled := attempt - 1; doubled < 9 { // 10 s times 2 to the 9th is more than an hour
		wait = min(wait, firstRetry<<doubled)
	}
	return compressed(wait, speed)
}

func compressed(d time.Duration, speed float64) time.Duration {
	return time.Duration(min(float64(d)/speed, float64(never/2)))
}

// maxAnswer is as much of a receiver's answer as is read to keep its connection.
const maxAnswer = 64 << 10

// run posts what is due until the context ends, and waits for the POSTs under way.
func (h *hooks) run(ctx context.Context) {
	defer h.posts.Wait()
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		select {
		case h.slots <- struct{}{}:
		case <-ctx.Done():
			return
		}
		p := h.await(ctx, timer)
		if p == nil {
			<-h.slots
			return
		}
		h.posts.Go(func() {
			defer func() { <-h.slots }()
			answer := h.post(ctx, p)
			h.finish(p, answer, ctx.Err() != nil)
		})
	}
}

// await is the next POST; nil when the context ends first.
func (h *hooks) await(ctx context.Context, timer *time.Timer) *parcel {
	for ctx.Err() == nil {
		p, wait := h.take()
		if p != nil {
			return p
		}
		timer.Reset(wait)
		select {
		case <-h.wake:
		case <-timer.C:
		case <-ctx.Done():
		}
	}
	return nil
}

// post makes one POST and answers its status; 0 when there was no answer.
func (h *hooks) post(ctx context.Context, p *parcel) int {
	ctx, cancel := context.WithTimeout(ctx, h.cfg.Timeout)
	defer cancel()
	body := appendPost(make([]byte, 0, 512*len(p.updates)+512), p.updates, h.cfg.Conversation)
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, p.url, bytes.NewReader(body))
	if err != nil { // cannot be: the URL was parsed before
		h.log.Debug("webhook", slog.Any("error", err))
		return 0
	}
	r.Header["Content-Type"] = []string{"application/json"}
	r.Header["User-Agent"] = []string{"facebookexternalua"}
	r.Header["X-Hub-Signature-256"] = []string{"sha256=" + signature(p.lane.secret, body)}
	answer, err := h.client.Do(r)
	if err != nil {
		h.log.Debug("webhook", slog.Int("attempt", p.attempt), slog.Int("updates", len(p.updates)), slog.Any("error", err))
		return 0
	}
	_, _ = io.CopyN(io.Discard, answer.Body, maxAnswer)
	_ = answer.Body.Close()
	return answer.StatusCode
}

// signature is the lower-case hex HMAC-SHA256 of a body.
func signature(secret, body []byte) string {
	m := hmac.New(sha256.New, secret)
	m.Write(body)
	return hex.EncodeToString(m.Sum(nil))
}
