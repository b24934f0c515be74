package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
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
// none is applied.
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
		if version > 0 {
			list = append(list, Migration{version, "unknown to this program", true})
		}
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
	_, pool, err := openPool(path, 1, false, "query_only(1)")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, pool.Close()) }()
	return versions(ctx, pool, "SELECT COUNT(*) > 0 FROM sqlite_schema WHERE name = 'goose_db_version'")
}

func postgresVersions(ctx context.Context, address string) (applied map[int64]bool, err error) {
	pool, err := postgresPool(ctx, address)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, pool.Close()) }()
	return versions(ctx, pool, "SELECT to_regclass('goose_db_version') IS NOT NULL")
}

// versions reads what goose has noted, if it has noted anything, which exists tells.
func versions(ctx context.Context, pool *sql.DB, exists string) (map[int64]bool, error) {
	var there bool
	if err := pool.QueryRowContext(ctx, exists).Scan(&there); err != nil || !there {
		return nil, err
	}
	rows, err := pool.QueryContext(ctx, "SELECT version_id, is_applied FROM goose_db_version ORDER BY id")
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
