package connections

import (
	"context"

	"github.com/patchbay/patchbay/internal/store"
	"github.com/patchbay/patchbay/models"
)

// AnyVersion, as the version of an update, replaces whatever is there.
const AnyVersion = 0

// UpdateConfig replaces a connection's additionalConfig by text, byte for byte. The text must have been written against
// the connection's ConfigVersion, unless that is [AnyVersion]; the same text again is no change. It fails with
// unknown_connection, invalid_config and stale_version, for which [Service.Conflict] tells more.
func (s *Service) UpdateConfig(ctx context.Context, actor models.Actor, uuid string, version int64, text string) (*models.Connection, error) {
	config, err := models.ParseConfig(text)
	if err != nil {
		return nil, err
	}
	return s.changeConfig(ctx, actor, uuid, version, func(models.Config) (models.Config, error) { return config, nil })
}

// PatchConfig applies an RFC 7396 merge patch to a connection's additionalConfig. Version and failures are those of
// [Service.UpdateConfig].
func (s *Service) PatchConfig(ctx context.Context, actor models.Actor, uuid string, version int64, patch string) (*models.Connection, error) {
	return s.changeConfig(ctx, actor, uuid, version, func(current models.Config) (models.Config, error) { return current.Merge(patch) })
}

func (s *Service) changeConfig(ctx context.Context, actor models.Actor, uuid string, version int64, change func(models.Config) (models.Config, error)) (*models.Connection, error) {
	var saved *models.Connection
	err := s.store.Write(ctx, func(tx *store.Tx) error {
		c, err := tx.Connection(ctx, uuid)
		if err != nil {
			return err
		}
		saved = c
		before := c.AdditionalConfig
		if c.AdditionalConfig, err = change(before); err != nil || c.AdditionalConfig == before {
			return err
		}
		if version != AnyVersion && c.ConfigVersion != version {
			return staleVersion()
		}
		if err := tx.SaveConfig(c, s.now()); err != nil {
			return err
		}
		entry := s.entry(actor, models.AuditConfigUpdated, c)
		entry.Before, entry.After = string(before), string(c.AdditionalConfig)
		return s.record(tx, entry, models.EventConnectionUpdated, "additionalConfig")
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
