package e2e

import (
	"fmt"
	"net/http"
	"os"
	"testing"

	"github.com/patchbay/patchbay/internal/testkit"
)

// counterparty is a provider to connect to, from the side of the person who has an account there.
type counterparty struct {
	integration string
	allow, deny func(*testkit.Browser) // answer its pages
	// active asks the provider whether it gave out this access token and still honours it.
	active func(accessToken string) bool
}

// counterparties are started with a server that knows them.
var counterparties = map[string]func(testing.TB) (*server, counterparty){
	"sandbox":       startWithSandbox,
	"oidc-provider": startWithOIDC,
}

const integrationsYAML = `integrations:
  oidc:
    oauth_client_id: %q
    oauth_client_secret: ${OIDC_CLIENT_SECRET}
    oauth_scopes: [openid, email, offline_access]
    auth:
      auth_mode: OAUTH2
      authorization_url: %s/auth
      authorization_params: {prompt: consent}
      token_url: %[2]s/token
    requests:
      base_url: %[2]s
      headers: {Authorization: 'Bearer ${access_token}'}
`

func startWithOIDC(t testing.TB) (*server, counterparty) {
	t.Helper()
	s := newServer(t)
	provider := testkit.OIDCProvider(t, s.URL+"/oauth/callback/oidc")
	file := fmt.Sprintf(integrationsYAML, provider.ClientID, provider.Issuer)
	if err := os.WriteFile(s.path("integrations/integrations.yaml"), []byte(file), 0o644); err != nil {
		t.Fatal(err)
	}
	s.env = append(s.env,
		"OIDC_CLIENT_SECRET="+provider.ClientSecret,
		"PATCHBAY_ALLOW_PRIVATE="+provider.Issuer[len("http://"):],
	)
	s.start()
	return s, counterparty{
		integration: "oidc",
		allow: func(b *testkit.Browser) {
			t.Helper()
			// Who has a session there already is asked for consent alone.
			if b.Has("Sign-in") {
				b.Fill("Enter any login", "grace")
				b.Fill("and password", "anything")
				b.Follow("Sign-in")
			}
			b.Click("Continue")
		},
		deny: func(b *testkit.Browser) { t.Helper(); b.Click("[ Cancel ]") },
		active: func(accessToken string) bool {
			t.Helper()
			return provider.Introspect(accessToken)["active"] == true && provider.UserInfo(accessToken)["sub"] == "grace"
		},
	}
}

func startWithSandbox(t testing.TB) (*server, counterparty) {
	t.Helper()
	s := startServer(t)
	return s, sandboxOf(s)
}

// sandboxOf gives the provider that a server has built in.
func sandboxOf(s *server) counterparty {
	return counterparty{
		integration: "sandbox",
		allow:       func(b *testkit.Browser) { s.t.Helper(); b.Click("Allow") },
		deny:        func(b *testkit.Browser) { s.t.Helper(); b.Click("Deny") },
		active: func(accessToken string) bool {
			s.t.Helper()
			request, err := http.NewRequestWithContext(s.t.Context(), http.MethodGet, s.URL+"/sandbox/userinfo", nil)
			if err != nil {
				s.t.Fatal(err)
			}
			request.Header.Set("Authorization", "Bearer "+accessToken)
			response, err := http.DefaultClient.Do(request)
			if err != nil {
				s.t.Fatal(err)
			}
			response.Body.Close()
			return response.StatusCode == http.StatusOK
		},
	}
}
