package integrations

import (
	"slices"
	"time"

	"github.com/patchbay/patchbay/models"
)

// Defaults of what an integration leaves out.
const (
	defaultHTTPTimeout   = 100 * time.Second
	defaultActionTimeout = 60 * time.Second
)

func (r *reader) root(v value) {
	r.mapping(v, map[string]func(value){"integrations": func(v value) {
		if kindOf(resolve(v.node)) == "nothing" { // every integration is commented out
			return
		}
		pairs, _ := r.pairs(v)
		for _, pair := range pairs {
			if r.stopped {
				return
			}
			pair.path = "" // paths begin inside the integration
			if !models.ValidIntegrationName(pair.key.Value) {
				r.faultAtKey(pair, shown(pair.key.Value), "expected a name of 1 to 64 lower-case letters, digits, '.', '-' and '_', "+
					"beginning with a letter or digit")
			}
			r.integrations = append(r.integrations, r.integration(pair))
		}
	}})
}

func (r *reader) integration(v value) models.Integration {
	in := models.Integration{
		Name:          v.key.Value,
		Source:        models.Source{Kind: models.SourceFile, File: r.file, Line: v.key.Line},
		LogLevel:      "info",
		HTTPTimeout:   defaultHTTPTimeout,
		ActionTimeout: defaultActionTimeout,
	}
	var requests value
	extends := func(v value) {
		r.faultAtKey(v, v.path, "expected auth and requests here: the provider catalogue is not available in this version")
	}
	found := r.mapping(v, map[string]func(value){
		"extends_blueprint":            extends,
		"provider":                     extends,
		"log_level":                    word(r, &in.LogLevel, "error", "warn", "info", "debug"),
		"http_request_timeout_seconds": r.seconds(&in.HTTPTimeout, 0),
		"action_timeout_seconds":       r.seconds(&in.ActionTimeout, 1),
		"app_api_key":                  text(r, &in.AppAPIKey, nil),
		"oauth_client_id":              text(r, &in.OAuth.ID, nil),
		"oauth_client_secret":          text(r, &in.OAuth.Secret, nil),
		"oauth_scopes":                 r.texts(&in.OAuth.Scopes),
		"shared_callback":              r.boolean(&in.SharedCallback),
		"auth":                         func(v value) { in.Auth = r.auth(v) },
		"requests":                     func(v value) { requests = v },
		"config_schema": func(v value) {
			r.faultAtKey(v, v.path, "expected no config_schema: it is not supported in this version")
		},
	})
	if requests.node != nil { // last, because its placeholders depend on the auth mode
		in.Request = r.requests(requests, in.Auth.Mode)
	}
	if !found["extends_blueprint"] && !found["provider"] {
		r.require(v, found, "auth", "requests")
	}
	return in
}

// requiredAuth is the keys without which an auth mode cannot work.
var requiredAuth = map[models.AuthMode][]string{
	models.AuthOAuth2:   {"authorization_url", "token_url"},
	models.AuthOAuth1:   {"request_url", "authorization_url", "token_url"},
	models.AuthOAuth2CC: {"token_url"},
}

func (r *reader) auth(v value) models.Auth {
	auth := models.Auth{
		ScopeSeparator:      " ",
		AuthorizationMethod: models.ClientAuthHeader,
		BodyFormat:          models.BodyForm,
		RequestHTTPMethod:   "POST",
		TokenHTTPMethod:     "POST",
		SignatureMethod:     "HMAC-SHA1",
	}
	pkce := true
	found := r.mapping(v, map[string]func(value){
		"auth_mode":            word(r, &auth.Mode, models.AuthModes...),
		"authorization_url":    r.url(&auth.AuthorizationURL, connectionScope),
		"authorization_params": r.textMap(&auth.AuthorizationParams, nil),
		"scope_separator":      text(r, &auth.ScopeSeparator, nil),
		"token_url":            r.url(&auth.TokenURL, connectionScope),
		"token_params":         r.textMap(&auth.TokenParams, nil),
		"authorization_method": word(r, &auth.AuthorizationMethod, models.ClientAuthHeader, models.ClientAuthBody),
		"body_format":          word(r, &auth.BodyFormat, models.BodyForm, models.BodyJSON),
		"refresh_url":          r.url(&auth.RefreshURL, connectionScope),
		"revocation_url":       r.url(&auth.RevocationURL, connectionScope),
		"issuer":               r.url(&auth.Issuer, connectionScope),
		"pkce":                 r.boolean(&pkce),
		"request_url":          r.url(&auth.RequestURL, connectionScope),
		"request_params":       r.textMap(&auth.RequestParams, nil),
		"request_http_method":  word(r, &auth.RequestHTTPMethod, "POST", "GET", "PUT"),
		"token_http_method":    word(r, &auth.TokenHTTPMethod, "POST", "GET", "PUT"),
		"signature_method":     word(r, &auth.SignatureMethod, "HMAC-SHA1", "HMAC-SHA256", "RSA-SHA1", "PLAINTEXT"),
	})
	auth.DisablePKCE = !pkce
	r.require(v, found, slices.Concat([]string{"auth_mode"}, requiredAuth[auth.Mode])...)
	return auth
}

func (r *reader) requests(v value, mode models.AuthMode) models.RequestDefaults {
	var requests models.RequestDefaults
	found := r.mapping(v, map[string]func(value){
		"base_url": r.url(&requests.BaseURL, nil),
		"headers":  r.headers(&requests.Headers, requestScope(mode)),
		"params":   r.textMap(&requests.Params, requestScope(mode)),
	})
	r.require(v, found, "base_url")
	return requests
}

// require reports each key that is not among those found; nothing where v was no mapping at all.
func (r *reader) require(v value, found map[string]bool, keys ...string) {
	for _, key := range keys {
		if found != nil && !found[key] {
			path := key
			if v.path != "" {
				path = v.path + "." + key
			}
			r.faultAtKey(v, path, "expected this key, found none")
		}
	}
}
