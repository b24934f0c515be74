package oauth

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	oauth2server "github.com/go-oauth2/oauth2/v4"
	"github.com/go-oauth2/oauth2/v4/manage"
	oauth2models "github.com/go-oauth2/oauth2/v4/models"
	"github.com/go-oauth2/oauth2/v4/server"
	"github.com/go-oauth2/oauth2/v4/store"
	"github.com/google/go-cmp/cmp"

	"github.com/patchbay/patchbay/models"
)

var testNow = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

const redirectURI = "http://localhost:3003/oauth/callback/example"

func TestCodeFlowAgainstAnAuthorizationServer(t *testing.T) {
	clients := store.NewClientStore()
	if err := clients.Set("client", &oauth2models.Client{ID: "client", Secret: "client-secret", Domain: "http://localhost:3003"}); err != nil {
		t.Fatal(err)
	}
	manager := manage.NewDefaultManager()
	manager.MustTokenStorage(store.NewMemoryTokenStore())
	manager.MapClientStorage(clients)
	provider := server.NewServer(&server.Config{
		TokenType: "Bearer", AllowedResponseTypes: []oauth2server.ResponseType{oauth2server.Code},
		AllowedGrantTypes:           []oauth2server.GrantType{oauth2server.AuthorizationCode},
		AllowedCodeChallengeMethods: []oauth2server.CodeChallengeMethod{oauth2server.CodeChallengeS256}, ForcePKCE: true,
	}, manager)
	provider.SetUserAuthorizationHandler(func(http.ResponseWriter, *http.Request) (string, error) { return "ada", nil })
	provider.SetClientInfoHandler(server.ClientBasicHandler)
	mux := http.NewServeMux()
	mux.HandleFunc("/authorize", func(w http.ResponseWriter, r *http.Request) { _ = provider.HandleAuthorizeRequest(w, r) })
	mux.HandleFunc("/token", func(w http.ResponseWriter, r *http.Request) { _ = provider.HandleTokenRequest(w, r) })
	counterparty := httptest.NewServer(mux)
	t.Cleanup(counterparty.Close)

	in := integration(counterparty.URL+"/authorize", counterparty.URL+"/token")
	in.OAuth = models.OAuthClient{ID: "client", Secret: "client-secret", Scopes: []string{"a", "b"}}
	client := newClient(t, counterparty.URL)
	verifier := NewVerifier()
	address, err := client.AuthorizationURL(in, redirectURI, "the state", verifier)
	if err != nil {
		t.Fatal(err)
	}
	browser := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	response, err := browser.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	answer, err := response.Location()
	if err != nil || answer.Query().Get("state") != "the state" {
		body, _ := io.ReadAll(response.Body)
		t.Fatalf("authorize answered %d, %v, %v\n%s", response.StatusCode, answer, err, body)
	}
	code := models.Secret(answer.Query().Get("code"))

	if _, err := client.Exchange(t.Context(), in, redirectURI, "another code", verifier); !models.HasCode(err, models.ConnectTokenRetrieval) {
		t.Errorf("another code: %v", err)
	}
	credentials, err := client.Exchange(t.Context(), in, redirectURI, code, verifier)
	if err != nil {
		t.Fatal(err)
	}
	issued, err := manager.LoadAccessToken(t.Context(), credentials.AccessToken.Reveal())
	if err != nil || issued.GetUserID() != "ada" || issued.GetScope() != "a b" {
		t.Errorf("the token is not the provider's: %+v, %v", issued, err)
	}
	if credentials.RefreshToken == "" || credentials.ExpiresAt == nil {
		t.Errorf("no refresh token or expiry: %v", credentials.ExpiresAt)
	}
	if _, err := client.Exchange(t.Context(), in, redirectURI, code, verifier); !models.HasCode(err, models.ConnectTokenRetrieval) {
		t.Errorf("the same code again: %v", err)
	}
}

func TestAuthorizationURLKeepsWhatWasConfigured(t *testing.T) {
	in := integration("https://provider.example/authorize?tenant=a%26b", "https://provider.example/token")
	in.OAuth.Scopes = []string{"read", "write"}
	in.Auth.ScopeSeparator = ","
	in.Auth.AuthorizationParams = map[string]string{"access_type": "offline", "state": "fixed", "redirect_uri": "https://attacker.example"}
	client := newClient(t, "")
	verifier := NewVerifier()
	got := query(t, client, in, verifier)
	want := url.Values{
		"tenant": {"a&b"}, "access_type": {"offline"}, "client_id": {"client"}, "redirect_uri": {redirectURI}, "response_type": {"code"},
		"scope": {"read,write"}, "state": {"s"}, "code_challenge": {got.Get("code_challenge")}, "code_challenge_method": {"S256"},
	}
	if diff := cmp.Diff(want, got); diff != "" || len(got.Get("code_challenge")) != 43 || strings.Contains(got.Get("code_challenge"), verifier.Reveal()) {
		t.Errorf("-want +got\n%s", diff)
	}
	in.Auth.DisablePKCE = true
	if got := query(t, client, in, verifier); got.Has("code_challenge") || got.Has("code_challenge_method") {
		t.Errorf("PKCE is off, got %v", got)
	}
}

func query(t *testing.T, client *Client, in *models.Integration, verifier models.Secret) url.Values {
	t.Helper()
	address, err := client.AuthorizationURL(in, redirectURI, "s", verifier)
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	return u.Query()
}

