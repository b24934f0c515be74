package sandbox

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/patchbay/patchbay/models"
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
	accessLife    time.Duration
	refresh       string // the newest one
	refreshEnds   time.Time
	before        []usedToken // refresh tokens that were used, the oldest first

	habits []*habit
	tally  Tally
	ended  string // why it was revoked
}

// usedToken is a refresh token that another one has taken the place of.
type usedToken struct {
	fingerprint string
	at          time.Time
}

// maxBefore is how many used refresh tokens a grant recognizes.
const maxBefore = 32

// reuse says what becomes of a refresh token that is used once more.
type reuse int

const (
	reuseEnds      reuse = iota // the grant, because one of the token's two holders has stolen it (RFC 9700 §4.14.2)
	reuseRefused                // and nothing else happens
	reuseTolerated              // for a grace period, then as reuseEnds
)

// terms are the rules by which tokens are issued.
type terms struct {
	rotates    bool // a refresh gives a new refresh token
	reuse      reuse
	grace      time.Duration
	accessLife time.Duration
	idleLife   time.Duration // of a refresh token that is not used
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

// find gives the grant that a code or token belongs or belonged to, or nil. It may have been revoked.
func (p *Provider) find(token string) *grant {
	id, _, _ := strings.Cut(token, ".")
	g, _ := p.grants.get(p.now(), id)
	return g
}

// grantOf gives the live grant that a code or token belongs or belonged to, or nil.
func (p *Provider) grantOf(token string) *grant {
	g := p.find(token)
	if g == nil || g.ended != "" || g.refresh != "" && !g.refreshEnds.After(p.now()) {
		return nil
	}
	return g
}

// end revokes a grant. What it was is kept for the ledger.
func (p *Provider) end(g *grant, why string) {
	g.ended, g.habits = why, nil
	g.tally.Ended++
	p.ledger.total.Ended++
}

// redeem exchanges an authorization code (RFC 6749 §4.1.3, RFC 7636 §4.6). The first attempt uses the code up, whether
// it succeeds or not; one more ends the tokens it gave.
func (p *Provider) redeem(c *client, code, redirectURI, verifier string, by terms) (*grant, *oauthError) {
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
		p.end(g, fault)
		return nil, invalidGrant(fault)
	}
	g.redeemed = true
	p.issue(g, g.scopes, by)
	return g, nil
}

// rotate exchanges a refresh token for new tokens (RFC 6749 §6), of the scopes asked for or all granted ones.
func (p *Provider) rotate(c *client, token string, asked []string, by terms) (*grant, *oauthError) {
	g := p.grantOf(token)
	if g == nil || g.client != c || g.refresh == "" {
		return nil, invalidGrant("The refresh token is unknown, has ended or was revoked.")
	}
	if !equal(token, g.refresh) && !g.tolerates(token, p.now(), by) {
		if by.reuse == reuseRefused {
			return nil, invalidGrant("The refresh token was used before.")
		}
		p.end(g, "A refresh token was used once more.")
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
	p.issue(g, asked, by)
	return g, nil
}

// tolerates reports whether a used refresh token is still in its grace period.
func (g *grant) tolerates(token string, now time.Time, by terms) bool {
	return by.reuse == reuseTolerated && slices.ContainsFunc(g.before, func(used usedToken) bool {
		return used.fingerprint == Fingerprint(token) && now.Sub(used.at) <= by.grace
	})
}

func (p *Provider) issue(g *grant, scopes []string, by terms) {
	now := p.now()
	g.access, g.accessExpires, g.accessScopes, g.accessLife = newToken(g.id), now.Add(by.accessLife), scopes, by.accessLife
	if by.rotates || g.refresh == "" {
		if g.refresh != "" {
			g.before = append(g.before[max(0, len(g.before)-maxBefore+1):], usedToken{Fingerprint(g.refresh), now})
		}
		g.refresh = newToken(g.id)
	}
	g.refreshEnds = now.Add(min(by.idleLife, grantLife))
	p.grants.put(now, g.id, g)
}

// answer gives the newest tokens of g (RFC 6749 §5.1).
func (g *grant) answer() *reply {
	out := jsonReply(http.StatusOK,
		"access_token", g.access, "token_type", "Bearer", "expires_in", int64(g.accessLife/time.Second),
		"refresh_token", g.refresh, "scope", strings.Join(g.accessScopes, " "))
	out.issued = true
	return out
}

// hasAccess reports whether token is the access token of g and has not expired.
func (g *grant) hasAccess(token string, now time.Time) bool {
	return equal(token, g.access) && g.accessExpires.After(now)
}

// Tokens are what a grant gave.
type Tokens struct {
	Grant         string // its id, by which the ledger knows it
	Access        models.Secret
	Refresh       models.Secret
	AccessExpires time.Time
}

// Issue grants an integration's application all scopes of an account, without a browser. It fails with
// unknown_integration.
func (p *Provider) Issue(integration string) (Tokens, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	c, err := p.clientOf(integration)
	if err != nil {
		return Tokens{}, err
	}
	g := &grant{id: rand.Text(), client: c, account: accounts[0], redeemed: true}
	for _, s := range allScopes {
		g.scopes = append(g.scopes, s.name)
	}
	shown := pick(Issue, c, nil)
	p.issue(g, g.scopes, shown.terms(p.usual))
	p.record(Entry{Request: Issue, Vices: shown.names(), Answer: "issued"}, c, g, true)
	return Tokens{Grant: g.id, Access: models.Secret(g.access), Refresh: models.Secret(g.refresh), AccessExpires: g.accessExpires}, nil
}
