package store_test

import (
	"testing"

	"github.com/patchbay/patchbay/internal/store"
	"github.com/patchbay/patchbay/internal/store/storetest"
	"github.com/patchbay/patchbay/internal/testkit"
)

func TestPostgreSQL(t *testing.T) {
	storetest.Run(t, func(t *testing.T) *store.Store { return open(t, newPostgres(t, ""), newRing(t)) })
}

// newPostgres gives the address of a new database, a copy of template unless that is empty.
func newPostgres(t *testing.T, template string) string {
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
