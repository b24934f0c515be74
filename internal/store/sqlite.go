package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/pressly/goose/v3"
	"gorm.io/driver/sqlite"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/patchbay/patchbay/internal/vault"
)

// readers is how many reads run at once; SQLite has one writer, whatever the pool.
const readers = 4

// busyTimeout is how long a write waits for another program that has the database locked.
const busyTimeout = 5 * time.Second

// mistaken is what is meant as an address of PostgreSQL, and is none: one without its slashes, or a list of settings.
var mistaken = regexp.MustCompile(`(?i)^\s*postgres(ql)?:|(^|\s)(host|hostaddr|port|dbname|user|password|passfile|service|sslmode)\s*=`)

// checkPath refuses what is meant as an address of something else. The text may hold a password.
func checkPath(path string) error {
	if strings.Contains(path, "://") || mistaken.MatchString(path) {
		return errors.New("expected the path of an SQLite file or an address postgres://user:password@host:port/database")
	}
	return nil
}

// openSQLite opens one connection that writes and a pool that only reads. The writer commits with synchronous=FULL: with
// NORMAL a power cut may lose the last commits, and a lost rotated refresh token is a dead connection. It keeps what savepoints
// would restore in memory, and up to 16 MB of pages, so that a large import need not write the same page again and again.
func openSQLite(ctx context.Context, path string, ring *vault.Ring, options []Option) (*Store, error) {
	// Before anything else: to be opened to be written makes a write-ahead log of another program's file.
	if _, err := sqliteVersions(ctx, path); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, err
	}
	// Created here so that nobody else can read it; the files SQLite puts beside it copy its mode.
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	opened, err := file.Stat()
	if err := errors.Join(err, file.Close()); err != nil {
		return nil, err
	}
	writer, writerPool, err := openPool(path, 1, false, "synchronous(FULL)", "temp_store(MEMORY)", "cache_size(-16000)")
	if err != nil {
		return nil, err
	}
	s := &Store{
		queries: queries{db: writer, vault: ring},
		writer:  writer,
		pool:    writerPool,
		write:   (&group{writer: writer, pool: writerPool, vault: ring}).write,
		migrate: func(ctx context.Context) error {
			defer lockFolder(filepath.Dir(path))() // of several processes that start at once, one does it
			return migrate(ctx, goose.DialectSQLite3, writerPool, "migrations/sqlite")
		},
		close: writerPool.Close,
		file:  opened,
	}
	writer.Logger = statementLog{logger.Discard, &s.damage}
	if slices.Contains(options, OneConnection) {
		return s, nil
	}
	reader, readerPool, err := openPool(path, readers, true, "query_only(1)")
	if err != nil {
		return nil, errors.Join(err, writerPool.Close())
	}
	reader.Logger = writer.Logger
	s.queries.db = reader
	s.close = func() error { return errors.Join(readerPool.Close(), writerPool.Close()) }
	return s, nil
}

func openPool(path string, size int, prepare bool, pragmas ...string) (*gorm.DB, *sql.DB, error) {
	settings := url.Values{
		"_pragma": {fmt.Sprintf("busy_timeout(%d)", busyTimeout.Milliseconds()), "journal_mode(WAL)", "foreign_keys(1)", "trusted_schema(0)"},
		"_txlock": {"immediate"},
		// Times are integers: the driver's text form does not sort and loses zones.
		"_inttotime":           {"1"},
		"_time_integer_format": {"unix_micro"},
	}
	settings["_pragma"] = append(settings["_pragma"], pragmas...)
	name := url.URL{Scheme: "file", Opaque: (&url.URL{Path: path}).EscapedPath(), RawQuery: settings.Encode()}
	pool, err := sql.Open("sqlite", name.String())
	if err != nil {
		return nil, nil, err
	}
	pool.SetMaxOpenConns(size)
	pool.SetMaxIdleConns(size)
	db, err := gorm.Open(dialector{sqlite.Dialector{Conn: pool}}, gormConfig(prepare))
	if err != nil {
		return nil, nil, errors.Join(fmt.Errorf("connect: %w", err), pool.Close())
	}
	return db, pool, nil
}

// dialector teaches GORM's driver the errors of modernc.org/sqlite, whose fields it cannot see.
type dialector struct{ sqlite.Dialector }

// Translate implements [gorm.ErrorTranslator].
func (dialector) Translate(err error) error {
	switch sqliteCode(err) {
	case sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY, sqlite3.SQLITE_CONSTRAINT_UNIQUE:
		return gorm.ErrDuplicatedKey
	}
	return err
}
