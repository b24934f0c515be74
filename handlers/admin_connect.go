package handlers

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/patchbay/patchbay/internal/connections"
	"github.com/patchbay/patchbay/models"
	"github.com/patchbay/patchbay/views"
)

// connectForm gives a Connect button, switched off with the reason where it could not work.
func (s *server) connectForm(c echo.Context, label, integration, userID, returnTo string) views.ConnectForm {
	form := views.ConnectForm{Label: label, Integration: integration, UserID: userID, ReturnTo: returnTo}
	if integration != "" {
		in, err := s.Connections.Integration(integration)
		if err != nil {
			form.Disabled = "The integration " + integration + " is no longer configured."
		} else {
			form.Disabled = in.Problem()
		}
	}
	if !signedIn(c).Role.CanEdit() {
		form.Disabled = viewersOnlyRead
	}
	return form
}

// displayPopup is the value of the field display of a form that a script sends into a window of its own.
const displayPopup = "popup"

// createConnectLink makes a connect link for a user and opens it.
func (s *server) createConnectLink(c echo.Context) error {
	if err := parseForm(c); err != nil {
		return err
	}
	integration, userID := c.FormValue("integration"), c.FormValue("userId")
	request := connections.ConnectRequest{UserID: userID, Integrations: []string{integration}, ReturnURL: localPath(c.FormValue("returnTo"), "/connections")}
	display := models.AttemptDisplay{Popup: c.FormValue(paramDisplay) == displayPopup}
	_, token, err := s.Connections.CreateConnectSession(c.Request().Context(), actor(c), request)
	switch {
	case models.HasCode(err, models.CodeInvalidUserID) && display.Popup:
		session := &models.ConnectSession{UserID: userID, ReturnURL: request.ReturnURL}
		return s.renderConnectError(c, connectFlow{session: session, integration: integration, display: display}, err)
	case models.HasCode(err, models.CodeInvalidUserID):
		return s.refuseUserID(c, integration, userID, err)
	case err != nil:
		return err
	case display.Popup:
		return c.Redirect(http.StatusSeeOther, connectHref(connectFlow{token: token, display: display}))
	}
	return c.Redirect(http.StatusSeeOther, connectPath(token))
}

// refuseUserID shows the integration's page again, whose form asked for the user id.
func (s *server) refuseUserID(c echo.Context, integration, userID string, refused error) error {
	in, err := s.Connections.Integration(integration)
	if err != nil {
		return err
	}
	form := s.connectForm(c, "Connect", in.Name, userID, integrationPath(in.Name))
	form.UserError = refused.Error()
	return s.renderIntegration(c, http.StatusUnprocessableEntity, in, form)
}

func connectPath(token models.Secret) string { return "/connect/" + token.Reveal() }
