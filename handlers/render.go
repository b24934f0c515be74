package handlers

import (
	"net/http"
	"net/url"

	"github.com/a-h/templ"
	"github.com/labstack/echo/v4"

	"github.com/patchbay/patchbay/models"
	"github.com/patchbay/patchbay/views"
)

// render writes a page, whole: it is rendered to memory first, so that a failure half-way is an error and not half a
// page.
func render(c echo.Context, status int, page templ.Component) error {
	buffer := templ.GetBuffer()
	defer templ.ReleaseBuffer(buffer)
	if err := page.Render(c.Request().Context(), buffer); err != nil {
		return err
	}
	return c.HTMLBlob(status, buffer.Bytes())
}

// shell fills in what every page of the dashboard shares.
func (s *server) shell(c echo.Context, title string, active views.NavItem) views.Shell {
	shell := views.Shell{Title: title, Active: active, Theme: theme(c), Path: c.Request().URL.RequestURI(), Now: s.Now().UTC()}
	if admin := signedIn(c); admin != nil {
		shell.Admin, shell.Owner = admin.Email, admin.Role == models.RoleAdmin
	}
	if message, ok := s.Sessions.PopFlash(c.Request().Context()); message != "" {
		shell.Flash = &views.Flash{OK: ok, Message: message}
	}
	return shell
}

// themeCookie remembers the colour scheme a visitor chose.
const themeCookie = "patchbay_theme"

func theme(c echo.Context) views.Theme {
	cookie, err := c.Cookie(themeCookie)
	if err != nil {
		return views.ThemeSystem
	}
	switch chosen := views.Theme(cookie.Value); chosen {
	case views.ThemeLight, views.ThemeDark:
		return chosen
	}
	return views.ThemeSystem
}

func (s *server) chooseTheme(c echo.Context) error {
	chosen := views.Theme(c.FormValue("theme"))
	cookie := &http.Cookie{
		Name: themeCookie, Value: string(chosen), Path: "/", MaxAge: 365 * 24 * 3600,
		HttpOnly: true, Secure: s.secure(), SameSite: http.SameSiteLaxMode,
	}
	if chosen != views.ThemeLight && chosen != views.ThemeDark {
		cookie.Value, cookie.MaxAge = "", -1
	}
	c.SetCookie(cookie)
	return c.Redirect(http.StatusSeeOther, localPath(c.FormValue("next"), "/"))
}

func (s *server) gallery(c echo.Context) error { return render(c, http.StatusOK, views.Gallery()) }

// userPath gives the address of a user's page. A user id of dots would be resolved as a relative path by browsers, even
// percent-encoded, so it goes into the query.
func userPath(userID string) string {
	if userID == "." || userID == ".." {
		return "/users?" + url.Values{"user": {userID}}.Encode()
	}
	return "/users/" + url.PathEscape(userID)
}

func connectionPath(uuid string) string { return "/connections/" + uuid }

func integrationPath(name string) string { return "/integrations/" + name }

// integrationHref gives the address of an integration's page, and of its connections where it is no longer configured.
func (s *server) integrationHref(name string) string {
	if _, err := s.Connections.Integration(name); err != nil {
		return connectionsOfIntegration(name)
	}
	return integrationPath(name)
}

func connectionsOfIntegration(name string) string {
	return "/connections?" + url.Values{"integration": {name}}.Encode()
}

// connectionRow gives the list's line of a connection.
func (s *server) connectionRow(c *models.Connection) views.ConnectionRow {
	now := s.Now()
	status := c.Status(now)
	detail := ""
	if status != models.StatusConnected {
		detail = statusSentence(c, status, now)
	}
	return views.ConnectionRow{
		Href: connectionPath(c.UUID), UserID: c.UserID,
		Integration: c.Integration, IntegrationHref: s.integrationHref(c.Integration),
		Status: status, Detail: detail,
		ExpiresAt: c.ExpiresAt, Refreshable: c.Refreshable,
		DateCreated: c.DateCreated, LastModified: c.LastModified,
	}
}

func (s *server) connectionRows(connections []models.Connection) []views.ConnectionRow {
	rows := make([]views.ConnectionRow, len(connections))
	for i := range connections {
		rows[i] = s.connectionRow(&connections[i])
	}
	return rows
}
