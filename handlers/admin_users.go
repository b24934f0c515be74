package handlers

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/patchbay/patchbay/models"
	"github.com/patchbay/patchbay/views"
)

func (s *server) users(c echo.Context) error {
	if id := c.QueryParam("user"); id != "" {
		if path := userPath(id); strings.HasPrefix(path, "/users/") {
			return c.Redirect(http.StatusSeeOther, path)
		}
		return s.renderUser(c, id)
	}
	request := pageRequest(c)
	list, err := s.Connections.Users(c.Request().Context(), request)
	if err != nil {
		return err
	}
	page := views.UsersPage{Shell: s.shell(c, "Users", views.NavUsers), Pager: pager(c, list, request)}
	for _, user := range list.Rows {
		page.Rows = append(page.Rows, views.UserRow{UserID: user.UserID, Href: userPath(user.UserID), Connections: user.Connections, LastModified: user.LastModified})
	}
	return render(c, http.StatusOK, views.Users(page))
}

// user reads the user id from the escaped path: everything after /users/, decoded once.
func (s *server) user(c echo.Context) error {
	id, err := url.PathUnescape(strings.TrimPrefix(c.Request().URL.EscapedPath(), "/users/"))
	if err != nil {
		return &models.Error{Kind: models.KindMalformed, Code: models.CodeInvalidUserID, Message: "The user id in the address is not percent-encoded correctly."}
	}
	return s.renderUser(c, id)
}

func (s *server) renderUser(c echo.Context, id string) error {
	if err := models.ValidateUserID(id); err != nil {
		return &models.Error{Kind: models.KindNotFound, Code: models.CodeNotFound, Message: "No user has this id. " + err.Error()}
	}
	ctx := c.Request().Context()
	filter := models.ConnectionFilter{UserID: id}
	counts, err := s.Connections.Count(ctx, filter)
	if err != nil {
		return err
	}
	request := pageRequest(c)
	list, err := s.Connections.List(ctx, filter, models.SortNewest, request)
	if err != nil {
		return err
	}
	form := s.connectForm(c, "Connect", "", id, userPath(id))
	form.Integrations = s.integrationOptions("", "")
	if len(form.Integrations) == 0 {
		form.Disabled = "No integration is configured yet."
	}
	return render(c, http.StatusOK, views.User(views.UserPage{
		Shell: s.shell(c, "User "+id, views.NavUsers), UserID: id, Counts: counts,
		Rows: s.connectionRows(list.Rows), Pager: pager(c, list, request), Connect: form,
	}))
}
