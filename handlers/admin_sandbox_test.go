package handlers

import (
	"net/http"
	"strings"
	"testing"

	"github.com/patchbay/patchbay/internal/sandbox"
	"github.com/patchbay/patchbay/models"
)

func TestAnOperatorMakesTheSandboxMisbehave(t *testing.T) {
	a := newApp(t)
	conn := a.connect("sandbox", "42")
	admin := a.signedIn(adminEmail)
	if got := admin.get("/integrations/sandbox"); !strings.Contains(got.body, `href="/sandbox"`) {
		t.Error("the sandbox's page does not lead there")
	}
	if got := admin.post("/sandbox", "vice", "dead-400", "at", "refresh", "often", "1"); got.status != http.StatusSeeOther || got.location != sandboxPath {
		t.Fatalf("misbehave: %d %s", got.status, got.location)
	}
	page := admin.get("/sandbox")
	for _, want := range []string{"The sandbox misbehaves: dead-400.", "Status 400 invalid_grant", "1 request to go.", "needs to be reconnected"} {
		if !strings.Contains(page.body, want) {
			t.Errorf("the page does not say %q", want)
		}
	}
	admin.post("/connections/" + conn.UUID + "/refresh")
	if got := admin.get("/connections/" + conn.UUID); !strings.Contains(got.body, "Needs reconnect") {
		t.Error("the connection does not say that it needs to be reconnected")
	}
	page = admin.get("/sandbox")
	if !strings.Contains(page.body, "The sandbox behaves:") || !strings.Contains(page.body, "400 invalid_grant") {
		t.Errorf("after the next time:\n%s", page.body)
	}
}

func TestTheLedgerOnThePageShowsNoToken(t *testing.T) {
	a := newApp(t)
	conn := a.connect("sandbox", "42")
	credentials, err := a.store.Credentials(t.Context(), conn.UUID)
	must(t, err)
	body := a.signedIn(adminEmail).get("/sandbox").body
	grant, _, _ := strings.Cut(credentials.RefreshToken.Reveal(), ".")
	for _, secret := range []models.Secret{credentials.RefreshToken, credentials.AccessToken, models.Secret(grant)} {
		if strings.Contains(body, secret.Reveal()) {
			t.Error("a token, or the part that all tokens of a grant begin with, is on the page")
		}
	}
	if !strings.Contains(body, sandbox.Fingerprint(credentials.RefreshToken.Reveal())) {
		t.Error("the refresh token's fingerprint is not on the page")
	}
}

func TestVicesAddUpAndEndTogether(t *testing.T) {
	a := newApp(t)
	admin := a.signedIn(adminEmail)
	admin.post("/sandbox", "vice", "reuse-tolerated", "at", "refresh", "often", "always", "seconds", "60")
	admin.post("/sandbox", "vice", "lost-before", "at", "refresh", "often", "half", "beside", "true")
	rules := a.server.Vices.Rules(sandbox.Name)
	if len(rules) != 2 || rules[0].Chance != 0.5 || rules[1].Amount.Seconds() != 60 {
		t.Errorf("in force: %+v", rules)
	}
	if body := admin.get("/sandbox").body; !strings.Contains(body, "Grace period: 60 seconds.") || !strings.Contains(body, "In 50 % of the requests") {
		t.Errorf("the page does not say when the vices show:\n%s", body)
	}
	admin.post("/sandbox", "behave", "true")
	if rules := a.server.Vices.Rules(sandbox.Name); len(rules) != 0 {
		t.Errorf("in force: %+v", rules)
	}
}

func TestARefusedViceIsExplained(t *testing.T) {
	a := newApp(t)
	admin := a.signedIn(adminEmail)
	for name, test := range map[string]struct {
		fields []string
		text   string
	}{
		"none":        {nil, "Choose a vice."},
		"unknown":     {[]string{"vice", "<b>", "at", "refresh"}, "The sandbox has no vice"},
		"seconds":     {[]string{"vice", "slow", "at", "refresh", "seconds", "-1"}, "Enter seconds from 0 to 3600"},
		"revocation":  {[]string{"vice", "expires-zero", "at", "revocation"}, "A revocation gives out nothing"},
		"at anything": {[]string{"vice", "slow", "at", "issue"}, "A vice shows at"},
	} {
		got := admin.post("/sandbox", test.fields...)
		if got.status != http.StatusUnprocessableEntity || !strings.Contains(got.body, test.text) || strings.Contains(got.body, "<b>") {
			t.Errorf("%s: %d\n%s", name, got.status, got.body)
		}
	}
	for range 25 {
		admin.post("/sandbox", "vice", "slow", "at", "refresh", "beside", "true")
	}
	if got := admin.post("/sandbox", "vice", "slow", "at", "refresh", "beside", "true"); !strings.Contains(got.body, "At most 20 vices") {
		t.Errorf("too many: %d\n%s", got.status, got.body)
	}
}

func TestAViewerIsNotOfferedVices(t *testing.T) {
	a := newApp(t)
	if got := a.signedIn(viewerEmail).get("/integrations/sandbox"); got.status != http.StatusOK || strings.Contains(got.body, `href="/sandbox"`) {
		t.Errorf("%d", got.status)
	}
}
