package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/patchbay/patchbay/internal/vault"
)

// Inspection is what there is to know about a database without changing it.
type Inspection struct {
	Version   string            // such as "SQLite 3.54.1"
	Integrity error             // of the file; nil also where the server looks after it
	Writable  error             // nil where it takes writes
	Key       error             // nil where the key ring opens what is sealed, or nothing is
	Clock     time.Time         // the database server's; zero where the database is a file
	Newest    time.Time         // when a connection changed last
	Settings  map[string]string // of the server that matter here; nil where the database is a file
}

// serverSettings are those whose wrong value loses what was acknowledged, or takes no writes.
var serverSettings = []string{"fsync", "full_page_writes", "synchronous_commit", "server_encoding", "max_connections"}

// Inspect looks at the database at location, whatever the version of its schema, and changes nothing. It fails where there is
// none to be reached.
func Inspect(ctx context.Context, location string, ring *vault.Ring) (inspection *Inspection, err error) {
	var pool *sql.DB
	look := inspectSQLite
	if isPostgres(location) {
		look = inspectPostgres
		pool, err = postgresPool(ctx, location)
	} else if err = checkPath(location); err == nil {
		_, pool, err = openPool(location, 1, false, "synchronous(FULL)")
	}
	if err != nil {
		return nil, fmt.Errorf("open database %s: %w", Place(location), err)
	}
	defer func() { err = errors.Join(err, pool.Close()) }()
	inspection = &Inspection{}
	if err := look(ctx, pool, inspection); err != nil {
		return nil, fmt.Errorf("inspect database %s: %w", Place(location), err)
	}
	inspection.Key = keyFits(ctx, pool, ring)
	return inspection, nil
}

func inspectSQLite(ctx context.Context, pool *sql.DB, i *Inspection) error {
	var version, integrity string
	if err := pool.QueryRowContext(ctx, "SELECT sqlite_version()").Scan(&version); err != nil {
		return err
	}
	i.Version = "SQLite " + version
	if err := pool.QueryRowContext(ctx, "PRAGMA quick_check(1)").Scan(&integrity); err != nil {
		i.Integrity = err
	} else if integrity != "ok" {
		i.Integrity = errors.New(integrity)
	}
	tx, err := pool.BeginTx(ctx, nil) // takes the lock of the writer
	if err == nil {
		err = tx.Rollback()
	}
	i.Writable = err
	return newest(ctx, pool, i)
}

func inspectPostgres(ctx context.Context, pool *sql.DB, i *Inspection) error {
	var version string
	var replica bool
	var readOnly string
	err := pool.QueryRowContext(ctx, "SELECT current_setting('server_version'), pg_is_in_recovery(), current_setting('transaction_read_only'), clock_timestamp()").
		Scan(&version, &replica, &readOnly, &i.Clock)
	if err != nil {
		return err
	}
	i.Version, i.Settings = "PostgreSQL "+version, map[string]string{}
	switch {
	case replica:
		i.Writable = errors.New("it is a replica, which takes no writes")
	case readOnly == "on":
		i.Writable = errors.New("its transactions are read-only")
	}
	for _, name := range serverSettings {
		var value string
		if err := pool.QueryRowContext(ctx, "SELECT current_setting($1)", name).Scan(&value); err != nil {
			return err
		}
		i.Settings[name] = value
	}
	return newest(ctx, pool, i)
}

// newest reads when a connection changed last; a database without the table has none.
func newest(ctx context.Context, pool *sql.DB, i *Inspection) error {
	var at aggregateTime
	err := pool.QueryRowContext(ctx, "SELECT last_modified FROM connections ORDER BY last_modified DESC, id DESC LIMIT 1").Scan(&at)
	if err == nil {
		i.Newest = at.Time
	}
	return ctx.Err()
}

// keyFits opens what every database has sealed; one that has no such thing was never used.
func keyFits(ctx context.Context, pool *sql.DB, ring *vault.Ring) error {
	if ring == nil {
		return nil
	}
	var value []byte
	if err := pool.QueryRowContext(ctx, "SELECT value FROM settings WHERE name = '"+keyCheck+"'").Scan(&value); err != nil {
		return ctx.Err()
	}
	if _, err := ring.Open(value, vault.Place{Table: "settings", Column: "value", Row: keyCheck}); err != nil {
		return ErrWrongKey
	}
	return nil
}
