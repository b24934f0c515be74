package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"

	"gorm.io/gorm"

	"github.com/patchbay/patchbay/models"
)

// MovedConnection is a connection with its credentials, as they are moved from one database to another.
type MovedConnection struct {
	models.Connection
	Credentials models.Secret // what [models.Credentials.SealedJSON] gives; empty where they are left behind
}

// movedColumns are all columns of a connection but its id, in the order in which they are scanned and inserted.
var movedColumns = []string{
	"uuid", "integration", "user_id", "date_created", "last_modified", "auth_mode", "obtained_at", "expires_at", "refresh_at", "ahead_at", "used_at",
	"refreshable", "state", "state_reason", "state_answer", "state_before", "failures", "refusals", "tags", "additional_config", "config_version", "version", "sealed_credentials",
}

// All columns of history but the ids.
var (
	auditColumns = []string{"time", "actor", "action", "integration", "user_id", "connection_uuid", "version", "ip", "request_id", "before", "after"}
	eventColumns = []string{"time", "type", "connection_uuid", "integration", "user_id", "detail"}
)

// Snapshot reads the database as it was at one moment, while others go on writing. On SQLite the write-ahead log grows
// until the snapshot is done with.
type Snapshot struct{ queries }

// Snapshot calls read with the database as it is now.
func (s *Store) Snapshot(ctx context.Context, read func(*Snapshot) error) error {
	db := s.db.WithContext(ctx).Begin(&sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true})
	if db.Error != nil {
		return fmt.Errorf("begin to read: %w", db.Error)
	}
	err := read(&Snapshot{queries{db: db, vault: s.vault}})
	if rollback := db.Rollback().Error; rollback != nil && !errors.Is(rollback, sql.ErrTxDone) {
		err = errors.Join(err, fmt.Errorf("end reading: %w", rollback))
	}
	return err
}

// EachConnection calls each with every connection, oldest first, and with its credentials where they are asked for.
func (v *Snapshot) EachConnection(ctx context.Context, withCredentials bool, each func(*MovedConnection) error) error {
	columns := movedColumns
	if !withCredentials {
		columns = columns[:len(columns)-1]
	}
	return eachRow(ctx, v.db, "connections", columns, func(rows *sql.Rows) error {
		var c MovedConnection
		var tags string
		var sealed sql.RawBytes
		into := []any{
			&c.UUID, &c.Integration, &c.UserID, &c.DateCreated, &c.LastModified, &c.AuthMode, &c.ObtainedAt, &c.ExpiresAt, &c.RefreshAt, &c.AheadAt, &c.UsedAt,
			&c.Refreshable, &c.State, &c.StateReason, &c.StateAnswer, &c.StateBefore, &c.Failures, &c.Refusals, &tags, &c.AdditionalConfig, &c.ConfigVersion, &c.Version, &sealed,
		}
		if err := rows.Scan(into[:len(columns)]...); err != nil {
			return err
		}
		if tags != noTags {
			if err := json.Unmarshal([]byte(tags), &c.Tags); err != nil {
				return fmt.Errorf("read tags of connection %s: %w", c.UUID, err)
			}
		}
		if withCredentials {
			plain, err := v.vault.Open(sealed, credentialsPlace(c.UUID))
			if err != nil {
				return fmt.Errorf("open credentials of connection %s: %w", c.UUID, err)
			}
			c.Credentials = models.Secret(plain)
		}
		return each(&c)
	})
}

// noTags is the column tags of most connections.
const noTags = "[]"

// EachAdmin calls each with every admin.
func (v *Snapshot) EachAdmin(ctx context.Context, each func(*models.Admin) error) error {
	return eachModel(ctx, v.db, each)
}

// EachAPIKey calls each with every API key.
func (v *Snapshot) EachAPIKey(ctx context.Context, each func(*models.APIKey) error) error {
	return eachModel(ctx, v.db, each)
}

// EachAuditEntry calls each with every audit entry, oldest first.
func (v *Snapshot) EachAuditEntry(ctx context.Context, each func(*models.AuditEntry) error) error {
	return eachRow(ctx, v.db, "audit_entries", append([]string{"id"}, auditColumns...), func(rows *sql.Rows) error {
		var e models.AuditEntry
		err := rows.Scan(&e.ID, &e.Time, &e.Actor, &e.Action, &e.Integration, &e.UserID, &e.ConnectionUUID, &e.Version, &e.IP, &e.RequestID, &e.Before, &e.After)
		if err != nil {
			return err
		}
		return each(&e)
	})
}

// EachEvent calls each with every event, oldest first.
func (v *Snapshot) EachEvent(ctx context.Context, each func(*models.Event) error) error {
	return eachRow(ctx, v.db, "events", append([]string{"id"}, eventColumns...), func(rows *sql.Rows) error {
		var e models.Event
		if err := rows.Scan(&e.ID, &e.Time, &e.Type, &e.ConnectionUUID, &e.Integration, &e.UserID, &e.Detail); err != nil {
			return err
		}
		return each(&e)
	})
}

// eachModel reads a table that has few rows.
func eachModel[T any](ctx context.Context, db *gorm.DB, each func(*T) error) error {
	var rows []T
	if err := db.WithContext(ctx).Order("id").Find(&rows).Error; err != nil {
		return fmt.Errorf("read all of %T: %w", *new(T), err)
	}
	for i := range rows {
		if err := each(&rows[i]); err != nil {
			return err
		}
	}
	return nil
}

// eachRow reads a table row by row, past GORM, which would take longer for a row than the database.
func eachRow(ctx context.Context, db *gorm.DB, table string, columns []string, each func(*sql.Rows) error) error {
	rows, err := db.WithContext(ctx).Table(table).Select(columns).Order("id").Rows()
	if err != nil {
		return fmt.Errorf("read %s: %w", table, err)
	}
	defer rows.Close()
	for rows.Next() {
		if err := each(rows); err != nil {
			return err
		}
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("read %s: %w", table, err)
	}
	return nil
}
