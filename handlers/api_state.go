package handlers

import (
	"context"
	"fmt"
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/patchbay/patchbay/internal/connections"
	"github.com/patchbay/patchbay/models"
)

func (s *server) refreshConnection(c echo.Context) error {
	return s.changeState(c, s.Connections.Refresh)
}

func (s *server) disableConnection(c echo.Context) error {
	return s.changeState(c, s.Connections.Disable)
}

func (s *server) enableConnection(c echo.Context) error {
	return s.changeState(c, s.Connections.Enable)
}

func (s *server) changeState(c echo.Context, change func(ctx context.Context, actor models.Actor, uuid string) (*models.Connection, error)) error {
	conn, err := s.pair(c)
	if err != nil {
		return err
	}
	if conn, err = change(c.Request().Context(), apiActor(c), conn.UUID); err != nil {
		return err
	}
	return s.writeConnection(c, http.StatusOK, conn)
}

type deletion struct {
	UUID        string                 `json:"uuid" format:"uuid"`
	Integration string                 `json:"integration"`
	UserID      string                 `json:"userId"`
	Revocation  connections.Revocation `json:"revocation" enum:"revoked,unsupported,retrying,failed" doc:"What became of the grant at the provider. retrying: it is asked again for 24 hours; the audit tells how that ends, as connection.revoked."`
	Message     string                 `json:"message" doc:"Why the revocation failed, or has failed so far; empty otherwise."`
}

func (s *server) deleteConnection(c echo.Context) error {
	conn, err := s.pair(c)
	if err != nil {
		return err
	}
	deleted, revocation, message, err := s.Connections.Delete(c.Request().Context(), apiActor(c), conn.UUID)
	if err != nil {
		return err
	}
	return writeJSON(c, http.StatusOK, deletion{deleted.UUID, deleted.Integration, deleted.UserID, revocation, message})
}

// triggerAction looks for an action of an integration; there are none yet.
func (s *server) triggerAction(c echo.Context) error {
	integration, userID, err := pairOf(c)
	if err != nil {
		return err
	}
	if _, err := s.Connections.Integration(integration); err != nil {
		return err
	}
	if _, err := s.Connections.Find(c.Request().Context(), integration, userID); err != nil {
		return err
	}
	action, err := pathParam(c, "action")
	if err != nil {
		return err
	}
	return &models.Error{Kind: models.KindNotFound, Code: models.CodeUnknownAction, Message: fmt.Sprintf("Integration %q has no action %q.", integration, action)}
}
