package models

import (
	"regexp"
	"strings"
	"time"
)

// Integration is one external API as the operator configured it.
type Integration struct {
	Name     string // lower-case, no spaces, unique
	Source   Source
	Provider string // the entry of the catalogue it extends, such as slack:v0; empty for none
	Auth     Auth
	OAuth    OAuthClient
	Request  RequestDefaults

	AppAPIKey      Secret // the application's own key at the provider, for ${app_api_key}
	LogLevel       string // error, warn, info or debug
	HTTPTimeout    time.Duration
	ActionTimeout  time.Duration
	SharedCallback bool // use /oauth/callback instead of one callback per integration

	// Unexpanded is the texts that hold environment variables, as integrations.yaml has them, by key, such as
	// requests.headers.X-Key. What may be secret is shown as it is here.
	Unexpanded map[string]string
}

// Source says where an integration is configured. Line is 1-based, 0 where there is no file.
type Source struct {
	Kind SourceKind
	File string
	Line int
}

// SourceKind is where an integration comes from.
type SourceKind string

// The sources.
const (
	SourceFile     SourceKind = "file"     // integrations.yaml
	SourceDatabase SourceKind = "database" // made in the dashboard or by API
	SourceSandbox  SourceKind = "sandbox"  // the built-in provider
)

// OAuthClient is the application's registration at the provider.
type OAuthClient struct {
	ID     string
	Secret Secret
	Scopes []string
}

// Auth is how end users authorize an integration. The OAuth 2 fields follow RFC 6749; the last six are those of
// OAuth 1.0a (RFC 5849).
type Auth struct {
	Mode                AuthMode
	AuthorizationURL    string // its query string is kept
	AuthorizationParams map[string]string
	ScopeSeparator      string
	TokenURL            string // its query string is kept
	TokenParams         map[string]string
	AuthorizationMethod ClientAuth
	BodyFormat          BodyFormat
	RefreshURL          string       // the token URL where empty
	RevocationURL       string       // RFC 7009; ours
	Issuer              string       // where set, iss (RFC 9207) must be sent and equal it; ours
	DisablePKCE         bool         // for providers that refuse RFC 7636 parameters; ours
	Refresh             RefreshRules // ours
	DeadTokenErrors     []string     // error codes by which the provider says that a grant has ended, besides the usual; ours

	RequestURL        string
	RequestParams     map[string]string
	RequestHTTPMethod string
	TokenHTTPMethod   string
	SignatureMethod   string
}

// GrantAuthorizationCode is the grant type of the browser flow (RFC 6749 §4.1.3).
const GrantAuthorizationCode = "authorization_code"

// ClientAuth is how the client id and secret are sent to the token endpoint (RFC 6749 §2.3.1).
type ClientAuth string

// The ways of client authentication.
const (
	ClientAuthHeader ClientAuth = "header" // HTTP Basic, the default
	ClientAuthBody   ClientAuth = "body"
)

// BodyFormat is the encoding of token requests.
type BodyFormat string

// The body formats.
const (
	BodyForm BodyFormat = "form" // the default, and the only one of RFC 6749
	BodyJSON BodyFormat = "json"
)

// RequestDefaults are what every call to the integration's API starts from; values may hold placeholders.
type RequestDefaults struct {
	BaseURL string
	Headers map[string]string
	Params  map[string]string
}

var integrationName = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,63}$`)

// ValidIntegrationName reports whether name is 1 to 64 lower-case letters, digits, dots, hyphens and underscores,
// beginning with a letter or digit.
func ValidIntegrationName(name string) bool { return integrationName.MatchString(name) }

// Registered reports whether the integration's connections are registered by the application's backend, and not made in
// the browser.
func (i *Integration) Registered() bool {
	return i.Auth.Mode == AuthOAuth1 || i.Auth.Mode == AuthAPIKey || i.Auth.Mode == AuthUsernamePassword
}

// Problem says in one sentence why users cannot connect this integration in the browser yet, or nothing.
func (i *Integration) Problem() string {
	switch {
	case i.Registered():
		return "Its connections are registered by your backend; connecting in the browser is not available for auth mode " + string(i.Auth.Mode) + " yet."
	case i.Auth.Mode != AuthOAuth2:
		return "Connecting in the browser is not available for auth mode " + string(i.Auth.Mode) + " yet."
	case i.OAuth.ID == "":
		return "oauth_client_id is missing: register an OAuth app at the provider and add its client id."
	case i.Auth.AuthorizationURL == "" || i.Auth.TokenURL == "":
		return "auth needs authorization_url and token_url."
	case strings.Contains(i.Auth.AuthorizationURL+i.Auth.TokenURL+i.Auth.Issuer, "${"):
		return "Placeholders in the addresses of auth cannot be filled yet."
	case i.Auth.TokenParams["grant_type"] != "" && i.Auth.TokenParams["grant_type"] != GrantAuthorizationCode:
		return "token_params asks for another grant_type than authorization_code, which is the one of the browser flow."
	}
	return ""
}
