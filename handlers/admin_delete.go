package handlers

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/patchbay/patchbay/internal/connections"
	"github.com/patchbay/patchbay/models"
	"github.com/patchbay/patchbay/views"
)

// deleteForm asks before a connection is deleted.
func (s *server) deleteForm(c echo.Context) error {
	conn, err := s.Connections.Get(c.Request().Context(), c.Param("uuid"))
	if err != nil {
		return err
	}
	page := views.ConnectionDeletePage{
		Shell: s.shell(c, "Delete connection", views.NavConnections), UserID: conn.UserID, Integration: conn.Integration,
		Href: connectionPath(conn.UUID), Action: connectionPath(conn.UUID) + "/delete", Tags: conn.Tags,
		Granted: conn.AuthMode == models.AuthOAuth2 || conn.AuthMode == models.AuthOAuth1,
	}
	for _, row := range credentialRows(conn) {
		if row.Masked != "" {
			page.Credentials = append(page.Credentials, row.Name)
		}
	}
	if conn.AdditionalConfig != models.EmptyConfig {
		page.Config = string(conn.AdditionalConfig)
	}
	if in, err := s.Connections.Integration(conn.Integration); err == nil {
		page.Revocable = in.Auth.RevocationURL != ""
	}
	return render(c, http.StatusOK, views.ConnectionDelete(page))
}

func (s *server) deleteFromDashboard(c echo.Context) error {
	ctx := c.Request().Context()
	conn, revocation, message, err := s.Connections.Delete(ctx, actor(c), c.Param("uuid"))
	if err != nil {
		return err
	}
	done := fmt.Sprintf("The %s connection of user %s was deleted", conn.Integration, conn.UserID)
	switch revocation {
	case connections.Revoked:
		done += ", and the grant revoked."
	case connections.RevocationFailed:
		done += ", but the grant could not be revoked: " + message
	case connections.RevocationRetrying:
		done += ", but the grant could not be revoked yet: " + sentence(message) + " It is tried again for a day; the audit tells how that ends."
	case connections.RevocationUnsupported:
		done += "."
	}
	s.Sessions.Flash(ctx, revocation == connections.Revoked || revocation == connections.RevocationUnsupported, done)
	return c.Redirect(http.StatusSeeOther, "/connections")
}

// sentence ends a text as a sentence.
func sentence(text string) string { return strings.TrimSuffix(text, ".") + "." }
