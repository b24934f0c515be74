package handlers

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/patchbay/patchbay/client"
	"github.com/patchbay/patchbay/models"
)

// active asks the sandbox whether a token still works there (RFC 7662).
func (a *api) active(token string) bool {
	a.t.Helper()
	in, err := a.server.Connections.Integration("sandbox")
	must(a.t, err)
	form := url.Values{"token": {token}, "client_id": {in.OAuth.ID}, "client_secret": {in.OAuth.Secret.Reveal()}}
	response, err := http.PostForm(a.url+"/sandbox/introspect", form)
	must(a.t, err)
	defer response.Body.Close()
	var answer struct{ Active *bool }
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil || answer.Active == nil {
		a.t.Fatalf("introspection: %d, %v", response.StatusCode, err)
	}
	return *answer.Active
}

func TestAPICredentialsAreFresh(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	c := a.client()
	conn := a.connect("sandbox", "42")
	get := func(options ...client.CredentialsOption) *client.Credentials {
		t.Helper()
		got, err := c.GetCredentials(t.Context(), "sandbox", "42", options...)
		must(t, err)
		if !a.active(got.AccessToken) {
			t.Error("the provider does not know the access token")
		}
		return got
	}
	first := get()
	var raw map[string]any
	if err := json.Unmarshal(first.Raw, &raw); err != nil || raw["access_token"] != first.AccessToken || !first.ExpiresAt.Equal(*conn.ExpiresAt) {
		t.Errorf("raw is not the token response: %v, %v", raw["access_token"], err)
	}
	if get(client.MinTTL(30*time.Minute)).AccessToken != first.AccessToken {
		t.Error("a token that lives long enough was refreshed")
	}
	a.clockOffset.Store(int64(20 * time.Minute))
	second := get(client.MinTTL(50 * time.Minute))
	third := get(client.ForceRefresh())
	refreshed, err := c.RefreshConnection(t.Context(), "sandbox", "42")
	must(t, err)
	fourth := get()
	tokens := map[string]bool{first.AccessToken: true, second.AccessToken: true, third.AccessToken: true, fourth.AccessToken: true}
	if n := a.tokenRequests.Load(); n != 4 || len(tokens) != 4 || refreshed.Status != client.StatusConnected || refreshed.Version != 4 || a.active(first.AccessToken) {
		t.Errorf("%d token requests, %d tokens, %+v", n, len(tokens), refreshed)
	}
	answer := a.call(a.key(models.ScopeCredentialsRead), http.MethodGet, "/connections/sandbox/42/credentials", "")
	want := fmt.Sprintf(`{"uuid":%q,"integration":"sandbox","userId":"42","credentials":{"type":"OAUTH2","access_token":%q,"expires_at":`, conn.UUID, fourth.AccessToken)
	if !strings.HasPrefix(answer.body, want) {
		t.Errorf("%s, want %s…", answer.body, want)
	}
	a.clockOffset.Store(int64(70 * time.Minute))
	if get().AccessToken == fourth.AccessToken {
		t.Error("a token in its last quarter of an hour was not refreshed")
	}
}

func TestAPIDeletingRevokesAtTheProvider(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	c := a.client()
	a.connect("sandbox", "42")
	credentials, err := c.GetCredentials(t.Context(), "sandbox", "42")
	must(t, err)
	if !a.active(credentials.AccessToken) || !a.active(credentials.RefreshToken) {
		t.Fatal("the tokens do not work")
	}
	deleted, err := c.DeleteConnection(t.Context(), "sandbox", "42")
	must(t, err)
	if deleted.Revocation != client.Revoked || deleted.Message != "" || a.active(credentials.AccessToken) || a.active(credentials.RefreshToken) {
		t.Errorf("%+v, and the tokens still work", deleted)
	}
	a.integrate("far", strings.Replace(definitions[models.AuthOAuth2], `"token_url"`, `"revocation_url":"http://127.0.0.1:9/revoke","token_url"`, 1))
	_, err = c.RegisterConnection(t.Context(), "far", "42", client.Credentials{AccessToken: canary}, nil)
	must(t, err)
	failed, err := c.DeleteConnection(t.Context(), "far", "42")
	must(t, err)
	if failed.Revocation != client.RevocationRetrying || !strings.Contains(failed.Message, "could not be reached") {
		t.Errorf("the provider is not reached: %+v", failed)
	}
	_, err = c.GetConnection(t.Context(), "far", "42")
	a.refused("deleted all the same", err, client.CodeUnknownConnection)
}

