package handlers

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/patchbay/patchbay/client"
	"github.com/patchbay/patchbay/internal/connections"
	"github.com/patchbay/patchbay/internal/oauth"
	"github.com/patchbay/patchbay/models"
)

func TestAPIManagesIntegrations(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	c := a.client()
	created, err := c.CreateIntegration(t.Context(), client.NewIntegration{
		Name: "github", Provider: "github", OAuthClientID: "id", OAuthClientSecret: canary + "secret", AppAPIKey: canary + "app", OAuthScopes: []string{"repo"},
	})
	must(t, err)
	provider, err := c.GetProvider(t.Context(), "github")
	must(t, err)
	if created.Source != client.SourceDatabase || created.Provider != provider.Name+":"+provider.Version || created.Auth.TokenURL != provider.Auth.TokenURL ||
		created.CallbackURL != a.url+"/oauth/callback/github" || created.Problem != "" || !created.OAuthClientSecretSet || !created.AppAPIKeySet || created.Connections != 0 {
		t.Errorf("created: %+v", created)
	}
	_, err = c.CreateIntegration(t.Context(), client.NewIntegration{Name: "github", Provider: "github"})
	a.refused("again", err, client.CodeIntegrationExists)
	patched, err := c.PatchIntegration(t.Context(), "github", []byte(`{"oauth_scopes":["repo","user"],"app_api_key":null,"auth":{"authorization_params":{"x":"1"}}}`))
	must(t, err)
	if !patched.OAuthClientSecretSet || patched.AppAPIKeySet || len(patched.OAuthScopes) != 2 || patched.Auth.AuthorizationParams["x"] != "1" || patched.Auth.TokenURL != provider.Auth.TokenURL {
		t.Errorf("patched: %+v", patched)
	}
	in, err := a.server.Connections.Integration("github")
	must(t, err)
	if in.OAuth.Secret.Reveal() != canary+"secret" {
		t.Error("a patch of something else changed the client secret")
	}
	_, err = c.RegisterConnection(t.Context(), "github", "42", client.Credentials{AccessToken: canary}, nil)
	must(t, err)
	if got, err := c.GetIntegration(t.Context(), "github"); err != nil || got.Connections != 1 {
		t.Errorf("with a connection: %+v, %v", got, err)
	}
	a.refused("in use", c.DeleteIntegration(t.Context(), "github"), client.CodeIntegrationInUse)
	_, err = c.DeleteConnection(t.Context(), "github", "42")
	must(t, err)
	must(t, c.DeleteIntegration(t.Context(), "github"))
	_, err = c.GetIntegration(t.Context(), "github")
	a.refused("deleted", err, client.CodeUnknownIntegration)
	a.refused("deleted again", c.DeleteIntegration(t.Context(), "github"), client.CodeUnknownIntegration)
	all, err := c.Integrations(t.Context())
	must(t, err)
	if len(all) != 5 || slices.ContainsFunc(all, func(in client.Integration) bool { return in.Name == "github" || in.Source != client.SourceSandbox }) {
		t.Errorf("%+v", all)
	}
}

func TestAPINamesTheFaultsOfADefinition(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	key := a.key()
	a.integrate("crm", definitions[models.AuthOAuth2])
	const requests = `"requests":{"base_url":"https://api.p.example/"}`
	for _, test := range []struct{ definition, field string }{
		{`"provider":"none"`, "provider"},
		{`"provider":"github","extends_blueprint":"github"`, "extends_blueprint"},
		{`"provider":"github","oauth_secret":"` + canary + `"`, "oauth_secret"},
		{`"provider":"github","oauth_client_secret":{"` + canary + `":"` + canary + `"}`, "oauth_client_secret"},
		{`"provider":"github","oauth_client_secret":["` + canary + `"]`, "oauth_client_secret"},
		{`"provider":"github","log_level":"loud"`, "log_level"},
		{`"provider":"github","http_request_timeout_seconds":-1`, "http_request_timeout_seconds"},
		{`"auth":{"auth_mode":"OAUTH2"},` + requests, "auth.authorization_url"},
		{`"auth":{"auth_mode":"API_KEY"}`, "requests"},
		{`"auth":` + nested(64), "body"},
		{`"auth":` + sized(models.MaxConfigBytes), "body"},
		{`"auth":{"auth_mode":"API_KEY"},"requests":{"base_url":"file:///etc/passwd"}`, "requests.base_url"},
		{`"auth":{"auth_mode":"API_KEY"},"requests":{"base_url":"https://p.example","headers":{"X":"${none}"}}`, "requests.headers.X"},
	} {
		got := a.call(key, http.MethodPost, "/integrations", `{"name":"new",`+test.definition+`}`)
		a.want(fmt.Sprintf("%.100s", test.definition), got, http.StatusUnprocessableEntity, models.CodeInvalidIntegration)
		if !slices.ContainsFunc(got.failed().Fields, func(f errorField) bool { return f.Field == test.field && f.Message != "" && f.Line == 0 }) {
			t.Errorf("%.100s: no fault of %s in %+v", test.definition, test.field, got.failed().Fields)
		}
	}
	for name, body := range map[string]string{
		"upper case": `{"name":"CRM","provider":"github"}`, "path": `{"name":"a/b","provider":"github"}`, "no text": `{"name":"","provider":"github"}`, "null": `{"name":null}`,
	} {
		a.want(name, a.call(key, http.MethodPost, "/integrations", body), http.StatusUnprocessableEntity, models.CodeInvalidIntegration)
	}
	for _, patch := range []string{`{`, `[]`, `{"a":1,"a":2}`, `{"auth":null}`, `{"auth":{"auth_mode":"NONE"}}`, `{"oauth_client_secret":["` + canary + `"]}`, `{"name":"other"}`} {
		a.want("patch "+patch, a.call(key, http.MethodPatch, "/integrations/crm", patch), http.StatusUnprocessableEntity, models.CodeInvalidIntegration)
	}
	if got := a.call(key, http.MethodGet, "/integrations/crm", ""); !strings.Contains(got.body, `"auth_mode":"OAUTH2"`) || strings.Contains(got.body, `"connections":1`) {
		t.Errorf("a refused patch changed it: %s", got.body)
	}
}

