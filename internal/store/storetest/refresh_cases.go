package storetest

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/patchbay/patchbay/internal/store"
	"github.com/patchbay/patchbay/models"
)

// lease takes the lease of a connection, if nobody holds it.
func lease(t *testing.T, s *store.Store, uuid string, life time.Duration) (r *store.Refresh, taken bool) {
	t.Helper()
	must(t, s.Write(t.Context(), func(tx *store.Tx) (err error) {
		if r, err = tx.LockForRefresh(t.Context(), uuid); err != nil || r.Leased {
			return err
		}
		taken = true
		return tx.Lease(r, life)
	}))
	return r, taken
}

func oneHoldsTheLease(t *testing.T, s *store.Store) {
	c := Connection("slack", "42")
	at := Now.Add(time.Minute)
	c.ExpiresAt, c.RefreshAt, c.AheadAt, c.UsedAt, c.StateReason, c.StateAnswer, c.Failures, c.Refusals = &at, &at, &at, at, "because", "400", 3, 2
	Create(t, s, c)
	var taken atomic.Int64
	var group sync.WaitGroup
	for range 20 {
		group.Go(func() {
			if _, ok := lease(t, s, c.UUID, time.Minute); ok {
				taken.Add(1)
			}
		})
	}
	group.Wait()
	if taken.Load() != 1 {
		t.Errorf("%d hold the lease", taken.Load())
	}
	r, err := s.ForRefresh(t.Context(), c.UUID)
	if err != nil || !r.Leased || r.Fence != 1 {
		t.Errorf("%+v, %v", r, err)
	}
	checkCredentials(t, r.Credentials, Credentials("42"))
	if diff := cmp.Diff(c, r.Connection); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	must(t, s.Write(t.Context(), func(tx *store.Tx) error { return tx.SaveFailure(r.Connection) }))
	if again, ok := lease(t, s, c.UUID, -time.Second); !ok || again.Fence != 2 {
		t.Errorf("after it was given back: %+v", again)
	}
	if again, ok := lease(t, s, c.UUID, time.Minute); !ok || again.Fence != 3 {
		t.Errorf("after it has ended: %+v", again)
	}
}

func repliesAreKept(t *testing.T, s *store.Store) {
	c := Connection("slack", "42")
	Create(t, s, c)
	reply := []byte(`{"Status":200,"Body":"secret"}`)
	keep := func() {
		t.Helper()
		must(t, s.Write(t.Context(), func(tx *store.Tx) error { return tx.KeepReply(c, reply, Now) }))
		r, err := s.ForRefresh(t.Context(), c.UUID)
		must(t, err)
		if string(r.Reply) != string(reply) || r.Connection.Version != c.Version || r.Connection.AheadAt == nil || !r.Connection.AheadAt.Equal(Now) {
			t.Errorf("kept %q, %+v", r.Reply, r.Connection)
		}
	}
	gone := func(after string) {
		t.Helper()
		if r, err := s.ForRefresh(t.Context(), c.UUID); err != nil || r.Reply != nil || r.Leased {
			t.Errorf("after %s: %+v, %v", after, r, err)
		}
	}
	keep()
	must(t, s.Write(t.Context(), func(tx *store.Tx) error { return tx.SaveCredentials(c, Credentials("new"), Now) }))
	gone("new credentials")
	keep()
	must(t, s.Write(t.Context(), func(tx *store.Tx) error { return tx.SaveFailure(c) }))
	gone("a failure")
}

func whatIsDue(t *testing.T, s *store.Store) {
	for i, integration := range []string{"slack", "slack", "slack", "github", "hubspot"} {
		c := Connection(integration, fmt.Sprint("user ", i))
		at := Now.Add(time.Duration(i-3) * time.Minute)
		c.AheadAt, c.RefreshAt, c.UsedAt = &at, &at, Now.Add(-time.Hour)
		if i == 2 {
			c.AheadAt = nil
		}
		Create(t, s, c)
	}
	names, err := s.DueIntegrations(t.Context(), []string{"slack", "github", "hubspot", "unused"}, Now)
	if must(t, err); len(names) != 2 {
		t.Errorf("due %v", names)
	}
	due, err := s.Due(t.Context(), "slack", Now, 10)
	if must(t, err); len(due) != 2 || due[0].UserID != "user 0" || due[1].UserID != "user 1" {
		t.Errorf("due %+v", due)
	}
	if _, ok := lease(t, s, due[0].UUID, time.Minute); !ok {
		t.Error("no lease")
	}
	if rest, err := s.Due(t.Context(), "slack", Now, 10); err != nil || len(rest) != 1 {
		t.Errorf("one is being refreshed, and %d are due, %v", len(rest), err)
	}
	for limit, want := range map[int]int64{2: 2, 10: 3} {
		if n, err := s.CountDue(t.Context(), Now, limit); err != nil || n != want {
			t.Errorf("%d due, %v", n, err)
		}
	}
}

func usesAreNoted(t *testing.T, s *store.Store) {
	kept, used := Connection("slack", "kept"), Connection("slack", "used")
	soon, late := Now.Add(time.Hour), Now.Add(24*time.Hour)
	for _, c := range []*models.Connection{kept, used} {
		c.RefreshAt, c.AheadAt = &soon, &late
	}
	Create(t, s, kept, used)
	must(t, s.Used(t.Context(), []int64{used.ID}, Now))
	for c, want := range map[*models.Connection]time.Time{kept: late, used: soon} {
		got, err := s.Connection(t.Context(), c.UUID)
		must(t, err)
		if !got.AheadAt.Equal(want) || got.UsedAt.Equal(Now) != (c == used) || got.Version != 1 {
			t.Errorf("%s: %+v", c.UserID, got)
		}
	}
}
