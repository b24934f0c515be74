package handlers

import (
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/patchbay/patchbay/models"
)

// secretText is the secret of a webhook endpoint on a page.
var secretText = regexp.MustCompile(`whsec_[A-Za-z0-9+/=]{40,}`)

// createEndpoint creates a webhook endpoint and gives it with its secret.
func (a *app) createEndpoint(b *browser, fields ...string) (*models.WebhookEndpoint, string) {
	a.t.Helper()
	id := uuid.NewString()
	got := b.post("/webhooks", append([]string{"url", "https://app.example.com/hook", "uuid", id}, fields...)...)
	secret := secretText.FindString(got.body)
	if got.status != http.StatusOK || secret == "" {
		a.t.Fatalf("create: %d\n%s", got.status, got.body)
	}
	e, err := a.server.Webhooks.Find(a.t.Context(), id)
	must(a.t, err)
	return e, secret
}

func TestAWebhookSecretIsShownOnce(t *testing.T) {
	a := newApp(t)
	admin := a.signedIn(adminEmail)
	e, secret := a.createEndpoint(admin, "description", "Billing", "types", "connection.deleted", "integrations", "sandbox")
	if e.Description != "Billing" || len(e.Types) != 1 || e.Types[0] != models.EventConnectionDeleted || len(e.Integrations) != 1 || e.Secret.Reveal() != secret {
		t.Errorf("created %+v", e)
	}
	for _, path := range []string{"/webhooks", "/webhooks/new", webhookPath(e), webhookPath(e) + "/edit", webhookPath(e) + "/roll", webhookPath(e) + "/delete", "/audit"} {
		got := admin.get(path)
		if got.status != http.StatusOK || strings.Contains(got.body, secret) {
			t.Errorf("%s: %d, secret shown: %v", path, got.status, strings.Contains(got.body, secret))
		}
	}
	if list := admin.get("/webhooks").body; !strings.Contains(list, e.URL) || !strings.Contains(list, adminEmail) {
		t.Error("the list does not show the endpoint")
	}
	if strings.Contains(a.log.String(), secret) {
		t.Error("the secret is in the log")
	}
}

func TestAReloadCreatesNoOtherEndpoint(t *testing.T) {
	a := newApp(t)
	admin := a.signedIn(adminEmail)
	e, _ := a.createEndpoint(admin)
	again := admin.post("/webhooks", "url", e.URL, "uuid", e.UUID)
	if again.location != webhookPath(e) || secretText.MatchString(again.body) {
		t.Errorf("%d\n%s", again.status, again.body)
	}
	if got := admin.get(webhookPath(e)).body; !strings.Contains(got, "created before") {
		t.Error("its page does not tell")
	}
	if got := admin.post("/webhooks", "url", e.URL); got.status != http.StatusBadRequest {
		t.Errorf("a form without a uuid: %d", got.status)
	}
	list, err := a.server.Webhooks.List(t.Context())
	must(t, err)
	if len(list) != 1 {
		t.Errorf("created %+v", list)
	}
}

func TestRefusedEndpointsAreShownAgain(t *testing.T) {
	a := newApp(t)
	admin := a.signedIn(adminEmail)
	e, _ := a.createEndpoint(admin)
	for name, test := range map[string]struct {
		fields []string
		want   []string
	}{
		"nothing":      {nil, []string{"Enter an address"}},
		"no address":   {[]string{"url", `app"<b>`, "types", "connection.deleted"}, []string{"Enter an address", `value="app&#34;&lt;b&gt;"`, `value="connection.deleted" checked`}},
		"unknown type": {[]string{"url", "https://a.example", "types", "none", "integrations", "sandbox"}, []string{"There is no event type", `value="sandbox" checked`}},
		"private":      {[]string{"url", "http://10.1.2.3/hook"}, []string{"10.1.2.3:80 is a private address", "PATCHBAY_ALLOW_PRIVATE", `value="http://10.1.2.3/hook"`}},
		"two lines":    {[]string{"url", "https://a.example", "description", "a\nb"}, []string{"in one line"}},
	} {
		for path, says := range map[string]string{"/webhooks": "The endpoint was not created", webhookPath(e) + "/edit": "The endpoint was not changed"} {
			got := admin.post(path, append([]string{"uuid", uuid.NewString()}, test.fields...)...)
			for _, want := range append(test.want, says, "Error:") {
				if got.status != http.StatusUnprocessableEntity || !strings.Contains(got.body, want) {
					t.Errorf("%s: %s: %d lacks %q", path, name, got.status, want)
				}
			}
		}
	}
	list, err := a.server.Webhooks.List(t.Context())
	must(t, err)
	if len(list) != 1 || list[0].URL != e.URL {
		t.Errorf("changed something: %+v", list)
	}
}

