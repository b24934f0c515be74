package handlers

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/patchbay/patchbay/internal/connections"
	"github.com/patchbay/patchbay/models"
)

type connectSessionRequest struct {
	UserID       string   `json:"userId" doc:"Whose connections the session makes: the user who is signed in to your application."`
	UserLabel    string   `json:"userLabel,omitempty" doc:"How the user is called on the connect page; the user id where absent."`
	Integrations []string `json:"integrations,omitempty" doc:"What may be connected; everything where absent." minItems:"1"`
	ReturnURL    string   `json:"returnUrl,omitempty" doc:"Where a full redirect ends: an address on a registered origin."`
	Confirm      bool     `json:"confirm,omitempty" doc:"Keep the tokens unusable until your backend redeems the one-time claim that is brought to returnUrl, which it needs."`
	ExpiresIn    int64    `json:"expiresIn,omitempty" doc:"How many seconds the session lasts." minimum:"60" maximum:"86400" default:"1800"`
}

type newConnectSession struct {
	ID        string    `json:"id" format:"uuid"`
	Token     string    `json:"token" doc:"For the browser library of this one user; shown this once."`
	URL       string    `json:"url" format:"uri" doc:"The connect link, for those who do without the library."`
	ExpiresAt time.Time `json:"expiresAt"`
}

func (s *server) createConnectSession(c echo.Context) error {
	var r connectSessionRequest
	if err := readJSON(c, &r); err != nil {
		return err
	}
	names, err := s.sessionIntegrations(c, r.Integrations)
	if err != nil {
		return err
	}
	if r.ReturnURL != "" && r.ReturnURL[0] == '/' { // those are for the dashboard
		return &models.Error{Kind: models.KindInvalid, Code: models.CodeInvalidReturnURL, Message: "The returnUrl is not an absolute address.", Fields: []models.FieldError{{Field: "returnUrl", Message: "expected an address such as https://app.example.com/connected"}}}
	}
	life := time.Duration(r.ExpiresIn) * time.Second
	if r.ExpiresIn < 0 || r.ExpiresIn > int64(models.MaxConnectSessionLife/time.Second) {
		life = models.MaxConnectSessionLife + 1 // refused by the core
	}
	session, token, err := s.Connections.CreateConnectSession(c.Request().Context(), apiActor(c), connections.ConnectRequest{
		UserID: r.UserID, UserLabel: r.UserLabel, Integrations: names, ReturnURL: r.ReturnURL, Confirm: r.Confirm, Life: life,
	})
	if err != nil {
		return err
	}
	return writeJSON(c, http.StatusCreated, newConnectSession{session.UUID, token.Reveal(), s.Connections.ConnectURL(token), session.ExpiresAt})
}

// sessionIntegrations gives the integrations of a new session: those asked for, or without any (nil) those of a limited key.
func (s *server) sessionIntegrations(c echo.Context, asked []string) ([]string, error) {
	own := callerKey(c).Integrations
	switch {
	case asked != nil && len(asked) == 0: // a list that came out empty must not mean everything
		return nil, invalidBody("integrations", "expected at least one integration; leave the key out for all of them")
	case asked == nil && len(own) > 0:
		there := slices.DeleteFunc(slices.Clone(own), func(name string) bool {
			_, err := s.Connections.Integration(name)
			return err != nil
		})
		if len(there) == 0 { // which would be all
			return nil, &models.Error{Kind: models.KindNotFound, Code: models.CodeUnknownIntegration, Message: "None of the integrations that this API key is limited to exists."}
		}
		return there, nil
	}
	for _, name := range asked {
		if err := reach(c, name); err != nil {
			return nil, err
		}
	}
	for _, name := range asked {
		if in, err := s.Connections.Integration(name); err == nil && in.Registered() {
			message := fmt.Sprintf("Connections of %s are registered by your backend: its auth mode is %s.", name, in.Auth.Mode)
			return nil, &models.Error{Kind: models.KindInvalid, Code: models.CodeUnsupportedAuthMode, Message: message, Fields: []models.FieldError{{Field: "integrations", Message: message}}}
		}
	}
	return asked, nil
}