// What somebody reads of an integration can be sent back.
func TestAPITakesAnIntegrationAsItGivesIt(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	key := a.key()
	a.integrate("crm", `"oauth_client_id":"id","oauth_client_secret":"`+canary+`",`+definitions[models.AuthOAuth2])
	got := a.call(key, http.MethodGet, "/integrations/crm", "")
	_, definition, _ := strings.Cut(got.body, `"connections":0,`)
	patched := a.call(key, http.MethodPatch, "/integrations/crm", "{"+definition)
	if patched.body != got.body {
		t.Errorf("patched with itself:\n%s, before\n%s", patched.body, got.body)
	}
	a.want("under another name", a.call(key, http.MethodPost, "/integrations", `{"name":"copy",`+definition), http.StatusCreated, "")
}

func TestAPILeavesTheFileToItsOperator(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	config := a.server.Config
	client, err := oauth.New(nil, providerTimeout, a.now)
	must(t, err)
	file := models.Integration{Name: "crm", Source: models.Source{Kind: models.SourceFile, File: "integrations.yaml", Line: 7}, Auth: models.Auth{Mode: models.AuthAPIKey}}
	config.Connections, err = connections.New(t.Context(), connections.Config{
		Store: a.store, Integrations: []models.Integration{file}, OAuth: client, RootURL: a.url, Now: a.now, Log: config.Log,
	})
	must(t, err)
	a.handler = New(config)
	key := a.key()
	if got := a.call(key, http.MethodGet, "/integrations/crm", ""); !strings.Contains(got.body, `"source":"file"`) {
		t.Errorf("%s", got.body)
	}
	for _, method := range []string{http.MethodPatch, http.MethodDelete} {
		got := a.call(key, method, "/integrations/crm", "{}")
		a.want(method, got, http.StatusConflict, models.CodeIntegrationManaged)
		if !strings.Contains(got.failed().Message, "integrations.yaml, line 7") {
			t.Errorf("%s: %s", method, got.failed().Message)
		}
	}
	a.want("create", a.call(key, http.MethodPost, "/integrations", `{"name":"crm","provider":"github"}`), http.StatusConflict, models.CodeIntegrationExists)
}

func TestAPIListsTheCatalogue(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	c := a.clientOf(a.limitedKey([]string{"crm"}, models.ScopeProxy))
	all, err := c.Providers(t.Context())
	must(t, err)
	for _, provider := range all {
		one, err := c.GetProvider(t.Context(), provider.Name+":"+provider.Version)
		must(t, err)
		if diff := cmp.Diff(provider, *one); diff != "" || one.DisplayName == "" || one.DocsURL == "" || one.Auth.AuthMode == "" || one.Requests.BaseURL == "" {
			t.Errorf("%s: %s", provider.Name, diff)
		}
	}
	if len(all) < 10 {
		t.Errorf("%d providers", len(all))
	}
	for _, name := range []string{"none", "github:v99", "github:", ":v0", "..%2Fgithub", "%00"} {
		a.want(name, a.call(a.key(), http.MethodGet, "/providers/"+name, ""), http.StatusNotFound, models.CodeUnknownProvider)
	}
}

// Whoever may change integrations must not thereby learn the secrets that are kept: changed addresses would be sent them.
func TestAPISecretsOfAnIntegrationStayWithItsHosts(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	key := a.key(models.ScopeIntegrationsWrite)
	a.integrate("crm", `"oauth_client_secret":"kept",`+definitions[models.AuthOAuth2])
	patch := func(body string) page { return a.call(key, http.MethodPatch, "/integrations/crm", body) }
	for _, address := range []string{"token_url", "refresh_url", "revocation_url"} {
		got := patch(`{"auth":{"` + address + `":"https://attacker.example/t"}}`)
		a.want(address, got, http.StatusUnprocessableEntity, models.CodeInvalidIntegration)
		if f := got.failed().Fields; len(f) != 1 || f[0].Field != "oauth_client_secret" {
			t.Errorf("%s: %+v", address, f)
		}
	}
	a.want("taken away", patch(`{"auth":{"auth_mode":"API_KEY","token_url":null}}`), http.StatusUnprocessableEntity, models.CodeInvalidIntegration)
	a.want("another path", patch(`{"auth":{"token_url":"https://p.example/other"}}`), http.StatusOK, "")
	a.want("with another secret", patch(`{"oauth_client_secret":"new","auth":{"token_url":"https://moved.example/t"}}`), http.StatusOK, "")
	_, err := a.client().RegisterConnection(t.Context(), "crm", "42", client.Credentials{AccessToken: canary}, nil)
	must(t, err)
	a.want("with connections", patch(`{"oauth_client_secret":"newer","auth":{"token_url":"https://attacker.example/t"}}`), http.StatusConflict, models.CodeIntegrationInUse)
}
