package sandbox

import (
	"crypto/rand"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// authorization is a valid authorization request that waits for an answer on the consent page.
type authorization struct {
	client      *client
	redirectURI string
	state       string
	scopes      []string
	challenge   string
}

// s256Challenge is the form of a code_challenge of method S256: base64url of 32 bytes (RFC 7636 §4.2).
var s256Challenge = regexp.MustCompile(`^[A-Za-z0-9_-]{43}$`)

// authorize is the authorization endpoint (RFC 6749 §4.1.1). Nothing is redirected before client and redirect URI are
// known to belong together, because anyone can make up such a link (RFC 6749 §4.1.2.1).
func (p *Provider) authorize(w http.ResponseWriter, r *http.Request) {
	if len(r.URL.RawQuery) > maxURLBytes {
		refuse(w, http.StatusRequestURITooLong, "The address of this page is too long.")
		return
	}
	query, err := url.ParseQuery(r.URL.RawQuery)
	client := p.client(query.Get("client_id"))
	redirectURI := query.Get("redirect_uri")
	switch {
	case err != nil:
		refuse(w, http.StatusBadRequest, "The address of this page is damaged.")
		return
	case client == nil || len(query["client_id"]) != 1:
		refuse(w, http.StatusBadRequest, "The client_id is not one of an application registered here.")
		return
	case !client.redirectsTo(redirectURI) || len(query["redirect_uri"]) != 1:
		refuse(w, http.StatusBadRequest, "The redirect_uri is not registered for this application.")
		return
	}
	a := &authorization{
		client: client, redirectURI: redirectURI, state: query.Get("state"), challenge: query.Get("code_challenge"),
	}
	if fault := a.check(query); fault != nil {
		p.answer(w, a, url.Values{"error": {fault.Code}, "error_description": {fault.Description}})
		return
	}
	showConsent(w, a, p.keep(a))
}

// check reads the scopes and finds the first fault of a request.
func (a *authorization) check(query url.Values) *oauthError {
	a.scopes = slices.Compact(slices.Sorted(strings.FieldsSeq(query.Get("scope"))))
	if len(a.scopes) == 0 {
		a.scopes = []string{allScopes[0].name}
	}
	for _, name := range a.scopes {
		if !slices.ContainsFunc(allScopes, func(s scope) bool { return s.name == name }) {
			return badRequest("invalid_scope", "The scope is unknown.")
		}
	}
	switch {
	case repeats(query):
		return badRequest("invalid_request", "A parameter is repeated.")
	case query.Get("response_type") == "":
		return badRequest("invalid_request", "The response_type is missing.")
	case query.Get("response_type") != "code":
		return badRequest("unsupported_response_type", "The only response_type is code.")
	case query.Get("code_challenge_method") != "S256" || !s256Challenge.MatchString(a.challenge):
		return badRequest("invalid_request", "PKCE is required: code_challenge of 43 characters, code_challenge_method S256.")
	}
	return nil
}

// keep puts a request aside for its consent page and gives the id under which it can be answered once.
func (p *Provider) keep(a *authorization) (id string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	id = rand.Text()
	p.requests.put(p.now(), id, a)
	return id
}

func (p *Provider) take(id string) (a *authorization, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	a, ok = p.requests.get(p.now(), id)
	p.requests.remove(id)
	return a, ok
}

// decide is where the consent page is sent.
func (p *Provider) decide(w http.ResponseWriter, r *http.Request) {
	form, fault := readForm(r)
	if fault != nil {
		refuse(w, fault.status, fault.Description)
		return
	}
	who := slices.IndexFunc(accounts, func(a account) bool { return a.ID == form.Get("account") })
	decision := form.Get("decision")
	if who < 0 || decision != "allow" && decision != "deny" {
		refuse(w, http.StatusBadRequest, "Choose an account, and Allow or Deny.")
		return
	}
	a, ok := p.take(form.Get("request"))
	if !ok {
		refuse(w, http.StatusBadRequest, "This page was answered before, or is older than 10 minutes.")
		return
	}
	if decision == "deny" {
		p.answer(w, a, url.Values{"error": {"access_denied"}, "error_description": {accounts[who].Name + " denied access."}})
		return
	}
	p.answer(w, a, url.Values{"code": {p.allow(a, accounts[who])}})
}

// answer sends the browser back to the application, with iss (RFC 9207). The status is 303, so that the form is never
// sent on (RFC 9700 §4.12).
func (p *Provider) answer(w http.ResponseWriter, a *authorization, parameters url.Values) {
	parameters.Set("iss", p.issuer())
	if a.state != "" {
		parameters.Set("state", a.state)
	}
	w.Header().Set("Location", a.redirectURI+"?"+parameters.Encode())
	w.WriteHeader(http.StatusSeeOther)
}