func TestAnEndpointIsManagedOnItsPage(t *testing.T) {
	a := newApp(t)
	admin := a.signedIn(adminEmail)
	e, secret := a.createEndpoint(admin)
	path := webhookPath(e)
	says := func(text string) {
		t.Helper()
		if got := admin.get(path); got.status != http.StatusOK || !strings.Contains(got.body, text) {
			t.Errorf("the page does not say %q: %d\n%s", text, got.status, got.body)
		}
	}
	says("Nothing has been sent yet.")
	if got := admin.post(path+"/edit", "url", "https://b.example/hook", "description", "Changed"); got.location != path {
		t.Errorf("edit: %d", got.status)
	}
	says("https://b.example/hook")
	if got := admin.post(path + "/test"); got.location != path {
		t.Errorf("test: %d", got.status)
	}
	says("webhook.test")
	page, err := a.server.Webhooks.Deliveries(t.Context(), e, models.PageRequest{Limit: 10})
	must(t, err)
	if got := admin.post(path + "/deliveries/" + page.Rows[0].UUID + "/redeliver"); got.location != path {
		t.Errorf("redeliver: %d", got.status)
	}
	says("on its way again")
	if got := admin.post(path + "/deliveries/none/redeliver"); got.status != http.StatusNotFound {
		t.Errorf("an unknown delivery: %d", got.status)
	}
	hint := secretHint(e)
	rolled := admin.post(path+"/roll", "hint", hint)
	if second := secretText.FindString(rolled.body); rolled.status != http.StatusOK || second == "" || second == secret {
		t.Errorf("roll: %d\n%s", rolled.status, rolled.body)
	}
	if again := admin.post(path+"/roll", "hint", hint); again.location != path || secretText.MatchString(again.body) {
		t.Errorf("the same form again: %d", again.status)
	}
	says("was rolled meanwhile")
	if got := admin.post(path + "/disable"); got.location != path {
		t.Errorf("disable: %d", got.status)
	}
	says("It is told of nothing until it is enabled.")
	if got := admin.post(path + "/test"); got.location != path {
		t.Errorf("test of a disabled one: %d", got.status)
	}
	says("Enable it to send it something.")
	if got := admin.post(path + "/enable"); got.location != path {
		t.Errorf("enable: %d", got.status)
	}
	for _, back := range []string{"/test", "/enable", "/disable", "/deliveries/x/redeliver"} {
		if got := admin.get(path + back); got.location != path {
			t.Errorf("GET %s: %d %s", back, got.status, got.location)
		}
	}
	if got := admin.post(path + "/delete"); got.location != "/webhooks" {
		t.Errorf("delete: %d", got.status)
	}
	if list := admin.get("/webhooks").body; !strings.Contains(list, "was deleted.") || !strings.Contains(list, "No webhook endpoints yet") {
		t.Error("the list does not tell")
	}
	for _, gone := range []string{"", "/edit", "/roll", "/delete", "/test"} {
		if got := admin.get(path + gone); got.status != http.StatusNotFound {
			t.Errorf("%s: %d", gone, got.status)
		}
	}
	audit := admin.get("/audit").body
	for _, what := range []string{"Created the webhook endpoint", ">https://app.example.com<", "Rolled the secret of the webhook endpoint", "Disabled the webhook endpoint", "Enabled the webhook endpoint", "Deleted the webhook endpoint", "https://b.example"} {
		if !strings.Contains(audit, what) {
			t.Errorf("the audit lacks %q", what)
		}
	}
}

func TestWebhooksAreForAdmins(t *testing.T) {
	a := newApp(t)
	viewer := a.signedIn(viewerEmail)
	for _, got := range []page{viewer.get("/webhooks"), viewer.get("/webhooks/new"), viewer.post("/webhooks", "url", "https://a.example", "uuid", uuid.NewString())} {
		if got.status != http.StatusForbidden || !strings.Contains(got.body, "your role is viewer") {
			t.Errorf("%d\n%s", got.status, got.body)
		}
	}
	if strings.Contains(viewer.get("/").body, `href="/webhooks"`) {
		t.Error("a viewer is led there")
	}
}
