// Package connections is the core: every operation on connections, whichever door it comes through. It owns what may
// happen to a connection and in which order, and that each change is one transaction with its audit entry. It knows
// neither HTTP nor SQL.
package connections

import (
	"cmp"
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/singleflight"

	"github.com/patchbay/patchbay/internal/integrations"
	"github.com/patchbay/patchbay/internal/jobs"
	"github.com/patchbay/patchbay/internal/oauth"
	"github.com/patchbay/patchbay/internal/store"
	"github.com/patchbay/patchbay/models"
)

// Config is what a service is made of.
type Config struct {
	Store        *store.Store
	Integrations []models.Integration // those that are not stored in the database
	OAuth        *oauth.Client
	Jobs         *jobs.Jobs // nil where a server is left to do them
	RootURL      string     // the public root, without a trailing slash, that addresses are built from
	Origins      models.Origins
	Lease        time.Duration // of a refresh; DefaultLease where zero
	Now          func() time.Time
	Log          *slog.Logger
}

// Service has the operations. It is safe for concurrent use.
type Service struct {
	store     *store.Store
	fixed     []models.Integration
	registry  atomic.Pointer[integrations.Registry]
	revision  atomic.Pointer[string] // of the stored integrations in the registry
	oauth     *oauth.Client
	jobs      *jobs.Jobs
	rootURL   string
	origins   models.Origins
	now       func() time.Time
	log       *slog.Logger
	reloading sync.Mutex

	leaseLife time.Duration
	refreshes singleflight.Group // by uuid
	bulkhead  bulkhead
	ahead     sync.Map       // integration → true while its connections are refreshed in the background
	used      uses           // not yet written
	underWay  sync.WaitGroup // refreshes
	ending    chan struct{}  // closed when the program ends
	beginning sync.Mutex     // against ending meanwhile
}

// New gives a service, with the integrations of the database.
func New(ctx context.Context, config Config) (*Service, error) {
	s := &Service{
		store: config.Store, fixed: config.Integrations, oauth: config.OAuth, rootURL: config.RootURL, origins: config.Origins, log: config.Log,
		leaseLife: cmp.Or(config.Lease, DefaultLease), ending: make(chan struct{}),
		now: func() time.Time { return config.Now().UTC().Truncate(time.Microsecond) }, jobs: config.Jobs,
	}
	if s.jobs == nil {
		var err error
		if s.jobs, err = jobs.New(config.Store, config.Log); err != nil {
			return nil, err
		}
	}
	jobs.Handle(s.jobs, s.revokeAgain)
	return s, s.Reload(ctx)
}

// Close waits for refreshes that outlive their callers: what a provider has given out by now has to be stored. Nothing else may be
// asked of the service by then.
func (s *Service) Close() {
	s.beginning.Lock()
	close(s.ending)
	s.beginning.Unlock()
	s.underWay.Wait()
}

// begin counts a refresh in, unless the program ends.
func (s *Service) begin() bool {
	s.beginning.Lock()
	defer s.beginning.Unlock()
	select {
	case <-s.ending:
		return false
	default:
		s.underWay.Add(1)
		return true
	}
}

// Get finds a connection by its uuid. It fails with unknown_connection.
func (s *Service) Get(ctx context.Context, uuid string) (*models.Connection, error) {
	return s.store.Connection(ctx, uuid)
}

// Find finds the connection of a pair. It fails with unknown_connection.
func (s *Service) Find(ctx context.Context, integration, userID string) (*models.Connection, error) {
	return s.store.ConnectionOf(ctx, integration, userID)
}

// Existing reports which of the uuids are those of connections.
func (s *Service) Existing(ctx context.Context, uuids []string) (map[string]bool, error) {
	return s.store.Existing(ctx, uuids)
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

// Audit gives one page of the audit entries, newest first; without long configurations, unless they are of one connection.
// It fails with invalid_cursor.
func (s *Service) Audit(ctx context.Context, filter models.AuditFilter, page models.PageRequest) (models.Page[models.AuditEntry], error) {
	return s.store.AuditEntries(ctx, filter, page)
}

// Events gives one page of the events, oldest first; its Next is given also at the end, to come back with. It fails with
// invalid_cursor.
func (s *Service) Events(ctx context.Context, filter models.EventFilter, page models.PageRequest) (models.Page[models.Event], error) {
	return s.store.Events(ctx, filter, page)
}

// entry begins an audit entry about a connection.
func (s *Service) entry(actor models.Actor, action string, c *models.Connection) models.AuditEntry {
	return models.AuditEntry{
		Time: s.now(), Actor: actor.Name, IP: actor.IP, RequestID: actor.RequestID, Action: action,
		Integration: c.Integration, UserID: c.UserID, ConnectionUUID: c.UUID, Version: c.Version,
	}
}

// record writes what happened to a connection: who did it, and the event for those who follow.
func (s *Service) record(tx *store.Tx, entry models.AuditEntry, event models.EventType, detail string) error {
	if err := tx.Audit(entry); err != nil {
		return err
	}
	return tx.Emit(models.Event{
		Time: entry.Time, Type: event, ConnectionUUID: entry.ConnectionUUID, Integration: entry.Integration, UserID: entry.UserID, Detail: detail,
	})
}

// event makes an event about a connection.
func (s *Service) event(kind models.EventType, c *models.Connection, detail string) models.Event {
	return models.Event{Time: s.now(), Type: kind, ConnectionUUID: c.UUID, Integration: c.Integration, UserID: c.UserID, Detail: detail}
}
