package sandbox

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/oauth2"
)

func TestCodeFlow(t *testing.T) {
	for name, style := range map[string]oauth2.AuthStyle{"client_secret_basic": oauth2.AuthStyleInHeader, "client_secret_post": oauth2.AuthStyleInParams} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.config.Endpoint.AuthStyle = style
			token := w.connect()
			if token.TokenType != "Bearer" || token.RefreshToken == "" || token.ExpiresIn != 3600 || token.Extra("scope") != "messages:read messages:write profile" {
				t.Errorf("token: type %q, expires in %d, scope %q", token.TokenType, token.ExpiresIn, token.Extra("scope"))
			}
			for _, path := range []string{"/sandbox/userinfo", "/sandbox/api/me"} {
				response, body := w.api("GET", path, token.AccessToken, "")
				want := `{"email":"ada@sandbox.example","name":"Ada Lovelace","sub":"ada"}` + "\n"
				if response.StatusCode != http.StatusOK || body != want {
					t.Errorf("GET %s: %s %s, want %s", path, response.Status, body, want)
				}
			}
			response, body := w.api("POST", "/sandbox/api/messages", token.AccessToken, `{"channelId":"C1","text":"hi"}`)
			if response.StatusCode != http.StatusCreated || !hasAll(body, `"from":"Ada Lovelace"`, `"message":{"channelId":"C1","text":"hi"}`) {
				t.Errorf("POST messages: %s %s", response.Status, body)
			}
		})
	}
}

