package sandbox

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"slices"
	"strings"
	"time"
)

// account is a pretend person.
type account struct{ ID, Name, Email string }

var accounts = []account{
	{"ada", "Ada Lovelace", "ada@sandbox.example"},
	{"alan", "Alan Turing", "alan@sandbox.example"},
	{"grace", "Grace Hopper", "grace@sandbox.example"},
}

// scope is something an account can allow; words complete "will be able to".
type scope struct{ name, words string }

var allScopes = []scope{
	{"profile", "See your name and email address"},
	{"messages:read", "Read your messages"},
	{"messages:write", "Send messages for you"},
}

// grant is what one Allow gave: an authorization code, then the tokens made from it. The code and every token begin
// with the id of their grant, so that a used code or refresh token is recognized without keeping it.
type grant struct {
	id      string
	client  *client
	account account
	scopes  []string

	code        string
	codeExpires time.Time
	redirectURI string
	challenge   string // PKCE code_challenge
	redeemed    bool   // the code was used

	access        string // the newest one; a refresh ends the one before
	accessExpires time.Time
	accessScopes  []string
	refresh       string // the newest one; each is used once
}

// allow turns an authorization request into a grant and gives its authorization code.
func (p *Provider) allow(a *authorization, by account) (code string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now, id := p.now(), rand.Text()
	g := &grant{
		id: id, client: a.client, account: by, scopes: a.scopes,
		code: newToken(id), codeExpires: now.Add(codeLife), redirectURI: a.redirectURI, challenge: a.challenge,
	}
	p.grants.put(now, id, g)
	return g.code
}

func newToken(grantID string) string { return grantID + "." + rand.Text() }

// grantOf gives the live grant that a code or token belongs or belonged to, or nil.
func (p *Provider) grantOf(token string) *grant {
	id, _, _ := strings.Cut(token, ".")
	g, _ := p.grants.get(p.now(), id)
	return g
}

// redeem exchanges an authorization code (RFC 6749 §4.1.3, RFC 7636 §4.6). The first attempt uses the code up, whether
// it succeeds or not; one more ends the tokens it gave.
func (p *Provider) redeem(c *client, code, redirectURI, verifier string) (*tokenAnswer, *oauthError) {
	p.mu.Lock()
	defer p.mu.Unlock()
	g := p.grantOf(code)
	if g == nil || g.client != c || !equal(code, g.code) {
		return nil, invalidGrant("The authorization code is unknown or has ended.")
	}
	fault := ""
	sum := sha256.Sum256([]byte(verifier))
	switch {
	case g.redeemed:
		fault = "The authorization code was used before; the tokens it gave are revoked."
	case !g.codeExpires.After(p.now()):
		fault = "The authorization code has expired."
	case redirectURI != g.redirectURI:
		fault = "The redirect_uri is not the one of the authorization request."
	case !equal(base64.RawURLEncoding.EncodeToString(sum[:]), g.challenge):
		fault = "The code_verifier does not match the code_challenge."
	}
	if fault != "" {
		p.grants.remove(g.id)
		return nil, invalidGrant(fault)
	}
	g.redeemed = true
	return p.issue(g, g.scopes), nil
}

// rotate exchanges a refresh token for new tokens (RFC 6749 §6), of the scopes asked for or all granted ones. A refresh
// token that is no longer the newest one ends the grant, because one of its two holders has stolen it (RFC 9700 §4.14.2).
func (p *Provider) rotate(c *client, token string, asked []string) (*tokenAnswer, *oauthError) {
	p.mu.Lock()
	defer p.mu.Unlock()
	g := p.grantOf(token)
	if g == nil || g.client != c {
		return nil, invalidGrant("The refresh token is unknown, has ended or was revoked.")
	}
	if !equal(token, g.refresh) {
		p.grants.remove(g.id)
		return nil, invalidGrant("The refresh token was used before; the grant is revoked.")
	}
	if len(asked) == 0 {
		asked = g.scopes
	}
	for _, name := range asked {
		if !slices.Contains(g.scopes, name) {
			return nil, badRequest("invalid_scope", "A refresh cannot ask for scopes that were not granted.")
		}
	}
	return p.issue(g, asked), nil
}

func (p *Provider) issue(g *grant, scopes []string) *tokenAnswer {
	now := p.now()
	g.access, g.accessExpires, g.accessScopes = newToken(g.id), now.Add(p.accessTokenLife), scopes
	g.refresh = newToken(g.id)
	p.grants.put(now, g.id, g)
	return &tokenAnswer{
		AccessToken: g.access, TokenType: "Bearer", ExpiresIn: int64(p.accessTokenLife / time.Second),
		RefreshToken: g.refresh, Scope: strings.Join(scopes, " "),
	}
}

// hasAccess reports whether token is the access token of g and has not expired.
func (g *grant) hasAccess(token string, now time.Time) bool {
	return equal(token, g.access) && g.accessExpires.After(now)
}
