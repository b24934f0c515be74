package oauth

import (
	"bytes"
	"encoding/json"
	"mime"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/patchbay/patchbay/models"
)

// tokenReply is a token endpoint's answer.
type tokenReply struct {
	status      int
	raw         json.RawMessage // as it came; a form answer as an object of strings
	fields      map[string]json.RawMessage
	expiresAt   *time.Time
	code        string // error of RFC 6749 §5.2
	description string
	retryAfter  time.Duration // of the header (RFC 9110 §10.2.3)
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

// credentials gives what an answer with an access token grants.
func (r *tokenReply) credentials() models.Credentials {
	return models.Credentials{
		Type:         models.AuthOAuth2,
		AccessToken:  models.Secret(r.text("access_token")),
		RefreshToken: models.Secret(r.text("refresh_token")),
		ExpiresAt:    r.expiresAt,
		Raw:          r.raw,
	}
}
