package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

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

// row begins to read one row. In a Tx the row is locked as well, because what is read there is changed by what it says: with
// PostgreSQL another transaction could change it between. SQLite has one writer, and leaves the lock out.
func (q *queries) row(ctx context.Context) *gorm.DB {
	db := q.db.WithContext(ctx)
	if q.changes {
		db = db.Clauses(clause.Locking{Strength: clause.LockingStrengthUpdate})
	}
	return db
}

// notFound turns GORM's missing row into ours.
func notFound(err error, code, message string) error {
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return &models.Error{Kind: models.KindNotFound, Code: code, Message: message}
	}
	return err
}

const noConnectionOfPair = "This user has no connection of this integration."

// Connection finds a connection by its uuid. It fails with unknown_connection.
func (q *queries) Connection(ctx context.Context, uuid string) (*models.Connection, error) {
	var c models.Connection
	err := q.row(ctx).Where("uuid = ?", uuid).Take(&c).Error
	if err != nil {
		return nil, notFound(err, models.CodeUnknownConnection, "There is no connection with this id.")
	}
	return &c, nil
}

// Existing reports which of the uuids are those of connections.
func (q *queries) Existing(ctx context.Context, uuids []string) (map[string]bool, error) {
	var found []string
	if err := q.db.WithContext(ctx).Model(&models.Connection{}).Where("uuid IN ?", uuids).Pluck("uuid", &found).Error; err != nil {
		return nil, fmt.Errorf("find connections: %w", err)
	}
	existing := make(map[string]bool, len(found))
	for _, uuid := range found {
		existing[uuid] = true
	}
	return existing, nil
}

// ConnectionOf finds the connection of a pair. It fails with unknown_connection.
func (q *queries) ConnectionOf(ctx context.Context, integration, userID string) (*models.Connection, error) {
	var c models.Connection
	err := q.row(ctx).Where("integration = ? AND user_id = ?", integration, userID).Take(&c).Error
	if err != nil {
		return nil, notFound(err, models.CodeUnknownConnection, noConnectionOfPair)
	}
	return &c, nil
}

// Credentials opens the credentials of a connection. It fails with unknown_connection.
func (q *queries) Credentials(ctx context.Context, uuid string) (models.Credentials, error) {
	var row connectionRow
	err := q.row(ctx).Select("sealed_credentials").Where("uuid = ?", uuid).Take(&row).Error
	if err != nil {
		return models.Credentials{}, notFound(err, models.CodeUnknownConnection, "There is no connection with this id.")
	}
	row.UUID = uuid
	return q.openCredentials(&row)
}

func (q *queries) openCredentials(row *connectionRow) (models.Credentials, error) {
	plain, err := q.vault.Open(row.SealedCredentials, credentialsPlace(row.UUID))
	if err != nil {
		return models.Credentials{}, fmt.Errorf("open credentials of connection %s: %w", row.UUID, err)
	}
	return models.ParseSealedCredentials(plain)
}

// ConnectionWithCredentials finds the connection of a pair and opens its credentials, in one query. It fails with
// unknown_connection.
func (q *queries) ConnectionWithCredentials(ctx context.Context, integration, userID string) (*models.Connection, models.Credentials, error) {
	var row connectionRow
	err := q.row(ctx).Where("integration = ? AND user_id = ?", integration, userID).Take(&row).Error
	if err != nil {
		return nil, models.Credentials{}, notFound(err, models.CodeUnknownConnection, noConnectionOfPair)
	}
	credentials, err := q.openCredentials(&row)
	return &row.Connection, credentials, err
}

// CreateConnection stores a new connection with its credentials. It fails with connection_exists.
func (tx *Tx) CreateConnection(c *models.Connection, credentials models.Credentials) error {
	sealed, err := tx.seal(c, credentials)
	if err != nil {
		return err
	}
	row := connectionRow{*c, sealed}
	row.Tags = append([]string{}, c.Tags...) // never null
	switch created, err := tx.insert(&row); {
	case err != nil:
		return fmt.Errorf("create connection: %w", err)
	case !created:
		return &models.Error{Kind: models.KindConflict, Code: models.CodeConnectionExists, Message: "This user already has a connection of this integration. Replace its credentials instead."}
	}
	c.ID, c.Tags = row.ID, row.Tags
	return tx.tag(c)
}

