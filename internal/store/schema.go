package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Migration is a step of the schema.
type Migration struct {
	Version int64
	Name    string // of its file
	Applied bool
}

// Migrations tells which steps of the schema the database at location has, and changes nothing. Where there is no database,
// none is applied. It refuses another program's database.
func Migrations(ctx context.Context, location string) ([]Migration, error) {
	dir, read := "migrations/sqlite", sqliteVersions
	if isPostgres(location) {
		dir, read = "migrations/postgres", postgresVersions
	}
	applied, err := read(ctx, location)
	if err != nil {
		return nil, fmt.Errorf("read the schema's version of %s: %w", Place(location), err)
	}
	files, err := fs.ReadDir(migrations, dir)
	if err != nil {
		return nil, err
	}
	var list []Migration
	for _, file := range files {
		number, _, _ := strings.Cut(file.Name(), "_")
		version, err := strconv.ParseInt(number, 10, 64)
		if err != nil {
			return nil, fmt.Errorf("migration %s: %w", file.Name(), err)
		}
		list = append(list, Migration{version, file.Name(), applied[version]})
		delete(applied, version)
	}
	for version := range applied { // those of a newer program
		list = append(list, Migration{version, "unknown to this program", true})
	}
	return list, nil
}

func sqliteVersions(ctx context.Context, path string) (applied map[int64]bool, err error) {
	if err := checkPath(path); err != nil {
		return nil, err
	}
	if info, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) || err == nil && info.Size() == 0 {
		return nil, nil
	}
	pool, err := openFile(path, "rw") // as it is; one that only reads would leave its shared memory behind
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, pool.Close()) }()
	return versions(ctx, pool, sqliteTables, func(string) bool { return true })
}

func postgresVersions(ctx context.Context, address string) (applied map[int64]bool, err error) {
	pool, err := postgresPool(ctx, address)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, pool.Close()) }()
	return versionsInPostgres(ctx, pool)
}

// versionsInPostgres is [versions] of a PostgreSQL database. Other programs may have tables beside ours: a database for each
// program is not always to be had, and none of theirs is touched. Only a name that both would use is in the way.
func versionsInPostgres(ctx context.Context, pool *sql.DB) (map[int64]bool, error) {
	ours, err := tablesOfMigrations("migrations/postgres")
	if err != nil {
		return nil, err
	}
	return versions(ctx, pool, postgresTables, func(table string) bool { return slices.Contains(ours, table) })
}

// What is in the place where the migrations put their tables.
const (
	sqliteTables   = `SELECT name FROM sqlite_schema WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite\_%' ESCAPE '\'`
	postgresTables = `SELECT relname FROM pg_class JOIN pg_namespace n ON n.oid = relnamespace WHERE nspname = current_schema() AND relkind IN ('r', 'p', 'v', 'm', 'f')`
)

// versionTable is where goose notes what it has applied.
const versionTable = "goose_db_version"

// versions reads what goose has noted, if it has noted anything. It refuses a database in which a table is in the way of ours,
// and one that goose keeps for another program: it would take that program's versions for ours.
func versions(ctx context.Context, pool *sql.DB, tablesQuery string, inTheWay func(table string) bool) (map[int64]bool, error) {
	tables, err := texts(ctx, pool, tablesQuery)
	if err != nil {
		return nil, err
	}
	var applied map[int64]bool
	if slices.Contains(tables, versionTable) {
		if applied, err = appliedVersions(ctx, pool); err != nil {
			return nil, err
		}
	}
	if len(applied) == 0 {
		for _, table := range tables {
			if table != versionTable && inTheWay(table) {
				return nil, foreignError(table)
			}
		}
		return nil, nil
	}
	// Once more, because another process may have made them since.
	if tables, err = texts(ctx, pool, tablesQuery); err == nil && !(slices.Contains(tables, "connections") && slices.Contains(tables, "settings")) {
		err = foreignError(versionTable)
	}
	return applied, err
}

// appliedVersions reads which versions are applied, without goose's own, which is 0.
func appliedVersions(ctx context.Context, pool *sql.DB) (map[int64]bool, error) {
	rows, err := pool.QueryContext(ctx, "SELECT version_id, is_applied FROM "+versionTable+" WHERE version_id > 0 ORDER BY id")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	applied := map[int64]bool{}
	for rows.Next() {
		var version int64
		var up bool
		if err := rows.Scan(&version, &up); err != nil {
			return nil, err
		}
		if applied[version] = up; !up {
			delete(applied, version)
		}
	}
	return applied, rows.Err()
}

// foreignError is the refusal of a database in which somebody else has a table.
func foreignError(table string) error {
	return fmt.Errorf("another program's table %s is in it, and nothing was changed: point PATCHBAY_DB at a place of Patchbay's own", table)
}

// createTable finds the tables that a migration makes.
var createTable = regexp.MustCompile(`(?m)^CREATE TABLE (\w+)`)

// tablesOfMigrations names every table that a migration of dir makes.
func tablesOfMigrations(dir string) (names []string, err error) {
	files, err := fs.ReadDir(migrations, dir)
	if err != nil {
		return nil, err
	}
	for _, file := range files {
		text, err := fs.ReadFile(migrations, dir+"/"+file.Name())
		if err != nil {
			return nil, err
		}
		for _, match := range createTable.FindAllSubmatch(text, -1) {
			names = append(names, string(match[1]))
		}
	}
	return names, nil
}

// texts gives the texts that a query selects.
func texts(ctx context.Context, pool *sql.DB, query string) (list []string, err error) {
	rows, err := pool.QueryContext(ctx, query)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var text string
		if err := rows.Scan(&text); err != nil {
			return nil, err
		}
		list = append(list, text)
	}
	return list, rows.Err()
}
