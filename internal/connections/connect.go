package connections

import (
	"cmp"
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"

	"github.com/google/uuid"

	"github.com/patchbay/patchbay/internal/oauth"
	"github.com/patchbay/patchbay/internal/store"
	"github.com/patchbay/patchbay/models"
)

// ConnectRequest asks for a connect link.
type ConnectRequest struct {
	Integration string
	UserID      string
	UserLabel   string
	ReturnURL   string // a path of this server
	Popup       bool
}

// hash is how tokens and states are stored and looked up. They are long and random, so a fast hash is right.
func hash(token models.Secret) string {
	sum := sha256.Sum256([]byte(token.Reveal()))
	return hex.EncodeToString(sum[:])
}

// CreateConnectSession makes a connect link for one user id and gives its token. It fails with unknown_integration and
// invalid_user_id.
func (s *Service) CreateConnectSession(ctx context.Context, actor models.Actor, request ConnectRequest) (models.Secret, error) {
	if _, err := s.Integration(request.Integration); err != nil {
		return "", err
	}
	if err := models.ValidateUserID(request.UserID); err != nil {
		return "", err
	}
	token, now := models.NewToken(), s.now()
	session := &models.ConnectSession{
		TokenHash: hash(token), Integration: request.Integration, UserID: request.UserID, UserLabel: request.UserLabel,
		ReturnURL: request.ReturnURL, Popup: request.Popup, CreatedBy: actor.Name,
		DateCreated: now, ExpiresAt: now.Add(models.ConnectSessionLife),
	}
	err := s.store.Write(ctx, func(tx *store.Tx) error {
		if err := tx.DeleteExpired(now); err != nil {
			return fmt.Errorf("delete expired connect sessions: %w", err)
		}
		if err := tx.CreateConnectSession(session); err != nil {
			return err
		}
		about := &models.Connection{Integration: request.Integration, UserID: request.UserID}
		return tx.Audit(s.entry(actor, models.AuditConnectSessionMade, about))
	})
	return token, err
}

// ConnectSession finds the connect session of a link's token, with the attempt that decides how it stands: the one that
// succeeded, or else the newest; nil where there is none. It fails with not_found, also when the link has expired.
func (s *Service) ConnectSession(ctx context.Context, token models.Secret) (*models.ConnectSession, *models.Attempt, error) {
	session, err := s.store.ConnectSession(ctx, hash(token))
	if err == nil && !session.ExpiresAt.After(s.now()) {
		err = &models.Error{Kind: models.KindNotFound, Code: models.CodeNotFound, Message: "This connect link has expired."}
	}
	if err != nil {
		return nil, nil, err
	}
	attempt, err := s.store.DecidingAttempt(ctx, session.ID)
	return session, attempt, err
}

// BeginConnect starts an attempt. It gives the address at the provider to send the browser to, and a secret that only
// this browser is given: the callback must bring it again. It fails with not_found for a link that is unknown, expired
// or used, with too_many_requests, and with the Connect error types of a configuration that cannot work.
func (s *Service) BeginConnect(ctx context.Context, token models.Secret) (address string, browser models.Secret, err error) {
	session, deciding, err := s.ConnectSession(ctx, token)
	if err != nil {
		return "", "", err
	}
	if deciding != nil && deciding.Status == models.AttemptSucceeded {
		return "", "", &models.Error{Kind: models.KindNotFound, Code: models.CodeNotFound, Message: "This connect link has been used."}
	}
	if tries, err := s.store.CountAttempts(ctx, session.ID); err != nil || tries >= models.MaxAttempts {
		tooMany := &models.Error{Kind: models.KindTooMany, Code: models.CodeTooMany, Message: "This connect link was tried too often. Ask for a new one."}
		return "", "", cmp.Or[error](err, tooMany)
	}
	in, err := s.Integration(session.Integration)
	if err != nil {
		return "", "", err
	}
	state, now := models.NewToken(), s.now()
	browser = models.NewToken()
	attempt := &models.Attempt{
		UUID: uuid.NewString(), ConnectSessionID: session.ID, Integration: session.Integration, UserID: session.UserID,
		StateHash: hash(state), BrowserHash: hash(browser), RedirectURI: s.CallbackURL(in), Status: models.AttemptStarted,
		DateCreated: now, LastMoved: now, ExpiresAt: now.Add(models.AttemptLife),
		Secrets: models.AttemptSecrets{Verifier: oauth.NewVerifier(), LinkToken: token},
	}
	address, err = s.oauth.AuthorizationURL(in, attempt.RedirectURI, state.Reveal(), attempt.Secrets.Verifier)
	if err != nil {
		return "", "", err
	}
	return address, browser, s.store.Write(ctx, func(tx *store.Tx) error { return tx.CreateAttempt(attempt) })
}

