package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/patchbay/patchbay/client"
	"github.com/patchbay/patchbay/internal/testkit"
)

// The narrowest window that WCAG 2.2 (1.4.10 Reflow) asks for, and those of the screenshots.
const narrowest = 320

var screenshotWidths = []int{narrowest, 768, 1440}

// TestPages looks at every page in both themes: accessible, and not wider than the narrowest window, with all that can be
// unfolded. With PATCHBAY_SCREENSHOTS=<dir> it leaves a picture of each there.
func TestPages(t *testing.T) {
	for name, walk := range map[string]func(*testing.T){
		"first run": lookAtFirstRun, "dashboard": lookAtDashboard, "refusals": lookAtRefusals, "keys": lookAtKeys, "webhooks": lookAtWebhooks, "end users": lookAtEndUsers,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			walk(t)
		})
	}
}

// inspector looks at the pages of a server.
type inspector struct {
	*testkit.Browser
	t *testing.T
}

// look checks the page that is shown.
func (i inspector) look(name string) {
	i.t.Helper()
	i.fits(name)
	if dir := os.Getenv("PATCHBAY_SCREENSHOTS"); dir != "" {
		i.picture(filepath.Join(dir, name))
	}
	i.Evaluate(`document.querySelectorAll('details').forEach((part) => { part.open = true }); ''`)
	i.fits(name + ", unfolded,")
	i.Viewport(1280)
	for _, theme := range []string{"light", "dark"} {
		i.Theme(theme)
		for _, violation := range i.Axe() {
			i.t.Errorf("%s (%s): %s", name, theme, violation)
		}
	}
}

func (i inspector) fits(name string) {
	i.t.Helper()
	i.Viewport(narrowest)
	if over := i.Overflow(); over > 0 {
		i.t.Errorf("%s: at %d px the page is %d px too wide", name, narrowest, over)
	}
}

func (i inspector) picture(path string) {
	i.t.Helper()
	for _, theme := range []string{"light", "dark"} {
		i.Theme(theme)
		for _, width := range screenshotWidths {
			i.Viewport(width)
			i.Screenshot(fmt.Sprintf("%s-%d-%s.png", path, width, theme))
		}
	}
}

// at opens pages, by what they are called here, and looks at them.
func (i inspector) at(paths map[string]string) {
	i.t.Helper()
	for name, path := range paths {
		i.Goto(path)
		i.look(name)
	}
}

func lookAtFirstRun(t *testing.T) {
	s := startServer(t)
	i := inspector{testkit.OpenBrowser(t, s.URL), t}
	i.at(map[string]string{"setup-refused": "/setup?token=wrong"})
	i.Goto(s.SetupURL)
	i.look("setup")
	i.Fill("Email address", adminEmail)
	i.Fill("Password", "short")
	i.Follow("Create account")
	i.look("setup-invalid")
	i.Fill("Password", adminPassword)
	i.Follow("Create account")
	i.at(map[string]string{"overview-empty": "/", "connections-empty": "/connections", "users-empty": "/users", "keys-empty": "/keys"})

	i.Follow("Sign out")
	i.look("login")
	i.Fill("Email address", adminEmail)
	i.Fill("Password", "not the password")
	i.Follow("Sign in")
	i.look("login-refused")
}

var endless = strings.Repeat("endless", 70)

func lookAtDashboard(t *testing.T) {
	a := startApplication(t)
	i := inspector{setUp(a.patchbay, true).Browser, t}
	v := visit(a.patchbay)
	v.signIn()
	uuid, long := v.connect("user-1"), v.connect(endless)
	v.saveConfig(uuid, `{"plan": "first", "key": "`+endless+`"}`)
	v.saveConfig(uuid, `{"plan": "second"}`)

	for _, integration := range []client.NewIntegration{
		{Name: "registered", Auth: &client.Auth{AuthMode: client.AuthAPIKey}, Requests: &client.Requests{BaseURL: "https://api.example.com"}},
		{Name: "of-database", Provider: "slack", OAuthClientID: "client", OAuthClientSecret: "client-secret", OAuthScopes: []string{"chat:write"}},
	} {
		if _, err := a.CreateIntegration(t.Context(), integration); err != nil {
			t.Fatal(err)
		}
	}
	config := json.RawMessage(`{"plan": "first"}`)
	tagged, err := a.RegisterConnection(t.Context(), "registered", "user-1", client.Credentials{APIKey: "a key"}, config, "beta", endless[:32])
	if err != nil {
		t.Fatal(err)
	}
	if _, err := a.DisableConnection(t.Context(), "registered", "user-1"); err != nil {
		t.Fatal(err)
	}
	i.at(map[string]string{
		"overview": "/", "connections": "/connections", "connections-none": "/connections?q=nobody",
		"connection": "/connections/" + uuid, "connection-long": "/connections/" + long, "connection-disabled": "/connections/" + tagged.UUID,
		"connection-delete": "/connections/" + tagged.UUID + "/delete",
		"users":             "/users", "user": "/users/user-1",
		"integrations": "/integrations", "integration-sandbox": "/integrations/sandbox", "sandbox": "/sandbox", "integration-of-file": "/integrations/guarded",
		"integration-of-database": "/integrations/of-database", "integration-registered": "/integrations/registered",
		"audit": "/audit", "system": "/system", "reference": "/reference", "not-found": "/nothing-here",
	})
}

