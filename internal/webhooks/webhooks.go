// Package webhooks tells the application's backend of events: it owns the endpoints that are told, and the delivery of each
// message, signed as Standard Webhooks says. It decides nothing about connections, and never sends credentials.
//
// The deliveries of an event are stored in the event's own transaction, see [store.Tx.Emit]; a job sends each one. Every
// endpoint has a queue of its own, so that one that hangs delays nobody else's messages.
package webhooks

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/patchbay/patchbay/internal/egress"
	"github.com/patchbay/patchbay/internal/jobs"
	"github.com/patchbay/patchbay/internal/store"
	"github.com/patchbay/patchbay/models"
)

// Config is what a service is made of.
type Config struct {
	Store        *store.Store
	Jobs         *jobs.Jobs
	AllowPrivate []string // private addresses that endpoints may have, each a host:port or a CIDR
	Timeout      time.Duration
	Now          func() time.Time
	Log          *slog.Logger
}

// Timeout is how long an endpoint may take to answer.
const Timeout = 10 * time.Second

// Service has the operations. It is safe for concurrent use.
type Service struct {
	store  *store.Store
	jobs   *jobs.Jobs
	http   *http.Client
	guard  *egress.Guard
	now    func() time.Time
	log    *slog.Logger
	queues map[int64]bool // of the endpoints that are served; only [Service.Follow] touches them
}

// New gives a service. Messages are sent once its jobs are started.
func New(config Config) (*Service, error) {
	guard, err := egress.New(config.AllowPrivate)
	if err != nil {
		return nil, err
	}
	s := &Service{
		store: config.Store, jobs: config.Jobs, http: newClient(guard.Dial(config.Timeout), config.Timeout), guard: guard, log: config.Log, queues: map[int64]bool{},
		now: func() time.Time { return config.Now().UTC().Truncate(time.Microsecond) },
	}
	jobs.Handle(config.Jobs, s.deliver)
	config.Jobs.Every(followInterval, "follow webhooks", s.Follow)
	return s, nil
}

// List gives all endpoints, the oldest first, without their secrets.
func (s *Service) List(ctx context.Context) ([]models.WebhookEndpoint, error) {
	return s.store.WebhookEndpoints(ctx)
}

// Find finds an endpoint by its uuid. It fails with not_found.
func (s *Service) Find(ctx context.Context, uuid string) (*models.WebhookEndpoint, error) {
	return s.store.WebhookEndpoint(ctx, uuid)
}

// FindUnopened is [Service.Find] without the secrets, for what has to do also where they are damaged.
func (s *Service) FindUnopened(ctx context.Context, uuid string) (*models.WebhookEndpoint, error) {
	return s.store.WebhookEndpointUnopened(ctx, uuid)
}

// Create makes an endpoint, with its secret. It fails with invalid_webhook and webhook_limit.
func (s *Service) Create(ctx context.Context, actor models.Actor, request models.WebhookRequest) (*models.WebhookEndpoint, error) {
	return s.CreateAs(ctx, actor, uuid.NewString(), request)
}

// CreateAs makes an endpoint with a uuid that nobody else knows yet, so that the same form makes none twice. It fails as
// [Service.Create] does.
func (s *Service) CreateAs(ctx context.Context, actor models.Actor, uuid string, request models.WebhookRequest) (*models.WebhookEndpoint, error) {
	if err := s.validate(&request, ""); err != nil {
		return nil, err
	}
	now := s.now()
	e := &models.WebhookEndpoint{
		UUID: uuid, URL: request.URL, Description: request.Description, Types: request.Types, Integrations: request.Integrations,
		Enabled: true, CreatedBy: actor.Name, DateCreated: now, LastModified: now, Secret: models.NewWebhookSecret(),
	}
	return e, s.store.Write(ctx, func(tx *store.Tx) error {
		ids, err := tx.WebhookEndpointIDs(ctx)
		if err != nil {
			return err
		}
		if len(ids) >= models.MaxWebhookEndpoints {
			return &models.Error{Kind: models.KindConflict, Code: models.CodeWebhookLimit, Message: fmt.Sprintf("There are %d webhook endpoints already, which is as many as there can be.", len(ids))}
		}
		if err := tx.CreateWebhookEndpoint(e); err != nil {
			return err
		}
		return tx.Audit(s.entry(actor, models.AuditWebhookCreated, e))
	})
}

// validate checks what an endpoint is to be, and that its address is not a private one by its looks: where a name leads is known
// when something is sent there. An address that it has already may stay, so that the rest can be changed.
func (s *Service) validate(request *models.WebhookRequest, present string) error {
	err := request.Validate()
	if err != nil || request.URL == present {
		return err
	}
	address, err := url.Parse(request.URL)
	if err != nil {
		return err // which Validate has ruled out
	}
	if err := s.guard.Check(address); err != nil {
		return models.InvalidWebhook(models.FieldError{Field: "url", Message: "The address is refused: " + err.Error() + "."})
	}
	return nil
}

// Change says what becomes of an endpoint; what is nil stays.
type Change struct {
	URL          *string
	Description  *string
	Types        *[]models.EventType
	Integrations *[]string
	Enabled      *bool
}

