package handlers

import (
	"net/http"
	"strings"
	"testing"

	"github.com/patchbay/patchbay/client"
	"github.com/patchbay/patchbay/models"
)

// history makes connections of "crm" and "erp", and changes those of "crm".
func history(t *testing.T) (a *api, connection *client.Connection) {
	a = newAPI(t)
	c := a.client(models.ScopeConnectionsWrite)
	a.integrate("crm", definitions[models.AuthAPIKey])
	a.integrate("erp", definitions[models.AuthAPIKey])
	connection, err := c.RegisterConnection(t.Context(), "crm", "42", client.Credentials{APIKey: canary}, nil)
	must(t, err)
	_, err = c.RegisterConnection(t.Context(), "erp", "7", client.Credentials{APIKey: canary}, nil)
	must(t, err)
	_, err = c.UpdateConnectionConfig(t.Context(), "crm", "42", []byte(`{"a": 1}`))
	must(t, err)
	_, err = c.UpdateConnectionCredentials(t.Context(), "crm", "42", client.Credentials{APIKey: canary})
	must(t, err)
	_, err = c.DeleteConnection(t.Context(), "erp", "7")
	must(t, err)
	return a, connection
}

// audited gives what a key sees of the audit.
func audited(t *testing.T, c *client.Client, filter client.AuditFilter) string {
	t.Helper()
	var actions []string
	for entry, err := range c.Audit(t.Context(), filter) {
		must(t, err)
		actions = append(actions, entry.Integration+":"+entry.Action)
	}
	return strings.Join(actions, " ")
}

func TestAPIAuditTellsWhoDidWhat(t *testing.T) {
	t.Parallel()
	a, connection := history(t)
	all, limited := a.client(models.ScopeAuditRead), a.clientOf(a.limitedKey([]string{"erp"}))
	const ofCRM = "crm:connection.credentials_updated crm:connection.config_updated crm:connection.created"
	const ofERP = "erp:connection.deleted erp:connection.created erp:integration.created"
	for _, test := range []struct {
		client *client.Client
		filter client.AuditFilter
		want   string
	}{
		{all, client.AuditFilter{ConnectionUUID: connection.UUID}, ofCRM},
		{all, client.AuditFilter{ConnectionUUID: connection.UUID, Integration: "erp"}, ""},
		{all, client.AuditFilter{Integration: "erp"}, ofERP},
		{limited, client.AuditFilter{}, ofERP},
		{limited, client.AuditFilter{ConnectionUUID: connection.UUID}, ""},
	} {
		if got := audited(t, test.client, test.filter); got != test.want {
			t.Errorf("%+v: got  %s\nwant %s", test.filter, got, test.want)
		}
	}
	if got := audited(t, all, client.AuditFilter{}); !strings.Contains(got, ":"+models.AuditAPIKeyCreated) || !strings.HasSuffix(got, ":"+models.AuditAdminCreated) {
		t.Errorf("everything: %s", got)
	}
	for _, err := range limited.Audit(t.Context(), client.AuditFilter{Integration: "crm"}) {
		a.refused("another integration", err, client.CodeForbidden)
	}
	for entry, err := range all.Audit(t.Context(), client.AuditFilter{ConnectionUUID: connection.UUID}) {
		must(t, err)
		if entry.Actor != "api-key:key 1" || entry.IP != "127.0.0.1" || len(entry.RequestID) != 36 || entry.UserID != "42" || entry.Time.IsZero() {
			t.Errorf("%+v", entry)
		}
		if updated := entry.Action == models.AuditConfigUpdated; updated != (entry.Before == "{}" && entry.After == `{"a": 1}`) {
			t.Errorf("%s: before %q, after %q", entry.Action, entry.Before, entry.After)
		}
	}
}

func TestAPIAuditIsReadPageByPage(t *testing.T) {
	t.Parallel()
	a, _ := history(t)
	key, path, pages := a.key(models.ScopeAuditRead), "/audit?integration=crm&limit=1", 0
	for seen := ""; path != ""; pages++ {
		got := a.call(key, http.MethodGet, path, "")
		a.want(path, got, http.StatusOK, "")
		_, cursor, _ := strings.Cut(got.body, `"nextCursor":"`)
		cursor, _, _ = strings.Cut(cursor, `"`)
		if strings.Count(got.body, `"id":`) != 1 || got.body == seen {
			t.Errorf("%s: %s", path, got.body)
		}
		if path, seen = "", got.body; cursor != "" {
			path = "/audit?integration=crm&limit=1&cursor=" + cursor
		}
	}
	if pages != 4 {
		t.Errorf("%d entries", pages)
	}
}

// follow reads events from a cursor to the end, and gives them with where to go on.
func follow(t *testing.T, c *client.Client, kind client.EventType, cursor string) (types, next string) {
	t.Helper()
	var told []string
	for {
		page, err := c.Events(t.Context(), kind, client.PageRequest{Cursor: cursor, Limit: 2})
		must(t, err)
		for _, e := range page.Events {
			if e.Time.IsZero() || len(e.ConnectionUUID) != 36 || e.UserID == "" {
				t.Errorf("%+v", e)
			}
			told = append(told, e.Integration+":"+strings.TrimPrefix(string(e.Type), "connection.")+":"+e.Detail)
		}
		if cursor = page.NextCursor; len(page.Events) == 0 {
			return strings.Join(told, " "), cursor
		}
	}
}

func TestAPIEventsAreFollowedByCursor(t *testing.T) {
	t.Parallel()
	a, _ := history(t)
	c, limited := a.client(), a.clientOf(a.limitedKey([]string{"erp"}))
	told, cursor := follow(t, c, "", "")
	if want := "crm:created: erp:created: crm:updated:additionalConfig crm:updated:credentials erp:deleted:"; told != want {
		t.Errorf("got  %s\nwant %s", told, want)
	}
	if told, again := follow(t, c, "", cursor); told != "" || again != cursor {
		t.Errorf("nothing happened, but %q", told)
	}
	_, err := c.SetConnectionTags(t.Context(), "crm", "42", "vip")
	must(t, err)
	if told, _ := follow(t, c, "", cursor); told != "crm:updated:tags" {
		t.Errorf("since then: %s", told)
	}
	if told, _ := follow(t, c, client.EventConnectionDeleted, ""); told != "erp:deleted:" {
		t.Errorf("of one type: %s", told)
	}
	if told, _ := follow(t, limited, "", ""); told != "erp:created: erp:deleted:" {
		t.Errorf("limited: %s", told)
	}
}
