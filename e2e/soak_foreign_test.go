package e2e

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-oauth2/oauth2/v4"
	"github.com/go-oauth2/oauth2/v4/manage"
	oauth2models "github.com/go-oauth2/oauth2/v4/models"
	authserver "github.com/go-oauth2/oauth2/v4/server"
	oauth2store "github.com/go-oauth2/oauth2/v4/store"

	"github.com/patchbay/patchbay/internal/testkit"
)

// foreign is a provider that nobody here wrote, with one client registered.
type foreign struct {
	address    string // http://127.0.0.1:port
	id, secret string
	scopes     string // in the form of integrations.yaml
	// allow answers the provider's pages, from the first one on.
	allow func(*page)
}

// foreignProviders rotate refresh tokens, and accept none twice.
var foreignProviders = map[string]func(t *testing.T, redirectURI string) foreign{
	"npm oidc-provider": func(t *testing.T, redirectURI string) foreign {
		p := testkit.OIDCProvider(t, redirectURI)
		return foreign{p.Issuer, p.ClientID, p.ClientSecret, "[openid, offline_access]", func(first *page) {
			first.submit("Sign-in", url.Values{"login": {"grace"}, "password": {"anything"}}).submit("Continue", nil)
		}}
	},
	"go-oauth2": func(t *testing.T, redirectURI string) foreign {
		return foreign{goOAuth2(t, redirectURI), "client", "client-secret", "[read]", func(first *page) { first.submit("Allow", nil) }}
	},
}

// goOAuth2 runs the authorization server of go-oauth2 and gives its address.
func goOAuth2(t *testing.T, redirectURI string) string {
	t.Helper()
	clients := oauth2store.NewClientStore()
	if err := clients.Set("client", &oauth2models.Client{ID: "client", Secret: "client-secret", Domain: redirectURI}); err != nil {
		t.Fatal(err)
	}
	manager := manage.NewDefaultManager()
	manager.MustTokenStorage(oauth2store.NewMemoryTokenStore())
	manager.MapClientStorage(clients)
	manager.SetRefreshTokenCfg(&manage.RefreshingConfig{IsGenerateRefresh: true, IsRemoveAccess: true, IsRemoveRefreshing: true})
	provider := authserver.NewServer(&authserver.Config{
		TokenType: "Bearer", AllowedResponseTypes: []oauth2.ResponseType{oauth2.Code},
		AllowedGrantTypes:           []oauth2.GrantType{oauth2.AuthorizationCode, oauth2.Refreshing},
		AllowedCodeChallengeMethods: []oauth2.CodeChallengeMethod{oauth2.CodeChallengeS256}, ForcePKCE: true,
	}, manager)
	provider.SetUserAuthorizationHandler(func(http.ResponseWriter, *http.Request) (string, error) { return "ada", nil })
	provider.SetClientInfoHandler(authserver.ClientBasicHandler)
	mux := http.NewServeMux()
	mux.HandleFunc("GET /auth", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, `<!doctype html><form method="post"><button>Allow</button></form>`)
	})
	mux.HandleFunc("POST /auth", func(w http.ResponseWriter, r *http.Request) { _ = provider.HandleAuthorizeRequest(w, r) })
	mux.HandleFunc("POST /token", func(w http.ResponseWriter, r *http.Request) { _ = provider.HandleTokenRequest(w, r) })
	web := httptest.NewServer(mux)
	t.Cleanup(web.Close)
	return web.URL
}

const foreignYAML = `integrations:
  foreign:
    oauth_client_id: %q
    oauth_client_secret: ${FOREIGN_SECRET}
    oauth_scopes: %s
    auth: {auth_mode: OAUTH2, authorization_url: '%s/auth', authorization_params: {prompt: consent}, token_url: '%s/token'}
    requests: {base_url: '%[4]s'}
`

// counting stands before a provider and counts the refreshes that pass.
func counting(t *testing.T, address string) (through string, refreshes *atomic.Int64) {
	t.Helper()
	target, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	refreshes = new(atomic.Int64)
	proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target) }}
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		form, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<16))
		if err != nil {
			t.Error(err)
		}
		if strings.Contains(string(form), "grant_type=refresh_token") {
			refreshes.Add(1)
		}
		r.Body = io.NopCloser(bytes.NewReader(form))
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(web.Close)
	return web.URL, refreshes
}

// TestSoakForeignProviders has many callers ask two processes for one expired token, at providers that end a grant, or refuse,
// when a refresh token comes twice.
func TestSoakForeignProviders(t *testing.T) {
	for name, run := range foreignProviders {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFleet(t, sqlite, 2)
			provider := run(t, f.processes[0].URL+"/oauth/callback/foreign")
			through, refreshes := counting(t, provider.address)
			f.start(fmt.Sprintf(foreignYAML, provider.id, provider.scopes, provider.address, through), []string{
				"FOREIGN_SECRET=" + provider.secret, "PATCHBAY_ALLOW_PRIVATE=" + strings.TrimPrefix(through, "http://"),
			})
			f.connectForeign(provider)
			h := held{integration: "foreign", user: "user-1"}
			for round := range 3 {
				f.expire(h)
				before := refreshes.Load()
				answers := f.askAll(slices.Repeat([]held{h}, 500), 500, false)
				for _, got := range answers {
					if got.code != "" || got.token != answers[0].token {
						t.Fatalf("round %d: a caller got the error %q, or another token than the first", round, got.code)
					}
				}
				if n := refreshes.Load() - before; n != 1 {
					t.Errorf("round %d: %d refreshes, want 1", round, n)
				}
			}
		})
	}
}

// connectForeign connects user-1 through the dashboard and the provider's pages.
func (f *fleet) connectForeign(provider foreign) {
	f.t.Helper()
	v := visit(f.processes[0])
	v.signIn()
	consent := v.get("/integrations/foreign").submit("Connect", url.Values{"userId": {"user-1"}}).submit("Continue to foreign", nil)
	provider.allow(consent)
	if c, credentials := f.stored(held{integration: "foreign", user: "user-1"}); credentials.RefreshToken == "" {
		f.t.Fatalf("connected without a refresh token: %s", c.State)
	}
}

// expire lets the access token of a connection be past its end.
func (f *fleet) expire(h held) {
	f.t.Helper()
	backend := f.backend()
	credentials, err := backend.GetCredentials(f.t.Context(), h.integration, h.user)
	if err != nil {
		f.t.Fatal(err)
	}
	credentials.Raw, credentials.ExpiresAt = nil, time.Now().Add(-time.Minute)
	if _, err := backend.UpdateConnectionCredentials(f.t.Context(), h.integration, h.user, *credentials); err != nil {
		f.t.Fatal(err)
	}
}
