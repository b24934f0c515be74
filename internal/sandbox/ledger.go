package sandbox

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"time"
)

// Entry is one line of the ledger: what was asked for, what was issued and what was answered. Codes and tokens are in it
// as fingerprints.
type Entry struct {
	Time        time.Time
	Integration string
	Grant       string // empty where none is known by what was shown
	Request     Request
	Shown       string // the code or token that was sent
	Reused      bool   // what was shown is not the newest of its grant
	Access      string // the access token that was issued
	Refresh     string // the refresh token that was issued, or that stayed the one to use
	Vices       []string
	Answer      string // status and error code
}

// Tally counts what happened.
type Tally struct {
	Exchanges int // of codes; grants made by [Provider.Issue] among them
	Refreshes int // that issued tokens, whether or not the answer arrived
	Refused   int // refreshes that issued nothing
	Reused    int // refreshes by a token that was not the newest of its grant
	Ended     int // grants that were revoked
	Followed  int // redirects of the token endpoint
}

func (t *Tally) add(e Entry) {
	switch issued := e.Access != ""; {
	case e.Request == Elsewhere:
		t.Followed++
	case e.Request == Refresh && issued:
		t.Refreshes++
	case e.Request == Refresh:
		t.Refused++
	case issued:
		t.Exchanges++
	}
	if e.Request == Refresh && e.Reused {
		t.Reused++
	}
}

// ledger keeps the last entries, and counts all. It is not safe for concurrent use.
type ledger struct {
	most    int
	entries []Entry // a ring once it is full
	next    int
	total   Tally
}

func (l *ledger) write(e Entry) {
	l.total.add(e)
	if len(l.entries) < l.most {
		l.entries = append(l.entries, e)
		return
	}
	l.entries[l.next] = e
	l.next = (l.next + 1) % l.most
}

// last gives the newest entries, the newest first.
func (l *ledger) last(most int) []Entry {
	ordered := slices.Concat(l.entries[l.next:], l.entries[:l.next])
	slices.Reverse(ordered)
	return ordered[:min(most, len(ordered))]
}

// Fingerprint tells tokens apart without giving them away: 12 characters of a hash.
func Fingerprint(token string) string {
	if token == "" {
		return ""
	}
	sum := sha256.Sum256([]byte(token))
	return hex.EncodeToString(sum[:6])
}

// Ledger gives the newest entries, at most so many, the newest first.
func (p *Provider) Ledger(most int) []Entry {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.ledger.last(most)
}

// Total counts all that has happened since the start.
func (p *Provider) Total() Tally {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.ledger.total
}

// GrantState is what is known of a grant.
type GrantState struct {
	Tally
	Newest string // fingerprint of the newest refresh token
	Access string // fingerprint of the newest access token
	Ended  string // why it was revoked, empty while it is live
}

// Grant gives the state of a grant; ok tells whether it is known, as live and revoked ones are for 30 days, within bounds.
func (p *Provider) Grant(id string) (state GrantState, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	g, ok := p.grants.get(p.now(), id)
	if !ok {
		return GrantState{}, false
	}
	return GrantState{Tally: g.tally, Newest: Fingerprint(g.refresh), Access: Fingerprint(g.access), Ended: g.ended}, true
}

// IsNewest reports whether a refresh token is the newest that its grant was given, be the grant live or not.
func (p *Provider) IsNewest(refreshToken string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	g := p.find(refreshToken)
	return g != nil && equal(refreshToken, g.refresh)
}

// Live reports whether an access or refresh token would be accepted now.
func (p *Provider) Live(token string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	g := p.grantOf(token)
	return g != nil && (equal(token, g.refresh) || g.hasAccess(token, p.now()))
}

// Peak gives the most requests of tokens that were under way at once since the last ResetPeak.
func (p *Provider) Peak() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.peak
}

// ResetPeak begins to look for the peak anew.
func (p *Provider) ResetPeak() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.peak = p.underWay
}

// enter counts a request that is under way until leave.
func (p *Provider) enter() (leave func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.underWay++
	p.peak = max(p.peak, p.underWay)
	return func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.underWay--
	}
}