func TestConfigurationThatCannotWorkIsRefusedByType(t *testing.T) {
	tests := map[string]struct {
		change func(*models.Integration)
		code   string
	}{
		"auth mode":    {func(in *models.Integration) { in.Auth.Mode = models.AuthAPIKey }, models.ConnectUnsupportedAuthMode},
		"grant type":   {func(in *models.Integration) { in.Auth.TokenParams = map[string]string{"grant_type": "password"} }, models.ConnectUnsupportedGrant},
		"no client id": {func(in *models.Integration) { in.OAuth.ID = "" }, models.ConnectInvalidConfiguration},
		"no token url": {func(in *models.Integration) { in.Auth.TokenURL = "" }, models.ConnectInvalidConfiguration},
		"placeholder":  {func(in *models.Integration) { in.Auth.AuthorizationURL = "https://${connection.userId}.example/a" }, models.ConnectInvalidConfiguration},
	}
	for name, test := range tests {
		in := integration("https://provider.example/authorize", "https://provider.example/token")
		test.change(in)
		if _, err := newClient(t, "").AuthorizationURL(in, redirectURI, "s", NewVerifier()); !models.HasCode(err, test.code) {
			t.Errorf("%s: %v, want %s", name, err, test.code)
		}
	}
}

// request is what a token endpoint was sent.
type request struct {
	authorization, contentType, body string
	query                            url.Values
}

// exchange runs one exchange against a token endpoint that answers with the given handler, and gives what it was sent.
func exchange(t *testing.T, in *models.Integration, answer http.HandlerFunc) (models.Credentials, []request, error) {
	t.Helper()
	var requests []request
	endpoint := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		requests = append(requests, request{r.Header.Get("Authorization"), r.Header.Get("Content-Type"), string(body), r.URL.Query()})
		answer(w, r)
	}))
	defer endpoint.Close()
	in.Auth.TokenURL = endpoint.URL + in.Auth.TokenURL
	credentials, err := newClient(t, endpoint.URL).Exchange(t.Context(), in, redirectURI, "the-code", "the-verifier-the-verifier-the-verifier-43ch")
	return credentials, requests, err
}

func answer(contentType, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", contentType)
		io.WriteString(w, body)
	}
}

func TestTokenRequest(t *testing.T) {
	tests := map[string]struct {
		change func(*models.Integration)
		want   request
	}{
		"header is the default": {
			func(in *models.Integration) {
				in.Auth.TokenParams = map[string]string{"grant_type": "authorization_code", "audience": "x", "code": "y"}
			},
			request{authorization: "Basic Y2xpZW50OnRoZS1zZWNyZXQ=", contentType: "application/x-www-form-urlencoded", body: "audience=x&code=the-code&code_verifier=the-verifier-the-verifier-the-verifier-43ch&grant_type=authorization_code&redirect_uri=" + url.QueryEscape(redirectURI)},
		},
		"body": {
			func(in *models.Integration) {
				in.Auth.AuthorizationMethod, in.Auth.DisablePKCE = models.ClientAuthBody, true
			},
			request{contentType: "application/x-www-form-urlencoded", body: "client_id=client&client_secret=the-secret&code=the-code&grant_type=authorization_code&redirect_uri=" + url.QueryEscape(redirectURI)},
		},
		"JSON": {
			func(in *models.Integration) {
				in.Auth.AuthorizationMethod, in.Auth.BodyFormat, in.Auth.DisablePKCE = models.ClientAuthBody, models.BodyJSON, true
			},
			request{contentType: "application/json", body: `{"client_id":"client","client_secret":"the-secret","code":"the-code","grant_type":"authorization_code","redirect_uri":"` + redirectURI + `"}`},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			in := integration("https://provider.example/authorize", "/token?tenant=a%26b")
			test.change(in)
			_, requests, err := exchange(t, in, answer("application/json", `{"access_token":"t"}`))
			if err != nil || len(requests) != 1 {
				t.Fatalf("%d requests, %v", len(requests), err)
			}
			test.want.query = url.Values{"tenant": {"a&b"}}
			if diff := cmp.Diff(test.want, requests[0], cmp.AllowUnexported(request{})); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
		})
	}
}

func integration(authorizationURL, tokenURL string) *models.Integration {
	return &models.Integration{
		Name:  "example",
		OAuth: models.OAuthClient{ID: "client", Secret: "the-secret"},
		Auth: models.Auth{
			Mode: models.AuthOAuth2, AuthorizationURL: authorizationURL, TokenURL: tokenURL, ScopeSeparator: " ",
			AuthorizationMethod: models.ClientAuthHeader, BodyFormat: models.BodyForm,
		},
	}
}

// newClient gives a client that may reach the server at address besides public ones.
func newClient(t *testing.T, address string) *Client {
	t.Helper()
	var allowed []string
	if u, err := url.Parse(address); err == nil && u.Host != "" {
		allowed = []string{u.Host}
	}
	client, err := New(allowed, CallTimeout, func() time.Time { return testNow })
	if err != nil {
		t.Fatal(err)
	}
	return client
}

func TestExchangeEndsWithItsContext(t *testing.T) {
	arrived, release := make(chan struct{}), make(chan struct{})
	endpoint := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { close(arrived); <-release }))
	defer endpoint.Close()
	defer close(release)
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-arrived; cancel() }()
	in := integration("https://provider.example/a", endpoint.URL)
	_, err := newClient(t, endpoint.URL).Exchange(ctx, in, redirectURI, "c", "v")
	if !models.HasCode(err, models.ConnectTokenRetrieval) || !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}
