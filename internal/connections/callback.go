package connections

import (
	"context"
	"errors"
	"fmt"

	"github.com/patchbay/patchbay/internal/oauth"
	"github.com/patchbay/patchbay/internal/store"
	"github.com/patchbay/patchbay/models"
)

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
	about := ofAttempt(attempt)
	if c, err := tx.ConnectionOf(ctx, attempt.Integration, attempt.UserID); err == nil {
		about = c
	}
	entry := s.entry(actor, models.AuditConnectFailed, about)
	entry.After = attempt.ErrorType
	return entry
}

// ofAttempt names the pair of an attempt.
func ofAttempt(attempt *models.Attempt) *models.Connection {
	return &models.Connection{Integration: attempt.Integration, UserID: attempt.UserID}
}

// consume finds the attempt of a callback and takes it, so that no second callback with its state is served.
func (s *Service) consume(ctx context.Context, callback Callback) (*models.Attempt, error) {
	invalid := &models.Error{
		Kind: models.KindMalformed, Code: models.ConnectInvalidState,
		Message: "This answer does not belong to a connect attempt of this browser, or was used before.",
	}
	attempt, err := s.store.AttemptByState(ctx, callback.State.Hash())
	if models.HasCode(err, models.CodeNotFound) {
		return nil, invalid
	}
	if err != nil {
		return nil, err
	}
	in, err := s.Integration(attempt.Integration)
	sharedCallback := err == nil && in.SharedCallback
	if !attempt.StartedBy(callback.Browser) || callback.Integration != attempt.Integration && !(sharedCallback && callback.Integration == "") {
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
	session, err := s.store.ConnectSessionByID(ctx, attempt.ConnectSessionID)
	switch {
	case err != nil:
	case session.Confirm:
		err = s.awaitClaim(ctx, actor, attempt, credentials)
	default:
		err = s.store.Write(ctx, func(tx *store.Tx) error { return s.storeConnection(ctx, tx, actor, attempt, credentials) })
	}
	if err != nil {
		s.revokeUnkept(ctx, attempt, credentials)
	}
	if err != nil && !models.HasCode(err, models.ConnectInvalidState) {
		return &models.Error{
			Kind: models.KindInternal, Code: models.ConnectTokenStorage, Cause: err,
			Message: "The provider granted access, but the connection could not be stored.",
		}
	}
	return err
}

// revokeUnkept revokes tokens that could not be stored. Not where the user has a connection: many providers end all of a
// user's tokens with one.
func (s *Service) revokeUnkept(ctx context.Context, attempt *models.Attempt, credentials models.Credentials) {
	if _, err := s.Find(ctx, attempt.Integration, attempt.UserID); models.HasCode(err, models.CodeUnknownConnection) {
		s.revoke(ctx, ofAttempt(attempt), credentials)
	}
}

// storeConnection creates the connection of an attempt, or renews its credentials and keeps everything else. Of several
// attempts of one link for an integration, one may get here.
func (s *Service) storeConnection(ctx context.Context, tx *store.Tx, actor models.Actor, attempt *models.Attempt, credentials models.Credentials) error {
	if err := tx.HoldAttempt(ctx, attempt); err != nil {
		return err
	}
	deciding, err := tx.DecidingAttempt(ctx, attempt.ConnectSessionID, attempt.Integration)
	if err != nil {
		return err
	}
	if deciding != nil && deciding.Status == models.AttemptSucceeded {
		return &models.Error{Kind: models.KindInvalid, Code: models.ConnectInvalidState, Message: "This connect link has been used."}
	}
	c, err := tx.ConnectionOf(ctx, attempt.Integration, attempt.UserID)
	action, event, detail := models.AuditConnectionReconnected, models.EventConnectionUpdated, "credentials"
	switch {
	case models.HasCode(err, models.CodeUnknownConnection):
		action, event, detail = models.AuditConnectionCreated, models.EventConnectionCreated, ""
		c = s.newConnection(attempt.Integration, attempt.UserID)
		c.Hold(credentials, s.rules(c.Integration), s.now())
		err = tx.CreateConnection(c, credentials)
		if models.HasCode(err, models.CodeConnectionExists) { // since a moment ago
			return s.storeConnection(ctx, tx, actor, attempt, credentials)
		}
	case err == nil:
		err = s.renew(tx, c, s.rules(c.Integration), credentials)
	}
	if err != nil {
		return err
	}
	from := attempt.Status
	attempt.Status, attempt.ConnectionUUID, attempt.LastMoved = models.AttemptSucceeded, c.UUID, s.now()
	attempt.ClaimHash, attempt.Secrets.Claim, attempt.Secrets.Credentials = "", "", nil
	moved, err := tx.MoveAttempt(attempt, from)
	if err != nil {
		return err
	}
	if !moved {
		return attemptGone()
	}
	return s.record(tx, s.entry(actor, action, c), event, detail)
}

func attemptGone() error {
	return &models.Error{Kind: models.KindConflict, Code: models.ConnectInvalidState, Message: "This connect attempt has ended meanwhile."}
}

// describe gives an error the type and message that the end user is shown.
func describe(err error) (errorType, message string) {
	if e := models.AsError(err); e != nil {
		return e.Code, e.Message
	}
	return models.ConnectTokenRetrieval, "The connection could not be completed."
}
