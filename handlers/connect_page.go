package handlers

import (
	"crypto/rand"
	"fmt"
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

// waitingRefresh is how often, in seconds, the page of an attempt that is being worked on is loaded again.
const waitingRefresh = "2"

// renderAttempt shows how an attempt stands.
func (s *server) renderAttempt(c echo.Context, flow connectFlow, attempt *models.Attempt) error {
	flow.display = attempt.AttemptDisplay
	page := s.connectResult(c, flow, attempt)
	own := s.startedHere(c, attempt)
	waits := attempt.Status == models.AttemptPending
	switch {
	case attempt.Status == models.AttemptConsumed && s.Now().Before(attempt.ExchangeDeadline()):
		c.Response().Header().Set("Refresh", waitingRefresh)
		return render(c, http.StatusOK, views.ConnectWaiting(page))
	case waits && !own:
		return render(c, http.StatusOK, views.ConnectPending(page))
	case waits:
		page.Claim = attempt.Secrets.Claim.Reveal()
	}
	if page.OK && own && !flow.display.Popup && !strings.HasPrefix(page.ReturnHref, "/") && page.ReturnHref != "" {
		// A redirect would still belong to the form that was sent at the provider, whose policy may allow it to lead here and
		// no further.
		c.Response().Header().Set("Refresh", "0; url="+page.ReturnHref)
	}
	if !page.OK && flow.display.Origin == "" { // a page that was told of this failure would not hear of another try
		page.RetryHref = connectHref(flow, "again", "1")
	}
	return render(c, http.StatusOK, views.ConnectResult(page))
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

// returnHref gives where a flow ends: a page of this server as it is, or the application's address with the outcome in its
// query; more are names and values.
func returnHref(flow connectFlow, status string, more ...string) string {
	address := flow.display.ReturnURL
	if address == "" && flow.session != nil {
		address = flow.session.ReturnURL
	}
	if address == "" || strings.HasPrefix(address, "/") {
		return address
	}
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	query := u.Query()
	query.Set("patchbay_status", status)
	query.Set("patchbay_integration", flow.integration)
	query.Set("patchbay_user_id", flow.session.UserID)
	for i := 0; i < len(more); i += 2 {
		if more[i+1] != "" {
			query.Set(more[i], more[i+1])
		}
	}
	u.RawQuery = query.Encode()
	return u.String()
}

// connectResult gives the page of an attempt that has ended, or waits for its claim.
func (s *server) connectResult(c echo.Context, flow connectFlow, attempt *models.Attempt) views.ConnectResultPage {
	page := s.connectOutcome(c, flow)
	page.OK = attempt.Status == models.AttemptSucceeded || attempt.Status == models.AttemptPending
	if page.OK {
		page.Message = fmt.Sprintf("%s can now use this account of %s.", s.AppName, flow.integration)
		page.ReturnHref = returnHref(flow, "succeeded", "patchbay_ref", flow.display.Ref)
		if attempt.Status == models.AttemptPending {
			page.ReturnHref = returnHref(flow, "succeeded", "patchbay_ref", flow.display.Ref, "patchbay_claim", attempt.Secrets.Claim.Reveal())
		}
		if strings.HasPrefix(page.ReturnHref, "/") {
			page.ReturnHref = connectionPath(attempt.ConnectionUUID)
		}
		return page
	}
	page.ErrorType, page.Message, page.SupportCode = attempt.ErrorType, attempt.ErrorMessage, attempt.UUID
	if attempt.Status == models.AttemptConsumed {
		page.ErrorType, page.Message = models.ConnectTokenRetrieval, "The attempt did not come to an end."
	}
	page.Advice = adviceFor(page.ErrorType)
	page.ReturnHref = returnHref(flow, "failed", "patchbay_ref", flow.display.Ref, "patchbay_error", page.ErrorType, "patchbay_message", page.Message)
	return page
}

// connectOutcome begins a result page.
func (s *server) connectOutcome(c echo.Context, flow connectFlow) views.ConnectResultPage {
	page := views.ConnectResultPage{
		Theme: theme(c), App: s.AppName, Integration: flow.integration,
		Popup: flow.display.Popup, Origin: flow.display.Origin, Ref: flow.display.Ref,
	}
	if flow.session != nil {
		page.UserLabel, page.UserID = userLabel(flow.session), flow.session.UserID
	}
	return page
}

// renderConnectError shows a failure that no attempt records.
func (s *server) renderConnectError(c echo.Context, flow connectFlow, err error) error {
	e := models.AsError(err)
	s.Log.Info("not connected", "type", e.Code, "message", e.Message, "supportCode", requestID(c))
	page := s.connectOutcome(c, flow)
	page.ErrorType, page.Message, page.Advice, page.SupportCode = e.Code, e.Message, adviceFor(e.Code), requestID(c)
	if flow.session != nil {
		page.ReturnHref = returnHref(flow, "failed", "patchbay_ref", flow.display.Ref, "patchbay_error", e.Code, "patchbay_message", e.Message)
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
	case models.ConnectInvalidState, models.ConnectInvalidSession:
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
