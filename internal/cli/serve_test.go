package cli

import (
	"database/sql"
	"net/http"
	"testing"
)

// The last calls before the end are still in memory then.
func TestCallsOfTheAPIAreCountedUpToTheEnd(t *testing.T) {
	t.Chdir(t.TempDir())
	t.Setenv("PATCHBAY_API_KEY", environmentKey)
	const calls = 3
	running(t, func(address string) {
		for range calls {
			if response, body := get(t, address+"/api/v1/connections"); response.StatusCode != http.StatusOK {
				t.Errorf("%d %s", response.StatusCode, body)
			}
		}
	})
	db, err := sql.Open("sqlite", "data/patchbay.db")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var counted int
	if err := db.QueryRowContext(t.Context(), "SELECT SUM(calls) FROM api_calls WHERE operation = 'listConnections'").Scan(&counted); err != nil || counted != calls {
		t.Errorf("%d calls are counted, %v", counted, err)
	}
}
