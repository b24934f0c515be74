package store

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/patchbay/patchbay/models"
)

// APIKeys lists all API keys by name.
func (q *queries) APIKeys(ctx context.Context) ([]models.APIKey, error) {
	var keys []models.APIKey
	if err := q.db.WithContext(ctx).Order("name").Find(&keys).Error; err != nil {
		return nil, fmt.Errorf("list API keys: %w", err)
	}
	return keys, nil
}

// APIKey finds an API key by id. It fails with not_found.
func (q *queries) APIKey(ctx context.Context, id int64) (*models.APIKey, error) {
	return q.apiKey(ctx, "id = ?", id)
}

// APIKeyByName finds an API key by name. It fails with not_found.
func (q *queries) APIKeyByName(ctx context.Context, name string) (*models.APIKey, error) {
	return q.apiKey(ctx, "name = ?", name)
}

// APIKeyByHash finds an API key by the hash of its text, or of its text before the last roll while that is valid. It fails
// with not_found.
func (q *queries) APIKeyByHash(ctx context.Context, hash string, now time.Time) (*models.APIKey, error) {
	return q.apiKey(ctx, "hash = ? OR previous_hash = ? AND previous_hash <> '' AND previous_expires_at > ?", hash, hash, now)
}

func (q *queries) apiKey(ctx context.Context, condition string, values ...any) (*models.APIKey, error) {
	var key models.APIKey
	if err := q.row(ctx).Where(condition, values...).Take(&key).Error; err != nil {
		return nil, notFound(err, models.CodeNotFound, "There is no such API key.")
	}
	return &key, nil
}

// CreateAPIKey stores a new API key, whose text must be new, too. It fails with api_key_exists.
func (tx *Tx) CreateAPIKey(key *models.APIKey) error {
	created, err := tx.insert(key)
	if err == nil && !created {
		return &models.Error{
			Kind: models.KindConflict, Code: models.CodeAPIKeyExists, Message: "There is an API key of this name already.",
			Fields: []models.FieldError{{Field: "name", Message: "There is an API key of this name already."}},
		}
	}
	if err != nil {
		return fmt.Errorf("create API key: %w", err)
	}
	return nil
}

// SaveAPIKey stores all of an API key anew.
func (tx *Tx) SaveAPIKey(key *models.APIKey) error {
	if err := tx.db.Save(key).Error; err != nil {
		return fmt.Errorf("save API key: %w", err)
	}
	return nil
}

// DeleteAPIKey forgets an API key.
func (tx *Tx) DeleteAPIKey(key *models.APIKey) error {
	if err := tx.db.Where("id = ?", key.ID).Delete(&models.APIKey{}).Error; err != nil {
		return fmt.Errorf("delete API key: %w", err)
	}
	return nil
}

// AddAPICalls adds calls, which it sorts, to those counted before, and marks their keys as used at the given time.
func (tx *Tx) AddAPICalls(calls []models.APICalls, now time.Time) error {
	// All who count go the same way through the rows, or two could wait for each other.
	slices.SortFunc(calls, func(a, b models.APICalls) int {
		return cmp.Or(strings.Compare(a.ConnectionUUID, b.ConnectionUUID), a.Window.Compare(b.Window), strings.Compare(a.APIKey, b.APIKey), strings.Compare(a.Operation, b.Operation))
	})
	err := tx.db.Clauses(clause.OnConflict{
		Columns:   []clause.Column{{Name: "connection_uuid"}, {Name: "window"}, {Name: "api_key"}, {Name: "operation"}},
		DoUpdates: clause.Assignments(map[string]any{"calls": gorm.Expr("api_calls.calls + excluded.calls")}),
	}).CreateInBatches(calls, 500).Error
	if err != nil {
		return fmt.Errorf("count API calls: %w", err)
	}
	used := map[string]bool{}
	for _, c := range calls {
		used[c.APIKey] = true
	}
	for _, name := range slices.Sorted(maps.Keys(used)) {
		if err := tx.db.Model(&models.APIKey{}).Where("name = ?", name).Update("last_used", now).Error; err != nil {
			return fmt.Errorf("mark API key as used: %w", err)
		}
	}
	return nil
}

// APICallsOf gives the newest counted calls about a connection, at most limit.
func (q *queries) APICallsOf(ctx context.Context, connectionUUID string, limit int) ([]models.APICalls, error) {
	var calls []models.APICalls
	err := q.db.WithContext(ctx).Where("connection_uuid = ?", connectionUUID).Order(`"window" DESC, api_key, operation`).Limit(limit).Find(&calls).Error
	if err != nil {
		return nil, fmt.Errorf("list API calls: %w", err)
	}
	return calls, nil
}
