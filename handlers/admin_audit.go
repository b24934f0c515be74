package handlers

import (
	"cmp"
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/patchbay/patchbay/models"
	"github.com/patchbay/patchbay/views"
)

func (s *server) audit(c echo.Context) error {
	request := pageRequest(c)
	list, err := s.Connections.Audit(c.Request().Context(), models.AuditFilter{}, request)
	if err != nil {
		return err
	}
	page := views.AuditPage{Shell: s.shell(c, "Audit", views.NavAudit), Pager: pager(c, list, request)}
	var uuids []string
	for i := range list.Rows {
		uuids = append(uuids, list.Rows[i].ConnectionUUID)
	}
	there, err := s.Connections.Existing(c.Request().Context(), uuids)
	if err != nil {
		return err
	}
	if page.Owner {
		endpoints, err := s.Webhooks.List(c.Request().Context())
		if err != nil {
			return err
		}
		for i := range endpoints {
			there[endpoints[i].UUID] = true
		}
	}
	for i := range list.Rows {
		entry := &list.Rows[i]
		page.Rows = append(page.Rows, views.AuditRow{ActivityRow: activityRow(entry), Object: s.auditObject(entry, there)})
	}
	return render(c, http.StatusOK, views.Audit(page))
}

// webhookOf reads what an entry about a webhook endpoint tells: the origin of its address, its uuid, and why the server disabled it.
func webhookOf(entry *models.AuditEntry) (origin, uuid, reason string) {
	endpoint, reason, _ := strings.Cut(entry.After, ": ")
	if before, after, ok := strings.Cut(endpoint, " "); ok {
		return before, after, reason
	}
	return "", endpoint, reason
}

// auditObject names what an entry is about, and links it while it is there and who is signed in may see it.
func (s *server) auditObject(entry *models.AuditEntry, there map[string]bool) views.Link {
	if strings.HasPrefix(entry.Action, "webhook.") {
		origin, uuid, _ := webhookOf(entry)
		link := views.Link{Label: cmp.Or(origin, uuid)}
		if there[uuid] {
			link.Href = webhookPath(&models.WebhookEndpoint{UUID: uuid})
		}
		return link
	}
	switch {
	case entry.Integration == "":
		return views.Link{Label: entry.UserID}
	case entry.UserID == "":
		return views.Link{Label: entry.Integration, Href: s.integrationHref(entry.Integration)}
	case there[entry.ConnectionUUID]:
		return views.Link{Label: entry.Integration + " of " + entry.UserID, Href: connectionPath(entry.ConnectionUUID)}
	}
	return views.Link{Label: entry.Integration + " of " + entry.UserID}
}