// Callback is what the provider sends the browser back with (RFC 6749 §4.1.2, RFC 9207).
type Callback struct {
	Integration      string // of the callback's path; empty for the shared callback
	State            models.Secret
	Code             models.Secret
	Error            string
	ErrorDescription string
	Issuer           string
	Browser          []models.Secret // what the browser holds of the secrets that BeginConnect gave
}

// FinishConnect works off a callback: the attempt is consumed once, the code exchanged with no transaction open, and the
// connection stored. The attempt it gives tells the outcome, good or bad; beside a bad one, the error is its cause. It
// fails without an attempt, with invalid_state_callback, having changed nothing and asked the provider nothing, when the
// state is unknown, used, of another integration or of another browser.
func (s *Service) FinishConnect(ctx context.Context, actor models.Actor, callback Callback) (*models.Attempt, error) {
	attempt, err := s.consume(ctx, callback)
	if err != nil {
		return nil, err
	}
	// From here on the outcome must be recorded, even when the browser goes away.
	ctx = context.WithoutCancel(ctx)
	actor.Name = models.EndUserActor(attempt.UserID)
	if err := s.finish(ctx, actor, attempt, callback); err != nil {
		attempt.Status, attempt.ConnectionUUID, attempt.LastMoved = models.AttemptFailed, "", s.now()
		attempt.ErrorType, attempt.ErrorMessage = describe(err)
		writeErr := s.store.Write(ctx, func(tx *store.Tx) error {
			if _, err := tx.MoveAttempt(attempt, models.AttemptConsumed); err != nil {
				return err
			}
			return tx.Audit(s.failureEntry(ctx, tx, actor, attempt))
		})
		return attempt, errors.Join(err, writeErr)
	}
	return attempt, nil
}

// failureEntry tells of a failed attempt, in the history of the connection it would have renewed, where there is one.
func (s *Service) failureEntry(ctx context.Context, tx *store.Tx, actor models.Actor, attempt *models.Attempt) models.AuditEntry {
	about := &models.Connection{Integration: attempt.Integration, UserID: attempt.UserID}
	if c, err := tx.ConnectionOf(ctx, attempt.Integration, attempt.UserID); err == nil {
		about = c
	}
	entry := s.entry(actor, models.AuditConnectFailed, about)
	entry.After = attempt.ErrorType
	return entry
}

// consume finds the attempt of a callback and takes it, so that no second callback with its state is served.
func (s *Service) consume(ctx context.Context, callback Callback) (*models.Attempt, error) {
	invalid := &models.Error{
		Kind: models.KindMalformed, Code: models.ConnectInvalidState,
		Message: "This answer does not belong to a connect attempt of this browser, or was used before.",
	}
	attempt, err := s.store.AttemptByState(ctx, hash(callback.State))
	if models.HasCode(err, models.CodeNotFound) {
		return nil, invalid
	}
	if err != nil {
		return nil, err
	}
	sameBrowser := slices.ContainsFunc(callback.Browser, func(secret models.Secret) bool {
		return subtle.ConstantTimeCompare([]byte(attempt.BrowserHash), []byte(hash(secret))) == 1
	})
	in, err := s.Integration(attempt.Integration)
	sharedCallback := err == nil && in.SharedCallback
	if !sameBrowser || callback.Integration != attempt.Integration && !(sharedCallback && callback.Integration == "") {
		return nil, invalid
	}
	attempt.Status, attempt.LastMoved = models.AttemptConsumed, s.now()
	moved := false
	err = s.store.Write(ctx, func(tx *store.Tx) error {
		moved, err = tx.MoveAttempt(attempt, models.AttemptStarted)
		return err
	})
	if err == nil && !moved {
		err = invalid
	}
	return attempt, err
}

