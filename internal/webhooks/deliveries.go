package webhooks

import (
	"context"

	"github.com/google/uuid"

	"github.com/patchbay/patchbay/internal/store"
	"github.com/patchbay/patchbay/models"
)

// Deliveries gives one page of an endpoint's deliveries, newest first. It fails with invalid_cursor.
func (s *Service) Deliveries(ctx context.Context, e *models.WebhookEndpoint, page models.PageRequest) (models.Page[models.WebhookDelivery], error) {
	return s.store.Deliveries(ctx, e.ID, page)
}

// Redeliver sends the message of a delivery once more. While it is still to be tried, its next try is brought forward, so that no
// message has two series of tries; otherwise it becomes a delivery of its own. It fails with not_found and webhook_disabled.
func (s *Service) Redeliver(ctx context.Context, uuidOfEndpoint, uuidOfDelivery string) (*models.WebhookDelivery, error) {
	return s.send(ctx, uuidOfEndpoint, func(tx *store.Tx, e *models.WebhookEndpoint) (*models.WebhookDelivery, error) {
		d, err := tx.Delivery(ctx, e.ID, uuidOfDelivery)
		if err != nil {
			return nil, err
		}
		pending, err := tx.PendingDelivery(ctx, e.ID, d.MessageID)
		if err != nil {
			return nil, err
		}
		now := s.now()
		if pending == nil {
			d = d.Again(uuid.NewString(), now)
			return d, tx.CreateDelivery(d)
		}
		if pending.NextTry == nil || !pending.NextTry.After(now) { // it is about to be sent, or being sent
			return pending, nil
		}
		pending.NextTry = &now
		return pending, tx.HastenDelivery(pending)
	})
}

// SendTest sends an event of no connection to an endpoint. It fails with not_found and webhook_disabled.
func (s *Service) SendTest(ctx context.Context, uuidOfEndpoint string) (*models.WebhookDelivery, error) {
	return s.send(ctx, uuidOfEndpoint, func(tx *store.Tx, e *models.WebhookEndpoint) (*models.WebhookDelivery, error) {
		d, err := models.NewTestDelivery(uuid.NewString(), e.ID, s.now())
		if err != nil {
			return nil, err
		}
		return d, tx.CreateDelivery(d)
	})
}

// send stores what is to be sent to an endpoint. The endpoint is locked: of two who send the same, the second sees what the first
// has stored.
func (s *Service) send(ctx context.Context, uuidOfEndpoint string, keep func(*store.Tx, *models.WebhookEndpoint) (*models.WebhookDelivery, error)) (*models.WebhookDelivery, error) {
	var d *models.WebhookDelivery
	err := s.store.Write(ctx, func(tx *store.Tx) error {
		e, err := tx.WebhookEndpoint(ctx, uuidOfEndpoint)
		if err != nil {
			return err
		}
		if !e.Enabled {
			return &models.Error{Kind: models.KindConflict, Code: models.CodeWebhookDisabled, Message: "The webhook endpoint is disabled. Enable it to send it something."}
		}
		d, err = keep(tx, e)
		return err
	})
	if err != nil {
		return nil, err
	}
	return d, nil
}

// Standing tells how the endpoints and their deliveries stand.
func (s *Service) Standing(ctx context.Context) (*models.WebhookStanding, error) {
	endpoints, err := s.List(ctx)
	if err != nil {
		return nil, err
	}
	standing := &models.WebhookStanding{Endpoints: len(endpoints)}
	for i := range endpoints {
		switch e := &endpoints[i]; {
		case !e.Enabled && e.DisabledReason != "":
			standing.GivenUp++
		case !e.Enabled:
			standing.Disabled++
		case e.FailingSince != nil:
			standing.Failing++
		}
	}
	now := s.now()
	standing.Waiting, standing.Failed, err = s.store.CountDeliveries(ctx, now.Add(-triedFor), now.Add(-models.WebhookLately))
	return standing, err
}
