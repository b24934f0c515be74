package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"gorm.io/gorm"

	"github.com/patchbay/patchbay/internal/vault"
	"github.com/patchbay/patchbay/models"
)

// connectionRow adds to a connection what only this package may read.
type connectionRow struct {
	models.Connection
	SealedCredentials []byte
}

func (connectionRow) TableName() string { return "connections" }

func credentialsPlace(uuid string) vault.Place {
	return vault.Place{Table: "connections", Column: "sealed_credentials", Row: uuid}
}

// notFound turns GORM's missing row into ours.
func notFound(err error, code, message string) error {
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return &models.Error{Kind: models.KindNotFound, Code: code, Message: message}
	}
	return err
}

// Connection finds a connection by its uuid. It fails with unknown_connection.
func (q *queries) Connection(ctx context.Context, uuid string) (*models.Connection, error) {
	var c models.Connection
	err := q.db.WithContext(ctx).Where("uuid = ?", uuid).Take(&c).Error
	if err != nil {
		return nil, notFound(err, models.CodeUnknownConnection, "There is no connection with this id.")
	}
	return &c, nil
}

// ConnectionOf finds the connection of a pair. It fails with unknown_connection.
func (q *queries) ConnectionOf(ctx context.Context, integration, userID string) (*models.Connection, error) {
	var c models.Connection
	err := q.db.WithContext(ctx).Where("integration = ? AND user_id = ?", integration, userID).Take(&c).Error
	if err != nil {
		return nil, notFound(err, models.CodeUnknownConnection, "This user has no connection of this integration.")
	}
	return &c, nil
}

// Credentials opens the credentials of a connection. It fails with unknown_connection.
func (q *queries) Credentials(ctx context.Context, uuid string) (models.Credentials, error) {
	var row connectionRow
	err := q.db.WithContext(ctx).Select("sealed_credentials").Where("uuid = ?", uuid).Take(&row).Error
	if err != nil {
		return models.Credentials{}, notFound(err, models.CodeUnknownConnection, "There is no connection with this id.")
	}
	plain, err := q.vault.Open(row.SealedCredentials, credentialsPlace(uuid))
	if err != nil {
		return models.Credentials{}, fmt.Errorf("open credentials of connection %s: %w", uuid, err)
	}
	return models.ParseCredentials(plain)
}

// CreateConnection stores a new connection with its credentials. It fails with connection_exists.
func (tx *Tx) CreateConnection(c *models.Connection, credentials models.Credentials) error {
	sealed, err := tx.seal(c, credentials)
	if err != nil {
		return err
	}
	row := connectionRow{*c, sealed}
	if err := tx.db.Create(&row).Error; err != nil {
		if errors.Is(err, gorm.ErrDuplicatedKey) {
			return &models.Error{Kind: models.KindConflict, Code: models.CodeConnectionExists, Message: "This user already has a connection of this integration."}
		}
		return fmt.Errorf("create connection: %w", err)
	}
	c.ID = row.ID
	return nil
}

// SaveCredentials stores new credentials with the connection's state, as the next version. Its uuid, date of creation
// and additionalConfig stay. It fails with stale_version when c.Version is not the stored one.
func (tx *Tx) SaveCredentials(c *models.Connection, credentials models.Credentials, now time.Time) error {
	sealed, err := tx.seal(c, credentials)
	if err != nil {
		return err
	}
	return tx.saveVersion(c, now, map[string]any{
		"sealed_credentials": sealed,
		"auth_mode":          c.AuthMode,
		"expires_at":         c.ExpiresAt,
		"refreshable":        c.Refreshable,
		"state":              c.State,
		"state_reason":       c.StateReason,
	})
}

// SaveConfig stores c.AdditionalConfig as the next version; everything else stays. It fails with stale_version when
// c.Version is not the stored one.
func (tx *Tx) SaveConfig(c *models.Connection, now time.Time) error {
	c.ConfigVersion = c.Version + 1
	return tx.saveVersion(c, now, map[string]any{"additional_config": c.AdditionalConfig, "config_version": c.ConfigVersion})
}

func (tx *Tx) saveVersion(c *models.Connection, now time.Time, changes map[string]any) error {
	changes["version"] = c.Version + 1
	changes["last_modified"] = now
	result := tx.db.Model(&connectionRow{}).Where("id = ? AND version = ?", c.ID, c.Version).Updates(changes)
	if result.Error != nil {
		return fmt.Errorf("save connection %s: %w", c.UUID, result.Error)
	}
	if result.RowsAffected == 0 {
		return &models.Error{Kind: models.KindConflict, Code: models.CodeStaleVersion, Message: "The connection was changed by someone else meanwhile."}
	}
	c.Version++
	c.LastModified = now
	return nil
}

func (tx *Tx) seal(c *models.Connection, credentials models.Credentials) ([]byte, error) {
	plain, err := credentials.RevealJSON()
	if err != nil {
		return nil, fmt.Errorf("encode credentials of connection %s: %w", c.UUID, err)
	}
	return tx.vault.Seal(plain, credentialsPlace(c.UUID)), nil
}
