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
	request := connections.ConnectRequest{
		Integration: c.FormValue("integration"), UserID: c.FormValue("userId"),
		ReturnURL: localPath(c.FormValue("returnTo"), "/connections"), Popup: c.FormValue("display") == displayPopup,
	}
	token, err := s.Connections.CreateConnectSession(c.Request().Context(), actor(c), request)
	if models.HasCode(err, models.CodeInvalidUserID) && request.Popup {
		session := &models.ConnectSession{Integration: request.Integration, UserID: request.UserID, ReturnURL: request.ReturnURL, Popup: true}
		return s.renderConnectError(c, session, err)
	}
	if models.HasCode(err, models.CodeInvalidUserID) {
		return s.refuseUserID(c, request, err)
	}
	if err != nil {
		return err
	}
	return c.Redirect(http.StatusSeeOther, connectPath(token))
}

// refuseUserID shows the integration's page again, whose form asked for the user id.
func (s *server) refuseUserID(c echo.Context, request connections.ConnectRequest, refused error) error {
	in, err := s.Connections.Integration(request.Integration)
	if err != nil {
		return err
	}
	form := s.connectForm(c, "Connect", in.Name, request.UserID, integrationPath(in.Name))
	form.UserError = refused.Error()
	return s.renderIntegration(c, http.StatusUnprocessableEntity, in, form)
}

func connectPath(token models.Secret) string { return "/connect/" + token.Reveal() }
