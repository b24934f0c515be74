package sandbox

import "net/http"

// visit is a request about a grant, of an application that has shown who it is. It is where vices show.
type visit struct {
	request Request
	client  *client
	token   string // or the code, that was sent
	// issue does what is asked for, by the terms; a grant that it gives has new tokens. The provider is locked meanwhile.
	issue func(by terms) (*grant, *oauthError)
}

func (p *Provider) serve(w http.ResponseWriter, r *http.Request, v visit) {
	shown := p.vicesAt(v)
	if !shown.waitEarly(r) {
		return
	}
	out := p.settle(v, shown)
	shown.write(w, r, out)
}

func (p *Provider) vicesAt(v visit) shown {
	p.mu.Lock()
	defer p.mu.Unlock()
	return pick(v.request, v.client, p.ownGrant(v))
}

// ownGrant gives the grant a visit is about, or nil where it is not the application's.
func (p *Provider) ownGrant(v visit) *grant {
	if g := p.find(v.token); g != nil && g.client == v.client {
		return g
	}
	return nil
}

// settle does what is asked for, unless a vice answers in its place, and writes it down before anything is sent: what is
// issued is in the ledger, whatever becomes of the answer.
func (p *Provider) settle(v visit, shown shown) *reply {
	p.mu.Lock()
	defer p.mu.Unlock()
	g := p.ownGrant(v)
	entry := Entry{Request: v.request, Shown: Fingerprint(v.token), Vices: shown.names()}
	entry.Reused = v.request == Refresh && g != nil && !equal(v.token, g.refresh)
	out := shown.answer(p)
	var issued *grant
	if out == nil {
		var fault *oauthError
		issued, fault = v.issue(shown.terms(p.usual))
		switch {
		case fault != nil:
			out = fault.reply()
		case issued != nil:
			out = issued.answer()
		default:
			out = newReply(http.StatusOK)
		}
	}
	entry.Answer = out.summary()
	p.record(entry, v.client, g, issued != nil)
	return out
}

// record completes an entry with what is known of the grant, which may be nil, and writes it.
func (p *Provider) record(entry Entry, c *client, g *grant, issued bool) {
	entry.Time, entry.Integration = p.now(), c.integration
	if g != nil {
		entry.Grant = g.id
	}
	if issued {
		entry.Access, entry.Refresh = Fingerprint(g.access), Fingerprint(g.refresh)
	}
	p.ledger.write(entry)
	if g != nil {
		g.tally.add(entry)
	}
}
