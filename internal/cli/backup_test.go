package cli

import (
	"bytes"
	"database/sql"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/patchbay/patchbay/internal/store"
	"github.com/patchbay/patchbay/internal/store/storetest"
	"github.com/patchbay/patchbay/internal/vault"
)

// openData opens the database of a folder, as the server would.
func openData(t *testing.T, dir string) *store.Store {
	t.Helper()
	ring, err := vault.ReadKeyFile(filepath.Join(dir, "patchbay.key"))
	if err != nil {
		t.Fatal(err)
	}
	db, err := store.Open(t.Context(), filepath.Join(dir, "patchbay.db"), ring)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

// refused runs a command that has to fail with what the operator has to mend.
func refused(t *testing.T, want string, args ...string) {
	t.Helper()
	code, _, errors := run(t, "", args...)
	if code == exitOK || !strings.Contains(errors, want) || strings.Count(errors, "\n") != 1 {
		t.Errorf("%v: exit %d, %q, want %q", args, code, errors, want)
	}
}

func create(t *testing.T, db *store.Store, userID string) {
	t.Helper()
	storetest.Create(t, db, storetest.Connection("slack", userID))
}

// The whole drill: a backup while the server works, a new machine, everything that was acknowledged before is there.
func TestABackupUnderLoadIsRestoredOnAnEmptyMachine(t *testing.T) {
	t.Chdir(t.TempDir())
	running(t, func(string) {
		db := openData(t, "data")
		for i := range 50 {
			create(t, db, "before-"+strconv.Itoa(i))
		}
		var stop, written atomic.Int64
		var load sync.WaitGroup
		load.Go(func() {
			for ; stop.Load() == 0; written.Add(1) {
				create(t, db, "during-"+strconv.FormatInt(written.Load(), 10))
			}
		})
		eventually(t, func() bool { return written.Load() > 10 })
		acknowledged := written.Load()
		out := ok(t, "backup", "backup.db")
		stop.Store(1)
		load.Wait()
		wants(t, out, "Backed up ./data/patchbay.db to backup.db", " rows, ", " seconds", "keep a copy of ./data/patchbay.key apart from it")

		if err := os.MkdirAll("machine/data", 0o700); err != nil {
			t.Fatal(err)
		}
		refused(t, "does not exist: put the key file there", "restore", "backup.db", "--db", "machine/data/patchbay.db", "--key-file", "machine/data/patchbay.key")
		key, err := os.ReadFile("data/patchbay.key")
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile("machine/data/patchbay.key", key, 0o600); err != nil {
			t.Fatal(err)
		}
		wants(t, ok(t, "restore", "backup.db", "--verify", "--db", "machine/data/patchbay.db", "--key-file", "machine/data/patchbay.key"), "Restored machine/data/patchbay.db", "all of them")
		restored := openData(t, "machine/data")
		for name, n := range map[string]int64{"before-": 50, "during-": acknowledged} {
			for i := range n {
				userID := name + strconv.FormatInt(i, 10)
				if _, credentials, err := restored.ConnectionWithCredentials(t.Context(), "slack", userID); err != nil || credentials.AccessToken.Reveal() != "access-"+userID {
					t.Fatalf("user %s is not restored: %v", userID, err)
				}
			}
		}
		restored.Close()
	})
	t.Chdir("machine")
	running(t, func(address string) {
		response, err := http.Get(address + "/readyz")
		if err != nil || response.StatusCode != http.StatusOK {
			t.Fatalf("the server does not start on it: %v", err)
		}
		response.Body.Close()
	})
}

func TestABackupIsPrivateAndReplacesNothing(t *testing.T) {
	t.Chdir(t.TempDir())
	ok(t, "migrate")
	ok(t, "backup", "b.db")
	refused(t, "b.db exists already", "backup", "b.db")
	ok(t, "backup", "b.db", "--force")
	refused(t, "no such file or directory", "backup", "none/b.db")
	wants(t, ok(t, "backup", "key.db", "--with-key"), "whoever reads it reads every credential")
	key, err := os.ReadFile("data/patchbay.key")
	if err != nil {
		t.Fatal(err)
	}
	key = bytes.TrimSpace(key)
	for name, holds := range map[string]bool{"b.db": false, "key.db": true} {
		data, err := os.ReadFile(name)
		if err != nil || bytes.Contains(data, key) != holds {
			t.Errorf("%s holds the key: %v, %v", name, !holds, err)
		}
		if info, err := os.Stat(name); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", name, info, err)
		}
	}
	out := ok(t, "restore", "key.db", "--db", "machine/p.db", "--key-file", "machine/p.key")
	wants(t, out, "Restored machine/p.db")
	if restored, err := os.ReadFile("machine/p.key"); err != nil || !bytes.Contains(restored, key) {
		t.Errorf("the key is not restored: %v", err)
	}
	if data, err := os.ReadFile("machine/p.db"); err != nil || bytes.Contains(data, key) {
		t.Errorf("the restored database holds the key, %v", err)
	}
	if left, err := filepath.Glob(".patchbay-*"); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestABackupWithoutTheKeySaysWhatIsNotInIt(t *testing.T) {
	t.Chdir(t.TempDir())
	ok(t, "migrate")
	if err := os.Rename("data/patchbay.key", "elsewhere.key"); err != nil {
		t.Fatal(err)
	}
	refused(t, "--with-key: there is no key file ./data/patchbay.key", "backup", "b.db", "--with-key")
	code, out, errors := run(t, "", "backup", "b.db")
	if code != exitOK || !strings.HasPrefix(out, "Backed up ./data/patchbay.db to b.db: ") {
		t.Fatalf("exit %d, %q, %q", code, out, errors)
	}
	wants(t, errors, "The encryption key is not in it, nor at ./data/patchbay.key", "it cannot be restored", "Find the key")
	ok(t, "restore", "b.db", "--key-file", "elsewhere.key", "--db", "machine/patchbay.db")
}

func TestARestoreChecksBeforeItReplaces(t *testing.T) {
	t.Chdir(t.TempDir())
	db := func() *store.Store {
		ok(t, "migrate")
		return openData(t, "data")
	}()
	for i := range 150 {
		create(t, db, strconv.Itoa(i))
	}
	ok(t, "backup", "good.db")
	create(t, db, "after")

	copied := func(name string, change func([]byte) []byte) string {
		data, err := os.ReadFile("good.db")
		if err == nil {
			err = os.WriteFile(name, change(data), 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
		return name
	}
	changed := func(name string, statements ...string) string {
		copied(name, bytes.Clone)
		raw, err := sql.Open("sqlite", name)
		if err != nil {
			t.Fatal(err)
		}
		defer raw.Close()
		for _, statement := range statements {
			if _, err := raw.Exec(statement); err != nil {
				t.Fatal(err)
			}
		}
		return name
	}
	empty := vaultFile(t, "other.key")
	refused(t, "expected an SQLite file", "restore", empty)
	refused(t, "no such file", "restore", "none.db")
	refused(t, "expected an SQLite file", "restore", copied("short.db", func(b []byte) []byte { return b[:10] }))
	refused(t, "backup cut.db", "restore", copied("cut.db", func(b []byte) []byte { return b[:len(b)/2] }))
	refused(t, "backup noise.db", "restore", copied("noise.db", func(b []byte) []byte {
		for i := 8192; i < len(b); i += 100 {
			b[i] ^= 0xff
		}
		return b
	}))
	refused(t, "not one of Patchbay", "restore", changed("foreign.db", "DROP TABLE connections"))
	refused(t, "version 9999", "restore", changed("newer.db", "INSERT INTO goose_db_version (version_id, is_applied) VALUES (9999, 1)"))
	refused(t, "does not open the backup", "restore", "good.db", "--key-file", empty)
	late := changed("damaged.db", "UPDATE connections SET sealed_credentials = substr(sealed_credentials, 1, 40) WHERE user_id = '140'")
	refused(t, "1 sealed values of the backup do not open", "restore", late, "--verify")
	refused(t, "a server has the database open: stop it first", "restore", "good.db")
	if _, err := db.ConnectionOf(t.Context(), "slack", "after"); err != nil {
		t.Fatalf("a restore that was refused changed the database: %v", err)
	}
	if left, err := filepath.Glob("data/*"); err != nil || len(left) != 4 { // key, database and what it has open
		t.Errorf("left behind: %v", left)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	checkReplaced(t)
}

// checkReplaced restores at last, and finds the old database beside the new one.
func checkReplaced(t *testing.T) {
	t.Helper()
	var gone, stop atomic.Int64
	var watch sync.WaitGroup
	watch.Go(func() {
		for ; stop.Load() == 0; gone.Add(0) {
			if _, err := os.Stat("data/patchbay.db"); err != nil {
				gone.Add(1)
			}
		}
	})
	wants(t, ok(t, "restore", "good.db"), "kept as ./data/patchbay.db.before-restore")
	wants(t, ok(t, "restore", "good.db"), "kept as ./data/patchbay.db.before-restore.2")
	stop.Store(1)
	watch.Wait()
	if gone.Load() > 0 {
		t.Error("there was no database for a moment")
	}
	if files, err := filepath.Glob("data/*"); err != nil || len(files) != 4 {
		t.Errorf("beside key and database, the old ones and nothing else: %v", files)
	}
	if _, err := openData(t, "data").ConnectionOf(t.Context(), "slack", "after"); err == nil {
		t.Error("not restored")
	}
	if err := os.Rename("data/patchbay.db.before-restore", "data/patchbay.db"); err != nil {
		t.Fatal(err)
	}
	for _, suffix := range []string{"-wal", "-shm"} {
		os.Remove("data/patchbay.db" + suffix)
	}
	if _, err := openData(t, "data").ConnectionOf(t.Context(), "slack", "after"); err != nil {
		t.Errorf("the old database is not whole: %v", err)
	}
}

func vaultFile(t *testing.T, path string) string {
	t.Helper()
	if err := vault.CreateKeyFile(path); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestADatabaseThatIsDamagedIsReplacedAllTheSame(t *testing.T) {
	t.Chdir(t.TempDir())
	ok(t, "apikey", "create", "--name", "backend")
	ok(t, "backup", "good.db")
	for _, name := range []string{"data/patchbay.db", "data/patchbay.db-wal"} {
		if err := os.WriteFile(name, []byte(strings.Repeat("not a database ", 1000)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	wants(t, ok(t, "restore", "good.db"), "before-restore")
	wants(t, ok(t, "apikey", "list"), "backend")
}

func TestPostgreSQLIsBackedUpByItsOwnPrograms(t *testing.T) {
	t.Chdir(t.TempDir())
	t.Setenv("PATCHBAY_DB", "postgres://user:sekret@localhost/x")
	for command, want := range map[string]string{
		"backup":  `pg_dump --format=custom --file='it'\''s';`,
		"restore": `pg_restore --clean --if-exists --single-transaction --dbname="$PGDATABASE" 'it'\''s'`,
	} {
		code, out, errors := run(t, "", command, "it's")
		if code != exitSettings || out != "" || !strings.Contains(errors, want) || strings.Contains(errors, "sekret") || strings.Contains(errors, "$PATCHBAY_DB") || !strings.Contains(errors, "PGPASSWORD") {
			t.Errorf("%s: %d %q %q", command, code, out, errors)
		}
	}
}

func TestWhatTheServerNeedsIsNotWrittenOver(t *testing.T) {
	dir := t.TempDir()
	db, key := filepath.Join(dir, "p.db"), filepath.Join(dir, "p.key")
	storage := []string{"--db", db, "--key-file", key}
	if code, _, stderr := run(t, "", append([]string{"migrate"}, storage...)...); code != exitOK {
		t.Fatal(stderr)
	}
	other := filepath.Join(dir, "other")
	if err := os.WriteFile(other, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, target := range []string{db, key} {
		for _, command := range [][]string{{"backup", target, "--force"}, {"export", "--out", target, "--force"}} {
			if code, _, stderr := run(t, "", append(command, storage...)...); code != exitSettings || !strings.Contains(stderr, "what the server needs") {
				t.Errorf("%v: exit %d, %s", command, code, stderr)
			}
		}
	}
	if code, _, stderr := run(t, "", append([]string{"export", "--out", other}, storage...)...); code != exitSettings || !strings.Contains(stderr, "--force") {
		t.Errorf("exit %d, %s", code, stderr)
	}
	if code, _, stderr := run(t, "", append([]string{"export", "--out", other, "--force"}, storage...)...); code != exitOK {
		t.Error(stderr)
	}
}
