package handlers

import (
	"fmt"
	"log/slog"
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/patchbay/patchbay/internal/connections"
	"github.com/patchbay/patchbay/models"
)

// callback is where the provider sends the browser back. It ends in a redirect to the connect page, which leaves code and
// state out of the address and the history.
func (s *server) callback(c echo.Context) error {
	c.Response().Header().Set("Referrer-Policy", "no-referrer") // this address holds the code
	attempt, err := s.Connections.FinishConnect(c.Request().Context(), actor(c), connections.Callback{
		Integration: c.Param("integration"),
		State:       models.Secret(c.QueryParam("state")),
		Code:        models.Secret(c.QueryParam("code")),
		Error:       c.QueryParam("error"), ErrorDescription: c.QueryParam("error_description"),
		Issuer:  c.QueryParam("iss"),
		Browser: s.browserSecrets(c),
	})
	if attempt == nil && models.HasCode(err, models.ConnectInvalidState) {
		return s.renderConnectError(c, connectFlow{}, err)
	}
	if attempt == nil {
		return err
	}
	s.logAttempt(c, attempt, err)
	if signedIn(c) != nil && attempt.Status == models.AttemptSucceeded {
		s.Sessions.Flash(c.Request().Context(), true, fmt.Sprintf("User %s is connected to %s.", attempt.UserID, attempt.Integration))
	}
	return c.Redirect(http.StatusSeeOther, connectHref(connectFlow{token: attempt.Secrets.LinkToken, integration: attempt.Integration}))
}

// logAttempt writes how an attempt ended, under the support code that its page shows.
func (s *server) logAttempt(c echo.Context, attempt *models.Attempt, err error) {
	fields := []any{"integration", attempt.Integration, "userId", attempt.UserID, "supportCode", attempt.UUID, "requestId", requestID(c)}
	switch attempt.Status {
	case models.AttemptSucceeded:
		s.Log.Info("connected", fields...)
		return
	case models.AttemptPending:
		s.Log.Info("waits for the application's claim", fields...)
		return
	}
	fields = append(fields, "type", attempt.ErrorType, "message", attempt.ErrorMessage)
	level := slog.LevelInfo // what a person or a provider decided
	if e := models.AsError(err); e == nil || e.Cause != nil {
		level = slog.LevelError
		fields = append(fields, "error", err)
		if e != nil {
			fields = append(fields, "cause", e.Cause)
		}
	}
	s.Log.Log(c.Request().Context(), level, "not connected", fields...)
}

// openConnect is the address that applications link to without a connect session. It makes none for strangers, who could
// bind any user id; who is signed in gets the button that makes one.
func (s *server) openConnect(c echo.Context) error {
	name, userID := c.Param("integration"), c.QueryParam("userId")
	incomplete := func(code, message string) error {
		return s.renderConnectError(c, connectFlow{}, &models.Error{Kind: models.KindMalformed, Code: code, Message: message})
	}
	switch {
	case name == "":
		return incomplete(models.ConnectMissingIntegration, "The address names no integration: expected /oauth/connect/<integration>?userId=<user id>.")
	case userID == "":
		return incomplete(models.ConnectMissingUserID, "The address names no user: expected ?userId=<user id>.")
	}
	in, err := s.Connections.Integration(name)
	if err != nil {
		return s.renderConnectError(c, connectFlow{}, err)
	}
	if admin := signedIn(c); admin == nil || !admin.Role.CanEdit() {
		return &models.Error{Kind: models.KindForbidden, Code: models.CodeForbidden, Message: "A connect link is needed to connect an account. Ask whoever runs the application for one."}
	}
	form := s.connectForm(c, "Connect", in.Name, userID, integrationPath(in.Name))
	return s.renderIntegration(c, http.StatusOK, in, form)
}
