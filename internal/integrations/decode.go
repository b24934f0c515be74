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

const expectedName = "expected a name of 1 to 64 lower-case letters, digits, '.', '-' and '_', beginning with a letter or digit"

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
				r.faultAtKey(pair, shown(pair.key.Value), expectedName)
			}
			in := r.integration(pair)
			in.Source = models.Source{Kind: models.SourceFile, File: r.file, Line: pair.key.Line}
			r.integrations = append(r.integrations, in)
		}
	}})
}

func (r *reader) integration(v value) models.Integration {
	in := models.Integration{
		Name:          v.key.Value,
		LogLevel:      "info",
		HTTPTimeout:   defaultHTTPTimeout,
		ActionTimeout: defaultActionTimeout,
	}
	r.unexpanded = nil
	var extends, auth, requests value
	provider := func(v value) {
		if extends.node != nil {
			r.faultAtKey(v, v.path, "expected only one of provider and extends_blueprint, which mean the same")
		}
		extends = v
	}
	known := map[string]func(value){
		"extends_blueprint":            provider,
		"provider":                     provider,
		"log_level":                    word(r, &in.LogLevel, "error", "warn", "info", "debug"),
		"http_request_timeout_seconds": r.seconds(&in.HTTPTimeout, 0, maxTimeout),
		"action_timeout_seconds":       r.seconds(&in.ActionTimeout, 1, maxTimeout),
		"app_api_key":                  text(r, &in.AppAPIKey, nil),
		"oauth_client_id":              text(r, &in.OAuth.ID, nil),
		"oauth_client_secret":          text(r, &in.OAuth.Secret, nil),
		"oauth_scopes":                 r.texts(&in.OAuth.Scopes),
		"shared_callback":              r.boolean(&in.SharedCallback),
		"auth":                         keep(&auth),
		"requests":                     keep(&requests),
		"config_schema": func(v value) {
			r.faultAtKey(v, v.path, "expected no config_schema: it is not supported in this version")
		},
	}
	if r.definition {
		var set bool // what is shown of a secret; only the secret itself counts
		known["app_api_key_set"], known["oauth_client_secret_set"] = r.boolean(&set), r.boolean(&set)
	}
	found := r.mapping(v, known)
	if extends.node == nil {
		r.require(v, found, "auth", "requests")
	} else {
		in.Provider, auth, requests = r.extend(extends, auth, requests)
	}
	r.sections(&in, auth, requests)
	in.Unexpanded = r.unexpanded
	return in
}

// sections reads auth and requests, where they are there.
func (r *reader) sections(in *models.Integration, auth, requests value) {
	if auth.node != nil {
		in.Auth = r.auth(auth)
	}
	if requests.node != nil { // last, because its placeholders depend on the auth mode
		in.Request = r.requests(requests, in.Auth.Mode)
	}
}

// keep leaves a value to be read later.
func keep(target *value) func(value) { return func(v value) { *target = v } }

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

		"refresh_margin_seconds":     r.seconds(&auth.Refresh.Margin, 0, maxLife),
		"access_token_life_seconds":  r.seconds(&auth.Refresh.AccessTokenLife, 0, maxLife),
		"refresh_token_idle_seconds": r.seconds(&auth.Refresh.RefreshTokenIdleLife, 0, maxLife),
		"dead_token_errors":          r.texts(&auth.DeadTokenErrors),

		"request_url":         r.url(&auth.RequestURL, connectionScope),
		"request_params":      r.textMap(&auth.RequestParams, nil),
		"request_http_method": word(r, &auth.RequestHTTPMethod, "POST", "GET", "PUT"),
		"token_http_method":   word(r, &auth.TokenHTTPMethod, "POST", "GET", "PUT"),
		"signature_method":    word(r, &auth.SignatureMethod, "HMAC-SHA1", "HMAC-SHA256", "RSA-SHA1", "PLAINTEXT"),
	})
	auth.DisablePKCE = !pkce
	r.require(v, found, slices.Concat([]string{"auth_mode"}, requiredAuth[auth.Mode])...)
	return auth
}

func (r *reader) requests(v value, mode models.AuthMode) models.RequestDefaults {
	var requests models.RequestDefaults
	found := r.mapping(v, map[string]func(value){
		"base_url": r.url(&requests.BaseURL, connectionScope),
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
