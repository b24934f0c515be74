package views

import (
	"strings"
	"testing"

	"github.com/patchbay/patchbay/models"
)

func TestRefreshIsOfferedWhereItCanWork(t *testing.T) {
	for name, test := range map[string]struct {
		change func(*ConnectionPage)
		reason string
	}{
		"connected":        {func(*ConnectionPage) {}, ""},
		"failing":          {func(p *ConnectionPage) { p.Status = models.StatusError }, ""},
		"no token":         {func(p *ConnectionPage) { p.Refreshable = false }, "No refresh token is held."},
		"disabled":         {func(p *ConnectionPage) { p.Status = models.StatusDisabled }, "The connection is disabled."},
		"needs reconnect":  {func(p *ConnectionPage) { p.Status = models.StatusNeedsReconnect }, "Only a reconnect helps."},
		"refused so often": {func(p *ConnectionPage) { p.Status, p.Trouble = models.StatusNeedsReconnect, unclearPage().Trouble }, ""},
		"viewer":           {func(p *ConnectionPage) { p.Editor.ReadOnly = true }, readOnlyReason},
	} {
		p := connectionPage("42")
		test.change(&p)
		form := parse(t, Connection(p)).with(t, "action", "/connections/"+sampleUUID+"/refresh")
		if _, disabled := form.all("button")[0].attr("disabled"); disabled != (test.reason != "") {
			t.Errorf("%s: disabled %v", name, disabled)
		}
		if test.reason != "" && form.with(t, "id", "refresh-disabled").text() != test.reason {
			t.Errorf("%s: it does not say why", name)
		}
	}
	if formActions(t, apiKeyConnectionPage())["/connections/"+sampleUUID+"/refresh"] {
		t.Error("an API key can be refreshed")
	}
}

func TestTroubleIsToldInTheProvidersWords(t *testing.T) {
	page := parse(t, Connection(failingPage())).text()
	for _, want := range []string{"The provider answered", "503 Service Unavailable", "Failed attempts", "in 2 minutes"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page does not say %q", want)
		}
	}
	if strings.Contains(parse(t, Connection(connectionPage("42"))).text(), "Failed attempts") {
		t.Error("a connection that is well tells of trouble")
	}
}

func TestWhatIsLostByRefusalsAloneMayStillBeRefreshed(t *testing.T) {
	if page := parse(t, Connection(unclearPage())).text(); !strings.Contains(page, "None by itself: refresh now") || strings.Contains(page, "Only a reconnect helps.") {
		t.Errorf("the page does not say so: %s", page)
	}
}

func TestADisabledConnectionIsEnabledNotReconnected(t *testing.T) {
	actions := formActions(t, disabledPage())
	if !actions["/connections/"+sampleUUID+"/enable"] || actions["/connections/"+sampleUUID+"/disable"] || actions["/connect"] {
		t.Errorf("got %v", actions)
	}
}

// formActions are the addresses that the forms of a connection's page post to.
func formActions(t *testing.T, p ConnectionPage) map[string]bool {
	t.Helper()
	actions := map[string]bool{}
	for _, form := range parse(t, Connection(p)).all("form") {
		actions[form.get("action")] = true
	}
	return actions
}

func TestTagsLeadToTheirConnections(t *testing.T) {
	p := connectionPage("42")
	p.Tags.Tags = []string{"a&b=c d"}
	if got := parse(t, Connection(p)).with(t, "class", "tags").all("a")[0].get("href"); got != "/connections?tag=a%26b%3Dc+d" {
		t.Errorf("got %q", got)
	}
}

func TestRefusedTagsAreKeptAndShown(t *testing.T) {
	page := parse(t, Connection(tagsRefusedPage()))
	field := page.with(t, "id", "tags")
	if field.get("value") != tagsRefusedPage().Tags.Text || field.get("aria-invalid") != "true" {
		t.Error("the field does not hold what was refused")
	}
	if page.with(t, "open", "").with(t, "id", "tags").get("name") != "tags" {
		t.Error("the form is closed")
	}
	if page.with(t, "role", "alert").all("a")[0].get("href") != "#tags" {
		t.Error("the summary does not lead to the field")
	}
}

func TestDeletionSaysWhatBecomesOfTheGrant(t *testing.T) {
	for revocable, tone := range map[bool]string{true: "callout tone-info", false: "callout tone-warn"} {
		p := deletePage()
		p.Revocable = revocable
		parse(t, ConnectionDelete(p)).with(t, "class", tone)
	}
}
