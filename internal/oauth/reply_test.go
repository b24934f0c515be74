package oauth

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/patchbay/patchbay/models"
)

func TestTokenRepliesOfTheWild(t *testing.T) {
	in := func(seconds int64) *time.Time {
		at := testNow.Add(time.Duration(seconds) * time.Second)
		return &at
	}
	tests := map[string]struct {
		contentType, body string
		expires           *time.Time
		refresh           string
	}{
		"as in the RFC":           {"application/json", `{"access_token":"t","token_type":"Bearer","expires_in":3600,"refresh_token":"r"}`, in(3600), "r"},
		"seconds as text":         {"application/json", `{"access_token":"t","expires_in":"3600"}`, in(3600), ""},
		"seconds with a fraction": {"application/json", `{"access_token":"t","expires_in":3599.5}`, in(3599), ""},
		"seconds as an exponent":  {"application/json", `{"access_token":"t","expires_in":1e4}`, in(10000), ""},
		"no expiry":               {"application/json", `{"access_token":"t"}`, nil, ""},
		"expiry null":             {"application/json", `{"access_token":"t","expires_in":null}`, nil, ""},
		"expiry empty":            {"application/json", `{"access_token":"t","expires_in":""}`, nil, ""},
		"expiry zero":             {"application/json", `{"access_token":"t","expires_in":0}`, nil, ""},
		"expiry negative":         {"application/json", `{"access_token":"t","expires_in":-5}`, nil, ""},
		"expiry not a number":     {"application/json", `{"access_token":"t","expires_in":"NaN"}`, nil, ""},
		"expiry astronomic":       {"application/json", `{"access_token":"t","expires_in":1e300}`, in(int64(maxTokenLife.Seconds())), ""},
		"expiry too soon":         {"application/json", `{"access_token":"t","expires_in":1}`, in(5), ""},
		"a form called JSON":      {"application/json", "access_token=t&expires_in=60", in(60), ""},
		"expires_at as a time":    {"application/json", `{"access_token":"t","expires_at":"2026-03-01T13:00:00Z"}`, in(3600), ""},
		"expires_at as a number":  {"application/json", fmt.Sprintf(`{"access_token":"t","expires_at":%d}`, testNow.Unix()+60), in(60), ""},
		"a form":                  {"application/x-www-form-urlencoded; charset=utf-8", "access_token=t&expires_in=60&refresh_token=r%2B", in(60), "r+"},
		"a form called text":      {"text/plain", "access_token=t&scope=", nil, ""},
		"JSON called HTML":        {"text/html", `{"access_token":"t"}`, nil, ""},
		"a byte order mark":       {"application/json", "\ufeff{\"access_token\":\"t\"}", nil, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			credentials, requests, err := exchange(t, integration("https://p.example/a", "/token"), answer(test.contentType, test.body))
			if err != nil || len(requests) != 1 {
				t.Fatalf("%d requests, %v", len(requests), err)
			}
			if credentials.AccessToken != "t" || credentials.RefreshToken.Reveal() != test.refresh || credentials.Type != models.AuthOAuth2 {
				t.Errorf("got access %q and refresh %q", credentials.AccessToken.Reveal(), credentials.RefreshToken.Reveal())
			}
			if !equalTime(credentials.ExpiresAt, test.expires) {
				t.Errorf("expires %v, want %v", credentials.ExpiresAt, test.expires)
			}
			if body := strings.TrimPrefix(test.body, "\ufeff"); body[0] == '{' && string(credentials.Raw) != body {
				t.Errorf("raw is %s", credentials.Raw)
			}
		})
	}
}

func equalTime(a, b *time.Time) bool { return a == b || a != nil && b != nil && a.Equal(*b) }

