package models

import (
	"encoding/json"
	"testing"
	"time"
)

// TestDefinition: the keys are those of integrations.yaml, in its order; no secret and no variable's value is shown.
func TestDefinition(t *testing.T) {
	in := Integration{
		Name: "slack", Provider: "slack:v0", AppAPIKey: "hidden", LogLevel: "info", HTTPTimeout: 100 * time.Second, ActionTimeout: time.Minute,
		OAuth: OAuthClient{ID: "1", Scopes: []string{"b", "a"}},
		Auth: Auth{
			Mode: AuthOAuth2, AuthorizationURL: "https://x.example/hidden", TokenURL: "https://x.example/token", ScopeSeparator: ",",
			TokenParams: map[string]string{"key": "hidden", "audience": "x"}, AuthorizationMethod: ClientAuthBody, BodyFormat: BodyForm, DisablePKCE: true,
		},
		Request:    RequestDefaults{BaseURL: "https://x.example/", Headers: map[string]string{"X.Key": "hidden"}},
		Unexpanded: map[string]string{"auth.authorization_url": "https://x.example/${PATH}", "auth.token_params.key": "${KEY}", "requests.headers.X.Key": "${KEY}"},
	}
	const want = `{
  "provider": "slack:v0",
  "log_level": "info",
  "http_request_timeout_seconds": 100,
  "action_timeout_seconds": 60,
  "app_api_key_set": true,
  "oauth_client_id": "1",
  "oauth_client_secret_set": false,
  "oauth_scopes": [
    "b",
    "a"
  ],
  "shared_callback": false,
  "auth": {
    "auth_mode": "OAUTH2",
    "authorization_url": "https://x.example/${PATH}",
    "scope_separator": ",",
    "token_url": "https://x.example/token",
    "token_params": {
      "audience": "x",
      "key": "${KEY}"
    },
    "authorization_method": "body",
    "body_format": "form",
    "pkce": false
  },
  "requests": {
    "base_url": "https://x.example/",
    "headers": {
      "X.Key": "${KEY}"
    }
  }
}`
	got, err := json.MarshalIndent(in.Definition(), "", "  ")
	if err != nil || string(got) != want {
		t.Errorf("%s, %v; want %s", got, err, want)
	}
	if got, err := json.Marshal((&Integration{}).Definition().OAuthScopes); err != nil || string(got) != "[]" {
		t.Errorf("no scopes: %s, %v; want []", got, err)
	}
}
