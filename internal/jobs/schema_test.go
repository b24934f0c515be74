package jobs

import (
	"database/sql"
	"log/slog"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/riverqueue/river/riverdriver"
	"github.com/riverqueue/river/riverdriver/riverdatabasesql"
	"github.com/riverqueue/river/riverdriver/riversqlite"
	"github.com/riverqueue/river/rivermigrate"

	"github.com/patchbay/patchbay/internal/store/storetest"
	"github.com/patchbay/patchbay/internal/testkit"
)

// Everything of River in a database, a line each.
const (
	sqliteSchema = "SELECT sql FROM sqlite_master WHERE name LIKE 'river%' AND sql IS NOT NULL UNION ALL SELECT line || ' ' || version FROM river_migration"

	postgresSchema = `
		SELECT concat_ws(' ', table_name, column_name, udt_name, character_maximum_length, is_nullable, column_default) FROM information_schema.columns
			WHERE table_schema = 'public' AND table_name LIKE 'river%'
		UNION ALL SELECT concat_ws(' ', conrelid::regclass, conname, pg_get_constraintdef(oid)) FROM pg_constraint WHERE conrelid::regclass::text LIKE 'river%'
		UNION ALL SELECT indexdef FROM pg_indexes WHERE schemaname = 'public' AND tablename LIKE 'river%'
		UNION ALL SELECT concat_ws(' ', relname, relkind, relpersistence) FROM pg_class WHERE relname LIKE 'river%'
		UNION ALL SELECT enumlabel || ' ' || row_number() OVER (ORDER BY enumsortorder) FROM pg_enum
		UNION ALL SELECT pg_get_functiondef(oid) FROM pg_proc WHERE proname LIKE 'river%'
		UNION ALL SELECT line || ' ' || version FROM river_migration`
)

// The schema of River is written down in our migrations. An upgrade of River that changes it needs a migration of ours.
func TestTheSchemaIsRivers(t *testing.T) {
	db := storetest.Open(t)
	kind, address, query := "sqlite", filepath.Join(t.TempDir(), "river.db"), sqliteSchema
	driver := func(pool *sql.DB) riverdriver.Driver[*sql.Tx] { return riversqlite.New(pool) }
	if db.Postgres() {
		server := testkit.SharedPostgres(t)
		name, err := server.NewDatabase("")
		must(t, err)
		defer func() { must(t, server.DropDatabase(name)) }()
		kind, address, query = "pgx", server.Address(name), postgresSchema
		driver = func(pool *sql.DB) riverdriver.Driver[*sql.Tx] { return riverdatabasesql.New(pool) }
	}
	own, err := sql.Open(kind, address)
	must(t, err)
	defer own.Close()
	own.SetMaxOpenConns(1)
	migrator, err := rivermigrate.New(driver(own), &rivermigrate.Config{Logger: slog.New(slog.DiscardHandler)})
	must(t, err)
	_, err = migrator.Migrate(t.Context(), rivermigrate.DirectionUp, nil)
	must(t, err)
	if difference := cmp.Diff(lines(t, own, query), lines(t, db.SQL(), query)); difference != "" {
		t.Errorf("River's schema and, with +, ours:\n%s", difference)
	}
}

func lines(t *testing.T, db *sql.DB, query string) (all []string) {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), query)
	must(t, err)
	defer rows.Close()
	for rows.Next() {
		var line string
		must(t, rows.Scan(&line))
		all = append(all, line)
	}
	must(t, rows.Err())
	slices.Sort(all)
	return all
}