// finish takes a consumed attempt to its connection.
func (s *Service) finish(ctx context.Context, actor models.Actor, attempt *models.Attempt, callback Callback) error {
	fail := func(code, message string) error {
		return &models.Error{Kind: models.KindInvalid, Code: code, Message: message}
	}
	in, err := s.Integration(attempt.Integration)
	if err != nil {
		return err
	}
	switch {
	case !attempt.ExpiresAt.After(s.now()):
		return fail(models.ConnectInvalidState, "More than 10 minutes passed at the provider.")
	case in.Auth.Issuer != "" && callback.Issuer != in.Auth.Issuer:
		return fail(models.ConnectInvalidState, "The answer does not come from the issuer that is configured (RFC 9207 §2.4).")
	case callback.Error != "":
		return fail(models.ConnectExternalError, fmt.Sprintf("%s answered: %s", in.Name, oauth.Explain(callback.Error, callback.ErrorDescription)))
	case callback.Code == "":
		return fail(models.ConnectUnknownExternalError, fmt.Sprintf("%s answered without a code and without an error.", in.Name))
	}
	credentials, err := s.oauth.Exchange(ctx, in, attempt.RedirectURI, callback.Code, attempt.Secrets.Verifier)
	if err != nil {
		return err
	}
	err = s.storeConnection(ctx, actor, attempt, credentials)
	if err != nil && !models.HasCode(err, models.ConnectInvalidState) {
		return &models.Error{
			Kind: models.KindInternal, Code: models.ConnectTokenStorage, Cause: err,
			Message: "The provider granted access, but the connection could not be stored.",
		}
	}
	return err
}

// storeConnection creates the connection of an attempt, or renews its credentials and keeps everything else. Of several
// attempts of one link, one may get here.
func (s *Service) storeConnection(ctx context.Context, actor models.Actor, attempt *models.Attempt, credentials models.Credentials) error {
	return s.store.Write(ctx, func(tx *store.Tx) error {
		deciding, err := tx.DecidingAttempt(ctx, attempt.ConnectSessionID)
		if err != nil {
			return err
		}
		if deciding != nil && deciding.Status == models.AttemptSucceeded {
			return &models.Error{Kind: models.KindInvalid, Code: models.ConnectInvalidState, Message: "This connect link has been used."}
		}
		action := models.AuditConnectionReconnect
		c, err := tx.ConnectionOf(ctx, attempt.Integration, attempt.UserID)
		if models.HasCode(err, models.CodeUnknownConnection) {
			action, err = models.AuditConnectionCreated, nil
			c = &models.Connection{
				UUID: uuid.NewString(), Integration: attempt.Integration, UserID: attempt.UserID,
				DateCreated: s.now(), LastModified: s.now(), AdditionalConfig: models.EmptyConfig, ConfigVersion: 1, Version: 1,
			}
		}
		if err != nil {
			return err
		}
		c.AuthMode, c.ExpiresAt, c.Refreshable = credentials.Type, credentials.ExpiresAt, credentials.RefreshToken != ""
		c.State, c.StateReason = models.StateConnected, ""
		if action == models.AuditConnectionCreated {
			err = tx.CreateConnection(c, credentials)
		} else {
			err = tx.SaveCredentials(c, credentials, s.now())
		}
		if err != nil {
			return err
		}
		attempt.Status, attempt.ConnectionUUID, attempt.LastMoved = models.AttemptSucceeded, c.UUID, s.now()
		if _, err := tx.MoveAttempt(attempt, models.AttemptConsumed); err != nil {
			return err
		}
		return tx.Audit(s.entry(actor, action, c))
	})
}

// describe gives an error the type and message that the end user is shown.
func describe(err error) (errorType, message string) {
	if e := models.AsError(err); e != nil {
		return e.Code, e.Message
	}
	return models.ConnectTokenRetrieval, "The connection could not be completed."
}
