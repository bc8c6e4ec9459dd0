package whatsapp

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
)

const (
	// maxListing bounds one page of a list; a hundred templates are some 200 KiB.
	maxListing = 8 << 20
	pageSize   = 100
	// maxPages is beyond any real list: an account has at most 6,000 templates.
	maxPages = 200
	// codeCursor says that a paging cursor is no longer valid.
	codeCursor = 131059
)

var errNoData = errors.New("the answer has no data")

// get reads one object. Its error is an [*Error]; since nothing is sent, no answer
// is a passing fault and never ambiguous.
func (c *Client) get(ctx context.Context, token, path string, query url.Values, into any) error {
	if err := checkToken(token); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	proof := c.proofOf(token)
	err := c.getProved(ctx, token, proof, path, query, into)
	for range maxProofs - 1 {
		next := c.proofOf(token)
		if next == proof || !refusesProof(err) {
			break
		}
		proof, err = next, c.getProved(ctx, token, next, path, query, into)
	}
	return err
}

func (c *Client) getProved(ctx context.Context, token, proof, path string, query url.Values, into any) error {
	u := c.address(path)
	u.RawQuery = withProof(query, proof)
	req := &http.Request{
		Method: http.MethodGet, URL: &u, Host: u.Host, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{"Authorization": {"Bearer " + token}, "User-Agent": {"wacast"}},
	}
	resp, err := c.transport.RoundTrip(req.WithContext(ctx))
	if err != nil {
		return noAnswer(err, token)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxListing+1))
	if err != nil {
		return noAnswer(fmt.Errorf("read the answer: %w", err), token)
	}
	err = readObject(resp.StatusCode, body, token, into)
	c.heed(token, proof, err)
	return err
}

func noAnswer(err error, token string) *Error {
	return &Error{Class: ClassTransient, Err: safeCause(err, token), remedy: "Check DNS, network, proxy and the API URL."}
}

// readObject judges the answer to a GET.
func readObject(status int, body []byte, token string, into any) error {
	failure := &Error{HTTPStatus: status, Class: classifyStatus(status, true)}
	if failure.Class == ClassAmbiguous {
		failure.Class = ClassTransient
	}
	failure.remedy = "Check the API URL: a proxy or gateway may have answered in place of the API."
	if len(body) > maxListing {
		failure.Err = fmt.Errorf("the answer is longer than %d MiB", maxListing>>20)
		return failure
	}
	a, err := parseAnswer(body)
	switch {
	case err != nil:
		failure.Err = fmt.Errorf("the answer (%d bytes) is no JSON object", len(body))
		return failure
	case a.structured():
		failure.fill(&a.Error, token)
		failure.remedy = failure.readRemedy()
		return failure
	case status/100 != 2:
		return failure
	}
	var wrongType *json.UnmarshalTypeError
	if err := json.Unmarshal(body, into); err != nil && !errors.As(err, &wrongType) {
		failure.Err = errNoData
		return failure
	}
	return nil
}

// readRemedy replaces what the table of codes advises to senders where a reader
// needs something else.
func (e *Error) readRemedy() string {
	switch {
	case e.Code == codeParameter && e.Subcode == 33:
		return "Check the id, and that the token's system user is assigned what it names."
	case e.Code == 3 || e.Code == 10 || e.Code >= 200 && e.Code <= 299:
		return "Give the system user the permissions whatsapp_business_messaging and whatsapp_business_management, and assign it the account and the app."
	case e.Class == ClassTransient || e.Class >= ClassThrottledNumber && e.Class <= ClassUnavailableNumber:
		return "Try again later; if it lasts, look at Meta's status page."
	}
	return e.Remedy()
}

// page is one answer of a list.
type page struct {
	Data   []json.RawMessage `json:"data"`
	Paging struct {
		Cursors struct {
			After string `json:"after"`
		} `json:"cursors"`
		Next string `json:"next"`
	} `json:"paging"`
}

// after is the cursor of the next page; empty when this is the last one. The URL
// in next is never followed: it may lead elsewhere, and it may hold the token.
func (p *page) after() string {
	if p.Paging.Next == "" {
		return ""
	}
	if p.Paging.Cursors.After != "" {
		return p.Paging.Cursors.After
	}
	u, err := url.Parse(p.Paging.Next)
	if err != nil {
		return ""
	}
	return u.Query().Get("after")
}

// list reads all pages. Cursors that have become invalid on the way make it start
// again, once.
func (c *Client) list(ctx context.Context, token, path, fields string) ([]json.RawMessage, error) {
	all, err := c.pages(ctx, token, path, fields)
	if errors.Is(err, &Error{Code: codeCursor}) {
		return c.pages(ctx, token, path, fields)
	}
	return all, err
}

func (c *Client) pages(ctx context.Context, token, path, fields string) ([]json.RawMessage, error) {
	query := url.Values{"limit": {strconv.Itoa(pageSize)}}
	if fields != "" {
		query.Set("fields", fields)
	}
	var all []json.RawMessage
	for range maxPages {
		var p page
		if err := c.get(ctx, token, path, query, &p); err != nil {
			return nil, err
		}
		if p.Data == nil {
			return nil, &Error{HTTPStatus: http.StatusOK, Class: ClassTransient, Err: errNoData}
		}
		all = append(all, p.Data...)
		after := p.after()
		if after == "" {
			return all, nil
		}
		if after == query.Get("after") {
			return nil, &Error{HTTPStatus: http.StatusOK, Class: ClassTransient, Err: errors.New("a page of the list names itself as the next one")}
		}
		query.Set("after", after)
	}
	return nil, &Error{HTTPStatus: http.StatusOK, Class: ClassTransient, Err: fmt.Errorf("the list has more than %d pages", maxPages)}
}