func TestTokenRefusalsAreExplainedWithoutSecretsAndAskedOnce(t *testing.T) {
	const secrets = "the-code the-secret the-verifier-the-verifier-the-verifier-43ch"
	tests := map[string]struct {
		answer http.HandlerFunc
		want   string
	}{
		"RFC error":          {status(400, `{"error":"invalid_grant","error_description":"code expired: `+secrets+`"}`), "example refused the authorization code: invalid_grant: code expired: [redacted] [redacted] [redacted]"},
		"echo of the header": {status(401, `{"error":"invalid_client","error_description":"You sent Basic Y2xpZW50OnRoZS1zZWNyZXQ="}`), "example refused the authorization code: invalid_client: You sent Basic [redacted]"},
		"answer that is no HTTP": {func(w http.ResponseWriter, r *http.Request) {
			conn, _, err := w.(http.Hijacker).Hijack()
			if err != nil {
				panic(err)
			}
			fmt.Fprintf(conn, "HTTP/1.1 200 OK\r\nthe-code %s\r\n\r\n", r.Header.Get("Authorization"))
			conn.Close()
		}, "example could not be reached."},
		"error with 200":   {status(200, `{"error":"bad_verification_code"}`), "example refused the authorization code: bad_verification_code"},
		"long description": {status(400, `{"error":"e","error_description":"`+strings.Repeat("x", 900)+`"}`), "example refused the authorization code: e: " + strings.Repeat("x", 297) + "…"},
		"line breaks":      {status(400, `{"error":"e","error_description":"a\r\nb\u0000c"}`), "example refused the authorization code: e: a  b c"},
		"no token":         {status(200, `{"ok":false,"echo":"`+secrets+`"}`), "example answered with status 200 and no access token."},
		"HTML":             {status(502, "<html>"+secrets+"</html>"), "example answered with status 502 and something that is not a token response."},
		"nothing":          {status(500, ""), "example answered with status 500 and something that is not a token response."},
		"too long":         {status(200, `{"access_token":"`+strings.Repeat("x", maxReplyBytes)+`"}`), "example could not be reached."},
		"token not a text": {status(200, `{"access_token":{"a":1}}`), "example answered with status 200 and no access token."},
		"connection cut": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "100")
			io.WriteString(w, `{"access_token":"t"`)
		}, "example could not be reached."},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			_, requests, err := exchange(t, integration("https://p.example/a", "/token"), test.answer)
			if !models.HasCode(err, models.ConnectTokenRetrieval) || err.Error() != test.want {
				t.Errorf("got  %v\nwant %s", err, test.want)
			}
			if len(requests) != 1 {
				t.Errorf("a single-use code was sent %d times", len(requests))
			}
			if cause := models.AsError(err).Cause; cause != nil && (strings.Contains(cause.Error(), "the-") || strings.Contains(cause.Error(), "Basic")) {
				t.Errorf("the cause holds a secret: %v", cause)
			}
		})
	}
}

func status(code int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(code)
		io.WriteString(w, body)
	}
}

func TestRedirectsOfATokenEndpointAreNotFollowed(t *testing.T) {
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("the redirect was followed") }))
	defer other.Close()
	for _, code := range []int{301, 302, 303, 307, 308} {
		_, requests, err := exchange(t, integration("https://p.example/a", "/token"), func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, other.URL, code)
		})
		if want := fmt.Sprintf("example answered with status %d and something that is not a token response.", code); err == nil || err.Error() != want || len(requests) != 1 {
			t.Errorf("%d: %v after %d requests", code, err, len(requests))
		}
	}
}

func FuzzParseReply(f *testing.F) {
	for _, body := range []string{`{"access_token":"t","expires_in":3600}`, "access_token=t&expires_in=1e999", "{", "\ufeff", `{"expires_at":-1}`, `[]`, `null`} {
		f.Add(body)
	}
	f.Fuzz(func(t *testing.T, body string) {
		reply := parseReply(Reply{Status: 200, Body: []byte(body), Received: testNow})
		if reply.expiresAt != nil && (reply.expiresAt.Before(testNow) || reply.expiresAt.After(testNow.Add(maxTokenLife))) {
			t.Errorf("expires %v", reply.expiresAt)
		}
		if reply.raw != nil && !json.Valid(reply.raw) {
			t.Errorf("raw %q", reply.raw)
		}
	})
}
