package store

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/patchbay/patchbay/internal/vault"
	"github.com/patchbay/patchbay/models"
)

// Refresh is a connection with what a refresh of it needs to know.
type Refresh struct {
	Connection  *models.Connection
	Credentials models.Credentials
	Reply       []byte // the provider's answer to an earlier refresh that ended before it was understood; nil for none
	Leased      bool   // somebody holds the lease
	Fence       int64  // counts the leases: one that has been taken over since is not the same
}

// refreshRow is a connection's whole row.
type refreshRow struct {
	models.Connection
	SealedCredentials []byte
	SealedReply       []byte
	LeaseFence        int64
	Leased            bool
}

// refreshColumns are named because a newer program may have added others.
const refreshColumns = `id, uuid, integration, user_id, date_created, last_modified, auth_mode, obtained_at, expires_at, refresh_at, ahead_at,
	used_at, refreshable, state, state_reason, state_answer, state_before, failures, refusals, tags, additional_config, config_version, version,
	sealed_credentials, sealed_reply, lease_fence`

func replyPlace(uuid string) vault.Place {
	return vault.Place{Table: "connections", Column: "sealed_reply", Row: uuid}
}

// clock is SQL for the time in unix microseconds by the clock of the database, which all processes share.
func (q *queries) clock() string {
	if q.db.Name() == "postgres" {
		return "CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS BIGINT)"
	}
	return "CAST(unixepoch('subsec') * 1000000 AS INTEGER)"
}

// leased is SQL for whether somebody holds the lease of a connection. One that ends later than any is given for was given before
// the clock was set back, and has ended.
func (q *queries) leased() string {
	return fmt.Sprintf("(lease_until > %[1]s AND lease_until <= %[1]s + %[2]d)", q.clock(), maxLease.Microseconds())
}

const maxLease = 10 * time.Minute

// ForRefresh finds a connection by its uuid. It fails with unknown_connection.
func (q *queries) ForRefresh(ctx context.Context, uuid string) (*Refresh, error) {
	return q.forRefresh(q.db.WithContext(ctx), uuid)
}

// LockForRefresh is [Store.ForRefresh] of a row that nobody else changes before the transaction ends.
func (tx *Tx) LockForRefresh(ctx context.Context, uuid string) (*Refresh, error) {
	return tx.forRefresh(tx.db.WithContext(ctx).Clauses(clause.Locking{Strength: clause.LockingStrengthUpdate}), uuid)
}

func (q *queries) forRefresh(db *gorm.DB, uuid string) (*Refresh, error) {
	var row refreshRow
	err := db.Table("connections").Select(refreshColumns+", "+q.leased()+" AS leased").Where("uuid = ?", uuid).Take(&row).Error
	if err != nil {
		return nil, notFound(err, models.CodeUnknownConnection, "There is no connection with this id.")
	}
	credentials, err := q.openCredentials(&connectionRow{row.Connection, row.SealedCredentials})
	if err != nil {
		return nil, err
	}
	found := &Refresh{Connection: &row.Connection, Credentials: credentials, Leased: row.Leased, Fence: row.LeaseFence}
	if row.SealedReply != nil {
		// One that does not open is as good as none: the refresh is tried anew.
		if found.Reply, err = q.vault.Open(row.SealedReply, replyPlace(uuid)); err != nil {
			slog.Error("the reply kept for a connection does not open", "connection", uuid, "error", err)
			found.Reply = nil
		}
	}
	return found, nil
}

// Lease makes this process the one that refreshes a locked connection, for a time by the clock of the database.
func (tx *Tx) Lease(r *Refresh, life time.Duration) error {
	r.Fence++
	err := tx.db.Model(&connectionRow{}).Where("id = ?", r.Connection.ID).Updates(map[string]any{
		"lease_fence": r.Fence, "lease_until": gorm.Expr(tx.clock()+" + ?", life.Microseconds()),
	}).Error
	if err != nil {
		return fmt.Errorf("lease connection %s: %w", r.Connection.UUID, err)
	}
	return nil
}

