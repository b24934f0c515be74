package cli

import (
	"bytes"
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// readers are the commands that only read, or change only what is there.
var readers = map[string][]string{
	"apikey list": {"apikey", "list"}, "apikey revoke": {"apikey", "revoke", "backend"}, "backup": {"backup", "b.db"}, "doctor": {"doctor"}, "export": {"export", "--out", "e.jsonl"},
	"import --check": {"import", "--check", "-"}, "keys prune": {"keys", "prune", "--yes"}, "keys rotate": {"keys", "rotate"}, "keys status": {"keys", "status"}, "migrate status": {"migrate", "status"},
}

// everything gives the content of every file in this folder.
func everything(t *testing.T) string {
	t.Helper()
	var all strings.Builder
	err := filepath.WalkDir(".", func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			all.WriteString(path + "/\n")
			return err
		}
		text, err := os.ReadFile(path)
		all.WriteString(path + ":\n" + string(text) + "\n")
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all.String()
}

func TestWhatOnlyReadsMakesNoDatabaseAndNoKey(t *testing.T) {
	for name, args := range readers {
		t.Run(name, func(t *testing.T) {
			t.Chdir(t.TempDir())
			code, _, errors := run(t, "{}\n", args...)
			if files := everything(t); files != "./\n" {
				t.Errorf("it left %s", files)
			}
			if name == "doctor" || name == "migrate status" { // which tell of a new place
				return
			}
			if code != exitSettings || !strings.Contains(errors, "there is no database at ./data/patchbay.db; `patchbay serve` creates one") || strings.Count(errors, "\n") != 1 {
				t.Errorf("exit %d, %q", code, errors)
			}
		})
	}
}

func TestAnotherProgramsDatabaseIsLeftAsItIs(t *testing.T) {
	commands := map[string][]string{"serve": {"--addr", "127.0.0.1:0"}, "migrate": {"migrate"}, "apikey create": {"apikey", "create", "--name", "backend"}, "seed": {"seed", "--connections", "1"}}
	for name, args := range readers {
		commands[name] = args
	}
	for name, args := range commands {
		t.Run(name, func(t *testing.T) {
			t.Chdir(t.TempDir())
			foreign(t)
			before := everything(t)
			code, out, errors := run(t, "{}\n", args...)
			if code == exitOK || !strings.Contains(out+errors, "another program's table customers is in it, and nothing was changed: point PATCHBAY_DB at") {
				t.Errorf("exit %d, %q, %q", code, out, errors)
			}
			if after := everything(t); after != before {
				t.Errorf("changed, or more files: %d bytes before, %d after", len(before), len(after))
			}
		})
	}
}

// foreign puts another program's database where ours would be.
func foreign(t *testing.T) {
	t.Helper()
	err := os.Mkdir("data", 0o700)
	if err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite", "data/patchbay.db")
	if err == nil {
		_, err = db.Exec("CREATE TABLE customers (id INTEGER PRIMARY KEY)")
		err = errors.Join(err, db.Close())
	}
	if err != nil {
		t.Fatal(err)
	}
}

func TestAnOlderSchemaIsNotChangedByReading(t *testing.T) {
	t.Chdir(t.TempDir())
	ok(t, "migrate")
	sqlExec(t, "DELETE FROM goose_db_version WHERE version_id = (SELECT MAX(version_id) FROM goose_db_version)")
	refused(t, "make a backup, and run `patchbay migrate`", "apikey", "list")
	refused(t, "make a backup, and run `patchbay migrate`", "keys", "status")
	wants(t, ok(t, "backup", "b.db"), "Backed up")
	if text, err := os.ReadFile("b.db"); err != nil || !bytes.HasPrefix(text, []byte("SQLite format 3")) {
		t.Errorf("the backup: %d bytes, %v", len(text), err)
	}
}
