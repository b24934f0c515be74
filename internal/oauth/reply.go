package oauth

import (
	"bytes"
	"cmp"
	"encoding/json"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode/utf16"

	"github.com/patchbay/patchbay/models"
)

// tokenReply is a token endpoint's answer, as far as it can be understood.
type tokenReply struct {
	status      int
	raw         json.RawMessage // as it came; a form answer as an object of strings
	fields      map[string]json.RawMessage
	expiresAt   *time.Time
	code        string // error of RFC 6749 §5.2, or what a provider has in its place
	description string
}

// parseReply reads JSON, whatever its label, and otherwise a form, as some providers answer with text/html or
// application/x-www-form-urlencoded. Whatever can be understood is: an answer may hold a rotated refresh token, and there is
// no other copy of it.
func parseReply(answer Reply) tokenReply {
	reply := tokenReply{status: answer.Status}
	body := decodeText(answer.Body)
	if json.Unmarshal(body, &reply.fields) == nil {
		reply.raw = body
	} else if form, err := url.ParseQuery(strings.TrimSpace(string(body))); err == nil && (form.Has("access_token") || form.Has("error")) {
		reply.fields = map[string]json.RawMessage{}
		for name := range form {
			reply.fields[name], _ = json.Marshal(form.Get(name)) // a string always encodes
		}
		reply.raw, _ = json.Marshal(reply.fields)
	}
	reply.readError()
	reply.expiresAt = reply.expiry(answer.Received)
	return reply
}

// decodeText gives the text of a body without its byte order mark, from UTF-16 where the mark says so.
func decodeText(body []byte) []byte {
	big := bytes.HasPrefix(body, []byte{0xfe, 0xff})
	if !big && !bytes.HasPrefix(body, []byte{0xff, 0xfe}) {
		return bytes.TrimPrefix(body, []byte("\ufeff"))
	}
	units := make([]uint16, 0, len(body)/2)
	for pair := body[2:]; len(pair) >= 2; pair = pair[2:] {
		if !big {
			units = append(units, uint16(pair[1])<<8|uint16(pair[0]))
		} else {
			units = append(units, uint16(pair[0])<<8|uint16(pair[1]))
		}
	}
	return []byte(string(utf16.Decode(units)))
}

// readError finds the error of RFC 6749 §5.2, or what providers have in its place: an object, or a status with a message.
func (r *tokenReply) readError() {
	r.code, r.description = r.text("error"), r.text("error_description")
	var object struct{ Code, Type, Status, Message any }
	if r.code == "" && json.Unmarshal(r.fields["error"], &object) == nil {
		word := func(v any) string { s, _ := v.(string); return s }
		r.code = cmp.Or(word(object.Code), word(object.Type), word(object.Status))
		r.description = cmp.Or(r.description, word(object.Message))
	}
	if r.text("access_token") != "" {
		return // what else is there is not an error by itself
	}
	r.code = cmp.Or(r.code, r.text("status"), r.text("code"))
	r.description = cmp.Or(r.description, r.text("message"))
}

// granted reports whether the answer grants an access token.
func (r *tokenReply) granted() bool {
	return r.text("access_token") != "" && r.code == "" && r.status < 300 && !r.saysNo()
}

// saysNo reports an "ok": false, as Slack answers with status 200.
func (r *tokenReply) saysNo() bool { return string(r.fields["ok"]) == "false" }

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

// Bounds of what is believed of a token's life: no arithmetic overflows, and a token is not refreshed over and over.
const (
	minTokenLife = 5 * time.Second
	maxTokenLife = 10 * 365 * 24 * time.Hour
)

// expiry reads expires_in (seconds, also as text or with a fraction) or expires_at (unix seconds or RFC 3339). What is
// not positive names no expiry: taken at its word it would ask for a refresh on every use.
func (r *tokenReply) expiry(received time.Time) *time.Time {
	seconds, ok := r.number("expires_in")
	if !ok {
		if at, err := time.Parse(time.RFC3339, r.text("expires_at")); err == nil {
			seconds, ok = at.Sub(received).Seconds(), true
		} else if unix, isNumber := r.number("expires_at"); isNumber {
			seconds, ok = unix-float64(received.Unix()), true
		}
	}
	if !ok || seconds <= 0 {
		return nil
	}
	life := maxTokenLife
	if seconds < maxTokenLife.Seconds() {
		life = max(minTokenLife, time.Duration(seconds*float64(time.Second)))
	}
	at := received.Add(life).UTC().Truncate(time.Second)
	return &at
}

// credentials gives what the answer grants.
func (r *tokenReply) credentials() models.Credentials {
	return models.Credentials{
		Type:         models.AuthOAuth2,
		AccessToken:  models.Secret(r.text("access_token")),
		RefreshToken: models.Secret(r.text("refresh_token")),
		ExpiresAt:    r.expiresAt,
		Raw:          r.raw,
	}
}