func TestDenial(t *testing.T) {
	w := newWorld(t)
	request := w.consent(w.config.AuthCodeURL("s", oauth2.S256ChallengeOption(oauth2.GenerateVerifier())))
	got := w.decide(request, "deny")
	want := url.Values{"error": {"access_denied"}, "error_description": {"Ada Lovelace denied access."}, "state": {"s"}, "iss": {w.integration.Auth.Issuer}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	response, _ := w.post("/sandbox/authorize", url.Values{"request": {request}, "account": {"ada"}, "decision": {"allow"}})
	if response.StatusCode != http.StatusBadRequest || response.Header.Get("Location") != "" {
		t.Errorf("second answer to one page: %s", response.Status)
	}
}

func TestStateComesBackIntact(t *testing.T) {
	w := newWorld(t)
	for _, state := range []string{"a b+c&d=e#f%25?/;,'\"<>", "\x00\r\n\t", "zażółć 🎛 \u202e", "\xff\xfe", "=", ""} {
		if got := w.decide(w.consent(w.config.AuthCodeURL(state, oauth2.S256ChallengeOption(oauth2.GenerateVerifier()))), "allow").Get("state"); got != state {
			t.Errorf("state %q came back as %q", state, got)
		}
	}
}

func TestWrongVerifierUsesTheCodeUp(t *testing.T) {
	w := newWorld(t)
	verifier := oauth2.GenerateVerifier()
	code := w.code(verifier)
	_, err := w.config.Exchange(w.context(), code, oauth2.VerifierOption(oauth2.GenerateVerifier()))
	wantCode(t, err, "invalid_grant")
	_, err = w.config.Exchange(w.context(), code, oauth2.VerifierOption(verifier))
	wantCode(t, err, "invalid_grant")
}

func TestCodeIsBoundToRedirectURI(t *testing.T) {
	w := newWorld(t)
	verifier := oauth2.GenerateVerifier()
	code := w.code(verifier)
	w.config.RedirectURL = w.url + "/oauth/callback" // registered as well, but not the one of the request
	_, err := w.config.Exchange(w.context(), code, oauth2.VerifierOption(verifier))
	wantCode(t, err, "invalid_grant")
}

func TestCodeAndTokensAreBoundToClient(t *testing.T) {
	w := newWorld(t)
	verifier := oauth2.GenerateVerifier()
	code, token := w.code(verifier), w.connect()
	other := configOf(w.provider.Integration("other"), w.config.RedirectURL)
	_, err := other.Exchange(w.context(), code, oauth2.VerifierOption(verifier))
	wantCode(t, err, "invalid_grant")
	_, err = other.TokenSource(w.context(), &oauth2.Token{RefreshToken: token.RefreshToken}).Token()
	wantCode(t, err, "invalid_grant")
	asOther := func(r *http.Request) { r.SetBasicAuth(other.ClientID, other.ClientSecret) }
	if _, body := w.post("/sandbox/introspect", url.Values{"token": {token.AccessToken}}, asOther); body != "{\"active\":false}\n" {
		t.Errorf("introspection by another client: %s", body)
	}
	w.post("/sandbox/revoke", url.Values{"token": {token.RefreshToken}}, asOther)
	if _, err := w.refresh(token.RefreshToken); err != nil {
		t.Errorf("after another client's attempts: %v", err)
	}
	if _, err := w.config.Exchange(w.context(), code, oauth2.VerifierOption(verifier)); err != nil {
		t.Errorf("after another client's attempt: %v", err)
	}
}

func TestReplayedCodeRevokesItsTokens(t *testing.T) {
	w := newWorld(t)
	verifier := oauth2.GenerateVerifier()
	code := w.code(verifier)
	token, err := w.config.Exchange(w.context(), code, oauth2.VerifierOption(verifier))
	if err != nil {
		t.Fatal(err)
	}
	w.advance(time.Hour / 2) // long after the code has expired
	_, err = w.config.Exchange(w.context(), code, oauth2.VerifierOption(verifier))
	wantCode(t, err, "invalid_grant")
	if status := w.userinfo(token.AccessToken); status != http.StatusUnauthorized {
		t.Errorf("access token after the replay: %d", status)
	}
	_, err = w.refresh(token.RefreshToken)
	wantCode(t, err, "invalid_grant")
}

func TestOneOfManyParallelRedemptionsSucceeds(t *testing.T) {
	w := newWorld(t)
	verifier := oauth2.GenerateVerifier()
	form := url.Values{
		"grant_type": {"authorization_code"}, "code": {w.code(verifier)}, "redirect_uri": {w.config.RedirectURL}, "code_verifier": {verifier},
	}
	// Without the network, which would make the requests take turns.
	handler := w.provider.Handler()
	answers := make([]*httptest.ResponseRecorder, 50)
	start := make(chan struct{})
	var wg sync.WaitGroup
	for i := range answers {
		answers[i] = httptest.NewRecorder()
		request := httptest.NewRequestWithContext(t.Context(), "POST", "/sandbox/token", strings.NewReader(form.Encode()))
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		w.asClient(request)
		wg.Go(func() {
			<-start
			handler.ServeHTTP(answers[i], request)
		})
	}
	close(start)
	wg.Wait()
	succeeded := 0
	for _, answer := range answers {
		if answer.Code == http.StatusOK {
			succeeded++
		} else if !hasAll(answer.Body.String(), `"error":"invalid_grant"`) {
			t.Errorf("%d %s", answer.Code, answer.Body)
		}
	}
	if succeeded != 1 {
		t.Errorf("%d of %d succeeded", succeeded, len(answers))
	}
}

func TestRotationAndReuse(t *testing.T) {
	w := newWorld(t)
	first := w.connect()
	second, err := w.refresh(first.RefreshToken)
	if err != nil {
		t.Fatal(err)
	}
	if second.RefreshToken == first.RefreshToken || second.AccessToken == first.AccessToken {
		t.Error("a refresh gave an old token again")
	}
	third, err := w.refresh(second.RefreshToken)
	if err != nil {
		t.Fatal(err)
	}
	_, err = w.refresh(first.RefreshToken) // two generations old
	wantCode(t, err, "invalid_grant")
	_, err = w.refresh(third.RefreshToken)
	wantCode(t, err, "invalid_grant")
	if status := w.userinfo(third.AccessToken); status != http.StatusUnauthorized {
		t.Errorf("access token after the reuse: %d", status)
	}
}

func TestRefreshNarrowsScopes(t *testing.T) {
	w := newWorld(t)
	token := w.connect()
	refresh := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {token.RefreshToken}}
	refresh.Set("scope", "profile admin")
	if response, body := w.post("/sandbox/token", refresh, w.asClient); response.StatusCode != http.StatusBadRequest || !hasAll(body, "invalid_scope") {
		t.Errorf("more scopes than granted: %s %s", response.Status, body)
	}
	refresh.Set("scope", "messages:write")
	response, body := w.post("/sandbox/token", refresh, w.asClient)
	if response.StatusCode != http.StatusOK || !hasAll(body, `"scope":"messages:write"`) {
		t.Fatalf("fewer scopes: %s %s", response.Status, body)
	}
}