// lookAtRefusals looks at what a form that cannot be accepted leads to.
func lookAtRefusals(t *testing.T) {
	s := startServer(t)
	i := inspector{setUp(s, true).Browser, t}
	v := visit(s)
	v.signIn()
	uuid := v.connect("user-1")
	i.Goto("/connections/" + uuid)
	i.Fill("additionalConfig", `{"plan": "second",}`)
	i.Follow("Save configuration")
	i.look("config-invalid")
	i.Goto("/connections/" + uuid)
	v.saveConfig(uuid, `{"plan": "theirs"}`)
	i.Fill("additionalConfig", `{"plan": "mine"}`)
	i.Follow("Save configuration")
	i.look("config-conflict")
	i.Goto("/connections/" + uuid)
	i.Click("Edit tags")
	i.Fill("Tags", endless)
	i.Follow("Save tags")
	i.look("tags-invalid")
	i.Goto("/sandbox")
	i.Follow("Misbehave") // with no vice
	i.look("sandbox-invalid")
	v.get("/sandbox").submit("Misbehave", url.Values{"vice": {"access-life"}})
	i.Goto("/sandbox")
	i.See("The connection stays connected.")
	i.look("sandbox-misbehaving")
	i.Goto("/integrations/sandbox")
	i.Fill("User id", strings.Repeat("x", 513))
	inspector{i.Popup(func() { i.Click("Connect") }), t}.look("connect-invalid")
}

func lookAtKeys(t *testing.T) {
	i := inspector{setUp(startServer(t), true).Browser, t}
	i.at(map[string]string{"key-new": "/keys/new"})
	i.Fill("Name", "billing-worker")
	i.Follow("Create key") // with no scope
	i.look("key-invalid")
	i.Goto("/keys/new?preset=backend")
	i.Fill("Name", "billing-worker")
	i.Follow("Create key")
	i.look("key-created")
	i.Follow("I have copied it")
	i.look("keys")
	i.Follow("Roll billing-worker")
	i.look("key-roll")
	i.Follow("Roll key")
	i.look("key-rolled")
	i.Follow("I have copied it")
	i.look("keys-rolled")
	i.Follow("Revoke billing-worker")
	i.look("key-revoke")
}

func lookAtWebhooks(t *testing.T) {
	hook := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusTeapot)
		fmt.Fprint(w, "<b>short and stout</b> "+endless)
	}))
	defer hook.Close()
	s := newServer(t)
	s.env = append(s.env, "PATCHBAY_ALLOW_PRIVATE=127.0.0.0/8")
	s.start()
	i := inspector{setUp(s, true).Browser, t}
	i.at(map[string]string{"webhooks-empty": "/webhooks"})
	i.Follow("Create endpoint")
	i.look("webhook-new")
	i.Fill("Address", "app.example.com")
	i.Follow("Create endpoint")
	i.look("webhook-invalid")
	i.Fill("Address", hook.URL+"/"+endless)
	i.Follow("Create endpoint")
	i.look("webhook-created")
	i.Follow("I have copied it")
	i.Follow("Send test event")
	for deadline := time.Now().Add(startTimeout); !strings.Contains(i.Text(), "status 418"); {
		if time.Now().After(deadline) {
			t.Fatalf("the test event was not sent:\n%s", i.Text())
		}
		i.Goto(i.URL())
	}
	page := i.URL()
	i.look("webhook-failing")
	i.Follow("Roll secret")
	i.look("webhook-roll")
	i.Follow("Roll secret")
	i.look("webhook-rolled")
	i.Follow("I have copied it")
	i.Follow("Disable")
	i.look("webhook-disabled")
	i.Follow("Webhooks")
	i.look("webhooks")
	i.Goto(page)
	i.Follow("Delete endpoint")
	i.look("webhook-delete")
	i.Follow("Delete endpoint")
	i.See("was deleted.")
}

func lookAtEndUsers(t *testing.T) {
	a := startApplication(t)
	i := inspector{a.browser(), t}
	link := a.session(a.ask())
	i.Goto(link.URL)
	i.look("connect-choose")
	i.Follow("Connect sandbox")
	i.look("connect-start")
	i.Follow("Continue to sandbox")
	i.look("sandbox-consent")
	i.Click("Deny")
	i.See("Not connected to sandbox")
	i.look("connect-denied")
	visit(a.patchbay).get(link.URL+"?integration=sandbox&again=1").submit("Continue to sandbox", nil).submit("Allow", nil)
	i.Goto(link.URL + "?integration=sandbox")
	i.look("connect-succeeded")

	waits := a.session(a.askToConfirm())
	visit(a.patchbay).get(waits.URL+"?integration=sandbox").submit("Continue to sandbox", nil).submit("Allow", nil)
	other := a.ask()
	other.UserID, other.UserLabel = endless, ""
	i.at(map[string]string{
		"connect-choose-again":  link.URL,
		"connect-pending":       waits.URL + "?integration=sandbox",
		"connect-refused":       a.patchbay.URL + "/oauth/callback/sandbox?state=made-up",
		"connect-unregistered":  link.URL + "?" + url.Values{"display": {"popup"}, "origin": {"https://attacker.test"}}.Encode(),
		"me":                    a.patchbay.URL + "/me/" + a.session(a.ask()).Token,
		"me-without-connection": a.patchbay.URL + "/me/" + a.session(other).Token,
		"me-unknown":            a.patchbay.URL + "/me/unknown",
	})
}
