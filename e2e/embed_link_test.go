package e2e

import (
	"net/url"
	"testing"

	"github.com/patchbay/patchbay/client"
)

func TestEmbeddedElement(t *testing.T) {
	t.Parallel()
	a := startApplication(t)
	request := a.ask()
	request.Integrations = []string{"sandbox"}
	b := a.browser()
	b.Goto(a.page(a.session(request)))
	window := b.Popup(func() { b.Click("Connect by the element") })
	window.Follow("Continue to sandbox")
	a.sandbox.allow(window)
	window.WaitClosed()
	a.expectConnected(b, a.sandbox)
	b.Goto(a.page(a.session(request)))
	window = b.Popup(func() { b.Click("Connect by the element") })
	window.See("Continue only if that is you")
	window.Close()
	a.expectError(b, "authorization_cancelled")

	b.DisableJavaScript()
	request.Integrations = []string{"guarded"}
	b.Goto(a.page(a.session(request)))
	b.Follow("Connect by the element")
	b.Follow("Continue to guarded")
	a.guarded.allow(b)
	b.See("Connect by the element")
	back, err := url.Parse(b.URL())
	if err != nil {
		t.Fatal(err)
	}
	if query := back.Query(); query.Get("patchbay_status") != "succeeded" || query.Get("patchbay_integration") != "guarded" || query.Get("patchbay_user_id") != "42" {
		t.Errorf("the flow came back to %s", back)
	}
	a.expectConnection(a.guarded)
}

func TestEmbeddedLinkLetsChoose(t *testing.T) {
	t.Parallel()
	a := startApplication(t)
	b := a.browser()
	link := a.session(a.ask())
	b.Goto(a.page(link))
	b.Follow("Connect by a link")
	b.See("Ada")
	b.Follow("Connect sandbox")
	b.Follow("Continue to sandbox")
	a.sandbox.allow(b)
	a.expectConnected(b, a.sandbox)

	b.Goto(link.URL)
	if !b.Has("Reconnect sandbox Connected") {
		t.Errorf("what is connected is not marked: %s", b.Text())
	}
	b.Follow("Connect guarded")
	b.Follow("Continue to guarded")
	a.guarded.allow(b)
	a.expectConnected(b, a.guarded)
}

func TestOwnConnections(t *testing.T) {
	t.Parallel()
	a := startApplication(t)
	v := visit(a.patchbay)
	link := a.session(a.ask())
	v.get(link.URL+"?integration=sandbox").submit("Continue to sandbox", nil).submit("Allow", nil)
	v.get(link.URL+"?integration=guarded").submit("Continue to guarded", nil).submit("Allow", nil)
	before, err := a.GetCredentials(t.Context(), "guarded", "42")
	if err != nil {
		t.Fatal(err)
	}

	b := a.browser()
	me := a.patchbay.URL + "/me/" + a.session(a.ask()).Token
	b.Goto(me)
	b.Click("Disconnect sandbox")
	b.Submit("Disconnect sandbox")
	b.See("Patchbay has no access to your account of sandbox any more.")
	if _, err := a.GetConnection(t.Context(), "sandbox", "42"); !client.HasCode(err, client.CodeUnknownConnection) {
		t.Errorf("the connection is still there: %v", err)
	}
	b.Follow("Connect sandbox")
	b.Follow("Continue to sandbox")
	a.sandbox.allow(b)
	a.expectConnected(b, a.sandbox)

	b.Goto(me)
	b.Follow("Reconnect guarded")
	b.Follow("Continue to guarded")
	a.guarded.allow(b)
	a.expectConnected(b, a.guarded)
	after, err := a.GetCredentials(t.Context(), "guarded", "42")
	if err != nil || after.AccessToken == before.AccessToken {
		t.Errorf("no new access token came, %v", err)
	}
}
