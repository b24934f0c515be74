package connections

import (
	"context"
	"errors"
	"time"

	"github.com/patchbay/patchbay/internal/store"
	"github.com/patchbay/patchbay/models"
)

// awaitClaim keeps the tokens of an attempt aside, unusable, until the application redeems the claim.
func (s *Service) awaitClaim(ctx context.Context, actor models.Actor, attempt *models.Attempt, credentials models.Credentials) error {
	claim := models.NewToken()
	attempt.Status, attempt.LastMoved, attempt.ClaimHash = models.AttemptPending, s.now(), claim.Hash()
	attempt.Secrets.Claim, attempt.Secrets.Credentials = claim, &credentials
	return s.store.Write(ctx, func(tx *store.Tx) error {
		moved, err := tx.MoveAttempt(attempt, models.AttemptConsumed)
		if err != nil {
			return err
		}
		if !moved {
			return attemptGone()
		}
		return tx.Audit(s.entry(actor, models.AuditConnectPending, ofAttempt(attempt)))
	})
}

// FindClaim finds the attempt that waits for a claim. It fails with not_found for a claim that is unknown, redeemed or
// expired.
func (s *Service) FindClaim(ctx context.Context, claim models.Secret) (*models.Attempt, error) {
	attempt, err := s.store.AttemptByClaim(ctx, claim.Hash())
	if err != nil {
		return nil, err
	}
	if attempt == nil || !attempt.LastMoved.Add(models.ClaimLife).After(s.now()) {
		return nil, &models.Error{Kind: models.KindNotFound, Code: models.CodeNotFound, Message: "The claim is unknown, expired, or was redeemed before."}
	}
	return attempt, nil
}

// RedeemClaim makes the tokens of a pending attempt the connection's. UserID is the user who is signed in to the application:
// where he is not the one the attempt was started for, somebody sent him another's link. It fails with forbidden then, and
// with invalid_state_callback for an attempt that has ended meanwhile.
func (s *Service) RedeemClaim(ctx context.Context, actor models.Actor, attempt *models.Attempt, userID string) (*models.Connection, error) {
	if attempt.UserID != userID {
		return nil, &models.Error{Kind: models.KindForbidden, Code: models.CodeForbidden, Message: "The claim belongs to another user: the connect link was not made for the one who is signed in."}
	}
	var c *models.Connection
	err := s.store.Write(ctx, func(tx *store.Tx) (err error) {
		if err := s.storeConnection(ctx, tx, actor, attempt, *attempt.Secrets.Credentials); err != nil {
			return err
		}
		c, err = tx.Connection(ctx, attempt.ConnectionUUID)
		return err
	})
	return c, err
}

// Sweep ends what has run out: pending attempts, whose tokens are revoked at the provider, and expired sessions.
func (s *Service) Sweep(ctx context.Context) error {
	unclaimed := s.now().Add(-models.ClaimLife)
	dropped := s.dropUnclaimed(ctx, unclaimed)
	// An attempt that began in a link's last minute may come back as long after its end.
	before := s.now().Add(-models.AttemptLife - models.ExchangeTime)
	return errors.Join(dropped, s.store.Write(ctx, func(tx *store.Tx) error { return tx.DeleteExpired(before) }))
}

// dropUnclaimed ends the attempts that have been pending since before the given time.
func (s *Service) dropUnclaimed(ctx context.Context, before time.Time) error {
	for {
		attempt, err := s.store.UnclaimedAttempt(ctx, before)
		if err == nil && attempt != nil {
			err = s.dropAttempt(ctx, attempt)
		}
		if err != nil || attempt == nil {
			return err
		}
	}
}

// dropAttempt ends a pending attempt, and revokes its tokens at the provider, if they are there.
func (s *Service) dropAttempt(ctx context.Context, attempt *models.Attempt) error {
	credentials := attempt.Secrets.Credentials
	attempt.Status, attempt.LastMoved, attempt.ClaimHash = models.AttemptFailed, s.now(), ""
	attempt.ErrorType, attempt.ErrorMessage = models.ConnectInvalidState, "The application did not confirm the connection in time."
	attempt.Secrets.Claim, attempt.Secrets.Credentials = "", nil
	var left *grant
	actor := models.Actor{Name: models.SystemActor}
	err := s.store.Write(ctx, func(tx *store.Tx) error {
		moved, err := tx.MoveAttempt(attempt, models.AttemptPending)
		if err != nil || !moved {
			return err
		}
		if credentials != nil {
			if left, err = s.leave(ctx, tx, ofAttempt(attempt), *credentials); err != nil {
				return err
			}
		}
		return tx.Audit(s.failureEntry(ctx, tx, actor, attempt))
	})
	if err != nil || left == nil {
		return err
	}
	s.end(ctx, actor, left)
	return nil
}
