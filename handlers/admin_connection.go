package handlers

import (
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/patchbay/patchbay/models"
	"github.com/patchbay/patchbay/views"
)

// activityRows is how many entries of its history a connection's page shows.
const activityRows = 20

func (s *server) connection(c echo.Context) error {
	conn, err := s.Connections.Get(c.Request().Context(), c.Param("uuid"))
	if err != nil {
		return err
	}
	return s.renderConnection(c, http.StatusOK, conn, s.configEditor(c, conn))
}

func (s *server) renderConnection(c echo.Context, status int, conn *models.Connection, editor views.ConfigEditor) error {
	history, err := s.Connections.Audit(c.Request().Context(), conn.UUID, models.PageRequest{Limit: activityRows})
	if err != nil {
		return err
	}
	shown := conn.Status(s.Now())
	page := views.ConnectionPage{
		Shell: s.shell(c, conn.Integration+" connection of "+conn.UserID, views.NavConnections),
		UUID:  conn.UUID, UserID: conn.UserID, UserHref: userPath(conn.UserID),
		Integration: conn.Integration, IntegrationHref: s.integrationHref(conn.Integration),
		AuthMode: conn.AuthMode, Status: shown, Sentence: statusSentence(conn, shown, s.Now()),
		DateCreated: conn.DateCreated, LastModified: conn.LastModified, ExpiresAt: conn.ExpiresAt, Refreshable: conn.Refreshable,
		Credentials: credentialRows(conn), Editor: editor,
		Reconnect: s.connectForm(c, "Reconnect", conn.Integration, conn.UserID, connectionPath(conn.UUID)),
	}
	for i := range history.Rows {
		page.Activity = append(page.Activity, activityRow(&history.Rows[i]))
	}
	return render(c, status, views.Connection(page))
}

// statusSentence says what a status means for this connection, and what to do.
func statusSentence(conn *models.Connection, shown models.Status, now time.Time) string {
	if conn.StateReason != "" {
		return conn.StateReason
	}
	switch shown {
	case models.StatusConnected:
		switch {
		case !conn.Refreshable:
			return "Access is granted."
		case conn.ExpiresAt != nil && !conn.ExpiresAt.After(now):
			return "Access is granted. The access token has ended; a refresh token is held."
		}
		return "Access is granted, and a refresh token is held."
	case models.StatusExpiring:
		return "The access token ends within a day, and the provider gave no refresh token. Reconnect to renew it."
	case models.StatusNeedsReconnect:
		return "The access token has ended and cannot be refreshed. Reconnect to renew it."
	case models.StatusDisabled:
		return "The connection is switched off."
	case models.StatusPending:
		return "The application has not confirmed this connection yet."
	}
	return "The last attempt to refresh the access token failed."
}

// masked stands for a secret, whatever its length.
const masked = "••••••••••••"

// credentialRows tells which credentials are held. It shows nothing of them, so nothing is opened.
func credentialRows(conn *models.Connection) []views.CredentialRow {
	access := views.CredentialRow{Name: "Access token", Masked: masked, Note: "The provider named no expiry."}
	if conn.ExpiresAt != nil {
		access.Note = "Ends " + conn.ExpiresAt.UTC().Format("2 Jan 2006, 15:04 UTC") + "."
	}
	refresh := views.CredentialRow{Name: "Refresh token", Note: "The provider gave none."}
	if conn.Refreshable {
		refresh.Masked, refresh.Note = masked, "Held."
	}
	return []views.CredentialRow{access, refresh}
}

// activityRow tells an audit entry as a sentence.
func activityRow(entry *models.AuditEntry) views.ActivityRow {
	row := views.ActivityRow{Time: entry.Time, Actor: actorLabel(entry.Actor), IP: entry.IP}
	switch entry.Action {
	case models.AuditAdminCreated:
		row.What = "Created the account " + entry.After
	case models.AuditAdminSignedIn:
		row.What = "Signed in"
	case models.AuditConnectSessionCreated:
		row.What = "Made a connect link"
	case models.AuditConnectionCreated:
		row.What = "Connected"
	case models.AuditConnectionReconnected:
		row.What = "Reconnected: the credentials were replaced"
	case models.AuditConnectFailed:
		row.What = "Could not connect: " + entry.After
	case models.AuditConfigUpdated:
		row.What, row.Before, row.After = "Changed the configuration", entry.Before, entry.After
	default:
		row.What = entry.Action
	}
	return row
}

// actorLabel gives an actor's name for people.
func actorLabel(actor string) string {
	kind, name, _ := strings.Cut(actor, ":")
	switch kind {
	case "admin":
		return name
	case "end-user":
		return fmt.Sprintf("End user %s", name)
	}
	return "The server"
}
