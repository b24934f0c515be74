package handlers

import (
	"strings"
	"testing"
	"time"

	"github.com/patchbay/patchbay/internal/connections"
	"github.com/patchbay/patchbay/models"
)

// A provider that refuses without saying why may think better of it: its page lets an operator ask once more.
func TestAConnectionLostByRefusalsAloneIsRefreshedOnItsPage(t *testing.T) {
	a := newApp(t)
	conn := a.connect("sandbox", "42")
	a.signedIn(adminEmail).post("/sandbox", "vice", "dead-empty", "at", "refresh", "often", "always")
	for range models.MaxRefusals {
		a.clockOffset.Add(int64(2 * time.Hour))
		if _, _, err := a.server.Connections.FreshCredentials(t.Context(), "sandbox", "42", connections.Freshness{}); err == nil {
			t.Fatal("it was refreshed")
		}
	}
	admin, path := a.signedIn(adminEmail), "/connections/"+conn.UUID
	shows := func(when string, wanted ...string) {
		t.Helper()
		got := admin.get(path).body
		for _, want := range wanted {
			if !strings.Contains(got, want) {
				t.Errorf("%s, the page does not say %q", when, want)
			}
		}
	}
	shows("after five refusals", "Needs reconnect", "It refused 5 times in a row", "Refresh now to ask it once more", "None by itself: refresh now")
	if got := admin.get(path).body; strings.Contains(got, "Only a reconnect helps") || strings.Contains(got, `id="refresh-disabled"`) {
		t.Error("the button does not work")
	}
	admin.post(path + "/refresh")
	shows("refused once more", "It refused 6 times in a row")
	admin.post("/sandbox", "behave", "true")
	admin.post(path + "/refresh")
	shows("once the provider gives a token", "The credentials were refreshed.", "Connected")

	admin.post("/sandbox", "vice", "dead-400", "at", "refresh", "often", "always")
	admin.post(path + "/refresh")
	shows("once the grant has ended", "Needs reconnect", "Only a reconnect helps", "None: the user has to reconnect")
}

func TestImportsAreToldInPlainWords(t *testing.T) {
	for counted, want := range map[string]string{
		"connection: 60": "Imported 60 connections", "connection: 1": "Imported 1 connection", "auditEntry: 1": "Imported 1 earlier entry of the audit",
		"apiKey: 2": "Imported 2 API keys", "webhookEndpoint: 3": "Imported 3 webhook endpoints", "seed: 400": "Made up 400 connections",
		"60 connections": "Imported data: 60 connections",
	} {
		if got := activityRow(&models.AuditEntry{Action: models.AuditDataImported, After: counted}).What; got != want {
			t.Errorf("%s: %q, want %q", counted, got, want)
		}
	}
}
