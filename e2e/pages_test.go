package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/patchbay/patchbay/internal/testkit"
)

// The narrowest window that WCAG 2.2 (1.4.10 Reflow) asks for, and those of the screenshots.
const narrowest = 320

var screenshotWidths = []int{narrowest, 768, 1440}

// TestPages looks at every page in both themes: accessible, and not wider than the narrowest window. With
// PATCHBAY_SCREENSHOTS=<dir> it leaves a picture of each there.
func TestPages(t *testing.T) {
	s := startServer(t)
	b := testkit.OpenBrowser(t, s.URL)
	look := func(name string, window *testkit.Browser) {
		t.Helper()
		inspect(t, name, window)
	}

	b.Goto(s.SetupURL)
	look("setup", b)
	b.Goto("/setup?token=wrong")
	look("setup-refused", b)
	b.Goto(s.SetupURL)
	b.Fill("Email address", adminEmail)
	b.Fill("Password", "short")
	b.Follow("Create account")
	look("setup-invalid", b)
	b.Fill("Password", adminPassword)
	b.Follow("Create account")
	for name, path := range map[string]string{"overview-empty": "/", "connections-empty": "/connections", "users-empty": "/users"} {
		b.Goto(path)
		look(name, b)
	}

	v := visit(s)
	v.signIn()
	uuid := v.connect("user-1")
	long := v.connect(strings.Repeat("endless", 70))
	v.saveConfig(uuid, `{"plan": "first", "key": "`+strings.Repeat("endless", 70)+`"}`)
	for name, path := range map[string]string{
		"overview": "/", "connections": "/connections", "connections-none": "/connections?q=nobody",
		"connection": "/connections/" + uuid, "connection-long": "/connections/" + long,
		"users": "/users", "user": "/users/user-1", "integrations": "/integrations", "integration": "/integrations/sandbox",
		"audit": "/audit", "not-found": "/nothing-here",
	} {
		b.Goto(path)
		look(name, b)
	}
	lookAtRefusals(b, v, uuid, look)
	lookAtConnect(b, v, look)

	b.Follow("Sign out")
	look("login", b)
	b.Fill("Email address", adminEmail)
	b.Fill("Password", "not the password")
	b.Follow("Sign in")
	look("login-refused", b)
}

// lookAtRefusals looks at what a form that cannot be accepted leads to.
func lookAtRefusals(b *testkit.Browser, v *visitor, uuid string, look func(string, *testkit.Browser)) {
	v.t.Helper()
	b.Goto("/connections/" + uuid)
	b.Fill("additionalConfig", `{"plan": "second",}`)
	b.Follow("Save configuration")
	look("config-invalid", b)
	b.Goto("/connections/" + uuid)
	v.saveConfig(uuid, `{"plan": "theirs"}`)
	b.Fill("additionalConfig", `{"plan": "mine"}`)
	b.Follow("Save configuration")
	look("config-conflict", b)
	b.Goto("/integrations/sandbox")
	b.Fill("User id", strings.Repeat("x", 513))
	popup := b.Popup(func() { b.Click("Connect") })
	look("connect-invalid", popup)
	popup.Close()
}

// lookAtConnect looks at the pages of an end user.
func lookAtConnect(b *testkit.Browser, v *visitor, look func(string, *testkit.Browser)) {
	v.t.Helper()
	b.Goto(v.askConsent("user-2").submit("Deny", nil).url.String())
	look("connect-denied", b)
	b.Follow("Try again")
	look("connect-start", b)
	b.Follow("Continue to sandbox")
	look("sandbox-consent", b)
	b.Click("Allow")
	b.See("Connected to sandbox")
	look("connect-succeeded", b)
	b.Goto("/oauth/callback/sandbox?state=made-up")
	look("connect-refused", b)
	b.Goto("/")
}

// inspect checks the page that a window shows.
func inspect(t *testing.T, name string, b *testkit.Browser) {
	t.Helper()
	for _, theme := range []string{"light", "dark"} {
		b.Theme(theme)
		b.Viewport(1280)
		for _, violation := range b.Axe() {
			t.Errorf("%s (%s): %s", name, theme, violation)
		}
		if dir := os.Getenv("PATCHBAY_SCREENSHOTS"); dir != "" {
			for _, width := range screenshotWidths {
				b.Viewport(width)
				b.Screenshot(filepath.Join(dir, fmt.Sprintf("%s-%d-%s.png", name, width, theme)))
			}
		}
	}
	b.Viewport(narrowest)
	if over := b.Overflow(); over > 0 {
		t.Errorf("%s: at %d px the page is %d px too wide", name, narrowest, over)
	}
	b.Viewport(1280)
}