// Update changes an endpoint. One that is disabled is told of nothing, and what it was still to be sent is given up. It fails
// with not_found and invalid_webhook.
func (s *Service) Update(ctx context.Context, actor models.Actor, uuid string, change Change) (*models.WebhookEndpoint, error) {
	return s.change(ctx, uuid, func(tx *store.Tx, e *models.WebhookEndpoint) error {
		request := models.WebhookRequest{
			URL: or(change.URL, e.URL), Description: or(change.Description, e.Description),
			Types: or(change.Types, e.Types), Integrations: or(change.Integrations, e.Integrations),
		}
		if err := s.validate(&request, e.URL); err != nil {
			return err
		}
		if e.URL != request.URL { // what failed was another
			e.FailingSince = nil
		}
		e.URL, e.Description, e.Types, e.Integrations = request.URL, request.Description, request.Types, request.Integrations
		action := models.AuditWebhookUpdated
		switch {
		case change.Enabled == nil || *change.Enabled == e.Enabled:
		case *change.Enabled:
			e.Enabled, e.DisabledReason, e.FailingSince = true, "", nil
			action = models.AuditWebhookEnabled
		default:
			return s.disable(tx, actor, e, "")
		}
		if err := s.save(tx, e); err != nil {
			return err
		}
		return tx.Audit(s.entry(actor, action, e))
	})
}

func or[T any](changed *T, present T) T {
	if changed != nil {
		return *changed
	}
	return present
}

// disable ends an endpoint's messages. The reason is empty where a person wanted it.
func (s *Service) disable(tx *store.Tx, actor models.Actor, e *models.WebhookEndpoint, reason string) error {
	e.Enabled, e.DisabledReason = false, reason
	if err := s.save(tx, e); err != nil {
		return err
	}
	if err := tx.CancelDeliveries(e.ID); err != nil {
		return err
	}
	entry := s.entry(actor, models.AuditWebhookDisabled, e)
	if reason != "" {
		entry.After += ": " + reason
	}
	return tx.Audit(entry)
}

// RollSecret gives an endpoint a new secret. For a day, messages are signed with the old one, too. It fails with not_found.
func (s *Service) RollSecret(ctx context.Context, actor models.Actor, uuid string) (*models.WebhookEndpoint, error) {
	return s.change(ctx, uuid, func(tx *store.Tx, e *models.WebhookEndpoint) error {
		ends := s.now().Add(models.WebhookSecretOverlap)
		e.PreviousSecret, e.PreviousExpiresAt, e.Secret = e.Secret, &ends, models.NewWebhookSecret()
		if err := s.save(tx, e); err != nil {
			return err
		}
		return tx.Audit(s.entry(actor, models.AuditWebhookRolled, e))
	})
}

// Delete forgets an endpoint with its deliveries, also one whose secret is damaged. It fails with not_found.
func (s *Service) Delete(ctx context.Context, actor models.Actor, uuid string) (deleted *models.WebhookEndpoint, err error) {
	err = s.store.Write(ctx, func(tx *store.Tx) (err error) {
		if deleted, err = tx.WebhookEndpointUnopened(ctx, uuid); err != nil {
			return err
		}
		if err := tx.DeleteWebhookEndpoint(deleted); err != nil {
			return err
		}
		return tx.Audit(s.entry(actor, models.AuditWebhookDeleted, deleted))
	})
	if err != nil {
		return nil, err
	}
	return deleted, nil
}

// change changes a stored endpoint in one transaction.
func (s *Service) change(ctx context.Context, uuid string, apply func(*store.Tx, *models.WebhookEndpoint) error) (*models.WebhookEndpoint, error) {
	var changed *models.WebhookEndpoint
	err := s.store.Write(ctx, func(tx *store.Tx) (err error) {
		if changed, err = tx.WebhookEndpoint(ctx, uuid); err != nil {
			return err
		}
		return apply(tx, changed)
	})
	if err != nil {
		return nil, err
	}
	return changed, nil
}

// save stores an endpoint. A former secret that has ended is forgotten.
func (s *Service) save(tx *store.Tx, e *models.WebhookEndpoint) error {
	e.LastModified = s.now()
	if e.PreviousExpiresAt != nil && !e.PreviousExpiresAt.After(e.LastModified) {
		e.PreviousSecret, e.PreviousExpiresAt = "", nil
	}
	return tx.SaveWebhookEndpoint(e)
}

// entry begins an audit entry about an endpoint.
func (s *Service) entry(actor models.Actor, action string, e *models.WebhookEndpoint) models.AuditEntry {
	return models.AuditEntry{
		Time: s.now(), Actor: actor.Name, IP: actor.IP, RequestID: actor.RequestID, Action: action, After: strings.TrimSpace(origin(e) + " " + e.UUID),
	}
}

// origin is what may be told of an endpoint's address to everybody who reads the audit or the log: the rest may hold a token.
func origin(e *models.WebhookEndpoint) string {
	address, err := url.Parse(e.URL)
	if err != nil {
		return ""
	}
	return address.Scheme + "://" + address.Host
}
