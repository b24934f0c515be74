package storetest

import (
	"database/sql"
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/patchbay/patchbay/internal/store"
)

// FailInserts makes every insert into a table fail for want of space, until mend is called.
func FailInserts(t testing.TB, s *store.Store, table string) (mend func()) {
	t.Helper()
	start := []string{"CREATE TRIGGER full_" + table + " BEFORE INSERT ON " + table + " BEGIN SELECT RAISE(ABORT, 'no space left'); END"}
	end := "DROP TRIGGER full_" + table
	if s.Postgres() {
		start = []string{
			"CREATE FUNCTION no_space() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no space left'; END $$",
			"CREATE TRIGGER full_" + table + " BEFORE INSERT ON " + table + " EXECUTE FUNCTION no_space()",
		}
		end += " ON " + table
	}
	run := func(statements ...string) {
		t.Helper()
		for _, statement := range statements {
			_, err := s.SQL().ExecContext(t.Context(), statement)
			must(t, err)
		}
	}
	run(start...)
	return func() { run(end) }
}

// Contents gives all that is stored at a location of a [Template], as it lies there.
func Contents(t testing.TB, s *store.Store, location string) string {
	t.Helper()
	var all strings.Builder
	if s.Postgres() {
		connection, err := s.SQL().Conn(t.Context())
		must(t, err)
		defer connection.Close()
		_, err = connection.ExecContext(t.Context(), "SET bytea_output = 'escape'") // so that text in it is text
		must(t, err)
		rows, err := connection.QueryContext(t.Context(), "SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
		for _, table := range column(t, rows, err) {
			rows, err := connection.QueryContext(t.Context(), "SELECT found::text FROM "+table+" AS found")
			all.WriteString(strings.Join(column(t, rows, err), "\n"))
		}
		return all.String()
	}
	for _, suffix := range []string{"", "-wal"} {
		content, err := os.ReadFile(location + suffix)
		must(t, err)
		all.Write(content)
	}
	return all.String()
}

func column(t testing.TB, rows *sql.Rows, err error) []string {
	t.Helper()
	must(t, err)
	var values []string
	for rows.Next() {
		var value string
		must(t, rows.Scan(&value))
		values = append(values, value)
	}
	must(t, errors.Join(rows.Err(), rows.Close()))
	return values
}

// Damage makes the values of a sealed column such that they do not open.
func Damage(t testing.TB, s *store.Store, table, column string) {
	t.Helper()
	_, err := s.SQL().ExecContext(t.Context(), "UPDATE "+table+" SET "+column+" = 'damaged'")
	must(t, err)
}
