package handlers

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/patchbay/patchbay/models"
	"github.com/patchbay/patchbay/views"
)

func (s *server) setupForm(c echo.Context) error {
	needed, err := s.Auth.NeedsSetup(c.Request().Context())
	if err != nil {
		return err
	}
	if !needed {
		return c.Redirect(http.StatusSeeOther, "/login")
	}
	page := views.SetupPage{Theme: theme(c), Token: c.QueryParam("token")}
	status := http.StatusOK
	if page.Token == "" {
		page.TokenProblem = "There is no admin yet. Open the set-up link that the server printed when it started."
		return render(c, http.StatusForbidden, views.Setup(page))
	}
	if err := s.Auth.CheckSetupToken(page.Token); err != nil {
		status, page.TokenProblem = describe(err)
	}
	return render(c, status, views.Setup(page))
}

func (s *server) setup(c echo.Context) error {
	if err := parseForm(c); err != nil {
		return err
	}
	page := views.SetupPage{Theme: theme(c), Token: c.FormValue("token"), Email: c.FormValue("email")}
	if err := s.Auth.CheckSetupToken(page.Token); err != nil {
		return err
	}
	ctx := c.Request().Context()
	admin, err := s.Auth.CreateFirstAdmin(ctx, actor(c), page.Email, c.FormValue("password"))
	if models.HasCode(err, models.CodeInvalidAdmin) {
		page.Errors = fieldErrors(models.AsError(err))
		return render(c, http.StatusUnprocessableEntity, views.Setup(page))
	}
	if err != nil {
		return err
	}
	if err := s.Sessions.SignIn(ctx, admin.ID); err != nil {
		return err
	}
	s.Sessions.Flash(ctx, true, "The account "+admin.Email+" was created and is signed in.")
	return c.Redirect(http.StatusSeeOther, "/")
}
