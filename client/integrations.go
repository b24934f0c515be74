package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
)

// Integration is one external API as the operator configured it: the keys of integrations.yaml, with what its provider
// contributes and the defaults filled in. No secret is in it; OAuthClientSecretSet and AppAPIKeySet say which are there.
type Integration struct {
	Name        string `json:"name"`
	Source      Source `json:"source"`
	CallbackURL string `json:"callbackUrl"`
	Problem     string `json:"problem"` // why users cannot connect yet, in one sentence; empty where they can
	Connections int64  `json:"connections"`

	Provider                  string   `json:"provider"` // slack:v0; empty where it extends none
	LogLevel                  string   `json:"log_level"`
	HTTPRequestTimeoutSeconds int      `json:"http_request_timeout_seconds"` // 0 is no timeout
	ActionTimeoutSeconds      int      `json:"action_timeout_seconds"`
	AppAPIKeySet              bool     `json:"app_api_key_set"`
	OAuthClientID             string   `json:"oauth_client_id"`
	OAuthClientSecretSet      bool     `json:"oauth_client_secret_set"`
	OAuthScopes               []string `json:"oauth_scopes"`
	SharedCallback            bool     `json:"shared_callback"`
	Auth                      Auth     `json:"auth"`
	Requests                  Requests `json:"requests"`
}

// Source is where an integration is configured. Only those in the database can be changed by the API.
type Source string

// The sources.
const (
	SourceFile     Source = "file"     // integrations.yaml
	SourceDatabase Source = "database" // the dashboard or the API
	SourceSandbox  Source = "sandbox"  // the built-in provider
)

// Auth is the auth section of an integration or a provider. The last five fields are those of OAuth 1.0a.
type Auth struct {
	AuthMode            AuthMode          `json:"auth_mode,omitzero"`
	AuthorizationURL    string            `json:"authorization_url,omitzero"`
	AuthorizationParams map[string]string `json:"authorization_params,omitzero"`
	ScopeSeparator      string            `json:"scope_separator,omitzero"`
	TokenURL            string            `json:"token_url,omitzero"`
	TokenParams         map[string]string `json:"token_params,omitzero"`
	AuthorizationMethod string            `json:"authorization_method,omitzero"` // header or body
	BodyFormat          string            `json:"body_format,omitzero"`          // form or json
	RefreshURL          string            `json:"refresh_url,omitzero"`
	RevocationURL       string            `json:"revocation_url,omitzero"`
	Issuer              string            `json:"issuer,omitzero"`
	PKCE                *bool             `json:"pkce,omitzero"` // true where nil
	RequestURL          string            `json:"request_url,omitzero"`
	RequestParams       map[string]string `json:"request_params,omitzero"`
	RequestHTTPMethod   string            `json:"request_http_method,omitzero"`
	TokenHTTPMethod     string            `json:"token_http_method,omitzero"`
	SignatureMethod     string            `json:"signature_method,omitzero"`
}

// Requests is what every call to an integration's API starts from. Values may hold placeholders such as ${access_token}.
type Requests struct {
	BaseURL string            `json:"base_url,omitzero"`
	Headers map[string]string `json:"headers,omitzero"`
	Params  map[string]string `json:"params,omitzero"`
}

// NewIntegration is an integration to be made: of a provider, of a provider with some of Auth and Requests replaced, or of
// Auth and Requests alone. Printing and logging it shows the name alone, and encoding/json refuses it.
type NewIntegration struct {
	Name                      string    `json:"name"`
	Provider                  string    `json:"provider,omitzero"` // slack, the newest version, or slack:v0
	LogLevel                  string    `json:"log_level,omitzero"`
	HTTPRequestTimeoutSeconds *int      `json:"http_request_timeout_seconds,omitzero"` // the server's default where nil
	ActionTimeoutSeconds      *int      `json:"action_timeout_seconds,omitzero"`       // the server's default where nil
	AppAPIKey                 string    `json:"app_api_key,omitzero"`
	OAuthClientID             string    `json:"oauth_client_id,omitzero"`
	OAuthClientSecret         string    `json:"oauth_client_secret,omitzero"`
	OAuthScopes               []string  `json:"oauth_scopes,omitzero"`
	SharedCallback            bool      `json:"shared_callback,omitzero"`
	Auth                      *Auth     `json:"auth,omitzero"`
	Requests                  *Requests `json:"requests,omitzero"`
}

