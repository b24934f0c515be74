package store

import (
	"context"
	"fmt"

	"gorm.io/gorm/clause"

	"github.com/patchbay/patchbay/internal/vault"
	"github.com/patchbay/patchbay/models"
)

// endpointRow adds to a webhook endpoint what only this package may read.
type endpointRow struct {
	models.WebhookEndpoint
	SealedSecret   []byte
	SealedPrevious []byte
}

func (endpointRow) TableName() string { return "webhook_endpoints" }

func endpointPlace(column, uuid string) vault.Place {
	return vault.Place{Table: "webhook_endpoints", Column: column, Row: uuid}
}

func (q *queries) sealEndpoint(e *models.WebhookEndpoint) endpointRow {
	row := endpointRow{*e, q.vault.Seal([]byte(e.Secret.Reveal()), endpointPlace("sealed_secret", e.UUID)), nil}
	row.Types, row.Integrations = append([]models.EventType{}, e.Types...), append([]string{}, e.Integrations...) // never null
	if e.PreviousSecret != "" {
		row.SealedPrevious = q.vault.Seal([]byte(e.PreviousSecret.Reveal()), endpointPlace("sealed_previous", e.UUID))
	}
	return row
}

func (q *queries) openEndpoint(row *endpointRow) (*models.WebhookEndpoint, error) {
	secret, err := q.vault.Open(row.SealedSecret, endpointPlace("sealed_secret", row.UUID))
	if err != nil {
		return nil, fmt.Errorf("open the secret of webhook endpoint %s: %w", row.UUID, err)
	}
	row.Secret = models.Secret(secret)
	if row.SealedPrevious != nil {
		previous, err := q.vault.Open(row.SealedPrevious, endpointPlace("sealed_previous", row.UUID))
		if err != nil {
			return nil, fmt.Errorf("open the former secret of webhook endpoint %s: %w", row.UUID, err)
		}
		row.PreviousSecret = models.Secret(previous)
	}
	return &row.WebhookEndpoint, nil
}

// WebhookEndpoints lists all endpoints, the oldest first, without their secrets.
func (q *queries) WebhookEndpoints(ctx context.Context) ([]models.WebhookEndpoint, error) {
	var endpoints []models.WebhookEndpoint
	if err := q.db.WithContext(ctx).Order("id").Find(&endpoints).Error; err != nil {
		return nil, fmt.Errorf("list webhook endpoints: %w", err)
	}
	return endpoints, nil
}

// WebhookEndpointIDs gives the ids of all endpoints.
func (q *queries) WebhookEndpointIDs(ctx context.Context) ([]int64, error) {
	var ids []int64
	if err := q.db.WithContext(ctx).Model(&models.WebhookEndpoint{}).Pluck("id", &ids).Error; err != nil {
		return nil, fmt.Errorf("list webhook endpoints: %w", err)
	}
	return ids, nil
}

// WebhookEndpoint finds an endpoint by its uuid, with its secrets. In a transaction nobody else changes it before that ends;
// whoever changes an endpoint and deliveries of it changes the endpoint first. It fails with not_found.
func (q *queries) WebhookEndpoint(ctx context.Context, uuid string) (*models.WebhookEndpoint, error) {
	return q.endpoint(ctx, "uuid = ?", uuid)
}

// WebhookEndpointUnopened finds an endpoint by its uuid, without its secrets, which may be damaged. It fails with not_found.
func (q *queries) WebhookEndpointUnopened(ctx context.Context, uuid string) (*models.WebhookEndpoint, error) {
	var e models.WebhookEndpoint
	if err := q.row(ctx).Where("uuid = ?", uuid).Take(&e).Error; err != nil {
		return nil, notFound(err, models.CodeNotFound, noEndpoint)
	}
	return &e, nil
}

const noEndpoint = "There is no such webhook endpoint."

func (q *queries) endpoint(ctx context.Context, condition string, value any) (*models.WebhookEndpoint, error) {
	db := q.db.WithContext(ctx)
	if q.changes { // a lock that lets events be delivered to it meanwhile
		db = db.Clauses(clause.Locking{Strength: "NO KEY UPDATE"})
	}
	var row endpointRow
	if err := db.Where(condition, value).Take(&row).Error; err != nil {
		return nil, notFound(err, models.CodeNotFound, noEndpoint)
	}
	return q.openEndpoint(&row)
}

// CreateWebhookEndpoint stores a new endpoint with its secret.
func (tx *Tx) CreateWebhookEndpoint(e *models.WebhookEndpoint) error {
	row := tx.sealEndpoint(e)
	if err := tx.db.Create(&row).Error; err != nil {
		return fmt.Errorf("create webhook endpoint: %w", err)
	}
	e.ID = row.ID
	return nil
}

// SaveWebhookEndpoint stores all of an endpoint anew. Its secrets have to be there.
func (tx *Tx) SaveWebhookEndpoint(e *models.WebhookEndpoint) error {
	row := tx.sealEndpoint(e)
	if err := tx.db.Save(&row).Error; err != nil {
		return fmt.Errorf("save webhook endpoint: %w", err)
	}
	return nil
}

// SaveWebhookFailing stores since when an endpoint fails; nil ends that.
func (tx *Tx) SaveWebhookFailing(e *models.WebhookEndpoint) error {
	if err := tx.db.Model(&endpointRow{}).Where("id = ?", e.ID).Update("failing_since", e.FailingSince).Error; err != nil {
		return fmt.Errorf("save webhook endpoint: %w", err)
	}
	return nil
}

// DeleteWebhookEndpoint forgets an endpoint with its deliveries.
func (tx *Tx) DeleteWebhookEndpoint(e *models.WebhookEndpoint) error {
	if err := tx.db.Where("id = ?", e.ID).Delete(&models.WebhookEndpoint{}).Error; err != nil {
		return fmt.Errorf("delete webhook endpoint: %w", err)
	}
	return nil
}