func TestAPICredentialsAreReplacedAndEndAReconnect(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	c := a.client()
	dead := client.Credentials{AccessToken: canary + "1", RefreshToken: canary + "dead", ExpiresAt: a.now().Add(time.Hour)}
	before, err := c.RegisterConnection(t.Context(), "sandbox", "42", dead, []byte(`{"a":1}`))
	must(t, err)
	_, err = c.GetCredentials(t.Context(), "sandbox", "42", client.ForceRefresh())
	a.refused("a dead refresh token", err, client.CodeNeedsReconnect)
	lost, err := c.GetConnection(t.Context(), "sandbox", "42")
	must(t, err)
	if lost.Status != client.StatusNeedsReconnect || !strings.Contains(lost.StatusReason, "invalid_grant") {
		t.Errorf("%+v", lost)
	}
	if got, err := c.GetCredentials(t.Context(), "sandbox", "42"); err != nil || got.AccessToken != canary+"1" {
		t.Errorf("the token that still lives: %v", err)
	}
	a.clockOffset.Store(int64(2 * time.Hour))
	_, err = c.GetCredentials(t.Context(), "sandbox", "42")
	a.refused("when it has ended", err, client.CodeNeedsReconnect)
	raw := " {\n\"access_token\" : \"" + canary + "2\", \"expires_in\": 1e3, \"of ours\": [1.0] } "
	renewed, err := c.UpdateConnectionCredentials(t.Context(), "sandbox", "42", client.Credentials{Raw: []byte(raw)})
	must(t, err)
	if renewed.Status != client.StatusExpiring || renewed.Refreshable || string(renewed.AdditionalConfig) != `{"a":1}` || renewed.UUID != before.UUID || !renewed.DateCreated.Equal(before.DateCreated) {
		t.Errorf("%+v", renewed)
	}
	if got, err := c.GetCredentials(t.Context(), "sandbox", "42"); err != nil || got.AccessToken != canary+"2" || string(got.Raw) != strings.TrimSpace(raw) || got.RefreshToken != "" {
		t.Errorf("raw %q, %v", got.Raw, err)
	}
	_, err = c.RefreshConnection(t.Context(), "sandbox", "42")
	a.refused("without a refresh token", err, client.CodeNotRefreshable)
}

func TestAPIReplacesARejectedTokenOnce(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	c := a.client()
	a.connect("sandbox", "42")
	first, err := c.GetCredentials(t.Context(), "sandbox", "42")
	must(t, err)
	a.clockOffset.Store(int64(time.Minute))
	second, err := c.GetCredentials(t.Context(), "sandbox", "42", client.Rejected(first.AccessToken))
	must(t, err)
	third, err := c.GetCredentials(t.Context(), "sandbox", "42", client.Rejected(first.AccessToken))
	must(t, err)
	if second.AccessToken == first.AccessToken || third.AccessToken != second.AccessToken {
		t.Error("a rejected token is replaced once, and was not")
	}
	a.want("a token itself", a.call(a.key(), http.MethodGet, "/connections/sandbox/42/credentials?rejected="+strings.Repeat("z", 64), ""), http.StatusUnprocessableEntity, models.CodeInvalidParameter)
}

func TestAPITellsNoSecretThatAProviderRepeats(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	inner := a.handler
	a.handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/provider/token" {
			inner.ServeHTTP(w, r)
			return
		}
		body, err := io.ReadAll(r.Body)
		must(t, err)
		w.WriteHeader(http.StatusBadRequest)
		fmt.Fprintf(w, `{"error":"temporarily_unavailable","error_description":"cannot use %s"}`, body)
	})
	a.integrate("crm", strings.Replace(definitions[models.AuthOAuth2], "https://p.example/t", a.url+"/provider/token", 1))
	key := a.key()
	a.want("register", a.call(key, http.MethodPost, "/connections", `{"integration":"crm","userId":"42","credentials":{"access_token":"`+canary+`a","refresh_token":"`+canary+`r+/="}}`), http.StatusCreated, "")
	a.want("refresh", a.call(key, http.MethodPost, "/connections/crm/42/refresh", ""), http.StatusBadGateway, models.CodeRefreshFailed)
	got := a.call(key, http.MethodGet, "/connections/crm/42", "")
	if !strings.Contains(got.body, `"status":"error"`) || !strings.Contains(got.body, "temporarily_unavailable: cannot use ") {
		t.Errorf("how it stands: %s", got.body)
	}
}
