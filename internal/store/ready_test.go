package store_test

import (
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/patchbay/patchbay/internal/store"
	"github.com/patchbay/patchbay/internal/store/storetest"
	"github.com/patchbay/patchbay/internal/vault"
	"github.com/patchbay/patchbay/models"
)

// atRest is a database whose file holds everything: what is in the write-ahead log alone needs no file.
type atRest struct {
	ring  *vault.Ring
	file  []byte
	uuids []string // of its connections, of which the newest is the first in every other order, too
}

func newAtRest(t *testing.T) atRest {
	t.Helper()
	path, r := filepath.Join(t.TempDir(), "patchbay.db"), atRest{ring: newRing(t)}
	s := open(t, path, r.ring)
	err := s.Write(t.Context(), func(tx *store.Tx) (err error) {
		for i := range 200 {
			c := storetest.Connection("slack", strconv.Itoa(999-i))
			r.uuids = append(r.uuids, c.UUID)
			err = errors.Join(err, tx.CreateConnection(c, storetest.Credentials("x")))
		}
		return err
	})
	if err := errors.Join(err, s.Close()); err != nil {
		t.Fatal(err)
	}
	if r.file, err = os.ReadFile(path); err != nil {
		t.Fatal(err)
	}
	return r
}

// open gives a store on a copy of the file.
func (r atRest) open(t *testing.T) (*store.Store, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "patchbay.db")
	if err := os.WriteFile(path, r.file, 0o600); err != nil {
		t.Fatal(err)
	}
	s := open(t, path, r.ring)
	if err := s.Ready(t.Context()); err != nil {
		t.Fatal(err)
	}
	return s, path
}

// overwrite puts text over a file that is open, from an offset on.
func overwrite(path string, offset int64, text string) error {
	file, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = file.WriteAt([]byte(text), offset)
	return errors.Join(err, file.Close())
}

const page = 4096 // bytes

func TestSQLiteIsNotReadyOnAFileThatWasSpoilt(t *testing.T) {
	junk := strings.Repeat("junk", 300*page/4)
	rested := newAtRest(t)
	for name, test := range map[string]struct {
		spoil func(path string) error
		want  string
	}{
		"overwritten": {func(path string) error { return overwrite(path, 0, junk) }, "the database file is damaged: stop the server"},
		"but for one": {func(path string) error { return overwrite(path, page, junk) }, "the database file is damaged: stop the server"},
		"cut":         {func(path string) error { return os.Truncate(path, 2*page) }, "the database file is damaged: stop the server"},
		"emptied":     {func(path string) error { return os.Truncate(path, 0) }, "the database file is damaged: stop the server"},
		"removed":     {os.Remove, "the database file was removed"},
		"replaced": {func(path string) error {
			return errors.Join(os.WriteFile(path+".new", nil, 0o600), os.Rename(path+".new", path))
		}, "another was put in its place"},
		"emptied of tables": {func(path string) error {
			db, err := sql.Open("sqlite", path)
			if err == nil {
				_, err = db.Exec("DROP TABLE connections")
				err = errors.Join(err, db.Close())
			}
			return err
		}, "tables are missing in the database"},
	} {
		t.Run(name, func(t *testing.T) {
			s, path := rested.open(t)
			if err := test.spoil(path); err != nil {
				t.Fatal(err)
			}
			err := s.Ready(t.Context())
			if !models.HasCode(err, models.CodeNotReady) || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), path) {
				t.Errorf("%v", err)
			}
		})
	}
}

// Readiness looks at little, but what any request has met, it knows.
func TestSQLiteIsNotReadyOnceARequestHasMetDamage(t *testing.T) {
	rested := newAtRest(t)
	s, path := rested.open(t)
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var number int64
	if err := db.QueryRow("SELECT pageno FROM dbstat WHERE name = 'connections' AND pagetype = 'leaf' ORDER BY path LIMIT 1").Scan(&number); err != nil {
		t.Fatal(err)
	}
	if err := overwrite(path, (number-1)*page, strings.Repeat("junk", page/4)); err != nil {
		t.Fatal(err)
	}
	if err := s.Ready(t.Context()); err != nil {
		t.Fatalf("what it looks at is whole: %v", err)
	}
	met := 0
	for _, uuid := range rested.uuids {
		if _, err := s.Connection(t.Context(), uuid); err != nil {
			met++
		}
	}
	if met == 0 {
		t.Fatal("nothing was met")
	}
	if err := s.Ready(t.Context()); !models.HasCode(err, models.CodeNotReady) || !strings.Contains(err.Error(), "damaged") {
		t.Errorf("%v", err)
	}
}

func BenchmarkReady(b *testing.B) {
	s := storetest.Open(b)
	for b.Loop() {
		if err := s.Ready(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
}
