package handlers

import (
	"net/http"

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
	for i := range list.Rows {
		entry := &list.Rows[i]
		page.Rows = append(page.Rows, views.AuditRow{ActivityRow: activityRow(entry), Object: auditObject(entry)})
	}
	return render(c, http.StatusOK, views.Audit(page))
}

func auditObject(entry *models.AuditEntry) views.Link {
	if entry.Integration == "" {
		return views.Link{}
	}
	object := views.Link{Label: entry.Integration + " of " + entry.UserID, Href: userPath(entry.UserID)}
	if entry.ConnectionUUID != "" {
		object.Href = connectionPath(entry.ConnectionUUID)
	}
	return object
}
