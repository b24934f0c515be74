package store_test

import (
	"database/sql"
	"path/filepath"
	"strings"
	"testing"

	"github.com/patchbay/patchbay/internal/store"
)

// A backup comes from outside: its schema may hold anything that SQLite runs.
func TestABackupWithMoreThanPlainTablesIsRefused(t *testing.T) {
	for _, hostile := range []string{
		`CREATE TABLE "x"";DELETE FROM admins;--" (a)`,
		`CREATE TABLE "Other" (a)`,
		`CREATE INDEX "settings;--" ON settings (value)`,
		`CREATE TRIGGER t AFTER INSERT ON connections BEGIN DELETE FROM audit_entries; END`,
		`CREATE VIEW v AS SELECT * FROM admins`,
		`CREATE VIRTUAL TABLE v USING fts5(a)`,
	} {
		dir := t.TempDir()
		path := filepath.Join(dir, "backup.db")
		if err := open(t, path, newRing(t)).Close(); err != nil {
			t.Fatal(err)
		}
		if _, err := store.ReadBackup(t.Context(), path, filepath.Join(dir, "patchbay.db")); err != nil {
			t.Fatal(err)
		}
		db, err := sql.Open("sqlite", path)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := db.Exec(hostile); err != nil {
			t.Fatal(err)
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
		if _, err := store.ReadBackup(t.Context(), path, filepath.Join(dir, "patchbay.db")); err == nil || !strings.Contains(err.Error(), "which no database of Patchbay has") {
			t.Errorf("%s: %v", hostile, err)
		}
	}
}
