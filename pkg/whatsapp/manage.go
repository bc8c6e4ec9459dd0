package whatsapp

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Number is what the API knows of a business phone number (fact sheet 3.1, 3.6).
type Number struct {
	ID string `json:"id"`
	// Display is the telephone number itself.
	Display      string `json:"display_phone_number"`
	VerifiedName string `json:"verified_name"`
	// Quality is GREEN, YELLOW, RED, UNKNOWN or NA.
	Quality string `json:"quality_rating"`
	// Status is CONNECTED when the number is registered.
	Status     string     `json:"status"`
	Throughput Throughput `json:"throughput"`
	// MessagingLimit is how many people the portfolio may begin to write to in 24
	// hours, such as TIER_250; empty where the API version does not tell.
	MessagingLimit string `json:"whatsapp_business_manager_messaging_limit"`
	Health         Health `json:"health_status"`
}

// The levels of throughput that are documented with a figure.
const (
	LevelStandard = "STANDARD"
	LevelHigh     = "HIGH"
)

// Throughput is a number's level: [LevelStandard], [LevelHigh], or NOT_APPLICABLE.
type Throughput struct {
	Level string `json:"level"`
}

// MPS is how many messages a second the level allows; 0 for a level we do not know.
func (t Throughput) MPS() int {
	switch t.Level {
	case LevelStandard:
		return 80
	case LevelHigh:
		return 1000
	}
	return 0
}

// Recipients is the messaging limit as a number, 0 for unlimited; false where it was
// not told or has a form we do not know.
func (n Number) Recipients() (limit int, ok bool) { return tierOf(n.MessagingLimit) }

// tierOf reads a messaging limit such as TIER_2K, 0 being unlimited.
func tierOf(text string) (limit int, ok bool) {
	tier, ok := strings.CutPrefix(text, "TIER_")
	switch {
	case !ok:
		return 0, false
	case tier == "UNLIMITED":
		return 0, true
	}
	digits, thousands := strings.CutSuffix(tier, "K")
	limit, err := strconv.Atoi(digits)
	if thousands {
		limit *= 1000
	}
	return limit, err == nil && limit > 0
}

// String names the number and hides the telephone number.
func (n Number) String() string { return n.ID + " (" + maskEnd(n.Display) + ")" }

// GoString hides as String does.
func (n Number) GoString() string { return n.String() }

// Health says whether something can send, and if not, whose fault it is (fact
// sheet 5.6).
type Health struct {
	// CanSend is AVAILABLE, LIMITED or BLOCKED; empty when it was not told.
	CanSend  string         `json:"can_send_message"`
	Entities []HealthEntity `json:"entities"`
}

// HealthEntity is one part of the way: PHONE_NUMBER, WABA, BUSINESS or APP.
type HealthEntity struct {
	Type    string `json:"entity_type"`
	ID      string `json:"id"`
	CanSend string `json:"can_send_message"`
	// Info explains LIMITED, Errors explain BLOCKED.
	Info   []string      `json:"additional_info"`
	Errors []HealthError `json:"errors"`
}

// HealthError is one reason for a block, in the API's words.
type HealthError struct {
	Code        int    `json:"error_code"`
	Description string `json:"error_description"`
	Solution    string `json:"possible_solution"`
}

// Account is a WhatsApp Business Account.
type Account struct {
	ID   string `json:"id"`
	Name string `json:"name"`
	// Review is the state of the account's review, such as APPROVED.
	Review string `json:"account_review_status"`
}

// App is one that is subscribed to an account's webhooks.
type App struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

// Token is what the API says of an access token.
type Token struct {
	// Expires is zero for a token that does not.
	Expires time.Time
	// Scopes are the permissions.
	Scopes []string
}

const (
	numberFields   = "display_phone_number,verified_name,quality_rating,throughput,status"
	numberDetails  = ",health_status,whatsapp_business_manager_messaging_limit"
	templateFields = "name,parameter_format,components,language,status,category,quality_score,rejected_reason,message_send_ttl_seconds,id"
)

// Number reads a business phone number by its id.
func (c *Client) Number(ctx context.Context, id, token string) (Number, error) {
	var n Number
	if err := checkCaller(id, token); err != nil {
		return n, err
	}
	err := c.get(ctx, token, id, url.Values{"fields": {numberFields + numberDetails}}, &n)
	var e *Error
	if errors.As(err, &e) && e.Code == codeParameter && e.Class == ClassRefusedMessage && e.Subcode == 0 {
		// An older API version refuses fields that it does not have.
		err = c.get(ctx, token, id, url.Values{"fields": {numberFields}}, &n)
	}
	n.Health.scrub(token)
	return n, err
}

