package oauth

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/patchbay/patchbay/models"
)

func TestRefreshRequest(t *testing.T) {
	var sent []url.Values
	endpoint := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := r.ParseForm(); err != nil {
			t.Error(err)
		}
		r.PostForm.Set("path", r.URL.RequestURI())
		sent = append(sent, r.PostForm)
		answer("application/json", `{"access_token":"new","expires_in":60}`)(w, r)
	}))
	defer endpoint.Close()
	in := integration(endpoint.URL+"/authorize", endpoint.URL+"/token")
	in.Auth.TokenParams = map[string]string{"grant_type": "authorization_code", "audience": "x"}
	client := newClient(t, endpoint.URL)
	credentials, failure := refresh(t, client, in, "old")
	if failure != nil || credentials.AccessToken != "new" || credentials.RefreshToken != "old" || credentials.ExpiresAt == nil {
		t.Errorf("an answer without a refresh token keeps the old one: %v, %q", failure, credentials.RefreshToken.Reveal())
	}
	in.Auth.RefreshURL = endpoint.URL + "/refresh?tenant=1"
	if _, failure := refresh(t, client, in, "old"); failure != nil {
		t.Error(failure.Reason)
	}
	for i, path := range []string{"/token", "/refresh?tenant=1"} {
		got := sent[i]
		if got.Get("grant_type") != "refresh_token" || got.Get("refresh_token") != "old" || got.Get("audience") != "x" || got.Get("path") != path {
			t.Errorf("sent %v, want a refresh at %s", got, path)
		}
	}
}

func refresh(t *testing.T, client *Client, in *models.Integration, token models.Secret) (models.Credentials, *RefreshFailure) {
	t.Helper()
	reply, err := client.AskRefresh(t.Context(), in, token, time.Now(), time.Minute)
	return ReadRefresh(in, token, reply, err)
}

// TestWhatAFailedRefreshMeans holds the dialects: what is not known to be the end of a grant costs nobody a connection.
func TestWhatAFailedRefreshMeans(t *testing.T) {
	const dead, refused = "example no longer accepts the refresh token", "example refused to refresh the access token"
	for name, test := range map[string]struct {
		answer  http.HandlerFunc
		verdict Verdict
		reason  string // how it begins
		said    string // what the provider answered
	}{
		"invalid_grant":             {status(400, `{"error":"invalid_grant","error_description":"the-refresh-token was revoked"}`), Dead, dead, "400 Bad Request, invalid_grant: [redacted] was revoked"},
		"invalid_grant with 401":    {status(401, `{"error":"invalid_grant"}`), Dead, dead, "401 Unauthorized, invalid_grant"},
		"invalid_grant with 200":    {status(200, `{"error":"invalid_grant"}`), Dead, dead, "200 OK, invalid_grant"},
		"as a form":                 {status(200, `error=bad_refresh_token&error_description=It+has+expired`), Dead, dead, "200 OK, bad_refresh_token: It has expired"},
		"in capitals":               {status(400, `{"status":"BAD_REFRESH_TOKEN","message":"missing"}`), Dead, dead, "400 Bad Request, BAD_REFRESH_TOKEN: missing"},
		"as an object":              {status(400, `{"error":{"code":"invalid_grant","message":"gone"}}`), Dead, dead, "400 Bad Request, invalid_grant: gone"},
		"not ok, and dead":          {status(200, `{"ok":false,"error":"token_revoked"}`), Dead, dead, "200 OK, token_revoked"},
		"in the provider's dialect": {status(400, `{"error":"org_gone"}`), Dead, dead, "400 Bad Request, org_gone"},
		"unauthorized_client":       {status(400, `{"error":"unauthorized_client"}`), Refused, refused, "400 Bad Request, unauthorized_client"},
		"invalid_request":           {status(400, `{"error":"invalid_request"}`), Refused, refused, "400 Bad Request, invalid_request"},
		"400 and nothing":           {status(400, ""), Refused, refused, "400 Bad Request, and nothing else"},
		"not ok":                    {status(200, `{"ok":false,"access_token":"x"}`), Refused, refused, "200 OK"},
		"our client":                {status(401, `{"error":"invalid_client"}`), Unavailable, "example refuses the client id or the client secret", "401 Unauthorized, invalid_client"},
		"our address":               {status(404, `<html>`), Unavailable, "The token endpoint of example does not take the request", "404 Not Found, and 6 bytes that are no token response"},
		"too many":                  {status(429, `{"error":"rate_limited"}`), Unavailable, "example asks to be left alone", "429 Too Many Requests, rate_limited"},
		"down":                      {status(503, "<html>the-refresh-token"), Unavailable, "example is in trouble", "503 Service Unavailable, and 23 bytes that are no token response"},
		"no token":                  {status(200, `{"token_type":"Bearer"}`), Unavailable, "example gave an answer without an access token", "200 OK"},
		"HTML with 200":             {status(200, "<html>sign in</html>"), Unavailable, "example gave an answer without an access token", "200 OK, and 20 bytes that are no token response"},
		"too long":                  {status(200, strings.Repeat("x", maxReplyBytes+1)), Unavailable, "example gave an answer of more than 1 MiB", ""},
		"cut off":                   {func(w http.ResponseWriter, _ *http.Request) { panic(http.ErrAbortHandler) }, Unavailable, "example could not be reached", ""},
		"redirected": {
			func(w http.ResponseWriter, r *http.Request) {
				http.Redirect(w, r, "https://other.example", http.StatusTemporaryRedirect)
			},
			Unavailable, "The token endpoint of example redirects", "307 Temporary Redirect, and nothing else",
		},
	} {
		endpoint := httptest.NewServer(test.answer)
		in := integration("https://p.example/a", endpoint.URL)
		in.Auth.DeadTokenErrors = []string{"org_gone"}
		credentials, failure := refresh(t, newClient(t, endpoint.URL), in, "the-refresh-token")
		endpoint.Close()
		if failure == nil || failure.Verdict != test.verdict || !strings.HasPrefix(failure.Reason, test.reason) || failure.Answer != test.said || credentials.RefreshToken != "" {
			t.Errorf("%s: %+v", name, failure)
		}
	}
}

