package handlers

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/patchbay/patchbay/models"
	"github.com/patchbay/patchbay/views"
)

// recentConnections is how many connections the overview lists.
const recentConnections = 8

func (s *server) overview(c echo.Context) error {
	ctx := c.Request().Context()
	counts, err := s.Connections.Count(ctx, models.ConnectionFilter{})
	if err != nil {
		return err
	}
	users, err := s.Connections.CountUsersUpTo(ctx, countedUpTo+1)
	if err != nil {
		return err
	}
	recent, err := s.Connections.List(ctx, models.ConnectionFilter{}, models.SortLastModified, models.PageRequest{Limit: recentConnections})
	if err != nil {
		return err
	}
	integrations := s.Connections.Integrations()
	page := views.OverviewPage{
		Shell: s.shell(c, "Overview", views.NavOverview), Counts: counts, Users: countLabel(users),
		Integrations: len(integrations), Recent: s.connectionRows(recent.Rows),
	}
	for _, in := range integrations {
		if in.Source.Kind == models.SourceSandbox {
			page.SandboxHref = integrationPath(in.Name)
		}
	}
	return render(c, http.StatusOK, views.Overview(page))
}
