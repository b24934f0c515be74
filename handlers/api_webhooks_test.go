package handlers

import (
	"net/http"
	"strings"
	"testing"

	"github.com/patchbay/patchbay/client"
	"github.com/patchbay/patchbay/models"
)

func TestAPIAWebhookIsManaged(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	c := a.client(models.ScopeWebhooksWrite)
	made, err := c.CreateWebhook(t.Context(), client.WebhookRequest{
		URL: "https://app.example.com/hook", Description: "Billing", Types: []client.EventType{client.EventConnectionDeleted}, Integrations: []string{"sandbox"},
	})
	must(t, err)
	if !strings.HasPrefix(made.Secret, "whsec_") || !made.Enabled || made.Types[0] != client.EventConnectionDeleted || made.Integrations[0] != "sandbox" {
		t.Errorf("created %v", made)
	}
	off, types := false, []client.EventType{}
	changed, err := c.UpdateWebhook(t.Context(), made.ID, client.WebhookChange{Enabled: &off, Types: &types})
	must(t, err)
	if changed.Enabled || len(changed.Types) != 0 || changed.Description != "Billing" || changed.Secret != "" {
		t.Errorf("changed %v", changed)
	}
	rolled, err := c.RollWebhookSecret(t.Context(), made.ID)
	must(t, err)
	if rolled.Secret == made.Secret || !strings.HasPrefix(rolled.Secret, "whsec_") {
		t.Error("the secret is not a new one")
	}
	list, err := c.ListWebhooks(t.Context())
	must(t, err)
	found, err := c.GetWebhook(t.Context(), made.ID)
	must(t, err)
	if len(list) != 1 || list[0].ID != made.ID || found.URL != made.URL || list[0].Secret+found.Secret != "" {
		t.Errorf("list %v, one %v", list, found)
	}
	must(t, c.DeleteWebhook(t.Context(), made.ID))
	_, err = c.GetWebhook(t.Context(), made.ID)
	a.refused("deleted", err, client.CodeNotFound)
	for _, secret := range []string{made.Secret, rolled.Secret} {
		if strings.Contains(a.log.String(), secret) {
			t.Error("the log holds a secret")
		}
	}
	var actions []string
	for entry, err := range a.client().Audit(t.Context(), client.AuditFilter{}) {
		must(t, err)
		if strings.HasPrefix(entry.Action, "webhook.") {
			actions = append(actions, entry.Action)
		}
	}
	if got, want := strings.Join(actions, " "), "webhook.deleted webhook.secret_rolled webhook.disabled webhook.created"; got != want {
		t.Errorf("audit %s, want %s", got, want)
	}
}

func TestAPIDeliveriesAreListedAndSentAgain(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	c := a.client()
	made, err := c.CreateWebhook(t.Context(), client.WebhookRequest{URL: "https://app.example.com/hook"})
	must(t, err)
	a.connect("sandbox", "42")
	test, err := c.TestWebhook(t.Context(), made.ID)
	must(t, err)
	var created client.WebhookDelivery
	for d, err := range c.WebhookDeliveries(t.Context(), made.ID) {
		must(t, err)
		created = d // the oldest
	}
	if created.Type != client.EventConnectionCreated || created.Status != "pending" || created.NextTry.IsZero() || test.Type != client.EventWebhookTest {
		t.Errorf("%+v, test %+v", created, test)
	}
	again, err := c.RedeliverWebhook(t.Context(), made.ID, created.ID)
	must(t, err)
	if again.ID != created.ID || again.Status != "pending" {
		t.Errorf("sent again before it is over: %+v", again)
	}
	off, on := false, true
	_, err = c.UpdateWebhook(t.Context(), made.ID, client.WebhookChange{Enabled: &off})
	must(t, err)
	_, err = c.UpdateWebhook(t.Context(), made.ID, client.WebhookChange{Enabled: &on})
	must(t, err)
	again, err = c.RedeliverWebhook(t.Context(), made.ID, created.ID)
	must(t, err)
	if again.ID == created.ID || again.MessageID != created.MessageID {
		t.Errorf("sent again: %+v", again)
	}
	for d, err := range c.WebhookDeliveries(t.Context(), made.ID) {
		must(t, err)
		if d.ID == created.ID && (d.Status != "cancelled" || !d.NextTry.IsZero()) {
			t.Errorf("given up: %+v", d)
		}
	}
	page := a.call(a.key(models.ScopeWebhooksWrite), http.MethodGet, "/webhooks/"+made.ID+"/deliveries?limit=1", "")
	if page.status != http.StatusOK || !strings.Contains(page.body, again.ID) || strings.Contains(page.body, `"nextCursor":""`) {
		t.Errorf("a page: %d %s", page.status, page.body)
	}
}

// A webhook can be told of what happens to every integration.
func TestAPIALimitedKeyManagesNoWebhooks(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	limited := s.limitedKey([]string{"sandbox"})
	for _, r := range s.server.webhookRoutes() {
		s.want(r.operationID, s.send(r, request{key: limited}), http.StatusForbidden, models.CodeForbidden)
	}
}