// MarshalJSON refuses, so that the secrets are never stored or logged by accident.
func (n NewIntegration) MarshalJSON() ([]byte, error) {
	return nil, errors.New("patchbay: a new integration is not encoded implicitly, because it holds secrets")
}

// String tells the name alone.
func (n NewIntegration) String() string { return "new integration " + n.Name + " [redacted]" }

// Format tells the name alone, whatever the verb.
func (n NewIntegration) Format(f fmt.State, _ rune) { io.WriteString(f, n.String()) }

// LogValue tells the name alone in log/slog.
func (n NewIntegration) LogValue() slog.Value { return slog.StringValue(n.String()) }

// Integrations gives all integrations that the API key may touch.
func (c *Client) Integrations(ctx context.Context) ([]Integration, error) {
	answer, err := fetch[struct{ Integrations []Integration }](ctx, c, request{method: http.MethodGet, path: []string{"integrations"}})
	if err != nil {
		return nil, err
	}
	return answer.Integrations, nil
}

// GetIntegration gives one integration. It fails with unknown_integration.
func (c *Client) GetIntegration(ctx context.Context, name string) (*Integration, error) {
	return fetch[Integration](ctx, c, request{method: http.MethodGet, path: []string{"integrations", name}})
}

// CreateIntegration makes an integration in the database of the server. It fails with integration_exists and
// invalid_integration, which names the keys at fault.
func (c *Client) CreateIntegration(ctx context.Context, integration NewIntegration) (*Integration, error) {
	type plain NewIntegration // without the methods that hide
	body, err := json.Marshal(plain(integration))
	if err != nil {
		return nil, err
	}
	return fetch[Integration](ctx, c, request{method: http.MethodPost, path: []string{"integrations"}, body: body})
}

// PatchIntegration changes keys of an integration by a JSON merge patch (RFC 7396), such as {"oauth_client_secret":"…"}. It
// fails with unknown_integration, invalid_integration, and integration_managed where integrations.yaml holds it.
func (c *Client) PatchIntegration(ctx context.Context, name string, patch json.RawMessage) (*Integration, error) {
	return fetch[Integration](ctx, c, request{method: http.MethodPatch, path: []string{"integrations", name}, body: patch})
}

// DeleteIntegration deletes an integration. It fails with unknown_integration, integration_managed where integrations.yaml
// holds it, and integration_in_use while it has connections.
func (c *Client) DeleteIntegration(ctx context.Context, name string) error {
	_, err := c.do(ctx, request{method: http.MethodDelete, path: []string{"integrations", name}})
	return err
}

// Provider is an entry of the server's catalogue, which integrations can extend.
type Provider struct {
	Name        string   `json:"name"`        // slack
	Version     string   `json:"version"`     // v0
	DisplayName string   `json:"displayName"` // Slack
	DocsURL     string   `json:"docsUrl"`     // how the provider describes its authorization
	ConsoleURL  string   `json:"consoleUrl"`  // where an OAuth app is registered, or a key made
	SetupNotes  string   `json:"setupNotes"`  // what to do there
	Scopes      []string `json:"scopes"`      // some that are often asked for
	Auth        Auth     `json:"auth"`
	Requests    Requests `json:"requests"`
}

// Providers gives the catalogue.
func (c *Client) Providers(ctx context.Context) ([]Provider, error) {
	answer, err := fetch[struct{ Providers []Provider }](ctx, c, request{method: http.MethodGet, path: []string{"providers"}})
	if err != nil {
		return nil, err
	}
	return answer.Providers, nil
}

// GetProvider gives one entry of the catalogue. It fails with unknown_provider.
func (c *Client) GetProvider(ctx context.Context, name string) (*Provider, error) {
	return fetch[Provider](ctx, c, request{method: http.MethodGet, path: []string{"providers", name}})
}
