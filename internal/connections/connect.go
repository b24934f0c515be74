package connections

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"

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
		// An attempt that began in a link's last minute may come back as long after its end.
		if err := tx.DeleteExpired(now.Add(-models.AttemptLife - models.ExchangeTime)); err != nil {
			return fmt.Errorf("delete expired connect sessions: %w", err)
		}
		if err := tx.CreateConnectSession(session); err != nil {
			return err
		}
		about := &models.Connection{Integration: request.Integration, UserID: request.UserID}
		return tx.Audit(s.entry(actor, models.AuditConnectSessionCreated, about))
	})
	return token, err
}

// ConnectSession finds the connect session of a link's token, with the attempt that decides how it stands: the one that
// succeeded, or else the newest; nil where there is none. It fails with not_found, also when the link expired untried.
func (s *Service) ConnectSession(ctx context.Context, token models.Secret) (*models.ConnectSession, *models.Attempt, error) {
	session, err := s.store.ConnectSession(ctx, hash(token))
	if err != nil {
		return nil, nil, err
	}
	attempt, err := s.store.DecidingAttempt(ctx, session.ID)
	if err == nil && attempt == nil && !session.ExpiresAt.After(s.now()) {
		err = linkGone("This connect link has expired.")
	}
	return session, attempt, err
}

func linkGone(message string) error {
	return &models.Error{Kind: models.KindNotFound, Code: models.CodeNotFound, Message: message}
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
		return "", "", linkGone("This connect link has been used.")
	}
	if !session.ExpiresAt.After(s.now()) {
		return "", "", linkGone("This connect link has expired.")
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
