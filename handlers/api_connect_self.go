package handlers

import (
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/patchbay/patchbay/models"
)

// ownConnectSession is what a browser that holds the session's token is told.
type ownConnectSession struct {
	ID           string      `json:"id" format:"uuid"`
	UserID       string      `json:"userId"`
	Integrations []string    `json:"integrations" nullable:"false"`
	ExpiresAt    time.Time   `json:"expiresAt"`
	Attempt      *apiAttempt `json:"attempt" doc:"The newest attempt that has the ref; without ref, the newest of all."`
}

// getOwnConnectSession is the one call for browsers: it is authorized by a connect session's token, and open to the
// registered origins.
func (s *server) getOwnConnectSession(c echo.Context) error {
	s.allowOrigin(c)
	token, err := bearer(c)
	if err != nil {
		return err
	}
	ctx := c.Request().Context()
	session, err := s.Connections.OpenConnectSession(ctx, token)
	if models.HasCode(err, models.CodeNotFound) {
		return &models.Error{Kind: models.KindUnauthenticated, Code: models.CodeUnauthenticated, Message: "The connect session is unknown or has expired."}
	}
	if err != nil {
		return err
	}
	attempt, err := s.Connections.AttemptOfRef(ctx, session, c.QueryParam("ref"))
	if err != nil {
		return err
	}
	return writeJSON(c, http.StatusOK, ownConnectSession{session.UUID, session.UserID, s.covered(session), session.ExpiresAt, publicAttempt(attempt)})
}

// preflight answers browsers that ask whether another origin may make a call (the CORS protocol of the Fetch standard).
func (s *server) preflight(c echo.Context) error {
	s.allowOrigin(c)
	return c.NoContent(http.StatusNoContent)
}

// allowOrigin lets pages of the registered origins read the answer.
func (s *server) allowOrigin(c echo.Context) {
	h := c.Response().Header()
	h.Add(echo.HeaderVary, echo.HeaderOrigin)
	origin := c.Request().Header.Get(echo.HeaderOrigin)
	if !s.Connections.Origins().Allows(origin) {
		return
	}
	h.Set(echo.HeaderAccessControlAllowOrigin, origin)
	h.Set(echo.HeaderAccessControlAllowMethods, http.MethodGet)
	h.Set(echo.HeaderAccessControlAllowHeaders, echo.HeaderAuthorization)
	h.Set(echo.HeaderAccessControlMaxAge, "600")
	h.Set("Cross-Origin-Resource-Policy", "cross-origin")
}
