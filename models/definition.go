package models

import (
	"regexp"
	"slices"
	"strings"
	"time"
)

// Definition is an integration in the keys of integrations.yaml, as the API shows it: what its provider contributes and
// the defaults are filled in. No secret is in it; two flags say which of them are there.
type Definition struct {
	Provider                  string             `json:"provider,omitempty"` // slack:v0, where it extends one
	LogLevel                  string             `json:"log_level"`
	HTTPRequestTimeoutSeconds int                `json:"http_request_timeout_seconds"` // 0 is no timeout
	ActionTimeoutSeconds      int                `json:"action_timeout_seconds"`
	AppAPIKeySet              bool               `json:"app_api_key_set"`
	OAuthClientID             string             `json:"oauth_client_id"`
	OAuthClientSecretSet      bool               `json:"oauth_client_secret_set"`
	OAuthScopes               []string           `json:"oauth_scopes"`
	SharedCallback            bool               `json:"shared_callback"`
	Auth                      AuthDefinition     `json:"auth"`
	Requests                  RequestsDefinition `json:"requests"`
}

// AuthDefinition is the auth section of a [Definition].
type AuthDefinition struct {
	AuthMode            AuthMode          `json:"auth_mode"`
	AuthorizationURL    string            `json:"authorization_url,omitempty"`
	AuthorizationParams map[string]string `json:"authorization_params,omitempty"`
	ScopeSeparator      string            `json:"scope_separator"`
	TokenURL            string            `json:"token_url,omitempty"`
	TokenParams         map[string]string `json:"token_params,omitempty"`
	AuthorizationMethod ClientAuth        `json:"authorization_method"`
	BodyFormat          BodyFormat        `json:"body_format"`
	RefreshURL          string            `json:"refresh_url,omitempty"`
	RevocationURL       string            `json:"revocation_url,omitempty"`
	Issuer              string            `json:"issuer,omitempty"`
	PKCE                bool              `json:"pkce"`

	RefreshMarginSeconds    int      `json:"refresh_margin_seconds,omitempty"`
	AccessTokenLifeSeconds  int      `json:"access_token_life_seconds,omitempty"`
	RefreshTokenIdleSeconds int      `json:"refresh_token_idle_seconds,omitempty"`
	DeadTokenErrors         []string `json:"dead_token_errors,omitempty"`

	RequestURL        string            `json:"request_url,omitempty"`
	RequestParams     map[string]string `json:"request_params,omitempty"`
	RequestHTTPMethod string            `json:"request_http_method,omitempty"`
	TokenHTTPMethod   string            `json:"token_http_method,omitempty"`
	SignatureMethod   string            `json:"signature_method,omitempty"`
}

// RequestsDefinition is the requests section of a [Definition].
type RequestsDefinition struct {
	BaseURL string            `json:"base_url"`
	Headers map[string]string `json:"headers,omitempty"`
	Params  map[string]string `json:"params,omitempty"`
}

// Definition describes the integration without its secrets. A URL, parameter or header that holds environment variables
// is shown as integrations.yaml has it, because the variables may be secret.
func (i *Integration) Definition() Definition {
	a, u := i.Auth, unexpanded(i.Unexpanded)
	return Definition{
		Provider:                  i.Provider,
		LogLevel:                  i.LogLevel,
		HTTPRequestTimeoutSeconds: int(i.HTTPTimeout / time.Second),
		ActionTimeoutSeconds:      int(i.ActionTimeout / time.Second),
		AppAPIKeySet:              i.AppAPIKey != "",
		OAuthClientID:             i.OAuth.ID,
		OAuthClientSecretSet:      i.OAuth.Secret != "",
		OAuthScopes:               append([]string{}, i.OAuth.Scopes...),
		SharedCallback:            i.SharedCallback,
		Auth: AuthDefinition{
			AuthMode:            a.Mode,
			AuthorizationURL:    u.text("auth.authorization_url", a.AuthorizationURL),
			AuthorizationParams: u.texts("auth.authorization_params", a.AuthorizationParams),
			ScopeSeparator:      a.ScopeSeparator,
			TokenURL:            u.text("auth.token_url", a.TokenURL),
			TokenParams:         u.texts("auth.token_params", a.TokenParams),
			AuthorizationMethod: a.AuthorizationMethod,
			BodyFormat:          a.BodyFormat,
			RefreshURL:          u.text("auth.refresh_url", a.RefreshURL),
			RevocationURL:       u.text("auth.revocation_url", a.RevocationURL),
			Issuer:              u.text("auth.issuer", a.Issuer),
			PKCE:                !a.DisablePKCE,

			RefreshMarginSeconds:    int(a.Refresh.Margin / time.Second),
			AccessTokenLifeSeconds:  int(a.Refresh.AccessTokenLife / time.Second),
			RefreshTokenIdleSeconds: int(a.Refresh.RefreshTokenIdleLife / time.Second),
			DeadTokenErrors:         slices.Clone(a.DeadTokenErrors),

			RequestURL:        u.text("auth.request_url", a.RequestURL),
			RequestParams:     u.texts("auth.request_params", a.RequestParams),
			RequestHTTPMethod: a.RequestHTTPMethod,
			TokenHTTPMethod:   a.TokenHTTPMethod,
			SignatureMethod:   a.SignatureMethod,
		},
		Requests: RequestsDefinition{
			BaseURL: u.text("requests.base_url", i.Request.BaseURL),
			Headers: u.texts("requests.headers", i.Request.Headers),
			Params:  u.texts("requests.params", i.Request.Params),
		},
	}
}

// unexpanded is texts with their environment variables, by key.
type unexpanded map[string]string

func (u unexpanded) text(key, expanded string) string {
	if typed, ok := u[key]; ok {
		return typed
	}
	return expanded
}

func (u unexpanded) texts(key string, expanded map[string]string) map[string]string {
	shown := make(map[string]string, len(expanded))
	for name, text := range expanded {
		shown[name] = u.text(key+"."+name, text)
	}
	return shown
}

// Redacted gives the definition with mask in place of every value that may hold a secret somebody wrote into it: what is sent
// to the token endpoint or with requests, unless it is made of placeholders, and the queries of addresses.
func (d Definition) Redacted(mask string) Definition {
	texts := func(values map[string]string) map[string]string {
		shown := make(map[string]string, len(values))
		for name, value := range values {
			if !madeOfPlaceholders.MatchString(value) {
				value = mask
			}
			shown[name] = value
		}
		return shown
	}
	for _, address := range []*string{
		&d.Auth.AuthorizationURL, &d.Auth.TokenURL, &d.Auth.RefreshURL, &d.Auth.RevocationURL, &d.Auth.RequestURL, &d.Requests.BaseURL,
	} {
		*address = redactQuery(*address, mask)
	}
	d.Auth.TokenParams, d.Auth.RequestParams = texts(d.Auth.TokenParams), texts(d.Auth.RequestParams)
	d.Requests.Headers, d.Requests.Params = texts(d.Requests.Headers), texts(d.Requests.Params)
	return d
}

// madeOfPlaceholders matches a value that holds no secret itself: placeholders, perhaps behind a scheme.
var madeOfPlaceholders = regexp.MustCompile(`^([A-Za-z]+ )?(\$\{[^}]+\})+$`)

func redactQuery(address, mask string) string {
	path, query, found := strings.Cut(address, "?")
	if !found {
		return address
	}
	parameters := strings.Split(query, "&")
	for i, parameter := range parameters {
		if name, _, hasValue := strings.Cut(parameter, "="); hasValue {
			parameters[i] = name + "=" + mask
		}
	}
	return path + "?" + strings.Join(parameters, "&")
}
