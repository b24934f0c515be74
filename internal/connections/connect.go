package connections

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/patchbay/patchbay/internal/oauth"
	"github.com/patchbay/patchbay/internal/store"
	"github.com/patchbay/patchbay/models"
)

// ConnectRequest asks for a connect session.
type ConnectRequest struct {
	UserID       string
	UserLabel    string   // the user id where empty
	Integrations []string // all where empty
	ReturnURL    string   // an address on a registered origin; or, of the dashboard, a path of this server
	Confirm      bool
	Life         time.Duration // [models.ConnectSessionLife] where 0
}

// maxUserLabelBytes bounds how a user is called on the connect page.
const maxUserLabelBytes = 200

// CreateConnectSession makes a connect session for one user id and gives its token. It fails with invalid_user_id,
// unknown_integration, invalid_return_url and invalid_body.
func (s *Service) CreateConnectSession(ctx context.Context, actor models.Actor, request ConnectRequest) (*models.ConnectSession, models.Secret, error) {
	if err := s.checkConnectRequest(request); err != nil {
		return nil, "", err
	}
	token, now := models.NewToken(), s.now()
	session := &models.ConnectSession{
		UUID: uuid.NewString(), TokenHash: token.Hash(), Integrations: append([]string{}, request.Integrations...), UserID: request.UserID,
		UserLabel: request.UserLabel, ReturnURL: request.ReturnURL, Confirm: request.Confirm, CreatedBy: actor.Name,
		DateCreated: now, ExpiresAt: now.Add(cmp.Or(request.Life, models.ConnectSessionLife)),
	}
	return session, token, s.store.Write(ctx, func(tx *store.Tx) error {
		if err := tx.CreateConnectSession(session); err != nil {
			return err
		}
		return tx.Audit(s.sessionEntry(actor, models.AuditConnectSessionCreated, session))
	})
}

func (s *Service) sessionEntry(actor models.Actor, action string, session *models.ConnectSession) models.AuditEntry {
	about := &models.Connection{UserID: session.UserID}
	if len(session.Integrations) == 1 {
		about.Integration = session.Integrations[0]
	}
	entry := s.entry(actor, action, about)
	entry.After = session.UUID
	return entry
}

func (s *Service) checkConnectRequest(request ConnectRequest) error {
	if err := models.ValidateUserID(request.UserID); err != nil {
		return err
	}
	for i, name := range request.Integrations {
		if _, err := s.Integration(name); err != nil {
			return err
		}
		if slices.Contains(request.Integrations[:i], name) {
			return &models.Error{Kind: models.KindInvalid, Code: models.CodeInvalidBody, Message: "The integrations are not valid.", Fields: []models.FieldError{{Field: "integrations", Message: fmt.Sprintf("expected each integration once, found %q again", name)}}}
		}
	}
	invalid := func(code, field, message string) error {
		return &models.Error{Kind: models.KindInvalid, Code: code, Message: message, Fields: []models.FieldError{{Field: field, Message: message}}}
	}
	switch local := strings.HasPrefix(request.ReturnURL, "/"); {
	case len(request.UserLabel) > maxUserLabelBytes || !utf8.ValidString(request.UserLabel) || strings.ContainsFunc(request.UserLabel, unicode.IsControl):
		return invalid(models.CodeInvalidBody, "userLabel", fmt.Sprintf("The label is at most %d bytes of UTF-8 without control characters.", maxUserLabelBytes))
	case request.Life != 0 && (request.Life < models.MinConnectSessionLife || request.Life > models.MaxConnectSessionLife):
		return invalid(models.CodeInvalidBody, "expiresIn", "A connect session lasts from 60 to 86400 seconds.")
	case request.ReturnURL != "" && !local && !s.origins.AllowsReturn(request.ReturnURL):
		return invalidReturnURL("returnUrl")
	case request.Confirm && (request.ReturnURL == "" || local):
		return invalid(models.CodeInvalidReturnURL, "returnUrl", "With confirm, a returnUrl is needed: the claim is brought there.")
	}
	return nil
}

