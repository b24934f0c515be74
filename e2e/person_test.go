package e2e

import (
	"regexp"
	"testing"

	"github.com/patchbay/patchbay/internal/testkit"
)

// admin is a person at the dashboard of a server.
type admin struct {
	*testkit.Browser
	t        testing.TB
	scripted bool // JavaScript is on: connecting opens a window of its own
}

// setUp follows the set-up link of the first run in a new browser and creates the first admin.
func setUp(s *server, scripted bool) *admin {
	s.t.Helper()
	a := &admin{testkit.OpenBrowser(s.t, s.URL), s.t, scripted}
	if !scripted {
		a.DisableJavaScript()
	}
	a.Goto(s.SetupURL)
	a.Fill("Email address", adminEmail)
	a.Fill("Password", adminPassword)
	a.Follow("Create account")
	a.See("Connect the first account")
	return a
}

// connectUser opens an integration's page and connects a user there; it ends on the page of the new connection.
func (a *admin) connectUser(c counterparty, user string) (uuid string) {
	a.t.Helper()
	a.Goto("/integrations/" + c.integration)
	a.Fill("User id", user)
	a.expectSuccess(a.connect("Connect", c, c.allow), c)
	a.See(user)
	return a.connectionUUID()
}

// expectSuccess waits until a flow has ended well and the dashboard shows the connection.
func (a *admin) expectSuccess(window *testkit.Browser, c counterparty) {
	a.t.Helper()
	if a.scripted {
		window.WaitClosed()
	} else {
		window.See("Connected to " + c.integration)
		window.Follow("Continue")
	}
	a.See("Connection to " + c.integration)
}

// connect presses a Connect button and answers the provider. It gives the window in which this happened.
func (a *admin) connect(button string, c counterparty, answer func(*testkit.Browser)) *testkit.Browser {
	a.t.Helper()
	window := a.Browser
	if a.scripted {
		window = a.Popup(func() { a.Click(button) })
	} else {
		a.Follow(button)
	}
	window.Follow("Continue to " + c.integration)
	answer(window)
	return window
}

var connectionAddress = regexp.MustCompile(`/connections/([0-9a-f-]{36})`)

// connectionUUID is the uuid in the address of the connection's page that is shown.
func (a *admin) connectionUUID() string {
	a.t.Helper()
	match := connectionAddress.FindStringSubmatch(a.URL())
	if match == nil {
		a.t.Fatalf("%s is no connection's page", a.URL())
	}
	return match[1]
}
