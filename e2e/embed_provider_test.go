package e2e

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"

	"github.com/go-oauth2/oauth2/v4"
	"github.com/go-oauth2/oauth2/v4/manage"
	oauth2models "github.com/go-oauth2/oauth2/v4/models"
	authserver "github.com/go-oauth2/oauth2/v4/server"
	"github.com/go-oauth2/oauth2/v4/store"

	"github.com/patchbay/patchbay/internal/testkit"
)

const guardedYAML = `integrations:
  guarded:
    oauth_client_id: client
    oauth_client_secret: client-secret
    oauth_scopes: [read]
    auth: {auth_mode: OAUTH2, authorization_url: '%[1]s/authorize', token_url: '%[1]s/token'}
    requests: {base_url: '%[1]s'}
`

// addGuarded runs a provider whose pages cut themselves off from whoever opened their window, as those of big providers do
// (Cross-Origin-Opener-Policy), and makes it known to a server that is not yet started.
func addGuarded(s *server) counterparty {
	s.t.Helper()
	clients := store.NewClientStore()
	if err := clients.Set("client", &oauth2models.Client{ID: "client", Secret: "client-secret", Domain: s.URL}); err != nil {
		s.t.Fatal(err)
	}
	manager := manage.NewDefaultManager()
	manager.MustTokenStorage(store.NewMemoryTokenStore())
	manager.MapClientStorage(clients)
	provider := authserver.NewServer(&authserver.Config{
		TokenType: "Bearer", AllowedResponseTypes: []oauth2.ResponseType{oauth2.Code},
		AllowedGrantTypes:           []oauth2.GrantType{oauth2.AuthorizationCode},
		AllowedCodeChallengeMethods: []oauth2.CodeChallengeMethod{oauth2.CodeChallengeS256}, ForcePKCE: true,
	}, manager)
	provider.SetUserAuthorizationHandler(func(http.ResponseWriter, *http.Request) (string, error) { return "ada", nil })
	provider.SetClientInfoHandler(authserver.ClientBasicHandler)
	mux := http.NewServeMux()
	mux.HandleFunc("GET /authorize", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Cross-Origin-Opener-Policy", "same-origin")
		fmt.Fprint(w, `<!doctype html><html lang="en"><title>Guarded</title><link rel="icon" href="data:,"><form method="post"><button>Allow</button></form>`)
	})
	mux.HandleFunc("POST /authorize", func(w http.ResponseWriter, r *http.Request) { _ = provider.HandleAuthorizeRequest(w, r) })
	mux.HandleFunc("POST /token", func(w http.ResponseWriter, r *http.Request) { _ = provider.HandleTokenRequest(w, r) })
	web := httptest.NewServer(mux)
	s.t.Cleanup(web.Close)

	if err := os.WriteFile(s.path("integrations/integrations.yaml"), fmt.Appendf(nil, guardedYAML, web.URL), 0o644); err != nil {
		s.t.Fatal(err)
	}
	s.env = append(s.env, "PATCHBAY_ALLOW_PRIVATE="+strings.TrimPrefix(web.URL, "http://"))
	return counterparty{
		integration: "guarded",
		allow:       func(b *testkit.Browser) { s.t.Helper(); b.Click("Allow") },
		active: func(accessToken string) bool {
			_, err := manager.LoadAccessToken(s.t.Context(), accessToken)
			return err == nil
		},
	}
}