func TestAnOddAnswerKeepsTheRefreshTokenItBrings(t *testing.T) {
	for name, body := range map[string]string{
		"without an access token": `{"refresh_token":"rotated"}`,
		"access token null":       `{"access_token":null,"refresh_token":"rotated","expires_in":-5}`,
		"in UTF-16":               "\xff\xfe" + strings.ReplaceAll(`|{|"|r|e|f|r|e|s|h|_|t|o|k|e|n|"|:|"|r|o|t|a|t|e|d|"|}|`, "|", "\x00")[1:],
	} {
		endpoint := httptest.NewServer(status(200, body))
		in := integration("https://p.example/a", endpoint.URL)
		credentials, failure := refresh(t, newClient(t, endpoint.URL), in, "old")
		endpoint.Close()
		if failure == nil || failure.Verdict != Unavailable || credentials.RefreshToken != "rotated" {
			t.Errorf("%s: %q, %+v", name, credentials.RefreshToken.Reveal(), failure)
		}
	}
}

func TestSecretsInDisguiseAreLeftOut(t *testing.T) {
	const secret = "Refresh/Token+1"
	for name, told := range map[string]string{
		"escaped":     "cannot use Refresh%2fToken%2b1",
		"in JSON":     `cannot use Refresh\/Token+1`,
		"base64":      "cannot use " + base64.StdEncoding.EncodeToString([]byte(secret)),
		"hexadecimal": "cannot use " + strings.ToUpper(hex.EncodeToString([]byte(secret))),
		"shouted":     "cannot use REFRESH/TOKEN+1",
		"spaced":      "cannot use Refresh / Tok\u200ben + 1",
		"backwards":   "cannot use 1+nekoT/hserfeR",
	} {
		if got := Explain("e", told, secret); got != "e: [left out, because it repeats a secret]" {
			t.Errorf("%s: %s", name, got)
		}
	}
	if got := Explain("e", "cannot use "+secret+" today", secret); got != "e: cannot use [redacted] today" {
		t.Error(got)
	}
}

