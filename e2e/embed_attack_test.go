package e2e

import (
	"net/url"
	"strings"
	"testing"

	"github.com/patchbay/patchbay/client"
	"github.com/patchbay/patchbay/internal/testkit"
	"github.com/patchbay/patchbay/models"
)

// heard gives the messages that reached a page.
func heard(page *testkit.Browser) string {
	return strings.ReplaceAll(page.Evaluate(`document.querySelector('pre').textContent`), "not reached\n", "")
}

// expectSilence looks that no message reached the page from a window that it opened, in which a flow has just failed. The
// window sends one last message of our own, which would arrive after any other.
func expectSilence(t *testing.T, page, window *testkit.Browser) {
	t.Helper()
	window.Evaluate(`opener.postMessage('the end', '*'); ''`)
	page.See(`"the end"`)
	if got := heard(page); got != "\"the end\"\n" {
		t.Errorf("a page of a foreign origin heard %s", got)
	}
}

// Who got hold of a link cannot have his own page told what comes of it.
func TestForeignPageIsRefused(t *testing.T) {
	t.Parallel()
	a := startApplication(t)
	b := testkit.OpenBrowser(t, a.URL) // what the foreign page is denied is no fault
	b.Goto(a.elsewhere(a.page(a.session(a.ask()))))
	window := b.Popup(func() { b.Click("Connect") })
	window.See(models.CodeInvalidReturnURL)
	if window.Has("Continue to sandbox") {
		t.Error("the flow goes on")
	}
	b.See("not reached") // by the browser: no Access-Control-Allow-Origin
	expectSilence(t, b, window)
}

func TestForeignPageIsToldNothing(t *testing.T) {
	t.Parallel()
	a := startApplication(t)
	b := testkit.OpenBrowser(t, a.patchbay.URL)
	link := a.session(a.askToConfirm())
	connect := func(ref string) *testkit.Browser {
		t.Helper()
		display := url.Values{"integration": {"sandbox"}, "display": {"popup"}, "ref": {ref}, "origin": {a.URL}}
		b.Goto(a.elsewhere(a.page(link, "url", link.URL+"?"+display.Encode())))
		window := b.Popup(func() { b.Click("Open a window") })
		window.Follow("Continue to sandbox")
		return window
	}
	window := connect("first")
	a.sandbox.deny(window)
	window.See(models.ConnectExternalError)
	expectSilence(t, b, window)
	window.Close()

	window = connect("second")
	a.sandbox.allow(window)
	window.WaitClosed()
	session, err := a.GetConnectSession(t.Context(), link.ID)
	if err != nil || len(session.Attempts) != 1 || session.Attempts[0].Status != client.AttemptPending {
		t.Errorf("the flow did not come to its end: %+v, %v", session, err)
	}
	if got := heard(b); got != "" {
		t.Errorf("a page of a foreign origin heard %s", got)
	}
}
