package sandbox

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
)

// userinfo tells who the account is; scope profile.
func (p *Provider) userinfo(w http.ResponseWriter, r *http.Request) {
	if who, ok := p.authorized(w, r, "profile"); ok {
		writeJSON(w, http.StatusOK, map[string]string{"sub": who.ID, "name": who.Name, "email": who.Email})
	}
}

// channels lists where messages can be sent; scope messages:read.
func (p *Provider) channels(w http.ResponseWriter, r *http.Request) {
	if _, ok := p.authorized(w, r, "messages:read"); ok {
		writeJSON(w, http.StatusOK, map[string]any{"channels": []map[string]string{
			{"id": "C1", "name": "general"}, {"id": "C2", "name": "random"}, {"id": "C3", "name": "alerts"},
		}})
	}
}

// postMessage gives back the JSON it is sent, as from the account; scope messages:write.
func (p *Provider) postMessage(w http.ResponseWriter, r *http.Request) {
	who, ok := p.authorized(w, r, "messages:write")
	if !ok {
		return
	}
	body, err := io.ReadAll(r.Body)
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		bodyTooLarge().write(w)
	case err != nil || !json.Valid(body):
		badRequest("invalid_request", "The body has to be JSON.").write(w)
	default:
		writeJSON(w, http.StatusCreated, map[string]any{"id": rand.Text(), "from": who.Name, "message": json.RawMessage(body)})
	}
}

// authorized finds the account whose access token a request bears (RFC 6750 §2.1) and answers the request where there
// is none, or where it lacks the scope.
func (p *Provider) authorized(w http.ResponseWriter, r *http.Request, scope string) (who account, ok bool) {
	kind, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(kind, "Bearer") {
		w.Header().Set("WWW-Authenticate", `Bearer realm="sandbox"`)
		w.WriteHeader(http.StatusUnauthorized)
		return account{}, false
	}
	who, scopes, ok := p.bearer(token)
	switch {
	case !ok:
		w.Header().Set("WWW-Authenticate", `Bearer realm="sandbox", error="invalid_token"`)
		fault := &oauthError{Code: "invalid_token", Description: "The access token is unknown, expired or revoked."}
		writeJSON(w, http.StatusUnauthorized, fault)
	case !slices.Contains(scopes, scope):
		w.Header().Set("WWW-Authenticate", `Bearer realm="sandbox", error="insufficient_scope", scope="`+scope+`"`)
		fault := &oauthError{Code: "insufficient_scope", Description: "The access token lacks the scope " + scope + "."}
		writeJSON(w, http.StatusForbidden, fault)
	default:
		return who, true
	}
	return account{}, false
}

// bearer gives the account and the scopes of a live access token.
func (p *Provider) bearer(token string) (who account, scopes []string, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	g := p.grantOf(token)
	if g == nil || !g.hasAccess(token, p.now()) {
		return account{}, nil, false
	}
	return g.account, g.accessScopes, true
}