func invalidReturnURL(field string) error {
	const message = "The address is not on a registered origin; add its origin to PATCHBAY_ORIGINS."
	return &models.Error{Kind: models.KindInvalid, Code: models.CodeInvalidReturnURL, Message: message, Fields: []models.FieldError{{Field: field, Message: message}}}
}

// Origins are the web origins of the application.
func (s *Service) Origins() models.Origins { return s.origins }

// ConnectURL is the link of a connect session.
func (s *Service) ConnectURL(token models.Secret) string {
	return s.rootURL + "/connect/" + token.Reveal()
}

// ConnectSession finds the connect session of a link's token, also one that has expired. It fails with not_found.
func (s *Service) ConnectSession(ctx context.Context, token models.Secret) (*models.ConnectSession, error) {
	return s.store.ConnectSession(ctx, token.Hash())
}

// OpenConnectSession finds the connect session of a token that is still in force. It fails with not_found.
func (s *Service) OpenConnectSession(ctx context.Context, token models.Secret) (*models.ConnectSession, error) {
	session, err := s.ConnectSession(ctx, token)
	if err == nil && !session.ExpiresAt.After(s.now()) {
		err = linkGone("This connect link has expired.")
	}
	if err != nil {
		return nil, err
	}
	return session, nil
}

// FindConnectSession finds a connect session by its uuid or its token. It fails with not_found.
func (s *Service) FindConnectSession(ctx context.Context, id string) (*models.ConnectSession, error) {
	session, err := s.store.ConnectSessionByUUID(ctx, id)
	if models.HasCode(err, models.CodeNotFound) {
		return s.ConnectSession(ctx, models.Secret(id))
	}
	return session, err
}

// DeleteConnectSession ends a connect session. Tokens that still wait for a claim are revoked.
func (s *Service) DeleteConnectSession(ctx context.Context, actor models.Actor, session *models.ConnectSession) error {
	var left []*grant
	err := s.store.Write(ctx, func(tx *store.Tx) error {
		waiting, err := tx.PendingAttempts(ctx, session.ID)
		if err != nil {
			return err
		}
		for _, attempt := range waiting {
			one, err := s.leave(ctx, tx, ofAttempt(attempt), *attempt.Secrets.Credentials)
			if err != nil {
				return err
			}
			left = append(left, one)
		}
		if err := tx.DeleteConnectSession(session); err != nil {
			return err
		}
		return tx.Audit(s.sessionEntry(actor, models.AuditConnectSessionDeleted, session))
	})
	if err != nil {
		return err
	}
	var revocations sync.WaitGroup
	for _, one := range left {
		revocations.Go(func() { s.end(ctx, actor, one) })
	}
	revocations.Wait()
	return nil
}

// DecidingAttempt finds the attempt that decides how a session stands with an integration: the one that succeeded, or else
// the newest; nil where there is none.
func (s *Service) DecidingAttempt(ctx context.Context, session *models.ConnectSession, integration string) (*models.Attempt, error) {
	return s.store.DecidingAttempt(ctx, session.ID, integration)
}

// DecidingAttempts gives, by integration, the attempts that decide how a session stands.
func (s *Service) DecidingAttempts(ctx context.Context, session *models.ConnectSession) (map[string]*models.Attempt, error) {
	attempts, err := s.store.Attempts(ctx, session.ID)
	if err != nil {
		return nil, err
	}
	deciding := map[string]*models.Attempt{}
	for _, attempt := range attempts {
		if deciding[attempt.Integration] == nil || attempt.Status == models.AttemptSucceeded {
			deciding[attempt.Integration] = attempt
		}
	}
	return deciding, nil
}

// AttemptOfRef finds the newest attempt of a session that has a ref, or of any where it is empty; nil where there is none.
func (s *Service) AttemptOfRef(ctx context.Context, session *models.ConnectSession, ref string) (*models.Attempt, error) {
	return s.store.AttemptOfRef(ctx, session.ID, ref)
}

