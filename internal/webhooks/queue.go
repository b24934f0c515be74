package webhooks

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/patchbay/patchbay/internal/jobs"
	"github.com/patchbay/patchbay/internal/store"
	"github.com/patchbay/patchbay/models"
)

// How messages are queued.
const (
	followInterval = 500 * time.Millisecond
	takenAtOnce    = 500 // deliveries whose jobs are made in one transaction
	perEndpoint    = 4   // messages that one process sends to an endpoint at the same time
)

// deliveryJob sends one delivery.
type deliveryJob struct {
	Delivery int64 `json:"delivery"`
}

// Kind implements [jobs.Args].
func (deliveryJob) Kind() string { return "webhook_delivery" }

func queueOf(endpointID int64) string { return fmt.Sprintf("webhook_%d", endpointID) }

// Follow gives every endpoint its queue, and makes the jobs of what events have left to be delivered.
func (s *Service) Follow(ctx context.Context) error {
	return errors.Join(s.serveQueues(ctx), s.queueNew(ctx))
}

func (s *Service) serveQueues(ctx context.Context) error {
	ids, err := s.store.WebhookEndpointIDs(ctx)
	if err != nil {
		return err
	}
	there := make(map[int64]bool, len(ids))
	for _, id := range ids {
		there[id] = true
		if s.queues[id] {
			continue
		}
		if err := s.jobs.AddQueue(queueOf(id), perEndpoint); err != nil {
			return err
		}
		s.queues[id] = true
	}
	for id := range s.queues {
		if there[id] {
			continue
		}
		dropped, err := s.jobs.DropQueue(ctx, queueOf(id))
		if err != nil {
			return err
		}
		if dropped {
			delete(s.queues, id)
		}
	}
	return nil
}

func (s *Service) queueNew(ctx context.Context) error {
	for {
		some, err := s.store.NewDeliveries(ctx)
		if err != nil || !some {
			return err
		}
		var busy []int64
		err = s.store.Write(ctx, func(tx *store.Tx) error {
			taken, err := tx.TakeDeliveries(takenAtOnce)
			if err != nil {
				return err
			}
			busy, err = s.makeJobs(ctx, tx, taken)
			if err != nil || len(busy) == 0 {
				return err
			}
			return tx.PutBackDeliveries(busy)
		})
		if err != nil || len(busy) > 0 {
			return err
		}
	}
}

// makeJobs makes the jobs of deliveries that are new, and hastens those of others that are to be tried before their time. It gives
// the ids of the latter that are being done: they have to be looked at again.
func (s *Service) makeJobs(ctx context.Context, tx *store.Tx, taken []models.WebhookDelivery) (busy []int64, err error) {
	added := map[string][]jobs.Args{}
	for _, d := range taken {
		queue := queueOf(d.EndpointID)
		switch {
		case d.Tries == 0:
			added[queue] = append(added[queue], deliveryJob{d.ID})
		case d.Status == models.DeliveryPending: // where it is not due after all, its job waits on
			running, err := s.jobs.Hasten(ctx, tx, queue, deliveryJob{d.ID})
			if err != nil {
				return nil, err
			}
			if running {
				busy = append(busy, d.ID)
			}
		}
	}
	for queue, args := range added {
		if err := s.jobs.Add(ctx, tx, queue, args...); err != nil {
			return nil, err
		}
	}
	return busy, nil
}
