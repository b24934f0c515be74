package sandbox

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func TestTheLedgerFollowsAGrant(t *testing.T) {
	w := newWorld(t)
	tokens := w.grant()
	second, err := w.refresh(tokens.Refresh.Reveal())
	if err != nil {
		t.Fatal(err)
	}
	if w.provider.IsNewest(tokens.Refresh.Reveal()) || !w.provider.IsNewest(second.RefreshToken) || w.provider.IsNewest("unknown") {
		t.Error("the newest refresh token is another one")
	}
	_, err = w.refresh(tokens.Refresh.Reveal())
	wantCode(t, err, "invalid_grant")
	want := GrantState{
		Tally:  Tally{Exchanges: 1, Refreshes: 1, Refused: 1, Reused: 1, Ended: 1},
		Newest: Fingerprint(second.RefreshToken), Access: Fingerprint(second.AccessToken), Ended: "A refresh token was used once more.",
	}
	got, ok := w.provider.Grant(tokens.Grant)
	if diff := cmp.Diff(want, got); diff != "" || !ok {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(want.Tally, w.provider.Total()); diff != "" {
		t.Errorf("total (-want +got):\n%s", diff)
	}
	common := Entry{Time: w.provider.now(), Integration: "sandbox", Grant: tokens.Grant}
	reused, refreshed, issued := common, common, common
	issued.Request, issued.Answer = Issue, "issued"
	issued.Access, issued.Refresh = Fingerprint(tokens.Access.Reveal()), Fingerprint(tokens.Refresh.Reveal())
	refreshed.Request, refreshed.Answer, refreshed.Shown = Refresh, "200", issued.Refresh
	refreshed.Access, refreshed.Refresh = want.Access, want.Newest
	reused.Request, reused.Answer, reused.Shown, reused.Reused = Refresh, "400 invalid_grant", issued.Refresh, true
	if diff := cmp.Diff([]Entry{reused, refreshed, issued}, w.provider.Ledger(10), cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("ledger (-want +got):\n%s", diff)
	}
}

func TestTheLedgerHoldsNoToken(t *testing.T) {
	w := newWorld(t)
	token := w.connect()
	if _, err := w.refresh(token.RefreshToken); err != nil {
		t.Fatal(err)
	}
	text := fmt.Sprintf("%+v", w.provider.Ledger(10))
	for _, secret := range []string{token.RefreshToken, token.AccessToken, strings.SplitN(token.RefreshToken, ".", 2)[1]} {
		if strings.Contains(text, secret) {
			t.Errorf("a token is in the ledger: %s", text)
		}
	}
	if entries := w.provider.Ledger(10); len(entries) != 2 || entries[1].Request != Exchange || entries[1].Access == "" {
		t.Errorf("%+v", entries)
	}
}

func TestWhatIsKeptIsBounded(t *testing.T) {
	p := New(Options{MaxGrants: 10, MaxEntries: 7})
	p.Integration("sandbox")
	var first, last Tokens
	for i := range 25 {
		tokens, err := p.Issue("sandbox")
		if err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			first = tokens
		}
		last = tokens
	}
	if _, ok := p.Grant(first.Grant); ok || p.grants.order.Len() != 10 {
		t.Errorf("%d grants", p.grants.order.Len())
	}
	entries := p.Ledger(100)
	if len(entries) != 7 || entries[0].Grant != last.Grant || p.Total().Exchanges != 25 {
		t.Errorf("%d entries: %+v", len(entries), entries)
	}
	g := p.find(last.Refresh.Reveal())
	for range 3 * maxBefore {
		p.issue(g, g.scopes, p.usual)
	}
	if len(g.before) != maxBefore {
		t.Errorf("%d used tokens", len(g.before))
	}
}

func TestThePeakIsTheMostAtOnce(t *testing.T) {
	p := New(Options{})
	leave := p.enter()
	p.enter()()
	p.enter()()
	if got := p.Peak(); got != 2 {
		t.Errorf("peak %d, want 2", got)
	}
	leave()
	if p.ResetPeak(); p.Peak() != 0 {
		t.Errorf("peak %d after a reset", p.Peak())
	}
}