// scrub cleans what the API wrote for people.
func (h *Health) scrub(token string) {
	for i := range h.Entities {
		e := &h.Entities[i]
		for j := range e.Info {
			e.Info[j] = scrub(e.Info[j], token)
		}
		for j := range e.Errors {
			e.Errors[j].Description = scrub(e.Errors[j].Description, token)
			e.Errors[j].Solution = scrub(e.Errors[j].Solution, token)
		}
	}
}

// Account reads a WhatsApp Business Account by its id.
func (c *Client) Account(ctx context.Context, waba, token string) (Account, error) {
	var a Account
	if err := checkAccount(waba); err != nil {
		return a, err
	}
	err := c.get(ctx, token, waba, url.Values{"fields": {"name,account_review_status"}}, &a)
	return a, err
}

// Numbers lists the phone numbers of an account.
func (c *Client) Numbers(ctx context.Context, waba, token string) ([]Number, error) {
	return listOf(ctx, c, waba, token, "phone_numbers", numberFields, func(raw json.RawMessage) (n Number, err error) {
		return n, json.Unmarshal(raw, &n)
	})
}

// Subscriptions lists the apps that get an account's webhooks.
func (c *Client) Subscriptions(ctx context.Context, waba, token string) ([]App, error) {
	return listOf(ctx, c, waba, token, "subscribed_apps", "", func(raw json.RawMessage) (App, error) {
		var entry struct {
			App App `json:"whatsapp_business_api_data"`
		}
		err := json.Unmarshal(raw, &entry)
		return entry.App, err
	})
}

// Templates lists an account's templates, each as the API wrote it.
func (c *Client) Templates(ctx context.Context, waba, token string) ([]json.RawMessage, error) {
	return listOf(ctx, c, waba, token, "message_templates", templateFields, func(raw json.RawMessage) (json.RawMessage, error) {
		return raw, nil
	})
}

// listOf reads an edge of an account, with every entry made into a T.
func listOf[T any](ctx context.Context, c *Client, waba, token, edge, fields string, read func(json.RawMessage) (T, error)) ([]T, error) {
	if err := checkAccount(waba); err != nil {
		return nil, err
	}
	raws, err := c.list(ctx, token, waba+"/"+edge, fields)
	if err != nil {
		return nil, err
	}
	all := make([]T, 0, len(raws))
	for i, raw := range raws {
		entry, err := read(raw)
		if err != nil {
			return nil, &Error{HTTPStatus: 200, Class: ClassTransient, Err: fmt.Errorf("entry %d of %s has an unexpected form", i+1, edge)}
		}
		all = append(all, entry)
	}
	return all, nil
}

func checkAccount(waba string) error {
	if !allDigits(waba) {
		return &Error{
			Class: ClassRefusedAccount, Err: errors.New("the id of a WhatsApp Business Account must be digits"),
			remedy: "Set waba_id to the account's id, which the app's API setup page shows.",
		}
	}
	return nil
}

// Token asks about the token itself. A token that is dead is an [*Error] with code
// 190, as in every other call. The API takes the token it is asked about in the
// query and in no other way; no error shows a query.
func (c *Client) Token(ctx context.Context, token string) (Token, error) {
	var answer struct {
		Data *struct {
			Valid   bool     `json:"is_valid"`
			Expires int64    `json:"expires_at"`
			Scopes  []string `json:"scopes"`
			Error   struct {
				Code    number `json:"code"`
				Subcode number `json:"subcode"`
				Message string `json:"message"`
			} `json:"error"`
		} `json:"data"`
	}
	if err := c.get(ctx, token, "debug_token", url.Values{"input_token": {token}}, &answer); err != nil {
		return Token{}, err
	}
	d := answer.Data
	switch {
	case d == nil:
		return Token{}, &Error{HTTPStatus: 200, Class: ClassTransient, Err: errNoData}
	case !d.Valid:
		g := graphError{Code: number{codeToken, true}, Message: d.Error.Message, Subcode: d.Error.Subcode}
		if d.Error.Code.set {
			g.Code = d.Error.Code
		}
		failure := &Error{HTTPStatus: 200}
		failure.fill(&g, token)
		return Token{}, failure
	}
	t := Token{Scopes: d.Scopes}
	if d.Expires > 0 {
		t.Expires = time.Unix(d.Expires, 0)
	}
	return t, nil
}

// codeToken is a dead access token.
const codeToken = 190