// insert adds a row, and reports false where there is one of the same key: an error would end PostgreSQL's transaction, and
// with it what the caller can do about that.
func (tx *Tx) insert(row any) (created bool, err error) {
	result := tx.db.Clauses(clause.OnConflict{DoNothing: true}).Create(row)
	return result.RowsAffected == 1, result.Error
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
		"obtained_at":        c.ObtainedAt,
		"expires_at":         c.ExpiresAt,
		"refresh_at":         c.RefreshAt,
		"refreshable":        c.Refreshable,
		"state":              c.State,
		"state_reason":       c.StateReason,
		"state_answer":       c.StateAnswer,
		"state_before":       c.StateBefore,
		"ahead_at":           c.AheadAt,
		"used_at":            c.UsedAt,
		"failures":           c.Failures,
		"refusals":           c.Refusals,
		"sealed_reply":       nil, // which was about the credentials before
		"lease_until":        0,
	})
}

// SaveState stores the connection's state as the next version; everything else stays. It fails with stale_version when
// c.Version is not the stored one.
func (tx *Tx) SaveState(c *models.Connection, now time.Time) error {
	return tx.saveVersion(c, now, map[string]any{
		"state": c.State, "state_reason": c.StateReason, "state_answer": c.StateAnswer, "state_before": c.StateBefore, "ahead_at": c.AheadAt,
	})
}

// SaveTags stores the connection's tags as the next version; everything else stays. It fails with stale_version when
// c.Version is not the stored one.
func (tx *Tx) SaveTags(c *models.Connection, now time.Time) error {
	tags, err := json.Marshal(append([]string{}, c.Tags...))
	if err != nil {
		return fmt.Errorf("encode tags: %w", err)
	}
	if err := tx.saveVersion(c, now, map[string]any{"tags": string(tags)}); err != nil {
		return err
	}
	if err := tx.db.Where("connection_id = ?", c.ID).Delete(&connectionTag{}).Error; err != nil {
		return fmt.Errorf("save tags of connection %s: %w", c.UUID, err)
	}
	return tx.tag(c)
}

// connectionTag is a tag of a connection, to find connections by.
type connectionTag struct {
	Tag          string
	ConnectionID int64
}

func (tx *Tx) tag(c *models.Connection) error {
	if len(c.Tags) == 0 {
		return nil
	}
	rows := make([]connectionTag, len(c.Tags))
	for i, tag := range c.Tags {
		rows[i] = connectionTag{tag, c.ID}
	}
	if err := tx.db.Create(&rows).Error; err != nil {
		return fmt.Errorf("save tags of connection %s: %w", c.UUID, err)
	}
	return nil
}

// DeleteConnection deletes a connection with its credentials. It fails with stale_version when c.Version is not the
// stored one.
func (tx *Tx) DeleteConnection(c *models.Connection) error {
	result := tx.db.Where("id = ? AND version = ?", c.ID, c.Version).Delete(&connectionRow{})
	if result.Error != nil {
		return fmt.Errorf("delete connection %s: %w", c.UUID, result.Error)
	}
	if result.RowsAffected == 0 {
		return errChangedMeanwhile
	}
	return nil
}

var errChangedMeanwhile = &models.Error{Kind: models.KindConflict, Code: models.CodeStaleVersion, Message: "The connection was changed by someone else meanwhile."}

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
		return errChangedMeanwhile
	}
	c.Version++
	c.LastModified = now
	return nil
}

func (tx *Tx) seal(c *models.Connection, credentials models.Credentials) ([]byte, error) {
	plain, err := credentials.SealedJSON()
	if err != nil {
		return nil, fmt.Errorf("encode credentials of connection %s: %w", c.UUID, err)
	}
	return tx.vault.Seal(plain, credentialsPlace(c.UUID)), nil
}
