package simulator

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
)

// maxBody is generous: Meta documents no limit for /messages.
const maxBody = 1 << 20

// request is the body of POST …/messages and …/marketing_messages. Every field
// that either endpoint takes is here; any other is refused.
type request struct {
	Product       string          `json:"messaging_product"`
	RecipientType string          `json:"recipient_type"`
	To            string          `json:"to"`
	Recipient     string          `json:"recipient"`
	Type          string          `json:"type"`
	Template      *templateParam  `json:"template"`
	Text          *textParam      `json:"text"`
	Context       *contextParam   `json:"context"`
	CallbackData  string          `json:"biz_opaque_callback_data"`
	IdentityHash  string          `json:"recipient_identity_key_hash"`
	MessagingID   string          `json:"messaging_account_id"`
	Category      string          `json:"category"`
	Status        string          `json:"status"`
	MessageID     string          `json:"message_id"`
	Typing        json.RawMessage `json:"typing_indicator"`
	ProductPolicy string          `json:"product_policy"`
	Sharing       *bool           `json:"message_activity_sharing"`
	Bid           json.RawMessage `json:"bid_spec"`
}

type textParam struct {
	Body       string `json:"body"`
	PreviewURL bool   `json:"preview_url"`
}

type contextParam struct {
	MessageID string `json:"message_id"`
}

type templateParam struct {
	Name       string        `json:"name"`
	Language   languageParam `json:"language"`
	Components []component   `json:"components"`
}

type languageParam struct {
	Code   string `json:"code"`
	Policy string `json:"policy"`
}

type component struct {
	Type       string      `json:"type"`
	SubType    string      `json:"sub_type"`
	Index      position    `json:"index"`
	Parameters []parameter `json:"parameters"`
	Cards      []cardParam `json:"cards"`
}

type cardParam struct {
	Index      position    `json:"card_index"`
	Components []component `json:"components"`
}

// parameter is kept small, by pointers: the decoder makes room for four at once.
type parameter struct {
	Type       string           `json:"type"`
	Name       string           `json:"parameter_name"`
	Text       string           `json:"text"`
	Payload    string           `json:"payload"`
	CouponCode string           `json:"coupon_code"`
	Currency   *currencyParam   `json:"currency"`
	DateTime   *dateTimeParam   `json:"date_time"`
	Image      *mediaParam      `json:"image"`
	Video      *mediaParam      `json:"video"`
	GIF        *mediaParam      `json:"gif"`
	Document   *mediaParam      `json:"document"`
	Location   *locationParam   `json:"location"`
	TTLMinutes int              `json:"ttl_minutes"`
	Product    *json.RawMessage `json:"product"`
	Action     *json.RawMessage `json:"action"`
	Offer      *json.RawMessage `json:"limited_time_offer"`
	Order      *json.RawMessage `json:"order_status"`
	TapTarget  *json.RawMessage `json:"tap_target_configuration"`
}

type currencyParam struct {
	Fallback string `json:"fallback_value"`
	Code     string `json:"code"`
	Amount   int64  `json:"amount_1000"`
}

type dateTimeParam struct {
	Fallback string `json:"fallback_value"`
}

type mediaParam struct {
	ID       string `json:"id"`
	Link     string `json:"link"`
	Filename string `json:"filename"`
}

type locationParam struct {
	Latitude  string `json:"latitude"`
	Longitude string `json:"longitude"`
	Name      string `json:"name"`
	Address   string `json:"address"`
}

// position is an index: the platform takes it as a string and as a number.
type position struct {
	set bool
	n   int
}

var errPosition = errors.New("not an index")

func (p *position) UnmarshalJSON(b []byte) error {
	n, err := strconv.Atoi(strings.Trim(string(b), `"`))
	if err != nil || n < 0 {
		return errPosition
	}
	*p = position{set: true, n: n}
	return nil
}

// text is what a body or header parameter is shown as.
func (p *parameter) text() string {
	switch {
	case p.Currency != nil:
		return p.Currency.Fallback
	case p.DateTime != nil:
		return p.DateTime.Fallback
	}
	return p.Text
}

// decode reads one JSON object. What does not fit the schema is returned as a
// refusal beside whatever did fit, since the platform looks the template up
// first. ok is false when the body is no JSON object at all.
func decode(body []byte) (req request, schema *refusal, ok bool) {
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	err := d.Decode(&req)
	if err == nil && !oddKey(body) {
		if _, err := d.Token(); !errors.Is(err, io.EOF) {
			return req, notJSON(), false
		}
		return req, nil, true
	}
	var whole any
	if json.Unmarshal(body, &whole) != nil {
		return req, notJSON(), false
	}
	if _, object := whole.(map[string]any); !object {
		return req, notJSON(), false
	}
	if schema = misfit(whole); schema == nil && err != nil {
		schema = invalidParam("The request body does not fit the schema.")
	}
	return req, schema, true
}

func notJSON() *refusal { return invalidParam("The request body is not one JSON object.") }

// readBody reads a request's body into buf.
func readBody(w http.ResponseWriter, r *http.Request, buf *bytes.Buffer) *refusal {
	body := r.Body
	if r.ContentLength <= 0 || r.ContentLength > maxBody { // net/http lets nobody send more than that
		body = http.MaxBytesReader(w, r.Body, maxBody)
	}
	_, err := buf.ReadFrom(body)
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		return invalidParam("The request body is longer than %d bytes.", maxBody)
	}
	if err != nil {
		return notJSON()
	}
	return nil
}
