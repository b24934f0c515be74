package handlers

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/patchbay/patchbay/models"
	"github.com/patchbay/patchbay/views"
)

// configEditor gives the editor of a connection's configuration as it is stored.
func (s *server) configEditor(c echo.Context, conn *models.Connection) views.ConfigEditor {
	return views.ConfigEditor{
		Action: connectionPath(conn.UUID) + "/config", Version: conn.ConfigVersion,
		Text: string(conn.AdditionalConfig), ReadOnly: !signedIn(c).Role.CanEdit(),
	}
}

// backToConnection answers the address that a refused form, or a session that had ended, leaves in the browser: opened again,
// it leads to the page with the form.
func (s *server) backToConnection(c echo.Context) error {
	return c.Redirect(http.StatusSeeOther, connectionPath(c.Param("uuid")))
}

func (s *server) updateConfig(c echo.Context) error {
	if err := parseForm(c); err != nil {
		return err
	}
	version, err := strconv.ParseInt(c.FormValue("version"), 10, 64)
	if err != nil {
		return &models.Error{Kind: models.KindMalformed, Code: "malformed_form", Message: "The form's version is not a number. Open the connection's page again."}
	}
	ctx := c.Request().Context()
	conn, err := s.Connections.Get(ctx, c.Param("uuid"))
	if err != nil {
		return err
	}
	text := textOf(c, "config")
	if text == unixLines(string(conn.AdditionalConfig)) {
		text = string(conn.AdditionalConfig) // only a browser's view of the line breaks differs
	}
	saved, err := s.Connections.UpdateConfig(ctx, actor(c), conn.UUID, version, text)
	switch {
	case models.HasCode(err, models.CodeInvalidConfig):
		editor := s.configEditor(c, conn)
		editor.Version, editor.Text, editor.Fault = version, text, configFault(text, models.AsError(err).Fields[0])
		return s.renderConnection(c, http.StatusUnprocessableEntity, conn, editor, tagsForm(conn))
	case models.HasCode(err, models.CodeStaleVersion):
		return s.renderConflict(c, conn.UUID, version, text)
	case err != nil:
		return err
	}
	message := "The configuration was saved."
	if saved.Version == conn.Version {
		message = "The configuration was as you have it: nothing was changed."
	}
	s.Sessions.Flash(ctx, true, message)
	return c.Redirect(http.StatusSeeOther, connectionPath(conn.UUID))
}

func configFault(text string, field models.FieldError) *views.ConfigFault {
	lines := strings.Split(text, "\n")
	return &views.ConfigFault{Line: field.Line, Column: field.Column, Message: field.Message, Quoted: lines[min(field.Line, len(lines))-1]}
}

// renderConflict shows both texts. Mine can be saved over theirs: its editor carries the current version.
func (s *server) renderConflict(c echo.Context, uuid string, version int64, mine string) error {
	conflict, err := s.Connections.Conflict(c.Request().Context(), uuid, version)
	if err != nil {
		return err
	}
	editor := s.configEditor(c, conflict.Current)
	editor.Text = mine
	page := views.ConfigConflictPage{
		Shell:          s.shell(c, "Configuration changed meanwhile", views.NavConnections),
		ConnectionHref: connectionPath(uuid), UserID: conflict.Current.UserID, Integration: conflict.Current.Integration,
		Mine: editor, Theirs: string(conflict.Current.AdditionalConfig),
		TheirsBy: actorLabel(conflict.Last.Actor), TheirsAt: conflict.Last.Time,
		Base: string(conflict.Base),
	}
	return render(c, http.StatusConflict, views.ConfigConflict(page))
}
