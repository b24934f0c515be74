package sandbox

import (
	"encoding/json"
	"errors"
	"mime"
	"net/http"
	"net/url"
	"strings"
)

// oauthError is a failure as RFC 6749 §5.2 encodes it.
type oauthError struct {
	status      int
	Code        string `json:"error"`
	Description string `json:"error_description"`
}

func badRequest(code, description string) *oauthError {
	return &oauthError{http.StatusBadRequest, code, description}
}

func bodyTooLarge() *oauthError {
	return &oauthError{http.StatusRequestEntityTooLarge, "invalid_request", "The body is larger than 64 KiB."}
}

func invalidGrant(description string) *oauthError { return badRequest("invalid_grant", description) }

func (e *oauthError) write(w http.ResponseWriter) {
	if e.status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", `Basic realm="sandbox"`)
	}
	writeJSON(w, e.status, e)
}

func writeJSON(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(body) // fails only when the client has gone
}

// token is the token endpoint (RFC 6749 §3.2).
func (p *Provider) token(w http.ResponseWriter, r *http.Request) {
	form, client, fault := p.clientRequest(r)
	if fault != nil {
		fault.write(w)
		return
	}
	v := visit{client: client}
	switch form.Get("grant_type") {
	case "authorization_code":
		fault = require(form, "code", "redirect_uri", "code_verifier")
		v.request, v.token = Exchange, form.Get("code")
		v.issue = func(by terms) (*grant, *oauthError) {
			return p.redeem(client, v.token, form.Get("redirect_uri"), form.Get("code_verifier"), by)
		}
	case "refresh_token":
		fault = require(form, "refresh_token")
		v.request, v.token = Refresh, form.Get("refresh_token")
		v.issue = func(by terms) (*grant, *oauthError) {
			return p.rotate(client, v.token, strings.Fields(form.Get("scope")), by)
		}
	case "":
		fault = require(form, "grant_type")
	default:
		fault = badRequest("unsupported_grant_type", "The grant types are authorization_code and refresh_token.")
	}
	if fault != nil {
		fault.write(w)
		return
	}
	defer p.enter()()
	p.serve(w, r, v)
}

// revoke ends an access token alone, or with a refresh token all that was granted (RFC 7009 §2). It succeeds for a
// token it does not know, too.
func (p *Provider) revoke(w http.ResponseWriter, r *http.Request) {
	form, client, fault := p.clientRequest(r)
	if fault == nil {
		fault = require(form, "token")
	}
	if fault != nil {
		fault.write(w)
		return
	}
	token := form.Get("token")
	p.serve(w, r, visit{request: Revocation, client: client, token: token, issue: func(terms) (*grant, *oauthError) {
		g := p.grantOf(token)
		switch {
		case g == nil || g.client != client:
		case equal(token, g.refresh):
			p.end(g, "It was revoked by its application.")
		case equal(token, g.access):
			g.access = ""
		}
		return nil, nil
	}})
}

// introspection is what is known of a live token (RFC 7662 §2.2).
type introspection struct {
	Active    bool   `json:"active"`
	Scope     string `json:"scope,omitempty"`
	ClientID  string `json:"client_id,omitempty"`
	Username  string `json:"username,omitempty"`
	TokenType string `json:"token_type,omitempty"`
	Expires   int64  `json:"exp,omitempty"` // unix seconds
	Subject   string `json:"sub,omitempty"`
	Issuer    string `json:"iss,omitempty"`
}

// introspect tells a client about its own tokens (RFC 7662).
func (p *Provider) introspect(w http.ResponseWriter, r *http.Request) {
	form, client, fault := p.clientRequest(r)
	if fault == nil {
		fault = require(form, "token")
	}
	if fault != nil {
		fault.write(w)
		return
	}
	writeJSON(w, http.StatusOK, p.inspect(client, form.Get("token")))
}

func (p *Provider) inspect(c *client, token string) introspection {
	p.mu.Lock()
	defer p.mu.Unlock()
	g := p.grantOf(token)
	if g == nil || g.client != c {
		return introspection{}
	}
	answer := introspection{Active: true, ClientID: c.id, Username: g.account.Name, Subject: g.account.ID, Issuer: p.issuer()}
	switch {
	case g.hasAccess(token, p.now()):
		answer.TokenType, answer.Expires = "Bearer", g.accessExpires.Unix()
		answer.Scope = strings.Join(g.accessScopes, " ")
	case equal(token, g.refresh):
		answer.Scope = strings.Join(g.scopes, " ")
	default:
		return introspection{}
	}
	return answer
}

// clientRequest reads a form and authenticates the client that sent it, by HTTP Basic or in the body (RFC 6749 §2.3.1).
func (p *Provider) clientRequest(r *http.Request) (url.Values, *client, *oauthError) {
	form, fault := readForm(r)
	if fault != nil {
		return nil, nil, fault
	}
	id, secret := form.Get("client_id"), form.Get("client_secret")
	if r.Header.Get("Authorization") != "" {
		if secret != "" {
			return nil, nil, badRequest("invalid_request", "The client authenticated in two ways at once.")
		}
		basicID, basicSecret, _ := r.BasicAuth()
		id, _ = url.QueryUnescape(basicID)
		secret, _ = url.QueryUnescape(basicSecret)
	}
	client := p.client(id)
	if client == nil || !equal(secret, client.secret) {
		return nil, nil, &oauthError{http.StatusUnauthorized, "invalid_client", "The client id or secret is wrong or missing."}
	}
	return form, client, nil
}

// readForm reads a body of form fields, each at most once (RFC 6749 §3.2).
func readForm(r *http.Request) (url.Values, *oauthError) {
	if kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); kind != "application/x-www-form-urlencoded" {
		return nil, badRequest("invalid_request", "The body has to be application/x-www-form-urlencoded.")
	}
	err := r.ParseForm()
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		return nil, bodyTooLarge()
	}
	if err != nil {
		return nil, badRequest("invalid_request", "The body is not well-formed.")
	}
	if repeats(r.PostForm) {
		return nil, badRequest("invalid_request", "A parameter is repeated.")
	}
	return r.PostForm, nil
}

// repeats reports whether a parameter comes more than once, which RFC 6749 §3.1 forbids.
func repeats(values url.Values) bool {
	for _, all := range values {
		if len(all) > 1 {
			return true
		}
	}
	return false
}

func require(form url.Values, names ...string) *oauthError {
	for _, name := range names {
		if form.Get(name) == "" {
			return badRequest("invalid_request", "The parameter "+name+" is missing.")
		}
	}
	return nil
}
