package handlers

import (
	"crypto/rand"
	"net/http"
	"net/url"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/patchbay/patchbay/internal/auth"
	"github.com/patchbay/patchbay/models"
	"github.com/patchbay/patchbay/views"
)

// Parameters of a connect link, which the browser library adds.
const (
	paramDisplay     = "display"
	paramIntegration = "integration"
	paramOrigin      = "origin"
	paramRef         = "ref"
	paramReturnURL   = "returnUrl"
	paramUserID      = "userId"
)

// displayOf reads how a connect link is to be shown.
func displayOf(c echo.Context) models.AttemptDisplay {
	return models.AttemptDisplay{
		Popup: c.FormValue(paramDisplay) == displayPopup, Origin: c.FormValue(paramOrigin), Ref: c.FormValue(paramRef), ReturnURL: c.FormValue(paramReturnURL),
	}
}

// connectFlow is what a page of the connect flow is about.
type connectFlow struct {
	token       models.Secret
	session     *models.ConnectSession // nil where the link is not known
	integration string                 // empty where it is still to be chosen
	display     models.AttemptDisplay
}

// connectFlow finds what a link is about. Its failure is for [server.renderConnectError], which is given the flow, too.
func (s *server) connectFlow(c echo.Context) (connectFlow, error) {
	flow := connectFlow{token: models.Secret(c.Param("token")), display: displayOf(c), integration: c.FormValue(paramIntegration)}
	if err := s.Connections.CheckDisplay(flow.display); err != nil {
		flow.display = models.AttemptDisplay{Popup: flow.display.Popup} // nobody is told
		return flow, err
	}
	session, err := s.Connections.ConnectSession(c.Request().Context(), flow.token)
	if err != nil {
		return flow, err
	}
	flow.session = session
	if flow.integration == "" && len(session.Integrations) == 1 {
		flow.integration = session.Integrations[0]
	}
	userID := c.FormValue(paramUserID)
	switch {
	case userID != "" && userID != session.UserID:
		return flow, invalidSession("This connect link was made for another user.")
	case flow.integration != "" && !session.Covers(flow.integration):
		return flow, invalidSession("This connect link is not for " + flow.integration + ".")
	}
	return flow, nil
}

func invalidSession(message string) error {
	return &models.Error{Kind: models.KindNotFound, Code: models.ConnectInvalidSession, Message: message}
}

// connectPage is the end user's page. What it shows is decided from the stored attempt, so that every step of the flow
// can come back to it.
func (s *server) connectPage(c echo.Context) error {
	flow, err := s.connectFlow(c)
	if err != nil {
		return s.refuseConnect(c, flow, err)
	}
	if flow.integration == "" {
		return s.renderConnectChoose(c, flow)
	}
	attempt, err := s.Connections.DecidingAttempt(c.Request().Context(), flow.session, flow.integration)
	if err != nil {
		return err
	}
	anew := c.QueryParam("again") != "" || flow.display.Ref != "" && (attempt == nil || attempt.Ref != flow.display.Ref)
	expired := !flow.session.ExpiresAt.After(s.Now())
	switch {
	case anew && attempt != nil && attempt.Status == models.AttemptSucceeded:
		return s.refuseConnect(c, flow, invalidSession("This connect link has been used."))
	case expired && (anew || attempt == nil || attempt.Status == models.AttemptStarted):
		return s.refuseConnect(c, flow, invalidSession("This connect link has expired."))
	case anew || attempt == nil || attempt.Status == models.AttemptStarted:
		return s.renderConnectStart(c, flow)
	}
	return s.renderAttempt(c, flow, attempt)
}

// refuseConnect shows why a link does not work; in a window that an application opened, it is told, too.
func (s *server) refuseConnect(c echo.Context, flow connectFlow, err error) error {
	if e := models.AsError(err); e == nil || e.Kind == models.KindInternal {
		return err
	}
	if models.HasCode(err, models.CodeNotFound) {
		if !flow.display.Popup {
			return err
		}
		err = invalidSession(err.Error())
	}
	return s.renderConnectError(c, flow, err)
}

