package storetest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"github.com/patchbay/patchbay/internal/store"
	"github.com/patchbay/patchbay/internal/testkit"
	"github.com/patchbay/patchbay/internal/vault"
)

// database names what tests run on, by PATCHBAY_TEST_DB: "sqlite", the default; "sqlite1", SQLite with one connection for reads and
// writes together, where whoever touches the Store inside a Tx waits for ever; or "postgres".
//
// The variable is read while tests run, so that go test knows that its cached results depend on it.
func database() string { return cmp.Or(os.Getenv("PATCHBAY_TEST_DB"), "sqlite") }

// Open gives an empty store, which is closed when the test ends.
func Open(t testing.TB) *store.Store {
	t.Helper()
	return empty.Open(t)
}

var empty = NewTemplate(func(context.Context, *store.Store) error { return nil })

// Template is a database that tests begin with copies of.
type Template struct {
	fill func(context.Context, *store.Store) error
	once sync.Once
	ring *vault.Ring
	file []byte // SQLite
	name string // PostgreSQL
	err  error
}

// NewTemplate makes a template that is filled when it is first needed.
func NewTemplate(fill func(context.Context, *store.Store) error) *Template {
	return &Template{fill: fill}
}

// Open gives a store on a copy of the template; it is closed when the test ends.
func (tp *Template) Open(t testing.TB) *store.Store {
	t.Helper()
	s := tp.OpenAt(t, tp.Copy(t))
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// Copy gives the location of a copy of the template, which is removed when the test ends.
func (tp *Template) Copy(t testing.TB) string {
	t.Helper()
	tp.once.Do(func() { tp.err = tp.make(t) })
	if tp.err != nil {
		t.Fatal(tp.err)
	}
	if database() == "postgres" {
		return newPostgres(t, tp.name)
	}
	path := filepath.Join(t.TempDir(), "patchbay.db")
	if err := os.WriteFile(path, tp.file, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// OpenAt opens a copy of the template, or opens it again. The caller closes it.
func (tp *Template) OpenAt(t testing.TB, location string) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), location, tp.ring, options()...)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func (tp *Template) make(t testing.TB) error {
	if known := []string{"sqlite", "sqlite1", "postgres"}; !slices.Contains(known, database()) {
		return fmt.Errorf("PATCHBAY_TEST_DB: expected one of %q, found %q", known, database())
	}
	ring, err := vault.Parse(vault.NewKey())
	if err != nil {
		return err
	}
	tp.ring = ring
	location := filepath.Join(t.TempDir(), "template.db")
	if database() == "postgres" {
		server := testkit.SharedPostgres(t)
		if tp.name, err = server.NewDatabase(""); err != nil {
			return err
		}
		location = server.Address(tp.name)
	}
	s, err := store.Open(t.Context(), location, ring, options()...)
	if err != nil {
		return err
	}
	// Closed, all of an SQLite database is in one file.
	if err := errors.Join(tp.fill(t.Context(), s), s.Close()); err != nil || database() == "postgres" {
		return err
	}
	tp.file, err = os.ReadFile(location)
	return err
}

func options() []store.Option {
	if database() == "sqlite1" {
		return []store.Option{store.OneConnection}
	}
	return nil
}

// Location gives the location of a database that does not exist yet, or has no schema.
func Location(t testing.TB) string {
	t.Helper()
	if database() == "postgres" {
		return newPostgres(t, "")
	}
	return filepath.Join(t.TempDir(), "patchbay.db")
}

// newPostgres gives the address of a new database, a copy of template.
func newPostgres(t testing.TB, template string) string {
	t.Helper()
	server := testkit.SharedPostgres(t)
	name, err := server.NewDatabase(template)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.DropDatabase(name); err != nil {
			t.Error(err)
		}
	})
	return server.Address(name)
}
