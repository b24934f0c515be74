package handlers

import (
	"cmp"
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
	return s.renderConnection(c, http.StatusOK, conn, s.configEditor(c, conn), tagsForm(conn))
}

func (s *server) renderConnection(c echo.Context, status int, conn *models.Connection, editor views.ConfigEditor, tags views.TagsForm) error {
	calls, err := s.Meter.Calls(c.Request().Context(), conn.UUID, activityRows)
	if err != nil {
		return err
	}
	history, err := s.Connections.Audit(c.Request().Context(), models.AuditFilter{ConnectionUUID: conn.UUID}, models.PageRequest{Limit: activityRows})
	if err != nil {
		return err
	}
	shown := conn.Status(s.Now())
	page := views.ConnectionPage{
		Shell: s.shell(c, conn.Integration+" connection of "+conn.UserID, views.NavConnections),
		UUID:  conn.UUID, UserID: conn.UserID, UserHref: userPath(conn.UserID),
		Integration: conn.Integration, IntegrationHref: s.integrationHref(conn.Integration),
		AuthMode: conn.AuthMode, Status: shown, Sentence: statusSentence(conn, shown, s.Now()),
		Trouble:    views.RefreshTrouble{Answer: conn.StateAnswer, Failures: conn.Failures, Again: conn.AheadAt, Unclear: conn.Unclear()},
		ObtainedAt: conn.ObtainedAt, AheadAt: conn.AheadAt,
		DateCreated: conn.DateCreated, LastModified: conn.LastModified, ExpiresAt: conn.ExpiresAt, Refreshable: conn.Refreshable,
		Credentials: credentialRows(conn), Tags: tags, Editor: editor,
		Reconnect: s.connectForm(c, "Reconnect", conn.Integration, conn.UserID, connectionPath(conn.UUID)),
	}
	for i := range history.Rows {
		page.Activity = append(page.Activity, activityRow(&history.Rows[i]))
	}
	for _, n := range calls {
		page.APICalls = append(page.APICalls, views.APICallsRow{Key: n.APIKey, Operation: n.Operation, Calls: n.Calls, Window: n.Window})
	}
	return render(c, status, views.Connection(page))
}

func tagsForm(conn *models.Connection) views.TagsForm {
	return views.TagsForm{Tags: conn.Tags, Text: strings.Join(conn.Tags, ", ")}
}

// statusSentence says what a status means for this connection, and what to do.
func statusSentence(conn *models.Connection, shown models.Status, now time.Time) string {
	switch {
	case shown == models.StatusNeedsReconnect && conn.Unclear():
		return fmt.Sprintf("%s It refused %s in a row, so access counts as lost. Refresh now to ask it once more, or let the user reconnect.", conn.StateReason, countOf(conn.Refusals, "time"))
	case shown == models.StatusError && conn.Usable(now):
		return conn.StateReason + " The access token at hand is given out until it ends."
	case shown == models.StatusError:
		return conn.StateReason + " The access token has ended, so no credentials are given out until it recovers."
	case conn.StateReason != "":
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
	}
	return "The application has not confirmed this connection yet."
}

// masked stands for a secret, whatever its length.
const masked = "••••••••••••"

