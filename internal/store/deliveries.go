package store

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/patchbay/patchbay/models"
)

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

// NewDeliveries reports whether there are deliveries whose jobs are still to be made or hastened.
func (q *queries) NewDeliveries(ctx context.Context) (bool, error) {
	var ids []int64
	if err := q.db.WithContext(ctx).Model(&deliveryRow{}).Where("NOT queued").Limit(1).Pluck("id", &ids).Error; err != nil {
		return false, fmt.Errorf("find new deliveries: %w", err)
	}
	return len(ids) > 0, nil
}

// TakeDeliveries gives deliveries whose jobs are still to be made or hastened, at most limit, the oldest first, and marks them as taken.
// No two callers are given the same.
func (tx *Tx) TakeDeliveries(limit int) ([]models.WebhookDelivery, error) {
	var ids []int64
	if err := tx.db.Model(&deliveryRow{}).Where("NOT queued").Order("id").Limit(limit).Pluck("id", &ids).Error; err != nil || len(ids) == 0 {
		return nil, err
	}
	var taken []models.WebhookDelivery
	err := tx.db.Raw("UPDATE webhook_deliveries SET queued = ? WHERE id IN ? AND NOT queued RETURNING id, endpoint_id, status, tries, next_try", true, ids).Scan(&taken).Error
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

// CountDeliveries counts, among the deliveries made since the given time, those that wait, and those that have failed since another.
func (q *queries) CountDeliveries(ctx context.Context, made, failed time.Time) (waiting, failures int64, err error) {
	var counts struct{ Waiting, Failures int64 }
	err = q.db.WithContext(ctx).Model(&deliveryRow{}).Where("date_created >= ?", made).
		Select("COUNT(CASE WHEN status = 'pending' THEN 1 END) AS waiting, COUNT(CASE WHEN status = 'failed' AND last_try >= ? THEN 1 END) AS failures", failed).
		Scan(&counts).Error
	if err != nil {
		return 0, 0, fmt.Errorf("count deliveries: %w", err)
	}
	return counts.Waiting, counts.Failures, nil
}

// CancelDeliveries gives up what an endpoint that was disabled has not been sent yet. How the last tries went stays.
func (tx *Tx) CancelDeliveries(endpointID int64) error {
	err := tx.db.Model(&deliveryRow{}).Where("endpoint_id = ? AND status = 'pending'", endpointID).
		Updates(map[string]any{"status": models.DeliveryCancelled, "next_try": nil}).Error
	if err != nil {
		return fmt.Errorf("give up deliveries: %w", err)
	}
	return nil
}

// PendingDelivery finds the delivery by which an endpoint is still to be sent a message; nil where there is none.
func (q *queries) PendingDelivery(ctx context.Context, endpointID int64, messageID string) (*models.WebhookDelivery, error) {
	var found []models.WebhookDelivery
	err := q.db.WithContext(ctx).Where("endpoint_id = ? AND message_id = ? AND status = 'pending'", endpointID, messageID).Limit(1).Find(&found).Error
	if err != nil {
		return nil, fmt.Errorf("find a pending delivery: %w", err)
	}
	if len(found) == 0 {
		return nil, nil
	}
	return &found[0], nil
}

// HastenDelivery stores when a delivery that waits is tried instead, and that its job is to be told.
func (tx *Tx) HastenDelivery(d *models.WebhookDelivery) error {
	err := tx.db.Model(&deliveryRow{}).Where("id = ?", d.ID).Updates(map[string]any{"next_try": d.NextTry, "queued": false}).Error
	if err != nil {
		return fmt.Errorf("hasten a delivery: %w", err)
	}
	return nil
}

// PutBackDeliveries undoes [Tx.TakeDeliveries] for those whose jobs are being done: they are looked at again.
func (tx *Tx) PutBackDeliveries(ids []int64) error {
	if err := tx.db.Model(&deliveryRow{}).Where("id IN ?", ids).Update("queued", false).Error; err != nil {
		return fmt.Errorf("put back deliveries: %w", err)
	}
	return nil
}

func deleteDeliveries(db *gorm.DB, before time.Time) error {
	return db.Where("date_created < ?", before).Delete(&deliveryRow{}).Error
}
