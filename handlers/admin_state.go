package handlers

import (
	"context"
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/patchbay/patchbay/models"
)

func (s *server) refreshFromDashboard(c echo.Context) error {
	return s.act(c, s.Connections.Refresh, func(conn *models.Connection) string {
		if conn.ExpiresAt == nil {
			return "The credentials were refreshed."
		}
		return "The credentials were refreshed. The access token ends " + conn.ExpiresAt.UTC().Format("2 Jan 2006, 15:04 UTC") + "."
	})
}

func (s *server) disableFromDashboard(c echo.Context) error {
	return s.act(c, s.Connections.Disable, func(*models.Connection) string {
		return "The connection is disabled: its credentials are not given out."
	})
}

func (s *server) enableFromDashboard(c echo.Context) error {
	return s.act(c, s.Connections.Enable, func(*models.Connection) string { return "The connection is enabled." })
}

// act does something to a connection and comes back to its page with the outcome, good or bad.
func (s *server) act(c echo.Context, do func(context.Context, models.Actor, string) (*models.Connection, error), said func(*models.Connection) string) error {
	ctx, uuid := c.Request().Context(), c.Param("uuid")
	conn, err := do(ctx, actor(c), uuid)
	e := models.AsError(err)
	switch {
	case err == nil:
		s.Sessions.Flash(ctx, true, said(conn))
	case e == nil || e.Kind == models.KindInternal || e.Kind == models.KindNotFound:
		return err
	default:
		s.Sessions.Flash(ctx, false, e.Message)
	}
	return c.Redirect(http.StatusSeeOther, connectionPath(uuid))
}

// updateTags replaces the tags of a connection by those of a text, separated by commas.
func (s *server) updateTags(c echo.Context) error {
	if err := parseForm(c); err != nil {
		return err
	}
	ctx := c.Request().Context()
	conn, err := s.Connections.Get(ctx, c.Param("uuid"))
	if err != nil {
		return err
	}
	text := c.FormValue("tags")
	var tags []string
	for tag := range strings.SplitSeq(text, ",") {
		if tag = strings.TrimSpace(tag); tag != "" {
			tags = append(tags, tag)
		}
	}
	_, err = s.Connections.SetTags(ctx, actor(c), conn.UUID, tags)
	if models.HasCode(err, models.CodeInvalidTags) {
		form := tagsForm(conn)
		form.Text, form.Error = text, models.AsError(err).Fields[0].Message
		return s.renderConnection(c, http.StatusUnprocessableEntity, conn, s.configEditor(c, conn), form)
	}
	if err != nil {
		return err
	}
	s.Sessions.Flash(ctx, true, "The tags were saved.")
	return c.Redirect(http.StatusSeeOther, connectionPath(conn.UUID))
}
