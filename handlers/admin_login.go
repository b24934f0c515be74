package handlers

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/patchbay/patchbay/models"
	"github.com/patchbay/patchbay/views"
)

func (s *server) loginForm(c echo.Context) error {
	next := localPath(c.QueryParam("next"), "/")
	if signedIn(c) != nil {
		return c.Redirect(http.StatusSeeOther, next)
	}
	needed, err := s.Auth.NeedsSetup(c.Request().Context())
	if err != nil {
		return err
	}
	if needed {
		return c.Redirect(http.StatusSeeOther, "/setup")
	}
	page := views.LoginPage{Theme: theme(c), Next: next}
	if message, _ := s.Sessions.PopFlash(c.Request().Context()); message != "" {
		page.Notice = message
	} else if next != "/" {
		page.Notice = "Sign in to go on to the page you asked for."
	}
	return render(c, http.StatusOK, views.Login(page))
}

func (s *server) login(c echo.Context) error {
	if err := parseForm(c); err != nil {
		return err
	}
	ctx := c.Request().Context()
	page := views.LoginPage{Theme: theme(c), Email: c.FormValue("email"), Next: localPath(c.FormValue("next"), "/")}
	admin, err := s.Auth.SignIn(ctx, actor(c), page.Email, c.FormValue("password"))
	if e := models.AsError(err); e != nil {
		page.Error = e.Message
		retryAfter(c, e)
		return render(c, statuses[e.Kind], views.Login(page))
	}
	if err != nil {
		return err
	}
	if err := s.Sessions.SignIn(ctx, admin.ID); err != nil {
		return err
	}
	return c.Redirect(http.StatusSeeOther, page.Next)
}

func (s *server) logout(c echo.Context) error {
	if err := s.Sessions.SignOut(c.Request().Context()); err != nil {
		return err
	}
	return c.Redirect(http.StatusSeeOther, "/login")
}