func TestRevocation(t *testing.T) {
	w := newWorld(t)
	token := w.connect()
	revoke := func(token string) {
		t.Helper()
		if response, body := w.post("/sandbox/revoke", url.Values{"token": {token}}, w.asClient); response.StatusCode != http.StatusOK {
			t.Errorf("revoke: %s %s", response.Status, body)
		}
	}
	revoke("unknown")
	revoke(token.AccessToken)
	if status := w.userinfo(token.AccessToken); status != http.StatusUnauthorized {
		t.Errorf("revoked access token: %d", status)
	}
	token, err := w.refresh(token.RefreshToken)
	if err != nil {
		t.Fatalf("refresh after only the access token was revoked: %v", err)
	}
	revoke(token.RefreshToken)
	if status := w.userinfo(token.AccessToken); status != http.StatusUnauthorized {
		t.Errorf("access token of a revoked grant: %d", status)
	}
	_, err = w.refresh(token.RefreshToken)
	wantCode(t, err, "invalid_grant")
}

func TestIntrospection(t *testing.T) {
	w := newWorld(t)
	token := w.connect()
	want := introspection{
		Active: true, Scope: "messages:read messages:write profile", ClientID: w.config.ClientID, Username: "Ada Lovelace",
		TokenType: "Bearer", Expires: 1_800_003_600, Subject: "ada", Issuer: w.integration.Auth.Issuer,
	}
	if diff := cmp.Diff(want, w.introspect(token.AccessToken)); diff != "" {
		t.Errorf("access token (-want +got):\n%s", diff)
	}
	want.TokenType, want.Expires = "", 0
	if diff := cmp.Diff(want, w.introspect(token.RefreshToken)); diff != "" {
		t.Errorf("refresh token (-want +got):\n%s", diff)
	}
	for _, other := range []string{"unknown", token.AccessToken + "x", ".", "x."} {
		if got := w.introspect(other); got != (introspection{}) {
			t.Errorf("%q: %+v, want only active: false", other, got)
		}
	}
	if response, _ := w.post("/sandbox/introspect", url.Values{"token": {token.AccessToken}}); response.StatusCode != http.StatusUnauthorized {
		t.Errorf("without a client: %s", response.Status)
	}
}

func TestExpiry(t *testing.T) {
	w := newWorld(t)
	verifier := oauth2.GenerateVerifier()
	page := w.consent(w.config.AuthCodeURL("s", oauth2.S256ChallengeOption(verifier)))
	w.advance(requestLife)
	if response, _ := w.post("/sandbox/authorize", url.Values{"request": {page}, "account": {"ada"}, "decision": {"allow"}}); response.StatusCode != http.StatusBadRequest {
		t.Errorf("consent page after %v: %s", requestLife, response.Status)
	}

	code := w.code(verifier)
	w.advance(codeLife)
	_, err := w.config.Exchange(w.context(), code, oauth2.VerifierOption(verifier))
	wantCode(t, err, "invalid_grant")

	token := w.connect()
	w.advance(time.Hour - time.Second)
	if status := w.userinfo(token.AccessToken); status != http.StatusOK {
		t.Errorf("access token a second before its end: %d", status)
	}
	w.advance(time.Second)
	if status := w.userinfo(token.AccessToken); status != http.StatusUnauthorized {
		t.Errorf("access token at its end: %d", status)
	}

	w.advance(grantLife - time.Hour - time.Second)
	if token, err = w.refresh(token.RefreshToken); err != nil {
		t.Fatalf("refresh token a second before its end: %v", err)
	}
	w.advance(grantLife)
	_, err = w.refresh(token.RefreshToken)
	wantCode(t, err, "invalid_grant")
}