// KeepReply keeps the provider's answer to the refresh of a locked connection until it is understood, by whoever gets to it.
func (tx *Tx) KeepReply(c *models.Connection, reply []byte, now time.Time) error {
	err := tx.db.Model(&connectionRow{}).Where("id = ?", c.ID).Updates(map[string]any{
		"sealed_reply": tx.vault.Seal(reply, replyPlace(c.UUID)), "ahead_at": now,
	}).Error
	if err != nil {
		return fmt.Errorf("keep the reply for connection %s: %w", c.UUID, err)
	}
	return nil
}

// SaveFailure ends the refresh of a locked connection that failed: what is known of it now, and when it is tried again. That is
// no change of the connection; where its state changes, too, [Tx.SaveState] is called besides.
func (tx *Tx) SaveFailure(c *models.Connection) error {
	err := tx.db.Model(&connectionRow{}).Where("id = ?", c.ID).Updates(map[string]any{
		"refresh_at": c.RefreshAt, "ahead_at": c.AheadAt, "failures": c.Failures, "refusals": c.Refusals,
		"state_reason": c.StateReason, "state_answer": c.StateAnswer, "sealed_reply": nil, "lease_until": 0,
	}).Error
	if err != nil {
		return fmt.Errorf("save connection %s: %w", c.UUID, err)
	}
	return nil
}

// Used notes that the credentials of connections were asked for; those that were only kept alive are refreshed ahead again.
func (s *Store) Used(ctx context.Context, ids []int64, now time.Time) error {
	return s.Write(ctx, func(tx *Tx) error {
		err := tx.db.Model(&connectionRow{}).Where("id IN ?", ids).Updates(map[string]any{
			"used_at": now, "ahead_at": gorm.Expr("CASE WHEN ahead_at > refresh_at THEN refresh_at ELSE ahead_at END"),
		}).Error
		if err != nil {
			return fmt.Errorf("note the use of connections: %w", err)
		}
		return nil
	})
}

// PutOff puts off the next refresh of a connection in the background.
func (s *Store) PutOff(ctx context.Context, id int64, until time.Time) error {
	return s.Write(ctx, func(tx *Tx) error {
		if err := tx.db.Model(&connectionRow{}).Where("id = ?", id).Update("ahead_at", until).Error; err != nil {
			return fmt.Errorf("put off a refresh: %w", err)
		}
		return nil
	})
}

// DueIntegrations gives those of the integrations that have connections to be refreshed in the background.
func (q *queries) DueIntegrations(ctx context.Context, names []string, now time.Time) ([]string, error) {
	if n, err := q.CountDue(ctx, now, 1); err != nil || n == 0 { // mostly
		return nil, err
	}
	var due []string
	for _, name := range names {
		var ids []int64
		err := q.db.WithContext(ctx).Model(&models.Connection{}).Where("integration = ? AND ahead_at <= ?", name, now).Limit(1).Pluck("id", &ids).Error
		if err != nil {
			return nil, fmt.Errorf("find refreshes due: %w", err)
		}
		if len(ids) > 0 {
			due = append(due, name)
		}
	}
	return due, nil
}

// Due gives the connections of an integration that are to be refreshed in the background and that nobody refreshes now, the
// longest due first.
func (q *queries) Due(ctx context.Context, integration string, now time.Time, limit int) ([]models.Connection, error) {
	var due []models.Connection
	err := q.db.WithContext(ctx).Where("integration = ? AND ahead_at <= ? AND NOT "+q.leased(), integration, now).
		Order("ahead_at").Limit(limit).Find(&due).Error
	if err != nil {
		return nil, fmt.Errorf("find refreshes due: %w", err)
	}
	return due, nil
}

// CountDue counts the connections that are to be refreshed in the background, but no further than limit.
func (q *queries) CountDue(ctx context.Context, now time.Time, limit int) (int64, error) {
	var n int64
	db := q.db.WithContext(ctx)
	due := db.Model(&models.Connection{}).Where("ahead_at <= ?", now).Select("1").Limit(limit)
	if err := db.Table("(?) AS due", due).Count(&n).Error; err != nil {
		return 0, fmt.Errorf("count refreshes due: %w", err)
	}
	return n, nil
}