func linkGone(message string) error {
	return &models.Error{Kind: models.KindNotFound, Code: models.CodeNotFound, Message: message}
}

// CheckDisplay fails with invalid_return_url for a display that would tell a result to strangers.
func (s *Service) CheckDisplay(display models.AttemptDisplay) error {
	switch {
	case display.Origin != "" && !s.origins.Allows(display.Origin):
		return invalidReturnURL("origin")
	case display.ReturnURL != "" && !s.origins.AllowsReturn(display.ReturnURL):
		return invalidReturnURL("returnUrl")
	case len(display.Ref) > models.MaxRefBytes || strings.ContainsFunc(display.Ref, func(r rune) bool { return r <= ' ' || r > '~' }):
		return &models.Error{Kind: models.KindMalformed, Code: models.CodeInvalidParameter, Message: "The ref is at most 64 visible ASCII characters."}
	}
	return nil
}

// BeginConnect starts an attempt. It gives the address at the provider to send the browser to, and a secret that only
// this browser is given: the callback must bring it again. It fails with not_found for a link that is unknown, expired,
// used or not for this integration, with too_many_requests, with the failures of [Service.CheckDisplay], and with the
// Connect error types of a configuration that cannot work.
func (s *Service) BeginConnect(ctx context.Context, token models.Secret, integration string, display models.AttemptDisplay) (address string, browser models.Secret, err error) {
	session, in, err := s.mayBegin(ctx, token, integration)
	if err != nil {
		return "", "", err
	}
	if err := s.CheckDisplay(display); err != nil {
		return "", "", err
	}
	if session.Confirm && display.ReturnURL != "" && display.ReturnURL != session.ReturnURL {
		return "", "", invalidReturnURL("returnUrl") // the claim goes where the backend says, not where a link does
	}
	state, now := models.NewToken(), s.now()
	browser = models.NewToken()
	attempt := &models.Attempt{
		UUID: uuid.NewString(), ConnectSessionID: session.ID, Integration: integration, UserID: session.UserID,
		StateHash: state.Hash(), BrowserHash: browser.Hash(), RedirectURI: s.CallbackURL(in), AttemptDisplay: display,
		Status: models.AttemptStarted, DateCreated: now, LastMoved: now, ExpiresAt: now.Add(models.AttemptLife),
		Secrets: models.AttemptSecrets{Verifier: oauth.NewVerifier(), LinkToken: token},
	}
	address, err = s.oauth.AuthorizationURL(in, attempt.RedirectURI, state.Reveal(), attempt.Secrets.Verifier)
	if err != nil {
		return "", "", err
	}
	return address, browser, s.store.Write(ctx, func(tx *store.Tx) error { return tx.CreateAttempt(attempt) })
}

// mayBegin finds session and integration of an attempt that may be started.
func (s *Service) mayBegin(ctx context.Context, token models.Secret, integration string) (*models.ConnectSession, *models.Integration, error) {
	session, err := s.OpenConnectSession(ctx, token)
	if err != nil {
		return nil, nil, err
	}
	if !session.Covers(integration) {
		return nil, nil, linkGone(fmt.Sprintf("This connect link is not for %s.", integration))
	}
	deciding, err := s.DecidingAttempt(ctx, session, integration)
	if err != nil {
		return nil, nil, err
	}
	if deciding != nil && deciding.Status == models.AttemptSucceeded {
		return nil, nil, linkGone("This connect link has been used.")
	}
	tries, err := s.store.CountAttempts(ctx, session.ID, integration)
	if err != nil {
		return nil, nil, err
	}
	if tries >= models.MaxAttempts {
		return nil, nil, &models.Error{Kind: models.KindTooMany, Code: models.CodeTooMany, Message: "This connect link was tried too often. Ask for a new one."}
	}
	in, err := s.Integration(integration)
	return session, in, err
}
