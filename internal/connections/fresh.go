package connections

import (
	"context"
	"fmt"
	"time"

	"github.com/patchbay/patchbay/internal/store"
	"github.com/patchbay/patchbay/models"
)

// Freshness says how fresh an access token has to be.
type Freshness struct {
	MinTTL time.Duration // it must still live so long, where it can be refreshed
	Force  bool          // it must have been obtained just now
}

// FreshCredentials gives the credentials of a connection, refreshed where that is due. It is the only door to credentials:
// whoever uses them comes through here. Of many callers that find a token stale, one asks the provider and all get its
// answer. While a provider is down, the token at hand is given as long as it lives.
//
// It fails with unknown_connection; connection_disabled; needs_reconnect, when only the end user can help; and, when it may
// help to try again, refresh_failed, refresh_timeout and unknown_integration.
func (s *Service) FreshCredentials(ctx context.Context, integration, userID string, want Freshness) (*models.Connection, models.Credentials, error) {
	c, credentials, err := s.store.ConnectionWithCredentials(ctx, integration, userID)
	if err != nil {
		return nil, models.Credentials{}, err
	}
	usable := c.Usable(s.now())
	switch {
	case c.State == models.StateDisabled:
		return nil, models.Credentials{}, disabled()
	case s.due(c, want):
		return s.refresh(ctx, c, want)
	case usable && !(want.Force && c.State == models.StateNeedsReconnect):
		return c, credentials, nil
	case c.State == models.StateError && c.RefreshAt != nil:
		return nil, models.Credentials{}, &models.Error{
			Kind: models.KindProviderFailed, Code: models.CodeRefreshFailed, RetryAfter: c.RefreshAt.Sub(s.now()),
			Message: c.StateReason + " It is asked again in a moment.",
		}
	}
	return nil, models.Credentials{}, needsReconnect(c)
}

func disabled() error {
	return &models.Error{Kind: models.KindConflict, Code: models.CodeConnectionDisabled, Message: "The connection is disabled. Enable it to use its credentials."}
}

// due reports whether a token is to be refreshed before it is used. While the provider is in trouble, it is left alone for
// some time. A MinTTL does not ask for a token that is as new as one gets: its life may be shorter than that.
func (s *Service) due(c *models.Connection, want Freshness) bool {
	now := s.now()
	switch {
	case !c.Refreshable || c.State == models.StateNeedsReconnect:
		return false
	case want.Force:
		return true
	case c.State == models.StateError && c.RefreshAt != nil:
		return !c.RefreshAt.After(now)
	case c.RefreshAt == nil:
		return !c.Usable(now.Add(want.MinTTL))
	case !c.RefreshAt.After(now) || !c.Usable(now):
		return true
	}
	margin := c.ExpiresAt.Sub(*c.RefreshAt)
	return !c.Usable(now.Add(want.MinTTL)) && now.Sub(c.ObtainedAt) >= margin
}

func needsReconnect(c *models.Connection) error {
	message := fmt.Sprintf("User %s has to connect %s again", c.UserID, c.Integration)
	switch {
	case c.StateReason != "":
		message += ": " + c.StateReason
	case c.ExpiresAt != nil:
		message += ": the access token ended on " + c.ExpiresAt.Format("2 January 2006 at 15:04 MST") + " and cannot be refreshed."
	default:
		message += "."
	}
	return &models.Error{Kind: models.KindReauthRequired, Code: models.CodeNeedsReconnect, Message: message}
}

// Refresh asks the provider for a new token now. It fails as [Service.FreshCredentials] does, and with not_refreshable for a
// connection without a refresh token.
func (s *Service) Refresh(ctx context.Context, actor models.Actor, uuid string) (*models.Connection, error) {
	c, err := s.store.Connection(ctx, uuid)
	if err != nil {
		return nil, err
	}
	if !c.Refreshable {
		return nil, &models.Error{Kind: models.KindInvalid, Code: models.CodeNotRefreshable, Message: "The connection has no refresh token, so its credentials cannot be refreshed."}
	}
	before := c.ExpiresAt
	refreshed, _, err := s.FreshCredentials(ctx, c.Integration, c.UserID, Freshness{Force: true})
	if err != nil {
		return nil, err
	}
	entry := s.entry(actor, models.AuditRefreshed, refreshed)
	entry.Before, entry.After = expiryText(before), expiryText(refreshed.ExpiresAt)
	return refreshed, s.store.Write(ctx, func(tx *store.Tx) error { return tx.Audit(entry) })
}

func expiryText(at *time.Time) string {
	if at == nil {
		return ""
	}
	return at.UTC().Format("2 Jan 2006, 15:04 UTC")
}

// fresh is what a refresh gives to everyone who waits for it; beside a failure, what is at hand.
type fresh struct {
	connection  *models.Connection
	credentials models.Credentials
}

