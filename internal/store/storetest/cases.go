package storetest

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/patchbay/patchbay/internal/store"
	"github.com/patchbay/patchbay/models"
)

func forgedCursors(t *testing.T, s *store.Store) {
	Create(t, s, Connection("slack", "1"), Connection("slack", "2"))
	list := store.ConnectionList{PageRequest: models.PageRequest{Limit: 1}, Sort: models.SortNewest, Now: Now}
	page, err := s.Connections(t.Context(), list)
	if err != nil || page.Next == "" {
		t.Fatal(page, err)
	}
	list.Sort, list.Cursor = models.SortLastModified, page.Next
	if _, err := s.Connections(t.Context(), list); !models.HasCode(err, models.CodeInvalidCursor) {
		t.Errorf("cursor of another order: %v", err)
	}
	for _, cursor := range []string{"x", "e30", "bnVsbA", "eyJvIjoiLWNyZWF0ZWQiLCJ2IjpbIicgT1IgMT0xIl19", strings.Repeat("A", 5000), page.Next + "=", page.Next[1:]} {
		list.Sort, list.Cursor = models.SortNewest, cursor
		if _, err := s.Connections(t.Context(), list); !models.HasCode(err, models.CodeInvalidCursor) {
			t.Errorf("cursor %.40q: %v", cursor, err)
		}
	}
}

func statuses(t *testing.T, s *store.Store) {
	var all []*models.Connection
	add := func(state models.State, refreshable bool, expiresIn time.Duration) {
		c := Connection([]string{"slack", "github"}[len(all)%2], fmt.Sprintf("user-%d", len(all)))
		c.State, c.Refreshable = state, refreshable
		if expiresIn != 0 {
			at := Now.Add(expiresIn)
			c.ExpiresAt = &at
		}
		all = append(all, c)
	}
	for _, refreshable := range []bool{true, false} {
		for _, expiresIn := range []time.Duration{0, -time.Hour, time.Microsecond, time.Hour, models.ExpiringWindow, models.ExpiringWindow + time.Microsecond, 48 * time.Hour} {
			add(models.StateConnected, refreshable, expiresIn)
		}
	}
	for _, state := range []models.State{models.StateNeedsReconnect, models.StateError, models.StateDisabled, models.StatePending} {
		add(state, true, time.Hour)
		add(state, false, -time.Hour)
	}
	Create(t, s, all...)

	for _, integration := range []string{"", "slack", "github", "none"} {
		want := models.StatusCounts{}
		for _, c := range all {
			if integration == "" || c.Integration == integration {
				want[c.Status(Now)]++
			}
		}
		counts, err := s.CountByStatus(t.Context(), models.ConnectionFilter{Integration: integration}, Now)
		if diff := cmp.Diff(want, counts); err != nil || diff != "" {
			t.Errorf("counts of %q: %v\n%s", integration, err, diff)
		}
		for _, limit := range []int{1, 5, 1000} {
			n, err := s.CountUpTo(t.Context(), models.ConnectionFilter{Integration: integration}, Now, limit)
			if err != nil || n != min(want.Total(), int64(limit)) {
				t.Errorf("counted %d of %q up to %d, %v", n, integration, limit, err)
			}
		}
		for _, status := range models.Statuses {
			page, err := s.Connections(t.Context(), store.ConnectionList{
				ConnectionFilter: models.ConnectionFilter{Integration: integration, Status: status},
				PageRequest:      models.PageRequest{Limit: 100}, Sort: models.SortNewest, Now: Now,
			})
			if err != nil || int64(len(page.Rows)) != want[status] {
				t.Errorf("%s of %q: %d rows, want %d, %v", status, integration, len(page.Rows), want[status], err)
			}
			for _, c := range page.Rows {
				if c.Status(Now) != status {
					t.Errorf("listed as %s, shown as %s", status, c.Status(Now))
				}
			}
		}
	}
	byIntegration, err := s.CountByIntegration(t.Context())
	if diff := cmp.Diff(map[string]int64{"slack": 11, "github": 11}, byIntegration); err != nil || diff != "" {
		t.Errorf("by integration: %v\n%s", err, diff)
	}
}

