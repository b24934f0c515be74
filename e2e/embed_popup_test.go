package e2e

import (
	"testing"

	"github.com/patchbay/patchbay/client"
	"github.com/patchbay/patchbay/internal/testkit"
	"github.com/patchbay/patchbay/models"
)

func TestEmbeddedPopup(t *testing.T) {
	t.Parallel()
	a := startApplication(t)
	b := a.browser()
	connect := func(c counterparty) *testkit.Browser {
		t.Helper()
		b.Goto(a.page(a.session(a.ask()), "integration", c.integration))
		window := b.Popup(func() { b.Click("Connect") })
		window.Follow("Continue to " + c.integration)
		return window
	}

	window := connect(a.sandbox)
	a.sandbox.deny(window)
	a.expectError(b, models.ConnectExternalError)
	window.See("Not connected to sandbox")
	window.See("denied access")
	if window.Has("Try again") {
		t.Error("the window offers to go on with what the page knows as ended")
	}
	window.Close()
	a.expectNothing()

	for _, provider := range []counterparty{a.sandbox, a.guarded} {
		window := connect(provider)
		provider.allow(window)
		window.WaitClosed()
		a.expectConnected(b, provider)
	}
}

func TestEmbeddedPopupIsClosed(t *testing.T) {
	t.Parallel()
	a := startApplication(t)
	b := a.browser()
	b.Goto(a.page(a.session(a.ask())))
	window := b.Popup(func() { b.Click("Connect") })
	window.See("Continue only if that is you")
	window.Close()
	a.expectError(b, "authorization_cancelled")

	// At the provider it might as well have been cut off; the page waits for longer than a test does.
	b.Goto(a.page(a.session(a.ask())))
	window = b.Popup(func() { b.Click("Connect") })
	window.Follow("Continue to sandbox")
	window.Close()
	b.Evaluate(`{ const now = Date.now; let passed = 0; Date.now = () => now() + (passed += 10_000) } ''`)
	a.expectError(b, "authorization_cancelled")
	a.expectNothing()
}

func TestEmbeddedPopupIsBlocked(t *testing.T) {
	t.Parallel()
	a := startApplication(t)
	b := a.browser()
	withoutClick := func(more ...string) { b.Goto(a.page(a.session(a.ask()), append(more, "now", "yes")...)) }
	withoutClick("popupBlocked", "reject")
	a.expectError(b, "popup_blocked")

	withoutClick()
	b.Follow("Cancel")
	a.expectError(b, "authorization_cancelled")
	withoutClick()
	b.Follow("Continue to sandbox")
	a.sandbox.deny(b)
	b.Follow("Return")
	a.expectError(b, models.ConnectExternalError)
	a.expectNothing()
	withoutClick()
	b.Follow("Continue to sandbox")
	a.sandbox.allow(b)
	a.expectConnected(b, a.sandbox)
	if got := b.URL(); got != a.URL+"/" {
		t.Errorf("the result was left in the address: %s", got)
	}
}

func TestEmbeddedSessionDoesNotServe(t *testing.T) {
	t.Parallel()
	a := startApplication(t)
	b := testkit.OpenBrowser(t, a.URL) // that Patchbay refuses is no fault
	refused := func(name, errorType string, link *client.ConnectLink, more ...string) {
		t.Helper()
		b.Goto(a.page(link, more...))
		b.Click("Connect")
		if got := a.outcome(b); got.Error.Type != errorType || got.Error.Message == "" {
			t.Errorf("%s: the page was given %+v, want %s", name, got, errorType)
		}
	}
	link := a.session(a.ask())
	visit(a.patchbay).get(link.URL+"?integration=sandbox").submit("Continue to sandbox", nil).submit("Allow", nil)
	refused("used", models.ConnectInvalidSession, link)

	link = a.session(a.ask())
	a.patchbay.exec("UPDATE connect_sessions SET expires_at = date_created WHERE uuid = ?", link.ID)
	refused("expired", models.ConnectInvalidSession, link)

	link = a.session(a.ask())
	if err := a.DeleteConnectSession(t.Context(), link.ID); err != nil {
		t.Fatal(err)
	}
	refused("deleted", models.ConnectInvalidSession, link)

	request := a.ask()
	request.Integrations = []string{"guarded"}
	refused("for another integration", models.ConnectInvalidSession, a.session(request))
	refused("of another user", models.ConnectInvalidSession, a.session(a.ask()), "userId", "43")
	refused("for what is not there", models.CodeUnknownIntegration, a.session(a.ask()), "integration", "none")
}

// While the server is away, the page goes on looking; of a window that was cut off, it can learn in no other way.
func TestEmbeddedServerComesBack(t *testing.T) {
	t.Parallel()
	a := startApplication(t)
	b := testkit.OpenBrowser(t, a.URL) // that Patchbay cannot be reached is no fault
	b.Goto(a.page(a.session(a.ask()), "integration", "guarded"))
	window := b.Popup(func() { b.Click("Connect") })
	window.Follow("Continue to guarded")
	a.patchbay.kill()
	b.See("not reached")
	a.patchbay.start()
	a.guarded.allow(window)
	a.expectConnected(b, a.guarded)
}
