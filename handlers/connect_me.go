package handlers

import (
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"

	"github.com/labstack/echo/v4"

	"github.com/patchbay/patchbay/internal/connections"
	"github.com/patchbay/patchbay/models"
	"github.com/patchbay/patchbay/views"
)

// renderConnectChoose lets the end user choose among the integrations of a link.
func (s *server) renderConnectChoose(c echo.Context, flow connectFlow) error {
	if !flow.session.ExpiresAt.After(s.Now()) {
		return s.refuseConnect(c, flow, invalidSession("This connect link has expired."))
	}
	own, err := s.ownConnections(c, flow.session)
	if err != nil {
		return err
	}
	page := views.ConnectChoosePage{
		Theme: theme(c), App: s.AppName, UserLabel: userLabel(flow.session), Popup: flow.display.Popup, CancelHref: returnHref(flow, "cancelled"),
	}
	for _, in := range s.connectable(flow.session) {
		one := flow
		one.integration = in.Name
		page.Choices = append(page.Choices, views.ConnectChoice{Integration: in.Name, Href: connectHref(one), Connected: own[in.Name] != nil})
	}
	return render(c, http.StatusOK, views.ConnectChoose(page))
}

// connectable lists the integrations of a session that can be connected in the browser.
func (s *server) connectable(session *models.ConnectSession) []*models.Integration {
	var list []*models.Integration
	for _, in := range s.Connections.Integrations() {
		if session.Covers(in.Name) && in.Problem() == "" {
			list = append(list, in)
		}
	}
	return list
}

// maxOwnConnections bounds how many of his connections an end user is shown.
const maxOwnConnections = 200

// ownConnections gives the connections of a session's user that the session covers, by integration.
func (s *server) ownConnections(c echo.Context, session *models.ConnectSession) (map[string]*models.Connection, error) {
	filter := models.ConnectionFilter{UserID: session.UserID, Integrations: session.Integrations}
	page, err := s.Connections.List(c.Request().Context(), filter, models.SortOldest, models.PageRequest{Limit: maxOwnConnections})
	if err != nil {
		return nil, err
	}
	own := make(map[string]*models.Connection, len(page.Rows))
	for i := range page.Rows {
		own[page.Rows[i].Integration] = &page.Rows[i]
	}
	return own, nil
}

func mePath(token models.Secret) string { return "/me/" + token.Reveal() }

// mine shows an end user his connections.
func (s *server) mine(c echo.Context) error {
	token := models.Secret(c.Param("token"))
	session, err := s.Connections.OpenConnectSession(c.Request().Context(), token)
	if err != nil {
		return err
	}
	return s.renderMine(c, token, session)
}

// paramRevocation tells the end user's page what became of the grant of the connection he has just ended.
const paramRevocation = "revocation"

func (s *server) renderMine(c echo.Context, token models.Secret, session *models.ConnectSession) error {
	own, err := s.ownConnections(c, session)
	if err != nil {
		return err
	}
	page := views.MePage{
		Theme: theme(c), App: s.AppName, UserLabel: userLabel(session), Now: s.Now(),
		ReturnHref: returnHref(connectFlow{session: session}, "cancelled"),
	}
	if ended := c.QueryParam(paramIntegration); ended != "" && own[ended] == nil && models.ValidIntegrationName(ended) {
		revocation := connections.Revocation(c.QueryParam(paramRevocation))
		page.Flash = &views.Flash{OK: revocation == connections.Revoked, Message: disconnected(s.AppName, ended, revocation)}
	}
	deciding, err := s.Connections.DecidingAttempts(c.Request().Context(), session)
	if err != nil {
		return err
	}
	connectHrefs := map[string]string{}
	for _, in := range s.connectable(session) {
		if attempt := deciding[in.Name]; attempt != nil && attempt.Status == models.AttemptSucceeded { // a link works once
			continue
		}
		connectHrefs[in.Name] = connectHref(connectFlow{token: token, integration: in.Name}, "again", "1")
		if own[in.Name] == nil {
			page.Offers = append(page.Offers, views.ConnectChoice{Integration: in.Name, Href: connectHrefs[in.Name]})
		}
	}
	for _, name := range slices.Sorted(maps.Keys(own)) {
		conn := own[name]
		page.Connections = append(page.Connections, views.MeConnection{
			Integration: conn.Integration, Status: conn.Status(s.Now()), Since: conn.DateCreated,
			ReconnectHref: connectHrefs[conn.Integration], DisconnectAction: mePath(token) + "/disconnect?" + url.Values{paramIntegration: {conn.Integration}}.Encode(),
		})
	}
	return render(c, http.StatusOK, views.Me(page))
}

// disconnect ends one of the end user's own connections.
func (s *server) disconnect(c echo.Context) error {
	ctx, token := c.Request().Context(), models.Secret(c.Param("token"))
	session, err := s.Connections.OpenConnectSession(ctx, token)
	if err != nil {
		return err
	}
	name := c.QueryParam(paramIntegration)
	if !session.Covers(name) {
		return invalidSession("This link is not for " + name + ".")
	}
	conn, err := s.Connections.Find(ctx, name, session.UserID)
	if err != nil {
		return err
	}
	act := actor(c)
	act.Name = models.EndUserActor(session.UserID)
	_, revocation, _, err := s.Connections.Delete(ctx, act, conn.UUID)
	if err != nil {
		return err
	}
	return c.Redirect(http.StatusSeeOther, mePath(token)+"?"+url.Values{paramIntegration: {name}, paramRevocation: {string(revocation)}}.Encode())
}

func disconnected(app, integration string, revocation connections.Revocation) string {
	if revocation == connections.Revoked {
		return fmt.Sprintf("%s has no access to your account of %s any more.", app, integration)
	}
	return fmt.Sprintf("%s has forgotten your account of %s. To end the access there, too, remove %s in the settings of that account.", app, integration, app)
}
