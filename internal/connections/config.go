package connections

import (
	"context"

	"github.com/patchbay/patchbay/internal/store"
	"github.com/patchbay/patchbay/models"
)

// UpdateConfig replaces a connection's additionalConfig by text, byte for byte. The text must have been written against
// the connection's ConfigVersion; the same text again is no change. It fails with unknown_connection, invalid_config and
// stale_version, for which [Service.Conflict] tells more.
func (s *Service) UpdateConfig(ctx context.Context, actor models.Actor, uuid string, version int64, text string) (*models.Connection, error) {
	config, err := models.ParseConfig(text)
	if err != nil {
		return nil, err
	}
	var saved *models.Connection
	err = s.store.Write(ctx, func(tx *store.Tx) error {
		c, err := tx.Connection(ctx, uuid)
		if err != nil {
			return err
		}
		saved = c
		if c.AdditionalConfig == config {
			return nil
		}
		if c.ConfigVersion != version {
			return staleVersion()
		}
		before := c.AdditionalConfig
		c.AdditionalConfig = config
		if err := tx.SaveConfig(c, s.now()); err != nil {
			return err
		}
		entry := s.entry(actor, models.AuditConfigUpdated, c)
		entry.Before, entry.After = string(before), string(config)
		return tx.Audit(entry)
	})
	if err != nil {
		return nil, err
	}
	return saved, nil
}

// Conflict is what an operator needs to settle a stale_version.
type Conflict struct {
	Current *models.Connection
	Base    models.Config      // what the edit began from
	Last    *models.AuditEntry // the change that made Current's configuration
}

// Conflict describes how a connection's configuration has moved on since version. It fails with unknown_connection, and
// with stale_version when it has not: then the version was never one of this connection.
func (s *Service) Conflict(ctx context.Context, uuid string, version int64) (*Conflict, error) {
	current, err := s.store.Connection(ctx, uuid)
	if err != nil {
		return nil, err
	}
	first, last, err := s.store.ConfigChangesSince(ctx, uuid, version)
	if err != nil {
		return nil, err
	}
	if first == nil {
		return nil, staleVersion()
	}
	return &Conflict{Current: current, Base: models.Config(first.Before), Last: last}, nil
}

func staleVersion() error {
	return &models.Error{Kind: models.KindConflict, Code: models.CodeStaleVersion, Message: "Someone else changed this configuration meanwhile."}
}
