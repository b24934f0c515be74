package connections

import (
	"context"
	"slices"

	"github.com/google/uuid"

	"github.com/patchbay/patchbay/internal/store"
	"github.com/patchbay/patchbay/models"
)

// Registration is a connection whose credentials the application's backend has.
type Registration struct {
	Integration      string
	UserID           string
	Credentials      []byte // a JSON object of the shape of the integration's auth mode
	AdditionalConfig string // {} where empty
	Tags             []string
}

// Register creates a connection. It fails, in this order, with invalid_user_id, connection_exists, unknown_integration,
// invalid_config, invalid_tags, invalid_credentials and unsupported_auth_mode.
func (s *Service) Register(ctx context.Context, actor models.Actor, r Registration) (*models.Connection, error) {
	if err := models.ValidateUserID(r.UserID); err != nil {
		return nil, err
	}
	if _, err := s.store.ConnectionOf(ctx, r.Integration, r.UserID); err == nil {
		return nil, &models.Error{Kind: models.KindConflict, Code: models.CodeConnectionExists, Message: "This user already has a connection of this integration. Replace its credentials instead."}
	} else if !models.HasCode(err, models.CodeUnknownConnection) {
		return nil, err
	}
	in, err := s.Integration(r.Integration)
	if err != nil {
		return nil, err
	}
	if r.AdditionalConfig == "" {
		r.AdditionalConfig = string(models.EmptyConfig)
	}
	config, err := models.ParseConfig(r.AdditionalConfig)
	if err != nil {
		return nil, err
	}
	tags, err := models.ParseTags(r.Tags)
	if err != nil {
		return nil, err
	}
	credentials, err := models.ParseGivenCredentials(in.Auth.Mode, r.Credentials, s.now())
	if err != nil {
		return nil, err
	}
	c := s.newConnection(r.Integration, r.UserID)
	c.AdditionalConfig, c.Tags = config, tags
	c.Hold(credentials, in.Auth.Refresh, s.now())
	return c, s.store.Write(ctx, func(tx *store.Tx) error {
		if err := tx.CreateConnection(c, credentials); err != nil {
			return err
		}
		return s.record(tx, s.entry(actor, models.AuditConnectionCreated, c), models.EventConnectionCreated, "")
	})
}

func (s *Service) newConnection(integration, userID string) *models.Connection {
	now := s.now()
	return &models.Connection{
		UUID: uuid.NewString(), Integration: integration, UserID: userID,
		DateCreated: now, LastModified: now, UsedAt: now, AdditionalConfig: models.EmptyConfig, ConfigVersion: 1, Version: 1,
	}
}

// UpdateCredentials replaces a connection's credentials by those that the application's backend has, and ends a need to
// reconnect. Unless version is [AnyVersion], it must be the connection's. It fails, in this order, with unknown_connection,
// unknown_integration, invalid_credentials and stale_version.
func (s *Service) UpdateCredentials(ctx context.Context, actor models.Actor, uuid string, version int64, given []byte) (*models.Connection, error) {
	c, err := s.store.Connection(ctx, uuid)
	if err != nil {
		return nil, err
	}
	in, err := s.Integration(c.Integration)
	if err != nil {
		return nil, err
	}
	credentials, err := models.ParseGivenCredentials(in.Auth.Mode, given, s.now())
	if err != nil {
		return nil, err
	}
	return s.change(ctx, uuid, func(tx *store.Tx, c *models.Connection) error {
		if version != AnyVersion && c.Version != version {
			return staleVersion()
		}
		if err := s.renew(tx, c, in.Auth.Refresh, credentials); err != nil {
			return err
		}
		return s.record(tx, s.entry(actor, models.AuditCredentialsUpdated, c), models.EventConnectionUpdated, "credentials")
	})
}

// renew gives a connection new credentials. One that is disabled stays so.
func (s *Service) renew(tx *store.Tx, c *models.Connection, rules models.RefreshRules, credentials models.Credentials) error {
	disabled, before := c.State == models.StateDisabled, c.State
	if disabled {
		before = c.StateBefore
	}
	c.Hold(credentials, rules, s.now())
	if disabled {
		c.State, c.StateBefore, c.AheadAt = models.StateDisabled, models.StateConnected, nil
	}
	if err := tx.SaveCredentials(c, credentials, s.now()); err != nil {
		return err
	}
	if before != models.StateNeedsReconnect && before != models.StateError {
		return nil
	}
	return tx.Emit(s.event(models.EventConnectionRecovered, c, ""))
}

// rules gives the rules by which tokens of an integration are refreshed.
func (s *Service) rules(integration string) models.RefreshRules {
	in, err := s.Integration(integration)
	if err != nil {
		return models.RefreshRules{}
	}
	return in.Auth.Refresh
}

// change changes the stored connection in one transaction.
func (s *Service) change(ctx context.Context, uuid string, apply func(*store.Tx, *models.Connection) error) (*models.Connection, error) {
	var changed *models.Connection
	err := s.store.Write(ctx, func(tx *store.Tx) (err error) {
		if changed, err = tx.Connection(ctx, uuid); err != nil {
			return err
		}
		return apply(tx, changed)
	})
	if err != nil {
		return nil, err
	}
	return changed, nil
}

// SetTags replaces a connection's tags; the same tags again are no change. It fails with unknown_connection and invalid_tags.
func (s *Service) SetTags(ctx context.Context, actor models.Actor, uuid string, tags []string) (*models.Connection, error) {
	parsed, err := models.ParseTags(tags)
	if err != nil {
		return nil, err
	}
	return s.change(ctx, uuid, func(tx *store.Tx, c *models.Connection) error {
		if slices.Equal(c.Tags, parsed) {
			return nil
		}
		c.Tags = parsed
		if err := tx.SaveTags(c, s.now()); err != nil {
			return err
		}
		return s.record(tx, s.entry(actor, models.AuditTagsUpdated, c), models.EventConnectionUpdated, "tags")
	})
}

// Disable keeps a connection's credentials from being used until it is enabled; a disabled one stays as it is. It fails
// with unknown_connection.
func (s *Service) Disable(ctx context.Context, actor models.Actor, uuid string) (*models.Connection, error) {
	return s.change(ctx, uuid, func(tx *store.Tx, c *models.Connection) error {
		if c.State == models.StateDisabled {
			return nil
		}
		c.State, c.StateBefore, c.AheadAt = models.StateDisabled, c.State, nil
		return s.saveState(tx, actor, c, models.AuditConnectionDisabled, "disabled")
	})
}

// Enable ends what Disable began; the connection is then in the state it was in before. It fails with unknown_connection.
func (s *Service) Enable(ctx context.Context, actor models.Actor, uuid string) (*models.Connection, error) {
	return s.change(ctx, uuid, func(tx *store.Tx, c *models.Connection) error {
		if c.State != models.StateDisabled {
			return nil
		}
		c.State, c.StateBefore = c.StateBefore, ""
		if c.Refreshable && c.State != models.StateNeedsReconnect {
			now := s.now() // the grant may have ended meanwhile; the sooner that is known the better
			c.AheadAt = &now
		}
		return s.saveState(tx, actor, c, models.AuditConnectionEnabled, "enabled")
	})
}

func (s *Service) saveState(tx *store.Tx, actor models.Actor, c *models.Connection, action, detail string) error {
	if err := tx.SaveState(c, s.now()); err != nil {
		return err
	}
	return s.record(tx, s.entry(actor, action, c), models.EventConnectionUpdated, detail)
}
