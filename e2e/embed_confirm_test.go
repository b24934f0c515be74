package e2e

import (
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"github.com/patchbay/patchbay/client"
	"github.com/patchbay/patchbay/internal/testkit"
)

// askToConfirm is a connect session whose connection waits for the backend's word.
func (a *application) askToConfirm() client.ConnectSessionRequest {
	request := a.ask()
	request.Confirm = true
	return request
}

// redeem takes the claim that a page was given to the backend, which knows who is signed in there.
func (a *application) redeem(b *testkit.Browser, c counterparty) {
	a.t.Helper()
	claim := a.outcome(b).Claim
	if claim == "" {
		a.t.Fatal("the page was given no claim")
	}
	a.expectNothing()
	if _, err := a.RedeemClaim(a.t.Context(), claim, "43"); !client.HasCode(err, client.CodeForbidden) {
		a.t.Errorf("redeemed for another user: %v", err)
	}
	if _, err := a.RedeemClaim(a.t.Context(), claim, "42"); err != nil {
		a.t.Error(err)
	}
	if _, err := a.RedeemClaim(a.t.Context(), claim, "42"); !client.HasCode(err, client.CodeNotFound) {
		a.t.Errorf("redeemed again: %v", err)
	}
	a.expectConnection(c)
}

func TestEmbeddedConfirmation(t *testing.T) {
	for name, walk := range map[string]func(*application, *testkit.Browser){
		"in a popup": func(a *application, b *testkit.Browser) {
			link := a.session(a.askToConfirm())
			b.Goto(a.page(link))
			window := b.Popup(func() { b.Click("Connect") })
			window.Follow("Continue to sandbox")
			a.sandbox.allow(window)
			window.WaitClosed()
			a.expectClaimIsKept(link, a.outcome(b).Claim)
			a.redeem(b, a.sandbox)
		},
		"in a redirect": func(a *application, b *testkit.Browser) {
			b.Goto(a.page(a.session(a.askToConfirm()), "now", "yes"))
			b.Follow("Continue to sandbox")
			a.sandbox.allow(b)
			a.redeem(b, a.sandbox)
		},
		// The window becomes a page of the application, and the page that opened it learns of the connection alone.
		"in a popup that was cut off": func(a *application, b *testkit.Browser) {
			b.Goto(a.page(a.session(a.askToConfirm()), "integration", "guarded"))
			window := b.Popup(func() { b.Click("Connect") })
			window.Follow("Continue to guarded")
			a.guarded.allow(window)
			a.redeem(window, a.guarded)
			a.expectConnected(b, a.guarded)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := startApplication(t)
			walk(a, a.browser())
		})
	}
}

// expectClaimIsKept looks for a claim where others than the browser that finished the flow could read it.
func (a *application) expectClaimIsKept(link *client.ConnectLink, claim string) {
	a.t.Helper()
	request, err := http.NewRequestWithContext(a.t.Context(), http.MethodGet, a.patchbay.URL+"/api/v1/connect-sessions/self", nil)
	if err != nil {
		a.t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+link.Token)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		a.t.Fatal(err)
	}
	defer response.Body.Close()
	polled, err := io.ReadAll(response.Body)
	if err != nil || !strings.Contains(string(polled), `"pending"`) || strings.Contains(string(polled), claim) {
		a.t.Errorf("%v, the session tells %s", err, polled)
	}
	for _, display := range []string{"", "&display=popup&origin=" + url.QueryEscape(a.URL)} {
		var page strings.Builder
		if err := html.Render(&page, visit(a.patchbay).get(link.URL+"?integration=sandbox"+display).root); err != nil {
			a.t.Fatal(err)
		}
		if !strings.Contains(page.String(), "Almost connected to sandbox") || strings.Contains(page.String(), claim) {
			a.t.Errorf("another browser is shown %s", &page)
		}
	}
}