// apiAttempt is how an attempt stands. Its claim is not in it: only the browser that finished the flow is given that.
type apiAttempt struct {
	Integration string               `json:"integration"`
	Status      models.AttemptStatus `json:"status" enum:"started,consumed,pending,succeeded,failed" doc:"started: at the provider. consumed: the provider has answered. pending: waits for the claim."`
	Error       *connectFailure      `json:"error"`
}

type connectFailure struct {
	Type    string `json:"type" example:"external_callback_error"`
	Message string `json:"message"`
}

func publicAttempt(attempt *models.Attempt) *apiAttempt {
	if attempt == nil {
		return nil
	}
	public := &apiAttempt{Integration: attempt.Integration, Status: attempt.Status}
	if attempt.Status == models.AttemptFailed {
		public.Error = &connectFailure{attempt.ErrorType, attempt.ErrorMessage}
	}
	return public
}

type apiConnectSession struct {
	ID           string       `json:"id" format:"uuid"`
	UserID       string       `json:"userId"`
	UserLabel    string       `json:"userLabel"`
	Integrations []string     `json:"integrations" nullable:"false" doc:"Empty: all."`
	ReturnURL    string       `json:"returnUrl"`
	Confirm      bool         `json:"confirm"`
	ExpiresAt    time.Time    `json:"expiresAt"`
	Attempts     []apiAttempt `json:"attempts" nullable:"false" doc:"The deciding attempt of each integration that was tried."`
}

// sessionOf finds the connect session that the path names, by its id or its token.
func (s *server) sessionOf(c echo.Context) (*models.ConnectSession, error) {
	id, err := pathParam(c, "id")
	if err != nil {
		return nil, err
	}
	session, err := s.Connections.FindConnectSession(c.Request().Context(), id)
	if err != nil {
		return nil, err
	}
	key := callerKey(c)
	if len(key.Integrations) > 0 && len(session.Integrations) == 0 {
		return nil, forbidden("This connect session covers more integrations than the API key.")
	}
	for _, name := range session.Integrations {
		if err := reach(c, name); err != nil {
			return nil, err
		}
	}
	return session, nil
}

func (s *server) getConnectSession(c echo.Context) error {
	session, err := s.sessionOf(c)
	if err != nil {
		return err
	}
	public := apiConnectSession{
		ID: session.UUID, UserID: session.UserID, UserLabel: session.UserLabel, Integrations: session.Integrations,
		ReturnURL: session.ReturnURL, Confirm: session.Confirm, ExpiresAt: session.ExpiresAt, Attempts: []apiAttempt{},
	}
	deciding, err := s.Connections.DecidingAttempts(c.Request().Context(), session)
	if err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(deciding)) {
		public.Attempts = append(public.Attempts, *publicAttempt(deciding[name]))
	}
	return writeJSON(c, http.StatusOK, public)
}

// covered names the integrations of a connect session.
func (s *server) covered(session *models.ConnectSession) []string {
	if len(session.Integrations) > 0 {
		return session.Integrations
	}
	var names []string
	for _, in := range s.Connections.Integrations() {
		names = append(names, in.Name)
	}
	return names
}

func (s *server) deleteConnectSession(c echo.Context) error {
	session, err := s.sessionOf(c)
	if err != nil {
		return err
	}
	if err := s.Connections.DeleteConnectSession(c.Request().Context(), apiActor(c), session); err != nil {
		return err
	}
	return c.NoContent(http.StatusNoContent)
}

type claimRequest struct {
	Claim  string `json:"claim" doc:"What came to returnUrl as patchbay_claim, or with the result of the popup."`
	UserID string `json:"userId" doc:"The user who is signed in to your application now; never one that the browser names."`
}

func (s *server) redeemClaim(c echo.Context) error {
	var r claimRequest
	if err := readJSON(c, &r); err != nil {
		return err
	}
	ctx := c.Request().Context()
	attempt, err := s.Connections.FindClaim(ctx, models.Secret(r.Claim))
	if err != nil {
		return err
	}
	if err := reach(c, attempt.Integration); err != nil {
		return err
	}
	conn, err := s.Connections.RedeemClaim(ctx, apiActor(c), attempt, r.UserID)
	if models.HasCode(err, models.ConnectInvalidState) { // which is for the browser
		return &models.Error{Kind: models.KindNotFound, Code: models.CodeNotFound, Message: err.Error()}
	}
	if err != nil {
		return err
	}
	return s.writeConnection(c, http.StatusOK, conn)
}
