package store

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"
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

// deliveryRow adds to a delivery whether its job was made.
type deliveryRow struct {
	models.WebhookDelivery
	Queued bool
}

func (deliveryRow) TableName() string { return "webhook_deliveries" }

// fanOut stores one delivery of an event for each endpoint that wants it. The endpoints stay until the transaction ends: one
// that was deleted before its delivery is stored would fail the change that the event tells of.
func (tx *Tx) fanOut(event *models.Event) error {
	var endpoints []models.WebhookEndpoint
	if err := tx.db.Clauses(clause.Locking{Strength: "KEY SHARE"}).Where("enabled").Order("id").Find(&endpoints).Error; err != nil {
		return fmt.Errorf("find webhook endpoints: %w", err)
	}
	var rows []deliveryRow
	messageID := models.NewWebhookMessageID()
	for i := range endpoints {
		if !endpoints[i].Wants(event) {
			continue
		}
		delivery, err := models.NewDelivery(uuid.NewString(), messageID, endpoints[i].ID, event)
		if err != nil {
			return err
		}
		rows = append(rows, deliveryRow{*delivery, false})
	}
	if rows == nil {
		return nil
	}
	if err := tx.db.Create(&rows).Error; err != nil {
		return fmt.Errorf("store the deliveries of event %s: %w", event.Type, err)
	}
	return nil
}

// CreateDelivery stores a delivery.
func (tx *Tx) CreateDelivery(d *models.WebhookDelivery) error {
	row := deliveryRow{*d, false}
	if err := tx.db.Create(&row).Error; err != nil {
		return fmt.Errorf("store a delivery: %w", err)
	}
	d.ID = row.ID
	return nil
}

// NewDeliveries reports whether there are deliveries whose jobs are still to be made.
func (q *queries) NewDeliveries(ctx context.Context) (bool, error) {
	var ids []int64
	if err := q.db.WithContext(ctx).Model(&deliveryRow{}).Where("NOT queued").Limit(1).Pluck("id", &ids).Error; err != nil {
		return false, fmt.Errorf("find new deliveries: %w", err)
	}
	return len(ids) > 0, nil
}

// TakeDeliveries gives deliveries whose jobs are still to be made, at most limit, the oldest first, and marks them as taken.
// No two callers are given the same.
func (tx *Tx) TakeDeliveries(limit int) ([]models.WebhookDelivery, error) {
	var ids []int64
	if err := tx.db.Model(&deliveryRow{}).Where("NOT queued").Order("id").Limit(limit).Pluck("id", &ids).Error; err != nil || len(ids) == 0 {
		return nil, err
	}
	var taken []models.WebhookDelivery
	err := tx.db.Raw("UPDATE webhook_deliveries SET queued = ? WHERE id IN ? AND NOT queued RETURNING id, endpoint_id", true, ids).Scan(&taken).Error
	if err != nil {
		return nil, fmt.Errorf("take new deliveries: %w", err)
	}
	return taken, nil
}

// DeliveryToSend finds a delivery with its endpoint and the endpoint's secrets; nil where one of them is gone.
func (q *queries) DeliveryToSend(ctx context.Context, id int64) (*models.WebhookDelivery, *models.WebhookEndpoint, error) {
	var d models.WebhookDelivery
	if err := q.db.WithContext(ctx).Where("id = ?", id).Limit(1).Find(&d).Error; err != nil || d.ID == 0 {
		return nil, nil, err
	}
	endpoint, err := q.endpoint(ctx, "id = ?", d.EndpointID)
	if models.HasCode(err, models.CodeNotFound) { // with its deliveries
		return nil, nil, nil
	}
	return &d, endpoint, err
}

// Delivery finds a delivery of an endpoint by its uuid. It fails with not_found.
func (q *queries) Delivery(ctx context.Context, endpointID int64, uuid string) (*models.WebhookDelivery, error) {
	var d models.WebhookDelivery
	if err := q.db.WithContext(ctx).Where("endpoint_id = ? AND uuid = ?", endpointID, uuid).Take(&d).Error; err != nil {
		return nil, notFound(err, models.CodeNotFound, "There is no such delivery of this webhook endpoint.")
	}
	return &d, nil
}

// Deliveries gives one page of the deliveries of an endpoint, newest first. It fails with invalid_cursor.
func (q *queries) Deliveries(ctx context.Context, endpointID int64, request models.PageRequest) (models.Page[models.WebhookDelivery], error) {
	newestFirst := order[models.WebhookDelivery]{"deliveries", []key[models.WebhookDelivery]{{"id", func(d *models.WebhookDelivery) any { return d.ID }}}, true}
	page, err := paginate(q.db.WithContext(ctx).Model(&models.WebhookDelivery{}).Where("endpoint_id = ?", endpointID), newestFirst, request)
	if err != nil {
		return page, fmt.Errorf("list deliveries: %w", err)
	}
	return page, nil
}

// SaveDelivery stores how a delivery stands.
func (tx *Tx) SaveDelivery(d *models.WebhookDelivery) error {
	err := tx.db.Model(&deliveryRow{}).Where("id = ?", d.ID).Updates(map[string]any{
		"status": d.Status, "tries": d.Tries, "last_try": d.LastTry, "next_try": d.NextTry,
		"http_status": d.HTTPStatus, "duration_ms": d.DurationMS, "error": d.Error, "excerpt": d.Excerpt,
	}).Error
	if err != nil {
		return fmt.Errorf("save a delivery: %w", err)
	}
	return nil
}

// TriedSince reports whether anything was sent to an endpoint since the given time.
func (tx *Tx) TriedSince(endpointID int64, since time.Time) (bool, error) {
	var ids []int64
	if err := tx.db.Model(&deliveryRow{}).Where("endpoint_id = ? AND last_try >= ?", endpointID, since).Limit(1).Pluck("id", &ids).Error; err != nil {
		return false, fmt.Errorf("find tries of a webhook endpoint: %w", err)
	}
	return len(ids) > 0, nil
}

// FailDeliveries gives up what an endpoint has not been sent yet.
func (tx *Tx) FailDeliveries(endpointID int64, reason string) error {
	err := tx.db.Model(&deliveryRow{}).Where("endpoint_id = ? AND status = 'pending'", endpointID).
		Updates(map[string]any{"status": models.DeliveryFailed, "next_try": nil, "error": reason}).Error
	if err != nil {
		return fmt.Errorf("give up deliveries: %w", err)
	}
	return nil
}

func deleteDeliveries(db *gorm.DB, before time.Time) error {
	return db.Where("date_created < ?", before).Delete(&deliveryRow{}).Error
}
