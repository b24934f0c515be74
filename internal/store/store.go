// Package store keeps everything Patchbay remembers, in SQLite or PostgreSQL. It is the only importer of GORM, owns the schema and
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
	"net/url"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"github.com/pressly/goose/v3"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/patchbay/patchbay/internal/vault"
)

// Store is an open database. It is safe for concurrent use.
type Store struct {
	queries // on the pool of readers
	writer  *gorm.DB
	pool    *sql.DB // the writer's
	write   func(context.Context, func(*Tx) error) error
	migrate func(context.Context) error
	close   func() error

	location string
	file     os.FileInfo           // of an SQLite database, as it was opened
	damage   atomic.Pointer[error] // the first sign of it that a statement met
	sealing  sealing
}

// Tx is an open write transaction; its reads see its own changes.
type Tx struct {
	queries
	announced bool // that events come, see announceEvents
}

// queries are the reads that a Store and a Tx have in common.
type queries struct {
	db      *gorm.DB
	vault   *vault.Ring
	changes bool // of a Tx
}

// postgres reports whether the database is PostgreSQL.
func (q *queries) postgres() bool { return q.db.Name() == "postgres" }

//go:embed migrations
var migrations embed.FS

// slowQuery is when a statement is logged as slow; the slowest healthy one takes a few milliseconds.
const slowQuery = 500 * time.Millisecond

// Open opens the database at location, the path of an SQLite file, which is created where missing, or the address of a
// PostgreSQL database, and brings its schema up. The key ring is checked against the database: one that does not fit is
// refused, see [ErrWrongKey]. Errors do not hold the password of an address.
func Open(ctx context.Context, location string, ring *vault.Ring, options ...Option) (*Store, error) {
	for began := time.Now(); ; {
		s, err := openOnce(ctx, location, ring, options)
		if err == nil {
			return s, nil
		}
		// Just after a process was killed, the next ones take turns at recovering what it left, longer than SQLite waits for.
		if sqliteCode(err)&0xff != sqlite3.SQLITE_BUSY || time.Since(began) > openPatience || ctx.Err() != nil {
			return nil, fmt.Errorf("open database %s: %w", Place(location), err)
		}
		time.Sleep(openAgain)
	}
}

// How long a database that is busy is tried to be opened, and how often.
const (
	openPatience = 15 * time.Second
	openAgain    = 100 * time.Millisecond
)

func openOnce(ctx context.Context, location string, ring *vault.Ring, options []Option) (*Store, error) {
	open := openSQLite
	if isPostgres(location) {
		open = openPostgres
	}
	s, err := open(ctx, location, ring, options)
	if err != nil {
		return nil, err
	}
	s.location = location
	if err := s.prepare(ctx); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// Option changes how a database is opened.
type Option int

// OneConnection makes reads and writes share one connection, so that whoever uses the Store inside a Tx waits for ever. It
// is for tests, which prove that nobody does.
const OneConnection Option = 1

// Sealed reports whether there is a database at location that holds what a key sealed: another key would open none of it. It
// refuses another program's database.
func Sealed(ctx context.Context, location string) (sealed bool, err error) {
	if isPostgres(location) {
		sealed, err = postgresSealed(ctx, location)
	} else if _, err = sqliteVersions(ctx, location); err == nil {
		_, missing := os.Stat(location)
		sealed = missing == nil // also an empty file, which may be what is left of one
	}
	if err != nil {
		return false, fmt.Errorf("open database %s: %w", Place(location), err)
	}
	return sealed, nil
}

// Place names a database to people: a path, or an address without user, password and parameters.
func Place(location string) string {
	if !strings.Contains(location, "://") {
		if mistaken.MatchString(location) {
			return "at its address"
		}
		return location
	}
	u, ok := parseAddress(location)
	if !ok {
		return "at its address"
	}
	return (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}).String()
}

// parseAddress tells apart the parts of an address. Where it is not understood nothing of it may be repeated: any part can
// be one of the password, if that has a special character which was not encoded.
func parseAddress(text string) (*url.URL, bool) {
	u, err := url.Parse(text)
	if err != nil || strings.Contains(u.Host+u.Path+u.RawQuery+u.Fragment, "@") {
		return nil, false
	}
	return u, true
}

func (s *Store) prepare(ctx context.Context) error {
	if err := s.migrate(ctx); err != nil {
		return err
	}
	return s.checkKey(ctx)
}

func migrate(ctx context.Context, dialect goose.Dialect, db *sql.DB, dir string, options ...goose.ProviderOption) error {
	files, err := fs.Sub(migrations, dir)
	if err != nil {
		return err
	}
	provider, err := goose.NewProvider(dialect, db, files, options...)
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
	if current == newest {
		return nil
	}
	if _, err := provider.Up(ctx); err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	return nil
}

// Close closes the database.
func (s *Store) Close() error { return s.close() }

// Write runs change in one transaction, which is on disk when Write returns nil and has left no trace otherwise.
// change may not use the Store, only its Tx. Where another change is to the same row, it waits for that; it is run once.
//
// SQLite commits several changes together when they come at once, see group; they do not notice.
func (s *Store) Write(ctx context.Context, change func(*Tx) error) error {
	return s.write(ctx, func(tx *Tx) error {
		if err := s.sealing.follow(tx); err != nil {
			return err
		}
		return change(tx)
	})
}

// Postgres reports whether the database is PostgreSQL. It is for internal/jobs alone.
func (s *Store) Postgres() bool { return s.postgres() }

// SQL gives the pool of connections that write; with SQLite that is one connection, which whoever holds it keeps from
// [Store.Write]. It is for internal/jobs alone, whose library brings its own statements.
func (s *Store) SQL() *sql.DB { return s.pool }

// SQL gives the transaction itself. It is for internal/jobs alone, so that a job is there if, and only if, what it is
// about was written. It must be neither committed nor rolled back, and a change one of whose statements fails there has to fail.
func (tx *Tx) SQL() *sql.Tx {
	if shared, ok := tx.db.Statement.ConnPool.(*sharedTx); ok {
		return shared.Tx
	}
	return tx.db.Statement.ConnPool.(*sql.Tx)
}

// gormConfig tells whether GORM keeps statements prepared, which is for SQLite's readers alone: what it first prepares in a
// transaction ends with it. The writer's are kept by statements.
func gormConfig(prepare bool) *gorm.Config {
	return &gorm.Config{
		TranslateError:         true,
		PrepareStmt:            prepare,
		SkipDefaultTransaction: true,
		Logger:                 statementLog{Interface: logger.Discard},
	}
}

// statementLog logs slow statements, without their values: those are tokens' neighbours and people's data. Errors are
// returned, and logged by who cannot handle them; but damage of the file is kept, for [Store.Ready].
type statementLog struct {
	logger.Interface
	damage *atomic.Pointer[error] // nil where nobody asks
}

// Trace implements [logger.Interface].
func (l statementLog) Trace(ctx context.Context, begin time.Time, statement func() (sql string, rows int64), err error) {
	if l.damage != nil && damaged(err) {
		l.damage.CompareAndSwap(nil, &err)
	}
	if took := time.Since(begin); took > slowQuery {
		sql, rows := statement()
		slog.WarnContext(ctx, "slow statement", "sql", sql, "rows", rows, "duration", took)
	}
}

// ParamsFilter implements [gorm.ParamsFilter].
func (statementLog) ParamsFilter(_ context.Context, sql string, _ ...any) (string, []any) {
	return sql, nil
}