// refresh runs one refresh of a connection at a time; whoever comes meanwhile waits for its result.
func (s *Service) refresh(ctx context.Context, c *models.Connection, want Freshness) (*models.Connection, models.Credentials, error) {
	// The caller may go away; the others, and the token that the provider has given out by then, stay.
	flight := s.refreshes.DoChan(c.UUID, func() (any, error) {
		s.underWay.Add(1)
		defer s.underWay.Done()
		return s.refreshOnce(context.WithoutCancel(ctx), c, want)
	})
	select {
	case <-ctx.Done():
		return nil, models.Credentials{}, ctx.Err()
	case result := <-flight:
		got, err := result.Val.(fresh), result.Err
		if got.connection != nil && got.connection.State == models.StateDisabled { // meanwhile
			return nil, models.Credentials{}, disabled()
		}
		if got.connection == nil || err != nil && (want.Force || !got.connection.Usable(s.now())) {
			return nil, models.Credentials{}, err
		}
		connection := *got.connection
		return &connection, got.credentials, nil
	}
}

func (s *Service) refreshOnce(ctx context.Context, seen *models.Connection, want Freshness) (fresh, error) {
	c, credentials, err := s.store.ConnectionWithCredentials(ctx, seen.Integration, seen.UserID)
	if err != nil {
		return fresh{}, err
	}
	want.Force = want.Force && c.ObtainedAt.Equal(seen.ObtainedAt)
	if c.State == models.StateDisabled || !s.due(c, want) { // a flight that has just ended did it
		return fresh{c, credentials}, nil
	}
	in, err := s.Integration(c.Integration)
	if err != nil {
		return s.refreshFailed(ctx, c, credentials, err)
	}
	renewed, err := s.oauth.Refresh(ctx, in, credentials.RefreshToken)
	if err != nil {
		return s.refreshFailed(ctx, c, credentials, err)
	}
	return s.saveRefreshed(ctx, c, credentials, renewed)
}

// saveRefreshed stores what a refresh with the used credentials gave, unless others took their place meanwhile: those are
// newer than what the provider knew.
func (s *Service) saveRefreshed(ctx context.Context, c *models.Connection, used, renewed models.Credentials) (fresh, error) {
	result := fresh{credentials: renewed}
	var err error
	result.connection, err = s.change(ctx, c.UUID, func(tx *store.Tx, c *models.Connection) error {
		stored, err := tx.Credentials(ctx, c.UUID)
		if err != nil {
			return err
		}
		if stored.RefreshToken != used.RefreshToken {
			result.credentials = stored
			return nil
		}
		if err := s.renew(tx, c, renewed); err != nil {
			return err
		}
		return tx.Emit(models.Event{
			Time: s.now(), Type: models.EventConnectionRefreshed, ConnectionUUID: c.UUID, Integration: c.Integration, UserID: c.UserID,
		})
	})
	if models.HasCode(err, models.CodeUnknownConnection) { // deleted meanwhile, and what was just given out with it
		s.revoke(ctx, c, renewed)
	}
	return result, err
}

// refreshFailed judges a failed refresh: whether the connection is lost or only its provider is in trouble. It gives the
// failure with what is at hand, or none when the failure has been overtaken by new credentials.
func (s *Service) refreshFailed(ctx context.Context, c *models.Connection, used models.Credentials, failure error) (fresh, error) {
	state, event := models.StateError, models.EventType("")
	if models.HasCode(failure, models.CodeNeedsReconnect) {
		state, event = models.StateNeedsReconnect, models.EventConnectionNeedsReconnect
	}
	result := fresh{credentials: used}
	var err error
	result.connection, err = s.change(ctx, c.UUID, func(tx *store.Tx, c *models.Connection) error {
		stored, err := tx.Credentials(ctx, c.UUID)
		if err != nil {
			return err
		}
		if stored.RefreshToken != used.RefreshToken { // the failure is about credentials that are not in use any more
			result.credentials, failure = stored, nil
			return nil
		}
		if state == models.StateError {
			again := s.now().Add(backOff(failure))
			c.RefreshAt = &again
		}
		if c.State == state || c.State == models.StateDisabled || c.State == models.StateNeedsReconnect {
			return tx.SaveRefreshAt(c)
		}
		c.State, c.StateReason = state, failure.Error()
		if err := tx.SaveState(c, s.now()); err != nil || event == "" {
			return err
		}
		entry := s.entry(models.Actor{Name: models.SystemActor}, models.AuditNeedsReconnect, c)
		entry.After = c.StateReason
		return s.record(tx, entry, event, c.StateReason)
	})
	switch {
	case err != nil:
		return fresh{}, err
	case failure != nil && state == models.StateNeedsReconnect:
		return result, needsReconnect(result.connection)
	}
	return result, failure
}

// Bounds of how long a provider that failed is left alone.
const (
	minBackOff = 30 * time.Second
	maxBackOff = 15 * time.Minute
)

// backOff gives how long to leave a provider alone after a failure: as long as it asks for, within bounds.
func backOff(failure error) time.Duration {
	wait := minBackOff
	if e := models.AsError(failure); e != nil {
		wait = min(max(wait, e.RetryAfter), maxBackOff)
	}
	return wait
}
