package oauth

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"golang.org/x/oauth2"

	"github.com/patchbay/patchbay/models"
)

// tokenTransport makes the token endpoints of the world look alike to x/oauth2: it asks for JSON, bounds the answer,
// reads it leniently, keeps it, and passes on what RFC 6749 §5 describes.
type tokenTransport struct {
	next       http.RoundTripper
	bodyFormat models.BodyFormat
	now        func() time.Time
	reply      tokenReply
}

// tokenReply is a token endpoint's answer.
type tokenReply struct {
	status      int
	raw         json.RawMessage // as it came; a form answer as an object of strings
	fields      map[string]json.RawMessage
	expiresAt   *time.Time
	code        string // error of RFC 6749 §5.2
	description string
}

// RoundTrip implements [http.RoundTripper].
func (t *tokenTransport) RoundTrip(request *http.Request) (*http.Response, error) {
	request.Header.Set("Accept", "application/json")
	if t.bodyFormat == models.BodyJSON {
		if err := formToJSON(request); err != nil {
			return nil, err
		}
	}
	response, err := t.next.RoundTrip(request)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, maxReplyBytes+1))
	if closeErr := response.Body.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return nil, fmt.Errorf("read the token endpoint's answer: %w", err)
	}
	if len(body) > maxReplyBytes {
		return nil, errReplyTooLong
	}
	t.reply = parseReply(response.StatusCode, response.Header.Get("Content-Type"), body, t.now())
	plain := t.reply.canonical()
	response.Body = io.NopCloser(bytes.NewReader(plain))
	response.ContentLength = int64(len(plain))
	response.Header.Set("Content-Type", "application/json")
	return response, nil
}

var errReplyTooLong = errors.New("the token endpoint's answer is longer than 1 MiB")

func formToJSON(request *http.Request) error {
	body, err := io.ReadAll(request.Body)
	if err != nil {
		return err
	}
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return err
	}
	object := map[string]string{}
	for name := range form {
		object[name] = form.Get(name)
	}
	if body, err = json.Marshal(object); err != nil {
		return err
	}
	request.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil }
	if request.Body, err = request.GetBody(); err != nil {
		return err
	}
	request.ContentLength = int64(len(body))
	request.Header.Set("Content-Type", "application/json")
	return nil
}

// parseReply reads JSON, whatever its label, and otherwise a form, as some providers answer with text/html or
// application/x-www-form-urlencoded.
func parseReply(status int, contentType string, body []byte, now time.Time) tokenReply {
	reply := tokenReply{status: status}
	body = bytes.TrimPrefix(body, []byte("\ufeff"))
	if json.Unmarshal(body, &reply.fields) == nil {
		reply.raw = body
	} else if mediaType, _, _ := mime.ParseMediaType(contentType); mediaType != "application/json" {
		if form, err := url.ParseQuery(strings.TrimSpace(string(body))); err == nil && (form.Has("access_token") || form.Has("error")) {
			reply.fields = map[string]json.RawMessage{}
			for name := range form {
				reply.fields[name], _ = json.Marshal(form.Get(name)) // a string always encodes
			}
			reply.raw, _ = json.Marshal(reply.fields)
		}
	}
	reply.code, reply.description = reply.text("error"), reply.text("error_description")
	reply.expiresAt = reply.expiry(now)
	return reply
}

// text gives a field that is a string, or else nothing.
func (r *tokenReply) text(name string) string {
	var s string
	if json.Unmarshal(r.fields[name], &s) != nil {
		return ""
	}
	return s
}

// number gives a field that is a number or a string holding one.
func (r *tokenReply) number(name string) (float64, bool) {
	n, err := strconv.ParseFloat(strings.Trim(string(r.fields[name]), `" `), 64)
	return n, err == nil && n == n
}

// maxTokenLife caps what a provider claims, so that no arithmetic overflows.
const maxTokenLife = 10 * 365 * 24 * time.Hour

// expiry reads expires_in (seconds, also as text or with a fraction) or expires_at (unix seconds or RFC 3339). What is
// not positive names no expiry: taken at its word it would ask for a refresh on every use.
func (r *tokenReply) expiry(now time.Time) *time.Time {
	seconds, ok := r.number("expires_in")
	if !ok {
		if at, err := time.Parse(time.RFC3339, r.text("expires_at")); err == nil {
			seconds, ok = at.Sub(now).Seconds(), true
		} else if unix, isNumber := r.number("expires_at"); isNumber {
			seconds, ok = unix-float64(now.Unix()), true
		}
	}
	if !ok || seconds <= 0 {
		return nil
	}
	life := maxTokenLife
	if seconds < maxTokenLife.Seconds() {
		life = time.Duration(seconds * float64(time.Second))
	}
	at := now.Add(life).UTC().Truncate(time.Second)
	return &at
}

// canonical is the reply as RFC 6749 §5 has it, for x/oauth2, which refuses much of what is sent in the wild.
func (r *tokenReply) canonical() []byte {
	out := map[string]string{}
	for _, name := range []string{"access_token", "refresh_token", "token_type", "error", "error_description"} {
		if value := r.text(name); value != "" {
			out[name] = value
		}
	}
	body, _ := json.Marshal(out) // strings always encode
	return body
}

func (r *tokenReply) credentials(token *oauth2.Token) models.Credentials {
	return models.Credentials{
		Type:         models.AuthOAuth2,
		AccessToken:  models.Secret(token.AccessToken),
		RefreshToken: models.Secret(token.RefreshToken),
		ExpiresAt:    r.expiresAt,
		Raw:          r.raw,
	}
}
