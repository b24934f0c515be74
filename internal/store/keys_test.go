package store_test

import (
	"path/filepath"
	"testing"

	"github.com/patchbay/patchbay/internal/store"
	"github.com/patchbay/patchbay/internal/store/storetest"
	"github.com/patchbay/patchbay/internal/vault"
)

func TestSQLiteKeys(t *testing.T) {
	storetest.RunKeys(t, func(t *testing.T) func(*vault.Ring) (*store.Store, error) {
		return openedTo(t, filepath.Join(t.TempDir(), "patchbay.db"))
	})
}

func TestPostgreSQLKeys(t *testing.T) {
	storetest.RunKeys(t, func(t *testing.T) func(*vault.Ring) (*store.Store, error) { return openedTo(t, newPostgres(t, "")) })
}

// openedTo gives what opens a database as often as it is called.
func openedTo(t *testing.T, location string) func(*vault.Ring) (*store.Store, error) {
	return func(ring *vault.Ring) (*store.Store, error) {
		s, err := store.Open(t.Context(), location, ring)
		if err == nil {
			t.Cleanup(func() { s.Close() })
		}
		return s, err
	}
}
