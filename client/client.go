package client

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// defaultTimeout bounds one try. It leaves time for actions, which run for a minute and more.
const defaultTimeout = 2 * time.Minute

// maxAnswerBytes bounds what is read of one answer. A page of connections, each with the largest configuration, fits.
const maxAnswerBytes = 64 << 20

// Client calls the API of one Patchbay server with one API key.
type Client struct {
	root      string              // the server's address, without a slash at its end
	authorize func(*http.Request) // a closure, so that printing a Client cannot show the key
	http      *http.Client
}

// Option changes how a [Client] works.
type Option func(*Client)

// WithHTTPClient makes calls go through h, which is copied, instead of a client that waits two minutes for each answer.
// Redirects are not followed whatever h says: the key goes to the address given to [New] and nowhere else.
func WithHTTPClient(h *http.Client) Option {
	return func(c *Client) {
		ours := *h
		c.http = &ours
	}
}

// New makes a client of the server at address, such as https://patchbay.example.com, that uses the given API key. It does
// not call the server.
func New(address, key string, options ...Option) (*Client, error) {
	root, err := url.Parse(address)
	if err != nil || root.Hostname() == "" || root.Scheme != "http" && root.Scheme != "https" {
		return nil, errors.New("patchbay: expected an address such as https://patchbay.example.com")
	}
	if root.User != nil || strings.ContainsAny(address, "?#") {
		return nil, errors.New("patchbay: expected an address without user name, query and fragment")
	}
	if key == "" || strings.ContainsFunc(key, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return nil, errors.New("patchbay: expected an API key of visible ASCII characters, without spaces and line breaks")
	}
	c := &Client{
		root:      strings.TrimRight(root.String(), "/"),
		authorize: func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+key) },
		http:      &http.Client{Timeout: defaultTimeout},
	}
	for _, option := range options {
		option(c)
	}
	c.http.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return c, nil
}

// request is one call.
type request struct {
	method         string
	path           []string // the segments below /api/v1, not yet escaped
	query          url.Values
	body           []byte  // JSON
	ifMatch        *string // nil for a write without condition
	idempotencyKey string  // of a POST
}

// answer is a successful response.
type answer struct {
	header http.Header
	body   []byte
}

// do sends r, again where that is useful and does no harm, and gives the successful answer.
func (c *Client) do(ctx context.Context, r request) (*answer, error) {
	address, err := c.address(r)
	if err != nil {
		return nil, err
	}
	if r.ifMatch != nil && *r.ifMatch == "" {
		return nil, refused(CodeInvalidHeader, "IfMatch got an empty ETag. The connections of a list carry none; get the connection by itself.")
	}
	if r.method == http.MethodPost {
		r.idempotencyKey = rand.Text()
	}
	return withRetries(ctx, r, func() (*answer, error) { return c.try(ctx, r, address) })
}

// address gives the URL of r. A user id of "." or ".." is percent-encoded too, so that it is not taken for a step in the
// path (RFC 3986 §5.2.4).
func (c *Client) address(r request) (string, error) {
	address := c.root + "/api/v1"
	for _, segment := range r.path {
		switch segment {
		case "":
			return "", refused(CodeInvalidParameter, "An empty name or id cannot be asked for.")
		case ".", "..":
			segment = strings.ReplaceAll(segment, ".", "%2E")
		default:
			segment = url.PathEscape(segment)
		}
		address += "/" + segment
	}
	if len(r.query) > 0 {
		address += "?" + r.query.Encode()
	}
	return address, nil
}

// try sends r once.
func (c *Client) try(ctx context.Context, r request, address string) (*answer, error) {
	outgoing, err := http.NewRequestWithContext(ctx, r.method, address, bytes.NewReader(r.body))
	if err != nil {
		return nil, err
	}
	c.authorize(outgoing)
	outgoing.Header.Set("Accept", "application/json")
	outgoing.Header.Set("User-Agent", "patchbay-go")
	if r.body != nil {
		outgoing.Header.Set("Content-Type", "application/json")
	}
	if r.ifMatch != nil {
		outgoing.Header.Set("If-Match", *r.ifMatch)
	}
	if r.idempotencyKey != "" {
		outgoing.Header.Set("Idempotency-Key", r.idempotencyKey)
	}
	response, err := c.http.Do(outgoing)
	if err != nil {
		return nil, c.during(r, err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, maxAnswerBytes+1))
	switch {
	case err != nil:
		return nil, c.during(r, err)
	case len(body) > maxAnswerBytes:
		return nil, &Error{Status: response.StatusCode, Message: fmt.Sprintf("The answer is longer than %d MiB.", maxAnswerBytes>>20)}
	case response.StatusCode < 200 || response.StatusCode > 299:
		return nil, parseError(response, body)
	}
	return &answer{response.Header, body}, nil
}

// during tells which call err ended. Of its path only the first segment is told: an id in it can be a token.
func (c *Client) during(r request, err error) error {
	if told, ok := errors.AsType[*url.Error](err); ok {
		err = told.Err
	}
	return fmt.Errorf("patchbay: %s %s/api/v1/%s: %w", r.method, c.root, r.path[0], err)
}

// fetch sends r and reads the answer as a T.
func fetch[T any](ctx context.Context, c *Client, r request) (*T, error) {
	answer, err := c.do(ctx, r)
	if err != nil {
		return nil, err
	}
	return parse[T](c, r, answer)
}

func parse[T any](c *Client, r request, answer *answer) (*T, error) {
	result := new(T)
	if err := json.Unmarshal(answer.body, result); err != nil {
		contentType := answer.header.Get("Content-Type")
		return nil, c.during(r, fmt.Errorf("expected JSON of Patchbay, found content type %q: %w", contentType, err))
	}
	return result, nil
}
