// Package store keeps everything Patchbay remembers, in SQLite. It is the only importer of GORM, owns the schema and
// its migrations, and seals secrets before they reach the database. It decides nothing: rules live in models and
// internal/connections.
//
// Reads are methods of [Store]; every change runs inside [Store.Write]. A transaction must never wait for anything but
// the database: no provider is called inside one.
package store

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"time"

	"github.com/pressly/goose/v3"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/patchbay/patchbay/internal/vault"
)

// Store is an open database. It is safe for concurrent use.
type Store struct {
	queries // on the pool of readers
	writer  *gorm.DB
	close   func() error
	sealing sealing
}

// Tx is an open write transaction; its reads see its own changes.
type Tx struct {
	queries
}

// queries are the reads that a Store and a Tx have in common.
type queries struct {
	db    *gorm.DB
	vault *vault.Ring
}

//go:embed migrations
var migrations embed.FS

// slowQuery is when a statement is logged as slow; the slowest healthy one takes a few milliseconds.
const slowQuery = 500 * time.Millisecond

// Open opens the database at location, a file path, creating it where missing, and brings its schema up. The key ring
// is checked against the database: one that does not fit is refused, see [ErrWrongKey].
func Open(ctx context.Context, location string, ring *vault.Ring) (*Store, error) {
	s, err := openSQLite(location, ring)
	if err != nil {
		return nil, fmt.Errorf("open database %s: %w", location, err)
	}
	if err := s.prepare(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("open database %s: %w", location, err), s.Close())
	}
	return s, nil
}

func (s *Store) prepare(ctx context.Context) error {
	db, err := s.writer.DB()
	if err != nil {
		return err
	}
	if err := migrate(ctx, goose.DialectSQLite3, db, "migrations/sqlite"); err != nil {
		return err
	}
	return s.checkKey(ctx)
}

func migrate(ctx context.Context, dialect goose.Dialect, db *sql.DB, dir string) error {
	files, err := fs.Sub(migrations, dir)
	if err != nil {
		return err
	}
	provider, err := goose.NewProvider(dialect, db, files)
	if err != nil {
		return fmt.Errorf("read migrations: %w", err)
	}
	current, newest, err := provider.GetVersions(ctx)
	if err != nil {
		return fmt.Errorf("read the schema's version: %w", err)
	}
	if current > newest {
		return fmt.Errorf("its schema has version %d, this program knows versions up to %d: run the newer program that made it", current, newest)
	}
	if _, err := provider.Up(ctx); err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	return nil
}

// Close closes the database.
func (s *Store) Close() error { return s.close() }

// Write runs change in one transaction, which is on disk when Write returns nil and has left no trace otherwise.
// change may not use the Store, only its Tx.
func (s *Store) Write(ctx context.Context, change func(*Tx) error) error {
	return s.writer.WithContext(ctx).Transaction(func(db *gorm.DB) error {
		tx := &Tx{queries{db, s.vault}}
		if err := s.sealing.follow(tx); err != nil {
			return err
		}
		return change(tx)
	})
}

// Ready reports whether the database takes writes, and whether the key ring opens what it holds: it fails with
// [ErrWrongKey].
func (s *Store) Ready(ctx context.Context) error {
	return s.Write(ctx, func(tx *Tx) error {
		if _, err := tx.openKeyCheck(ctx); err != nil {
			return err
		}
		return tx.db.Exec("INSERT INTO settings (name, value) VALUES ('ready', '') ON CONFLICT (name) DO UPDATE SET value = excluded.value").Error
	})
}

func gormConfig() *gorm.Config {
	return &gorm.Config{
		TranslateError:         true,
		PrepareStmt:            true,
		SkipDefaultTransaction: true,
		Logger:                 slowLog{logger.Discard},
	}
}

// slowLog logs slow statements, without their values: those are tokens' neighbours and people's data. Errors are
// returned, and logged by who cannot handle them.
type slowLog struct{ logger.Interface }

// Trace implements [logger.Interface].
func (slowLog) Trace(ctx context.Context, begin time.Time, statement func() (sql string, rows int64), _ error) {
	if took := time.Since(begin); took > slowQuery {
		sql, rows := statement()
		slog.WarnContext(ctx, "slow statement", "sql", sql, "rows", rows, "duration", took)
	}
}

// ParamsFilter implements [gorm.ParamsFilter].
func (slowLog) ParamsFilter(_ context.Context, sql string, _ ...any) (string, []any) { return sql, nil }