func hostileUserIDs(t *testing.T, s *store.Store) {
	ids := []string{
		`'; DROP TABLE connections; --`, `1 OR 1=1`, `%`, `_`, `\`, `a%b`, "user/1", "user|1", `"quoted"`, "..", "null", "0", "００",
		"😀", "\u202eright-to-left", "é", "e\u0301", "A", "a", strings.Repeat("x", models.MaxUserIDBytes),
	}
	for _, id := range ids {
		Create(t, s, Connection("slack", id))
	}
	list := func(filter models.ConnectionFilter) []string {
		page, err := s.Connections(t.Context(), store.ConnectionList{
			ConnectionFilter: filter, PageRequest: models.PageRequest{Limit: 100}, Sort: models.SortOldest, Now: Now,
		})
		if err != nil {
			t.Fatal(err)
		}
		var found []string
		for _, c := range page.Rows {
			found = append(found, c.UserID)
		}
		return found
	}
	for _, id := range ids {
		if found := list(models.ConnectionFilter{UserID: id}); len(found) != 1 || found[0] != id {
			t.Errorf("filter by user %q: %q", id, found)
		}
		if found := list(models.ConnectionFilter{Query: id}); !slices.Contains(found, id) {
			t.Errorf("search for %q: %q", id, found)
		}
		if c, err := s.ConnectionOf(t.Context(), "slack", id); err != nil || c.UserID != id {
			t.Errorf("find %q: %+v, %v", id, c, err)
		}
	}
	if found := list(models.ConnectionFilter{Query: strings.Repeat("x", 60_000)}); found != nil {
		t.Errorf("a search longer than any user id found %q", found)
	}
	for _, text := range []string{"a\x00", "\x00", "a\xff"} {
		for name, filter := range map[string]models.ConnectionFilter{
			"user": {UserID: text}, "integration": {Integration: text}, "integrations": {Integrations: []string{text}}, "tag": {Tag: text}, "query": {Query: text},
		} {
			if found := list(filter); found != nil {
				t.Errorf("%s %q: %q", name, text, found)
			}
		}
		err := s.Write(t.Context(), func(tx *store.Tx) error {
			_, err := tx.ConnectionOf(t.Context(), "slack", text)
			return err
		})
		if !models.HasCode(err, models.CodeUnknownConnection) {
			t.Errorf("%q has a connection: %v", text, err)
		}
	}
	for query, want := range map[string][]string{"NULL": {"null"}, "É": nil} {
		if found := list(models.ConnectionFilter{Query: query}); !slices.Equal(found, want) {
			t.Errorf("search for %q: %q", query, found)
		}
	}
	if found := list(models.ConnectionFilter{Query: "%"}); !slices.Equal(found, []string{"%", "a%b"}) {
		t.Errorf("search for %%: %q", found)
	}
}

func attemptMovesOnce(t *testing.T, s *store.Store) {
	session, attempt := newAttempt(t, s, Now.Add(time.Hour))
	got, err := s.AttemptByState(t.Context(), attempt.StateHash)
	if diff := cmp.Diff(attempt, got); err != nil || diff != "" {
		t.Fatalf("%v\n%s", err, diff)
	}
	const callbacks = 40
	var moved atomic.Int64
	var group sync.WaitGroup
	for range callbacks {
		group.Go(func() {
			mine := *attempt
			mine.Status = models.AttemptConsumed
			err := s.Write(t.Context(), func(tx *store.Tx) error {
				ok, err := tx.MoveAttempt(&mine, models.AttemptStarted)
				if ok {
					moved.Add(1)
				}
				return err
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	if moved.Load() != 1 {
		t.Errorf("%d callbacks consumed one attempt", moved.Load())
	}
	later := *attempt
	later.ID, later.UUID, later.StateHash, later.Status = 0, uuid.NewString(), uuid.NewString(), models.AttemptFailed
	must(t, s.Write(t.Context(), func(tx *store.Tx) error { return tx.CreateAttempt(&later) }))
	if got, err := s.DecidingAttempt(t.Context(), session.ID, "slack"); err != nil || got.UUID != later.UUID {
		t.Errorf("without a success the newest decides, got %+v, %v", got, err)
	}
	attempt.Status = models.AttemptSucceeded
	must(t, s.Write(t.Context(), func(tx *store.Tx) error {
		_, err := tx.MoveAttempt(attempt, models.AttemptConsumed)
		return err
	}))
	if got, err := s.DecidingAttempt(t.Context(), session.ID, "slack"); err != nil || got.UUID != attempt.UUID {
		t.Errorf("a success decides, got %+v, %v", got, err)
	}
	if none, err := s.DecidingAttempt(t.Context(), session.ID+1, "slack"); err != nil || none != nil {
		t.Errorf("attempt of another session: %+v, %v", none, err)
	}
	if n, err := s.CountAttempts(t.Context(), session.ID, "slack"); err != nil || n != 2 {
		t.Errorf("%d attempts, %v", n, err)
	}
}

func newAttempt(t *testing.T, s *store.Store, sessionEnds time.Time) (*models.ConnectSession, *models.Attempt) {
	t.Helper()
	session := &models.ConnectSession{
		UUID: uuid.NewString(), TokenHash: uuid.NewString(), Integrations: []string{"slack"}, UserID: "42", CreatedBy: "admin:a@example.com", DateCreated: Now, ExpiresAt: sessionEnds,
	}
	attempt := &models.Attempt{
		UUID: uuid.NewString(), Integration: "slack", UserID: "42", StateHash: uuid.NewString(), BrowserHash: "b",
		RedirectURI: "https://example.com/cb", Status: models.AttemptStarted, DateCreated: Now, LastMoved: Now, ExpiresAt: Now.Add(models.AttemptLife),
		Secrets: models.AttemptSecrets{Verifier: "verifier", LinkToken: "link"},
	}
	err := s.Write(t.Context(), func(tx *store.Tx) error {
		if err := tx.CreateConnectSession(session); err != nil {
			return err
		}
		attempt.ConnectSessionID = session.ID
		return tx.CreateAttempt(attempt)
	})
	if err != nil {
		t.Fatal(err)
	}
	return session, attempt
}

func expiry(t *testing.T, s *store.Store) {
	ended, endedAttempt := newAttempt(t, s, Now.Add(-time.Second))
	open, openAttempt := newAttempt(t, s, Now.Add(time.Second))
	if err := s.Write(t.Context(), func(tx *store.Tx) error { return tx.DeleteExpired(Now) }); err != nil {
		t.Fatal(err)
	}
	if _, err := s.ConnectSession(t.Context(), ended.TokenHash); !models.HasCode(err, models.CodeNotFound) {
		t.Errorf("ended session: %v", err)
	}
	if _, err := s.AttemptByState(t.Context(), endedAttempt.StateHash); !models.HasCode(err, models.CodeNotFound) {
		t.Errorf("attempt of an ended session: %v", err)
	}
	if _, err := s.ConnectSession(t.Context(), open.TokenHash); err != nil {
		t.Errorf("open session: %v", err)
	}
	if _, err := s.AttemptByState(t.Context(), openAttempt.StateHash); err != nil {
		t.Errorf("attempt of an open session: %v", err)
	}
}

func sessions(t *testing.T, s *store.Store) {
	kept := s.Sessions()
	future := time.Now().Add(time.Hour)
	for _, data := range []string{"first", "second"} {
		if err := kept.Commit("token", []byte(data), future); err != nil {
			t.Fatal(err)
		}
		got, found, err := kept.Find("token")
		if err != nil || !found || string(got) != data {
			t.Errorf("found %q, %v, %v", got, found, err)
		}
	}
	if err := kept.Commit("ended", []byte("x"), time.Now().Add(-time.Second)); err != nil {
		t.Fatal(err)
	}
	if err := kept.Delete("token"); err != nil {
		t.Fatal(err)
	}
	if err := kept.Commit("token", []byte("late"), future); err != nil {
		t.Fatal(err)
	}
	for _, token := range []string{"token", "ended", "unknown"} {
		if _, found, err := kept.Find(token); err != nil || found {
			t.Errorf("%s: found %v, %v", token, found, err)
		}
	}
}

func configChanges(t *testing.T, s *store.Store) {
	c := Connection("slack", "42")
	Create(t, s, c)
	if first, last, err := s.ConfigChangesSince(t.Context(), c.UUID, 1); err != nil || first != nil || last != nil {
		t.Errorf("before any change: %v, %v, %v", first, last, err)
	}
	for _, text := range []models.Config{`{"a":1}`, `{"a":2}`, `{"a":3}`} {
		before := c.AdditionalConfig
		c.AdditionalConfig = text
		err := s.Write(t.Context(), func(tx *store.Tx) error {
			if err := tx.SaveConfig(c, Now); err != nil {
				return err
			}
			return tx.Audit(models.AuditEntry{
				Time: Now, Actor: "admin:a@example.com", Action: models.AuditConfigUpdated, ConnectionUUID: c.UUID,
				Version: c.Version, Before: string(before), After: string(text),
			})
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	long := models.AuditEntry{Time: Now, Action: models.AuditConfigUpdated, Before: "{}", After: strings.Repeat(" ", 20_000)}
	must(t, s.Write(t.Context(), func(tx *store.Tx) error { return tx.Audit(long) }))
	all, err := s.AuditEntries(t.Context(), models.AuditFilter{}, models.PageRequest{Limit: 10})
	if err != nil || len(all.Rows) != 4 || all.Rows[0].After != "" || all.Rows[1].After != `{"a":3}` || !all.Rows[1].Time.Equal(Now) {
		t.Errorf("all entries: %+v, %v", all.Rows, err)
	}
	first, last, err := s.ConfigChangesSince(t.Context(), c.UUID, 2)
	if err != nil || first.Before != `{"a":1}` || last.After != `{"a":3}` {
		t.Errorf("since version 2: %+v, %+v, %v", first, last, err)
	}
	page, err := s.AuditEntries(t.Context(), models.AuditFilter{ConnectionUUID: c.UUID}, models.PageRequest{Limit: 2})
	if err != nil || len(page.Rows) != 2 || page.Rows[0].After != `{"a":3}` || page.Next == "" {
		t.Errorf("history: %+v, %v", page, err)
	}
}
