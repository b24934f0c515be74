package handlers

import (
	"context"
	"net/http"
	"sync"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/patchbay/patchbay/models"
)

// health tells that the process answers.
func (s *server) health(c echo.Context) error { return c.String(http.StatusOK, "ok\n") }

// readyFor is how long an answer about readiness holds: finding out writes to the disk, and anybody may ask.
const readyFor = time.Second

// readiness is the last answer about it.
type readiness struct {
	mu    sync.Mutex
	asked time.Time
	err   error
}

// ready tells whether the server can do its work: the database takes writes and can be read, and the key ring opens what it
// holds.
func (s *server) ready(c echo.Context) error {
	err := s.checkReady(c)
	switch {
	case err == nil:
		return c.String(http.StatusOK, "ready\n")
	case models.HasCode(err, models.CodeWrongKey):
		return c.String(http.StatusServiceUnavailable, "the encryption key does not open the database\n")
	case models.HasCode(err, models.CodeNotReady):
		return c.String(http.StatusServiceUnavailable, models.AsError(err).Message+"\n")
	}
	return c.String(http.StatusServiceUnavailable, "the database does not take writes\n")
}

func (s *server) checkReady(c echo.Context) error {
	r := &s.readiness
	r.mu.Lock()
	defer r.mu.Unlock()
	if now := s.Now(); now.Sub(r.asked) > readyFor {
		r.asked, r.err = now, s.Config.Ready(context.WithoutCancel(c.Request().Context())) // the answer is not for this request only
		if r.err != nil {
			s.logFailure(c, r.err)
		}
	}
	return r.err
}
