package handlers

import (
	"crypto/rand"
	"fmt"
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/patchbay/patchbay/internal/auth"
	"github.com/patchbay/patchbay/models"
	"github.com/patchbay/patchbay/views"
)

// connectPage is the end user's page. What it shows is decided from the stored attempt, so that every step of the flow
// can come back to it.
func (s *server) connectPage(c echo.Context) error {
	token := models.Secret(c.Param("token"))
	session, attempt, err := s.Connections.ConnectSession(c.Request().Context(), token)
	if err != nil {
		return err
	}
	again := c.QueryParam("again") != "" && (attempt == nil || attempt.Status != models.AttemptSucceeded)
	if attempt == nil || attempt.Status == models.AttemptStarted || again {
		return s.renderConnectStart(c, token, session)
	}
	if attempt.Status == models.AttemptConsumed && s.Now().Before(attempt.ExchangeDeadline()) {
		c.Response().Header().Set("Refresh", waitingRefresh)
		return render(c, http.StatusOK, views.ConnectWaiting(s.connectResult(c, session, attempt)))
	}
	page := s.connectResult(c, session, attempt)
	if !page.OK {
		page.RetryHref = connectPath(token) + "?again=1"
	}
	return render(c, http.StatusOK, views.ConnectResult(page))
}

// waitingRefresh is how often, in seconds, the page of an attempt that is being worked on is loaded again.
const waitingRefresh = "2"

func (s *server) renderConnectStart(c echo.Context, token models.Secret, session *models.ConnectSession) error {
	in, err := s.Connections.Integration(session.Integration)
	if err != nil {
		return s.renderConnectError(c, session, err)
	}
	allowFormRedirect(c, in.Auth.AuthorizationURL)
	return render(c, http.StatusOK, views.ConnectStart(views.ConnectStartPage{
		Theme: theme(c), App: s.AppName, Integration: in.Name, UserLabel: userLabel(session), Scopes: in.OAuth.Scopes,
		Action: connectPath(token) + "/start", CancelHref: session.ReturnURL, Popup: session.Popup,
	}))
}

func userLabel(session *models.ConnectSession) string {
	if session.UserLabel != "" {
		return session.UserLabel
	}
	return session.UserID
}

// connectResult gives the page of an attempt that has ended.
func (s *server) connectResult(c echo.Context, session *models.ConnectSession, attempt *models.Attempt) views.ConnectResultPage {
	page := views.ConnectResultPage{
		Theme: theme(c), App: s.AppName, Integration: session.Integration, UserLabel: userLabel(session), UserID: session.UserID,
		OK: attempt.Status == models.AttemptSucceeded, ErrorType: attempt.ErrorType, Message: attempt.ErrorMessage,
		SupportCode: attempt.UUID, ReturnHref: session.ReturnURL, Popup: session.Popup,
	}
	if page.OK {
		page.SupportCode = ""
		page.Message = fmt.Sprintf("%s can now use this account of %s.", s.AppName, session.Integration)
	}
	if page.OK && session.ReturnURL != "" {
		page.ReturnHref = connectionPath(attempt.ConnectionUUID)
	}
	if attempt.Status == models.AttemptConsumed {
		page.ErrorType, page.Message = models.ConnectTokenRetrieval, "The attempt did not come to an end."
	}
	page.Advice = adviceFor(page.ErrorType)
	return page
}

// renderConnectError shows a failure that no attempt records, for the connect session where there is one.
func (s *server) renderConnectError(c echo.Context, session *models.ConnectSession, err error) error {
	e := models.AsError(err)
	s.Log.Info("not connected", "type", e.Code, "message", e.Message, "supportCode", requestID(c))
	page := views.ConnectResultPage{
		Theme: theme(c), App: s.AppName, ErrorType: e.Code, Message: e.Message, Advice: adviceFor(e.Code),
		SupportCode: requestID(c),
	}
	if session != nil {
		page.Integration, page.UserLabel, page.UserID = session.Integration, userLabel(session), session.UserID
		page.ReturnHref, page.Popup = session.ReturnURL, session.Popup
	}
	return render(c, statuses[e.Kind], views.ConnectResult(page))
}

// adviceFor says what to do after a failure of the given type.
func adviceFor(errorType string) string {
	switch errorType {
	case "":
		return ""
	case models.ConnectExternalError, models.ConnectUnknownExternalError:
		return "Nothing was connected. Try again if that was not on purpose. If it happens again, tell whoever runs this application the support code."
	case models.ConnectInvalidState:
		return "Start again from the page that sent you here, and finish in the same browser within 10 minutes."
	case models.ConnectTokenRetrieval, models.ConnectTokenStorage:
		return "Try again in a moment. If it happens again, tell whoever runs this application the support code."
	case models.ConnectMissingIntegration, models.ConnectMissingUserID:
		return "The link that led here is incomplete. Tell whoever gave it to you."
	}
	return "This cannot be solved from here. Tell whoever runs this application the support code."
}

// browserCookie begins the name of a cookie that binds an attempt to the browser that started it. Every attempt has a
// cookie of its own: a secret that came from elsewhere would bind nothing.
const browserCookie = "patchbay_connect_"

func (s *server) startConnect(c echo.Context) error {
	token := models.Secret(c.Param("token"))
	address, browser, err := s.Connections.BeginConnect(c.Request().Context(), token)
	if e := models.AsError(err); e != nil && e.Code != models.CodeNotFound {
		session, _, sessionErr := s.Connections.ConnectSession(c.Request().Context(), token)
		if sessionErr != nil {
			return sessionErr
		}
		return s.renderConnectError(c, session, err)
	}
	if err != nil {
		return err
	}
	c.SetCookie(&http.Cookie{
		Name: s.browserCookiePrefix() + rand.Text()[:8], Value: browser.Reveal(), Path: "/", MaxAge: int(models.AttemptLife.Seconds()),
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
