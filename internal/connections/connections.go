// Package connections is the core: every operation on connections, whichever door it comes through. It owns what may
// happen to a connection and in which order, and that each change is one transaction with its audit entry. It knows
// neither HTTP nor SQL.
package connections

import (
	"context"
	"fmt"
	"time"

	"github.com/patchbay/patchbay/internal/integrations"
	"github.com/patchbay/patchbay/internal/oauth"
	"github.com/patchbay/patchbay/internal/store"
	"github.com/patchbay/patchbay/models"
)

// Service has the operations. It is safe for concurrent use.
type Service struct {
	store        *store.Store
	integrations *integrations.Registry
	oauth        *oauth.Client
	rootURL      string
	now          func() time.Time
}

// New gives a service. RootURL is the public root, without a trailing slash, that callback addresses are built from.
func New(s *store.Store, registry *integrations.Registry, client *oauth.Client, rootURL string, now func() time.Time) *Service {
	return &Service{s, registry, client, rootURL, func() time.Time { return now().UTC().Truncate(time.Microsecond) }}
}

// Integration finds an integration by name. It fails with unknown_integration.
func (s *Service) Integration(name string) (*models.Integration, error) {
	if in, ok := s.integrations.Find(name); ok {
		return in, nil
	}
	return nil, &models.Error{Kind: models.KindNotFound, Code: models.CodeUnknownIntegration, Message: fmt.Sprintf("There is no integration named %q.", name)}
}

// Integrations lists all integrations by name.
func (s *Service) Integrations() []*models.Integration { return s.integrations.List() }

// CallbackURL is the address the provider sends the end user back to, as registered there.
func (s *Service) CallbackURL(in *models.Integration) string {
	if in.SharedCallback {
		return s.rootURL + "/oauth/callback"
	}
	return s.rootURL + "/oauth/callback/" + in.Name
}

// Get finds a connection by its uuid. It fails with unknown_connection.
func (s *Service) Get(ctx context.Context, uuid string) (*models.Connection, error) {
	return s.store.Connection(ctx, uuid)
}

// List gives one page of the connections that filter selects. It fails with invalid_cursor.
func (s *Service) List(ctx context.Context, filter models.ConnectionFilter, sort models.ConnectionSort, page models.PageRequest) (models.Page[models.Connection], error) {
	return s.store.Connections(ctx, store.ConnectionList{ConnectionFilter: filter, PageRequest: page, Sort: sort, Now: s.now()})
}

// Count counts the connections that filter selects, by status.
func (s *Service) Count(ctx context.Context, filter models.ConnectionFilter) (models.StatusCounts, error) {
	return s.store.CountByStatus(ctx, filter, s.now())
}

// CountUpTo counts the connections that filter selects, but no further than limit.
func (s *Service) CountUpTo(ctx context.Context, filter models.ConnectionFilter, limit int) (int64, error) {
	return s.store.CountUpTo(ctx, filter, s.now(), limit)
}

// CountByIntegration counts the connections of every integration that has any.
func (s *Service) CountByIntegration(ctx context.Context) (map[string]int64, error) {
	return s.store.CountByIntegration(ctx)
}

// Users gives one page of the user ids that have connections. It fails with invalid_cursor.
func (s *Service) Users(ctx context.Context, page models.PageRequest) (models.Page[models.UserSummary], error) {
	return s.store.Users(ctx, page)
}

// CountUsersUpTo counts the user ids that have connections, but no further than limit.
func (s *Service) CountUsersUpTo(ctx context.Context, limit int) (int64, error) {
	return s.store.CountUsersUpTo(ctx, limit)
}

// Audit gives one page of the audit entries, newest first; of one connection where connectionUUID is not empty, and
// otherwise of all, without long configurations. It fails with invalid_cursor.
func (s *Service) Audit(ctx context.Context, connectionUUID string, page models.PageRequest) (models.Page[models.AuditEntry], error) {
	return s.store.AuditEntries(ctx, connectionUUID, page)
}

// entry begins an audit entry about a connection.
func (s *Service) entry(actor models.Actor, action string, c *models.Connection) models.AuditEntry {
	return models.AuditEntry{
		Time: s.now(), Actor: actor.Name, IP: actor.IP, RequestID: actor.RequestID, Action: action,
		Integration: c.Integration, UserID: c.UserID, ConnectionUUID: c.UUID, Version: c.Version,
	}
}
