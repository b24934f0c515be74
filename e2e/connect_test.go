package e2e

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/patchbay/patchbay/internal/testkit"
	"github.com/patchbay/patchbay/models"
)

// A callback is good once, in the browser that began, for ten minutes.
func TestCallbackIsRefused(t *testing.T) {
	s := startServer(t)
	v := visitFirst(s)
	refused := func(p *page, why string) {
		t.Helper()
		if p.status < 400 || p.status >= 500 || !strings.Contains(text(p.root), models.ConnectInvalidState) {
			t.Errorf("%s: status %d:\n%s", why, p.status, text(p.root))
		}
	}
	refused(v.get("/oauth/callback/sandbox?state=made-up&code=made-up"), "a state that was never given out")
	refused(v.get("/oauth/callback/sandbox"), "no state at all")

	callback := v.callback("user-1")
	refused(visit(s).get(callback), "another browser")
	if p := v.get(callback); p.heading() != "Connected to sandbox" {
		t.Errorf("the browser that began was stopped by the other one:\n%s", text(p.root))
	}
	refused(v.get(callback), "a second time")

	callback = v.callback("user-2")
	s.exec("UPDATE attempts SET expires_at = date_created WHERE user_id = ?", "user-2")
	p := v.get(callback)
	if p.heading() != "Not connected to sandbox" || !strings.Contains(text(p.root), models.ConnectInvalidState) {
		t.Errorf("after ten minutes:\n%s", text(p.root))
	}
}

// callback goes through a flow with the sandbox up to the address it sends the browser back to.
func (v *visitor) callback(user string) string {
	v.t.Helper()
	consent := v.askConsent(user)
	v.http.CheckRedirect = func(request *http.Request, _ []*http.Request) error {
		if strings.HasPrefix(request.URL.Path, "/oauth/callback") {
			return http.ErrUseLastResponse
		}
		return nil
	}
	defer func() { v.http.CheckRedirect = nil }()
	return consent.submit("Allow", nil).location
}

// The attack this class of product has had: a victim is led into a flow that somebody else began, so that the victim's
// account would be bound to the attacker's user id.
func TestVictimCannotFinishAnAttackersFlow(t *testing.T) {
	s, provider := startWithSandbox(t)
	attacker := setUp(s, false)
	attacker.Goto("/integrations/sandbox")
	attacker.Fill("User id", "attacker")
	attacker.Follow("Connect")
	attacker.Follow("Continue to sandbox")

	victim := testkit.OpenBrowser(t, s.URL)
	victim.Goto(attacker.URL())
	provider.allow(victim)
	victim.See(models.ConnectInvalidState)
	attacker.Goto("/users/attacker")
	attacker.See("No connections")
}

// Nobody signs in on a link, starts a flow by a link, or sees the dashboard without signing in.
func TestNothingHappensWithoutSigningIn(t *testing.T) {
	s := startServer(t)
	uuid := visitFirst(s).connect("user-1")
	stranger := visit(s)
	for _, path := range []string{"/", "/connections", "/connections/" + uuid, "/users", "/users/user-1", "/integrations", "/integrations/sandbox", "/audit"} {
		if p := stranger.get(path); p.url.Path != "/login" {
			t.Errorf("%s led a stranger to %s", path, p.url)
		}
	}
	p := stranger.post("/connections/"+uuid+"/config", url.Values{"version": {"1"}, "config": {`{"taken": "over"}`}})
	if connection, _ := s.connection(uuid); p.url.Path != "/login" || connection.AdditionalConfig != models.EmptyConfig {
		t.Errorf("a stranger's configuration was answered at %s and stored as %s", p.url, connection.AdditionalConfig)
	}
	if p := stranger.get(s.SetupURL); p.find("button", isButton("Create account")) != nil {
		t.Error("the set-up link works a second time")
	}
}