// credentialRows tells which credentials are held. It shows nothing of them, so nothing is opened.
func credentialRows(conn *models.Connection) []views.CredentialRow {
	held := func(names ...string) []views.CredentialRow {
		rows := make([]views.CredentialRow, len(names))
		for i, name := range names {
			rows[i] = views.CredentialRow{Name: name, Masked: masked, Note: "Held."}
		}
		return rows
	}
	switch conn.AuthMode {
	case models.AuthOAuth1:
		return held("Token", "Token secret")
	case models.AuthAPIKey:
		return held("API key")
	case models.AuthUsernamePassword:
		return held("User name", "Password")
	}
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

// happened says what an audit action is, where its entry needs no other words.
var happened = map[string]string{
	models.AuditAdminSignedIn:         "Signed in",
	models.AuditConnectSessionCreated: "Made a connect link",
	models.AuditConnectSessionDeleted: "Ended a connect link",
	models.AuditConnectionCreated:     "Connected",
	models.AuditConnectionDeleted:     "Deleted the connection",
	models.AuditConnectionDisabled:    "Disabled the connection",
	models.AuditConnectionEnabled:     "Enabled the connection",
	models.AuditConnectionReconnected: "Reconnected: the credentials were replaced",
	models.AuditConnectPending:        "Granted access; the application has not confirmed it yet",
	models.AuditCredentialsUpdated:    "Replaced the credentials",
	models.AuditIntegrationCreated:    "Created the integration",
	models.AuditIntegrationDeleted:    "Deleted the integration",
	models.AuditIntegrationUpdated:    "Changed the integration",
	models.AuditTagsUpdated:           "Changed the tags",
	models.AuditWebhookCreated:        "Created the webhook endpoint",
	models.AuditWebhookDeleted:        "Deleted the webhook endpoint",
	models.AuditWebhookDisabled:       "Disabled the webhook endpoint",
	models.AuditWebhookEnabled:        "Enabled the webhook endpoint",
	models.AuditWebhookRolled:         "Rolled the secret of the webhook endpoint",
	models.AuditWebhookUpdated:        "Changed the webhook endpoint",
}

// activityRow tells an audit entry as a sentence.
func activityRow(entry *models.AuditEntry) views.ActivityRow {
	row := views.ActivityRow{Time: entry.Time, Actor: actorLabel(entry.Actor), IP: entry.IP}
	switch entry.Action {
	case models.AuditAdminCreated:
		row.What = "Created the account " + entry.After
	case models.AuditAPIKeyCreated:
		row.What = "Created the API key " + entry.After
	case models.AuditAPIKeyRevoked:
		row.What = "Revoked the API key " + entry.After
	case models.AuditAPIKeyRolled:
		row.What = "Rolled the API key " + entry.After
	case models.AuditDataExported:
		row.What = "Exported the data, " + entry.After
	case models.AuditDataImported:
		row.What = importedWords(entry.After)
	case models.AuditConnectFailed:
		row.What = "Could not connect: " + entry.After
	case models.AuditConnectionRevoked:
		row.What = "Asked the provider to revoke the grant: " + entry.After
	case models.AuditEncryptionKeyReplaced:
		row.What = "Replaced the encryption key " + entry.Before + " by " + entry.After
	case models.AuditNeedsReconnect:
		row.What = "Lost access: " + entry.After
	case models.AuditRefreshed:
		row.What = "Refreshed the credentials"
		if entry.After != "" {
			row.What += ": they end on " + entry.After + ", before on " + entry.Before
		}
	case models.AuditConfigUpdated:
		row.What, row.Before, row.After = "Changed the configuration", entry.Before, entry.After
	case models.AuditWebhookCreated, models.AuditWebhookDeleted, models.AuditWebhookDisabled, models.AuditWebhookEnabled, models.AuditWebhookRolled, models.AuditWebhookUpdated:
		row.What = happened[entry.Action]
		if _, _, reason := webhookOf(entry); reason != "" {
			row.What += ": " + reason
		}
	default:
		row.What = cmp.Or(happened[entry.Action], entry.Action)
	}
	return row
}

// movedKinds are what people call one and several of the kinds of records that an import counts.
var movedKinds = map[string][2]string{
	"integration": {"integration", "integrations"}, "admin": {"account", "accounts"}, "apiKey": {"API key", "API keys"},
	"webhookEndpoint": {"webhook endpoint", "webhook endpoints"}, "connection": {"connection", "connections"},
	"auditEntry": {"earlier entry of the audit", "earlier entries of the audit"}, "event": {"earlier event", "earlier events"},
}

// importedWords tells what an entry about an import counts, a kind of records and how many, in plain words.
func importedWords(counted string) string {
	kind, number, _ := strings.Cut(counted, ": ")
	names, known := movedKinds[kind]
	switch {
	case known && number == "1":
		return "Imported 1 " + names[0]
	case known:
		return "Imported " + number + " " + names[1]
	case kind == "seed":
		return "Made up " + number + " connections"
	}
	return "Imported data: " + counted
}

// actorLabel gives an actor's name for people.
func actorLabel(actor string) string {
	kind, name, _ := strings.Cut(actor, ":")
	switch kind {
	case "admin":
		return name
	case "api-key":
		return "API key " + name
	case "end-user":
		return "End user " + name
	}
	return "The server"
}
