package store_test

import (
	"database/sql"
	"os"
	"path/filepath"
	"testing"

	"github.com/pressly/goose/v3"

	"github.com/patchbay/patchbay/models"
)

// A database of an earlier schema keeps its connections when the program that made it is replaced.
func TestSQLiteMigratesWhatIsThere(t *testing.T) {
	path := filepath.Join(t.TempDir(), "patchbay.db")
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	earlier, err := goose.NewProvider(goose.DialectSQLite3, db, os.DirFS("migrations/sqlite"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := earlier.UpTo(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	for _, statement := range []string{
		`INSERT INTO connections (uuid, integration, user_id, date_created, last_modified, auth_mode, sealed_credentials, expires_at, refreshable, state, state_reason, additional_config, config_version, version)
			VALUES ('u', 'slack', '42', 1, 1, 'OAUTH2', x'00', 3600000000, 1, 'connected', '', '{ "a": 1.0 }', 2, 2)`,
		`INSERT INTO connect_sessions (token_hash, integration, user_id, user_label, return_url, popup, created_by, date_created, expires_at)
			VALUES ('h', 'slack', '42', '', '', 0, 'admin:a', 1, 2)`,
	} {
		if _, err := db.Exec(statement); err != nil {
			t.Fatal(err)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	s := open(t, path, newRing(t))
	got, err := s.Connection(t.Context(), "u")
	if err != nil || got.AdditionalConfig != `{ "a": 1.0 }` || got.State != models.StateConnected || got.Tags == nil || len(got.Tags) != 0 || got.RefreshAt == nil || got.RefreshAt.Unix() != 2700 || got.ObtainedAt.UnixMicro() != 1 {
		t.Errorf("%+v, %v", got, err)
	}
}
