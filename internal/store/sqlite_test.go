package store_test

import (
	"bytes"
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/patchbay/patchbay/internal/store"
	"github.com/patchbay/patchbay/internal/store/storetest"
	"github.com/patchbay/patchbay/internal/vault"
)

// The suite runs on the database that PATCHBAY_TEST_DB names.
func TestStore(t *testing.T) {
	storetest.Run(t, func(t *testing.T) *store.Store { return storetest.Open(t) })
}

func TestSQLiteHoldsNoSecretInTheClear(t *testing.T) {
	path := filepath.Join(t.TempDir(), "data", "patchbay.db")
	s := open(t, path, newRing(t))
	storetest.Create(t, s, storetest.Connection("slack", "canary"))
	files, err := filepath.Glob(path + "*")
	if err != nil || len(files) < 2 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, secret := range []string{"access-canary", "refresh-canary"} {
			if bytes.Contains(data, []byte(secret)) {
				t.Errorf("%s holds %s", filepath.Base(file), secret)
			}
		}
		if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", filepath.Base(file), info.Mode(), err)
		}
	}
}

func TestSQLiteRefusesAnotherKey(t *testing.T) {
	path := filepath.Join(t.TempDir(), "patchbay.db")
	ring := newRing(t)
	if err := open(t, path, ring).Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Open(t.Context(), path, newRing(t)); !errors.Is(err, store.ErrWrongKey) {
		t.Errorf("another key: %v", err)
	}
	open(t, path, ring)
}

func TestSQLiteRefusesASchemaOfTheFuture(t *testing.T) {
	path := filepath.Join(t.TempDir(), "patchbay.db")
	ring := newRing(t)
	if err := open(t, path, ring).Close(); err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.Exec("INSERT INTO goose_db_version (version_id, is_applied) VALUES (9999, 1)"); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Open(t.Context(), path, ring); err == nil || !strings.Contains(err.Error(), "version 9999") {
		t.Errorf("opened it: %v", err)
	}
}

func TestSQLiteRefusesWhatIsNoDatabase(t *testing.T) {
	path := filepath.Join(t.TempDir(), "patchbay.db")
	if err := os.WriteFile(path, []byte(strings.Repeat("not a database ", 100)), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Open(t.Context(), path, newRing(t)); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("opened it: %v", err)
	}
}

// The plan of a hot query must come from an index: a sort in a temporary tree grows with the table.
func TestSQLitePagesComeFromIndexes(t *testing.T) {
	path := filepath.Join(t.TempDir(), "patchbay.db")
	open(t, path, newRing(t))
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	for _, query := range []string{
		"SELECT * FROM connections WHERE id < 9 ORDER BY id DESC LIMIT 51",
		"SELECT * FROM connections WHERE (last_modified, id) < (9, 9) ORDER BY last_modified DESC, id DESC LIMIT 51",
		"SELECT * FROM connections WHERE integration = 'x' AND id < 9 ORDER BY id DESC LIMIT 51",
		"SELECT * FROM connections WHERE integration = 'x' AND (last_modified, id) < (9, 9) ORDER BY last_modified DESC, id DESC LIMIT 51",
		"SELECT * FROM connections WHERE user_id = 'x' AND id < 9 ORDER BY id DESC LIMIT 51",
		"SELECT * FROM connections WHERE state = 'error' AND id < 9 ORDER BY id DESC LIMIT 51",
		"SELECT * FROM connections WHERE id IN (SELECT id FROM connections WHERE state = 'connected' AND NOT refreshable AND expires_at <= 9 UNION ALL SELECT id FROM connections WHERE state = 'needs_reconnect') AND id < 9 ORDER BY id DESC LIMIT 51",
		"SELECT user_id, COUNT(*), MAX(last_modified) FROM connections WHERE user_id > 'x' GROUP BY user_id ORDER BY user_id LIMIT 51",
		"SELECT state, COUNT(*) FROM connections GROUP BY state",
		"SELECT state, COUNT(*) FROM connections WHERE integration = 'x' GROUP BY state",
		"SELECT COUNT(*) FROM connections WHERE state = 'connected' AND NOT refreshable AND expires_at > 1 AND expires_at <= 9",
		"SELECT COUNT(*) FROM (SELECT DISTINCT user_id FROM connections LIMIT 10001)",
		"SELECT * FROM audit_entries WHERE connection_uuid = 'x' AND id < 9 ORDER BY id DESC LIMIT 21",
		"SELECT * FROM audit_entries WHERE integration = 'x' AND id < 9 ORDER BY id DESC LIMIT 21",
		"SELECT * FROM connections WHERE id IN (SELECT connection_id FROM connection_tags WHERE tag = 'x') AND id < 9 ORDER BY id DESC LIMIT 51",
		"SELECT * FROM connections WHERE integration IN ('x') AND id < 9 ORDER BY id DESC LIMIT 51",
		"SELECT * FROM events WHERE id > 9 ORDER BY id LIMIT 51",
		"SELECT * FROM events WHERE type = 'x' AND id > 9 ORDER BY id LIMIT 51",
		"SELECT * FROM api_keys WHERE hash = 'x' OR previous_hash = 'x' AND previous_hash <> '' AND previous_expires_at > 9",
		"SELECT * FROM attempts WHERE claim_hash = 'x' AND status = 'pending'",
		"SELECT * FROM attempts WHERE status = 'pending' AND last_moved < 9",
		"SELECT id FROM connections WHERE integration = 'a' AND ahead_at <= 9 LIMIT 1",
		"SELECT * FROM connections WHERE integration = 'a' AND ahead_at <= 9 AND lease_until <= 9 ORDER BY ahead_at LIMIT 128",
		"SELECT COUNT(*) FROM (SELECT 1 FROM connections WHERE ahead_at <= 9 LIMIT 10)",
	} {
		rows, err := db.QueryContext(t.Context(), "EXPLAIN QUERY PLAN "+query)
		if err != nil {
			t.Fatal(err)
		}
		for rows.Next() {
			var id, parent, unused int
			var step string
			if err := rows.Scan(&id, &parent, &unused, &step); err != nil {
				t.Fatal(err)
			}
			if strings.Contains(step, "TEMP B-TREE") || strings.HasPrefix(step, "SCAN ") && !strings.HasPrefix(step, "SCAN (") && !strings.Contains(step, "USING") {
				t.Errorf("%s\n\t%s", query, step)
			}
		}
		if err := errors.Join(rows.Err(), rows.Close()); err != nil {
			t.Fatal(err)
		}
	}
}

func open(t *testing.T, path string, ring *vault.Ring) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), path, ring)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func newRing(t *testing.T) *vault.Ring {
	t.Helper()
	ring, err := vault.Parse(vault.NewKey())
	if err != nil {
		t.Fatal(err)
	}
	return ring
}
