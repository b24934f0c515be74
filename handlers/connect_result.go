package handlers

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/patchbay/patchbay/models"
	"github.com/patchbay/patchbay/views"
)

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
