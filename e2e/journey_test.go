package e2e

import (
	"strings"
	"testing"

	"github.com/patchbay/patchbay/models"
)

// TestJourney goes the whole way with each provider, with and without JavaScript: from the set-up link to a connection
// that is configured and connected anew.
func TestJourney(t *testing.T) {
	for name, start := range counterparties {
		for _, scripted := range []bool{true, false} {
			mode := map[bool]string{true: "with JavaScript", false: "without JavaScript"}[scripted]
			t.Run(name+" "+mode, func(t *testing.T) {
				t.Parallel()
				s, provider := start(t)
				a := setUp(s, scripted)
				cookiesAreGuarded(a)
				uuid := a.connectUser(provider, "user-1")
				connectionIsListed(a, provider, uuid)
				configIsEdited(a, s, uuid)
				reconnectKeepsTheRest(a, s, provider, uuid)
				denialIsExplained(a, provider)
				nothingLeaked(s, uuid)
			})
		}
	}
}

// cookiesAreGuarded looks whether scripts and other sites are kept from the session.
func cookiesAreGuarded(a *admin) {
	a.t.Helper()
	cookies := a.Cookies()
	for _, cookie := range cookies {
		if !cookie.HTTPOnly || cookie.SameSite == "" {
			a.t.Errorf("cookie %s: HttpOnly %t, SameSite %q", cookie.Name, cookie.HTTPOnly, cookie.SameSite)
		}
	}
	if len(cookies) == 0 {
		a.t.Error("there is no session cookie")
	}
}

func connectionIsListed(a *admin, provider counterparty, uuid string) {
	a.t.Helper()
	a.Goto("/users")
	a.Follow("user-1")
	a.Follow(provider.integration)
	if got := a.connectionUUID(); got != uuid {
		a.t.Errorf("the user's page leads to connection %s, want %s", got, uuid)
	}
	a.Goto("/integrations")
	a.Follow(provider.integration)
	a.Follow("user-1")
	if got := a.connectionUUID(); got != uuid {
		a.t.Errorf("the integration's page leads to connection %s, want %s", got, uuid)
	}
}

func configIsEdited(a *admin, s *server, uuid string) {
	a.t.Helper()
	const first, invalid, theirs, mine = `{"plan": "first"}`, `{"plan": "second",}`, `{"plan": "theirs"}`, `{"plan": "mine"}`
	a.Goto("/connections/" + uuid)
	a.save(first, 200)
	a.save(invalid, 422)
	a.See("line 1, column 18")
	if title := a.Title(); !strings.HasPrefix(title, "Error:") {
		a.t.Errorf("after the refusal the title is %q", title)
	}
	if got := a.Value("additionalConfig"); got != invalid {
		a.t.Errorf("after the refusal the editor holds %q, want the text as typed", got)
	}

	// Somebody else saves between reading and saving.
	a.Goto("/connections/" + uuid)
	other := visit(s)
	other.signIn()
	other.saveConfig(uuid, theirs)
	a.save(mine, 409)
	a.See("Two versions of one configuration")
	a.See(theirs)
	if got := a.Value("additionalConfig"); got != mine {
		a.t.Errorf("after the conflict the editor holds %q, want the text as typed", got)
	}
	if status := a.Follow("Save my version"); status != 200 {
		a.t.Errorf("saving over the other version: status %d", status)
	}
	if connection, _ := s.connection(uuid); connection.AdditionalConfig != mine {
		a.t.Errorf("stored: %s, want %s", connection.AdditionalConfig, mine)
	}
}

// save types a configuration, saves it, and expects the answer to have a status.
func (a *admin) save(config string, status int) {
	a.t.Helper()
	a.Fill("additionalConfig", config)
	if got := a.Follow("Save configuration"); got != status {
		a.t.Fatalf("saving %s: status %d, want %d; the page shows:\n%s", config, got, status, a.Text())
	}
}

func reconnectKeepsTheRest(a *admin, s *server, provider counterparty, uuid string) {
	a.t.Helper()
	before, old := s.connection(uuid)
	if !provider.active(old.AccessToken.Reveal()) {
		a.t.Error("the provider does not know the stored access token")
	}
	a.Goto("/connections/" + uuid)
	a.expectSuccess(a.connect("Reconnect", provider, provider.allow), provider)
	after, renewed := s.connection(uuid)
	if renewed.AccessToken == old.AccessToken || !provider.active(renewed.AccessToken.Reveal()) {
		a.t.Error("reconnecting did not bring a new access token of the provider")
	}
	if !after.DateCreated.Equal(before.DateCreated) || after.AdditionalConfig != before.AdditionalConfig {
		a.t.Errorf("reconnecting changed %s %s to %s %s", before.DateCreated, before.AdditionalConfig, after.DateCreated, after.AdditionalConfig)
	}
}

func denialIsExplained(a *admin, provider counterparty) {
	a.t.Helper()
	a.Goto("/users/user-2")
	a.Choose("Integration", provider.integration)
	window := a.connect("Connect", provider, provider.deny)
	window.See("Not connected to " + provider.integration)
	window.See(models.ConnectExternalError)
	a.Goto("/users")
	if strings.Contains(a.Text(), "user-2") {
		a.t.Error("a denied consent left a connection behind")
	}
}

// nothingLeaked looks for the secrets of a connection in what the server printed.
func nothingLeaked(s *server, uuid string) {
	s.t.Helper()
	_, c := s.connection(uuid)
	for name, secret := range map[string]string{
		"access token": c.AccessToken.Reveal(), "refresh token": c.RefreshToken.Reveal(), "password": adminPassword,
	} {
		if secret == "" {
			s.t.Errorf("there is no %s", name)
		} else if strings.Contains(s.log.String(), secret) {
			s.t.Errorf("the %s is in the server's log", name)
		}
	}
}
