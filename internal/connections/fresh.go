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
	MinTTL   time.Duration // it must still live so long, where it can be refreshed
	Force    bool          // it must have been obtained just now
	Rejected string        // it must not be the one with this [models.Secret.Hash], which the provider's API answered with 401

	ahead bool // the background asks, and waits for nobody
}

// FreshCredentials gives the credentials of a connection, refreshed where that is due. It is the only door to credentials:
// whoever uses them comes through here. Of many callers that find a token stale, in however many processes, one asks the
// provider and all get its answer. While a provider is down, the token at hand is given as long as it lives.
//
// It fails with unknown_connection; connection_disabled; needs_reconnect, when only the end user can help; and, when it may
// help to try again, refresh_failed, refresh_timeout and unknown_integration.
func (s *Service) FreshCredentials(ctx context.Context, integration, userID string, want Freshness) (*models.Connection, models.Credentials, error) {
	c, credentials, err := s.store.ConnectionWithCredentials(ctx, integration, userID)
	if err != nil {
		return nil, models.Credentials{}, err
	}
	s.used.note(c, s.now())
	if s.due(c, credentials, want) {
		return s.refresh(ctx, c, credentials, want)
	}
	return s.given(c, credentials, want)
}

// given is what a caller gets of a connection that is not refreshed now.
func (s *Service) given(c *models.Connection, credentials models.Credentials, want Freshness) (*models.Connection, models.Credentials, error) {
	switch {
	case c.State == models.StateDisabled:
		return nil, models.Credentials{}, disabled()
	case s.usable(c, credentials, want) && !(want.Force && c.State == models.StateNeedsReconnect):
		return c, credentials, nil
	case c.State == models.StateNeedsReconnect || !c.Refreshable:
		return nil, models.Credentials{}, needsReconnect(c)
	}
	failure := &models.Error{
		Kind: models.KindProviderFailed, Code: models.CodeRefreshFailed, RetryAfter: minBackOff,
		Message: c.Integration + " gave no access token that can be used. It is asked again in a moment.",
	}
	if c.State == models.StateError && c.RefreshAt != nil {
		failure.RetryAfter, failure.Message = c.RefreshAt.Sub(s.now()), c.Trouble()+" It is asked again in a moment."
	}
	return nil, models.Credentials{}, failure
}

func disabled() error {
	return &models.Error{Kind: models.KindConflict, Code: models.CodeConnectionDisabled, Message: "The connection is disabled. Enable it to use its credentials."}
}

func (s *Service) usable(c *models.Connection, credentials models.Credentials, want Freshness) bool {
	return c.Usable(s.now()) && (want.Rejected == "" || credentials.AccessToken.Hash() != want.Rejected)
}

// leastAge is how old a token is at least when it is replaced because the provider's API rejected it.
const leastAge = 10 * time.Second

// due reports whether a token is to be refreshed before it is used. While the provider is in trouble, it is left alone for
// some time. A MinTTL does not ask for a token that is as new as one gets: its life may be shorter than that.
func (s *Service) due(c *models.Connection, credentials models.Credentials, want Freshness) bool {
	now := s.now()
	reached := func(at *time.Time) bool { return at != nil && !at.After(now) }
	switch {
	case !c.Refreshable || c.State == models.StateDisabled:
		return false
	case c.State == models.StateNeedsReconnect:
		return want.Force && c.Unclear()
	case want.Force:
		return true
	case want.ahead && reached(c.AheadAt):
		return true
	case c.State == models.StateError && c.RefreshAt != nil:
		return reached(c.RefreshAt)
	case reached(c.RefreshAt) || !c.Usable(now):
		return true
	case !s.usable(c, credentials, want): // rejected; a token that comes again and again is not asked for each time
		return now.Sub(c.ObtainedAt) >= leastAge
	case c.ExpiresAt == nil || c.RefreshAt == nil:
		return !c.Usable(now.Add(want.MinTTL))
	}
	margin := c.ExpiresAt.Sub(*c.RefreshAt)
	return !c.Usable(now.Add(want.MinTTL)) && now.Sub(c.ObtainedAt) >= margin
}

func needsReconnect(c *models.Connection) error {
	message := fmt.Sprintf("User %s has to connect %s again", c.UserID, c.Integration)
	switch {
	case c.StateReason != "":
		message += ": " + c.Trouble()
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
