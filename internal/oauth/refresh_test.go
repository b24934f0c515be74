package oauth

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

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
	credentials, err := client.Refresh(t.Context(), in, "old")
	if err != nil || credentials.AccessToken != "new" || credentials.RefreshToken != "old" || credentials.ExpiresAt == nil {
		t.Errorf("an answer without a refresh token keeps the old one: %v, %q", err, credentials.RefreshToken.Reveal())
	}
	in.Auth.RefreshURL = endpoint.URL + "/refresh?tenant=1"
	if _, err := client.Refresh(t.Context(), in, "old"); err != nil {
		t.Error(err)
	}
	for i, path := range []string{"/token", "/refresh?tenant=1"} {
		got := sent[i]
		if got.Get("grant_type") != "refresh_token" || got.Get("refresh_token") != "old" || got.Get("audience") != "x" || got.Get("path") != path {
			t.Errorf("sent %v, want a refresh at %s", got, path)
		}
	}
}

func TestRefreshFailures(t *testing.T) {
	for name, test := range map[string]struct {
		answer http.HandlerFunc
		code   string
		want   string
	}{
		"dead":           {status(400, `{"error":"invalid_grant","error_description":"the-refresh-token was revoked"}`), models.CodeNeedsReconnect, "example refused the refresh token: invalid_grant: [redacted] was revoked"},
		"dead with 200":  {status(200, `{"error":"bad_refresh_token"}`), models.CodeNeedsReconnect, "example refused the refresh token: bad_refresh_token"},
		"client refused": {status(401, `{"error":"invalid_client"}`), models.CodeRefreshFailed, "example refused the refresh token: invalid_client"},
		"down":           {status(503, "<html>"), models.CodeRefreshFailed, "example answered with status 503 and something that is not a token response."},
		"no token":       {status(200, `{"ok":false}`), models.CodeRefreshFailed, "example answered with status 200 and no access token."},
	} {
		endpoint := httptest.NewServer(test.answer)
		in := integration("https://p.example/a", endpoint.URL)
		_, err := newClient(t, endpoint.URL).Refresh(t.Context(), in, "the-refresh-token")
		endpoint.Close()
		if !models.HasCode(err, test.code) || err.Error() != test.want {
			t.Errorf("%s: %v, want %s", name, err, test.want)
		}
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