// connectHref gives the address of a flow's page, with more parameters.
func connectHref(flow connectFlow, more ...string) string {
	query := url.Values{}
	set := func(name, value string) {
		if value != "" {
			query.Set(name, value)
		}
	}
	for _, field := range displayFields(flow) {
		set(field.Name, field.Value)
	}
	for i := 0; i < len(more); i += 2 {
		set(more[i], more[i+1])
	}
	return connectPath(flow.token) + "?" + query.Encode()
}

// displayFields give what a form or a link has to carry on through the flow.
func displayFields(flow connectFlow) []views.HiddenField {
	fields := []views.HiddenField{{Name: paramIntegration, Value: flow.integration}}
	add := func(name, value string) {
		if value != "" {
			fields = append(fields, views.HiddenField{Name: name, Value: value})
		}
	}
	if flow.display.Popup {
		add(paramDisplay, displayPopup)
	}
	add(paramOrigin, flow.display.Origin)
	add(paramRef, flow.display.Ref)
	add(paramReturnURL, flow.display.ReturnURL)
	return fields
}

func (s *server) renderConnectStart(c echo.Context, flow connectFlow) error {
	in, err := s.Connections.Integration(flow.integration)
	if err != nil {
		return s.renderConnectError(c, flow, err)
	}
	if in.Registered() {
		return s.renderConnectError(c, flow, &models.Error{Kind: models.KindInvalid, Code: models.ConnectUnsupportedAuthMode, Message: in.Problem()})
	}
	allowFormRedirect(c, in.Auth.AuthorizationURL)
	return render(c, http.StatusOK, views.ConnectStart(views.ConnectStartPage{
		Theme: theme(c), App: s.AppName, Integration: in.Name, UserLabel: userLabel(flow.session), Scopes: in.OAuth.Scopes,
		Action: connectPath(flow.token) + "/start", Hidden: displayFields(flow),
		CancelHref: returnHref(flow, "cancelled"), Popup: flow.display.Popup,
	}))
}

func userLabel(session *models.ConnectSession) string {
	if session.UserLabel != "" {
		return session.UserLabel
	}
	return session.UserID
}

// browserCookie begins the name of a cookie that binds an attempt to the browser that started it. Every attempt has a
// cookie of its own: a secret that came from elsewhere would bind nothing.
const browserCookie = "patchbay_connect_"

func (s *server) startConnect(c echo.Context) error {
	if err := parseForm(c); err != nil {
		return err
	}
	flow, err := s.connectFlow(c)
	if err != nil {
		return s.refuseConnect(c, flow, err)
	}
	address, browser, err := s.Connections.BeginConnect(c.Request().Context(), flow.token, flow.integration, flow.display)
	if err != nil {
		return s.refuseConnect(c, flow, err)
	}
	c.SetCookie(&http.Cookie{
		Name: s.browserCookiePrefix() + rand.Text()[:8], Value: browser.Reveal(), Path: "/", MaxAge: int((models.AttemptLife + models.ClaimLife).Seconds()),
		HttpOnly: true, Secure: s.secure(), SameSite: http.SameSiteLaxMode,
	})
	return c.Redirect(http.StatusSeeOther, address)
}

func (s *server) browserCookiePrefix() string { return auth.CookieName(browserCookie, s.secure()) }

// browserSecrets gives the secrets of the attempts that this browser started.
func (s *server) browserSecrets(c echo.Context) []models.Secret {
	var secrets []models.Secret
	for _, cookie := range c.Cookies() {
		if strings.HasPrefix(cookie.Name, s.browserCookiePrefix()) {
			secrets = append(secrets, models.Secret(cookie.Value))
		}
	}
	return secrets
}

// startedHere reports whether this browser started an attempt.
func (s *server) startedHere(c echo.Context, attempt *models.Attempt) bool {
	return attempt.StartedBy(s.browserSecrets(c))
}
