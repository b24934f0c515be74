package auth

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/patchbay/patchbay/internal/store"
	"github.com/patchbay/patchbay/models"
)

func newMeter(t *testing.T) (*Meter, *store.Store, *clock) {
	t.Helper()
	_, _, db, c := newService(t)
	c.at = c.at.Truncate(models.APICallWindow)
	return NewMeter(db, c.now), db, c
}

func count(t *testing.T, m *Meter, apiKey, operation, connection string) {
	t.Helper()
	if err := m.Count(apiKey, operation, connection); err != nil {
		t.Error(err)
	}
}

// written gives what is stored about a connection, as "minutes key operation calls".
func written(t *testing.T, db *store.Store, connection string, from time.Time) string {
	t.Helper()
	calls, err := db.APICallsOf(context.WithoutCancel(t.Context()), connection, 100)
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, c := range calls {
		lines = append(lines, fmt.Sprintf("%d %s %s %d", c.Window.Sub(from)/time.Minute, c.APIKey, c.Operation, c.Calls))
	}
	return strings.Join(lines, ", ")
}

func TestCallsAreCountedByKeyOperationConnectionAndWindow(t *testing.T) {
	m, db, c := newMeter(t)
	from := c.at
	keys := NewAPIKeys(db, c.now)
	used, _ := createKey(t, keys, models.APIKeyRequest{Name: "used"})
	idle, _ := createKey(t, keys, models.APIKeyRequest{Name: "idle"})
	var group sync.WaitGroup
	for range 50 {
		group.Go(func() { count(t, m, "used", "read", "u") })
	}
	group.Wait()
	count(t, m, "used", "write", "u")
	count(t, m, "other", "read", "u")
	count(t, m, "used", "read", "v")
	count(t, m, "used", "list", "")
	c.at = c.at.Add(models.APICallWindow - time.Microsecond)
	count(t, m, "used", "read", "u")
	if got := written(t, db, "u", from); got != "" {
		t.Errorf("written at once: %s", got)
	}
	if err := m.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	c.at = c.at.Add(time.Microsecond)
	for range 2 {
		count(t, m, "used", "read", "u")
		if err := m.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	for connection, want := range map[string]string{
		"u": "10 used read 2, 0 other read 1, 0 used read 51, 0 used write 1", "v": "0 used read 1", "": "0 used list 1",
	} {
		if got := written(t, db, connection, from); got != want {
			t.Errorf("%q: %s, want %s", connection, got, want)
		}
	}
	if key, err := keys.Find(t.Context(), used.ID); err != nil || key.LastUsed == nil || !key.LastUsed.Equal(c.at) {
		t.Errorf("used: %+v, %v", key, err)
	}
	if key, err := keys.Find(t.Context(), idle.ID); err != nil || key.LastUsed != nil {
		t.Errorf("idle: %+v, %v", key, err)
	}
}

func TestNothingIsCountedThatCannotBeWritten(t *testing.T) {
	m, db, c := newMeter(t)
	count(t, m, "k", "read", "u")
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := m.Flush(ended); !errors.Is(err, context.Canceled) {
		t.Fatalf("flushed: %v", err)
	}
	for range 2 {
		if err := m.Count("k", "read", "u"); !errors.Is(err, context.Canceled) {
			t.Errorf("counted: %v", err)
		}
	}
	if err := m.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	count(t, m, "k", "read", "u")
	if err := m.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := written(t, db, "u", c.at); got != "0 k read 2" {
		t.Errorf("what was refused was counted, or what was not is lost: %s", got)
	}
}
