package handlers

import (
	"net/http"

	"github.com/labstack/echo/v4"
)

// health tells that the process answers.
func (s *server) health(c echo.Context) error { return c.String(http.StatusOK, "ok\n") }

// ready tells whether the server can do its work: the database takes writes.
func (s *server) ready(c echo.Context) error {
	if err := s.Config.Ready(c.Request().Context()); err != nil {
		s.logFailure(c, err)
		return c.String(http.StatusServiceUnavailable, "the database does not take writes\n")
	}
	return c.String(http.StatusOK, "ready\n")
}
