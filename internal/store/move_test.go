package store

import (
	"path/filepath"
	"slices"
	"testing"

	"github.com/patchbay/patchbay/internal/vault"
)

// A column that is added has to be moved with the others, or to be named here as one that is left behind: what it holds has
// a meaning in one database alone.
func TestEveryColumnIsMovedOrLeftOnPurpose(t *testing.T) {
	left := map[string][]string{"connections": {"id", "lease_fence", "lease_until", "sealed_reply"}, "audit_entries": {"id"}, "events": {"id"}}
	ring, err := vault.Parse(vault.NewKey())
	if err != nil {
		t.Fatal(err)
	}
	s, err := Open(t.Context(), filepath.Join(t.TempDir(), "patchbay.db"), ring)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for table, moved := range map[string][]string{"connections": movedColumns, "audit_entries": auditColumns, "events": eventColumns} {
		var columns []string
		if err := s.db.Raw("SELECT name FROM pragma_table_info(?)", table).Scan(&columns).Error; err != nil {
			t.Fatal(err)
		}
		want := slices.Sorted(slices.Values(slices.Concat(moved, left[table])))
		if slices.Sort(columns); !slices.Equal(columns, want) {
			t.Errorf("%s has the columns %q; moved or left: %q", table, columns, want)
		}
	}
}