func TestAnAnswerThatBreaksOffBehindItsTokensIsRead(t *testing.T) {
	endpoint := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, `{"access_token":"new","refresh_token":"rotated"}`)
		http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}))
	defer endpoint.Close()
	credentials, failure := refresh(t, newClient(t, endpoint.URL), integration("https://p.example/a", endpoint.URL), "old")
	if failure != nil || credentials.RefreshToken != "rotated" {
		t.Errorf("%q, %+v", credentials.RefreshToken.Reveal(), failure)
	}
}

func TestARefreshTokenIsNotSentOnceItIsLate(t *testing.T) {
	var sent atomic.Int64
	endpoint := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if body, _ := io.ReadAll(r.Body); len(body) > 0 {
			sent.Add(1)
		}
	}))
	defer endpoint.Close()
	client := newClient(t, endpoint.URL)
	transport := client.http.Transport.(*http.Transport)
	dial := transport.DialContext
	transport.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		<-time.After(50 * time.Millisecond)
		return dial(ctx, network, address)
	}
	reply, err := client.AskRefresh(t.Context(), integration("https://p.example/a", endpoint.URL), "token", time.Now(), 20*time.Millisecond)
	if _, failure := ReadRefresh(integration("", ""), "token", reply, err); failure == nil || sent.Load() != 0 {
		t.Errorf("sent %d times, %+v", sent.Load(), failure)
	}
}

func TestRetryAfter(t *testing.T) {
	for header, want := range map[string]time.Duration{
		"30": 30 * time.Second, "Sun, 01 Mar 2026 12:01:00 GMT": time.Minute, "1000000000": 1e9 * time.Second,
		"-1": 0, "soon": 0, "": 0, "Sun, 01 Mar 2020 12:01:00 GMT": 0,
	} {
		if got := retryAfter(header, testNow); got != want {
			t.Errorf("%q: %v, want %v", header, got, want)
		}
	}
}

func TestAProviderIsAwaitedForAWhileAndAskedOnlyInTime(t *testing.T) {
	var asked atomic.Int64
	endpoint := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		io.Copy(io.Discard, r.Body)
		<-r.Context().Done()
	}))
	defer endpoint.Close()
	client, in := newClient(t, endpoint.URL), integration("https://p.example/a", endpoint.URL)
	reply, err := client.AskRefresh(t.Context(), in, "token", time.Now(), 10*time.Millisecond)
	if _, failure := ReadRefresh(in, "token", reply, err); failure == nil || !failure.Timeout || failure.Reason != "example did not answer in time." {
		t.Errorf("silent: %+v", failure)
	}
	reply, err = client.AskRefresh(t.Context(), in, "token", time.Now().Add(-time.Minute), time.Second)
	if _, failure := ReadRefresh(in, "token", reply, err); failure == nil || !failure.Timeout || asked.Load() != 1 {
		t.Errorf("too late to ask, and asked %d times: %+v", asked.Load(), failure)
	}
}

func TestRevoke(t *testing.T) {
	var got url.Values
	endpoint := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := r.ParseForm(); err != nil {
			t.Error(err)
		}
		got = r.PostForm
		if strings.HasSuffix(r.URL.Path, "/broken") {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	}))
	defer endpoint.Close()
	client, in := newClient(t, endpoint.URL), integration("https://p.example/a", "https://p.example/t")
	credentials := models.Credentials{Type: models.AuthOAuth2, AccessToken: "a", RefreshToken: "r"}
	if err := client.Revoke(t.Context(), in, credentials); !errors.Is(err, ErrNoRevocation) {
		t.Errorf("without an endpoint: %v", err)
	}
	in.Auth.RevocationURL = endpoint.URL + "/broken"
	if err := client.Revoke(t.Context(), in, credentials); err == nil || err.Error() != "example answered with status 503" {
		t.Errorf("broken: %v", err)
	}
	in.Auth.RevocationURL = endpoint.URL
	for _, want := range []models.Credentials{credentials, {Type: models.AuthOAuth2, AccessToken: "a"}} {
		if err := client.Revoke(t.Context(), in, want); err != nil {
			t.Error(err)
		}
		token, hint := want.RefreshToken, "refresh_token"
		if token == "" {
			token, hint = want.AccessToken, "access_token"
		}
		if got.Get("token") != token.Reveal() || got.Get("token_type_hint") != hint {
			t.Errorf("revoked %v, want the %s", got, hint)
		}
	}
}
