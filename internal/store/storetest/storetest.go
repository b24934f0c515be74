// Package storetest is the conformance suite of the store: what every database it runs on must do. A database joins by
// calling [Run] from its test.
package storetest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/patchbay/patchbay/internal/store"
	"github.com/patchbay/patchbay/models"
)

// Now is the time at which the suite's connections are looked at.
var Now = time.Date(2026, 3, 1, 12, 0, 0, 123456000, time.UTC)

// Run runs the suite; open gives an empty store that is closed when the test ends.
func Run(t *testing.T, open func(t *testing.T) *store.Store) {
	for name, test := range map[string]func(*testing.T, *store.Store){
		"a connection comes back as it was stored":               connectionRoundTrip,
		"a pair is unique":                                       pairIsUnique,
		"every accepted configuration keeps its bytes":           configBytes,
		"a stale version changes nothing":                        staleVersion,
		"concurrent edits of one version: one wins":              oneEditWins,
		"a failed write leaves no trace":                         rollback,
		"pages follow each other forwards and back":              paging,
		"a cursor of another list is refused":                    forgedCursors,
		"filters and counts agree with the status that is shown": statuses,
		"user ids are text and nothing else":                     hostileUserIDs,
		"an attempt is consumed once":                            attemptMovesOnce,
		"expired connect sessions go with their attempts":        expiry,
		"sessions come and go":                                   sessions,
		"changes of a configuration are told":                    configChanges,
		"tags find their connections":                            tags,
		"API keys roll, and their calls are counted":             apiKeys,
		"events are read in order and followed":                  events,
		"an idempotency key keeps one answer":                    idempotency,
		"stored integrations move their revision":                storedIntegrations,
		"tokens wait for their claim":                            pendingAttempt,
		"one holds the lease of a refresh":                       oneHoldsTheLease,
		"replies are kept until they are understood":             repliesAreKept,
		"what is due is found":                                   whatIsDue,
		"tries are shared":                                       triesAreShared,
		"uses are noted":                                         usesAreNoted,
		"changes that meet are all kept":                         noLostUpdate,
		"changes of an endpoint that meet are all kept":          endpointChanges,
		"an endpoint that is deleted fails no change":            endpointGoes,
		"of many who would be first one is":                      oneFirst,
		"counts of several processes meet":                       countsMeet,
		"no event is passed over":                                eventsFollowed,
	} {
		t.Run(name, func(t *testing.T) { test(t, open(t)) })
	}
}

// Connection makes a connection that is connected and can be refreshed.
func Connection(integration, userID string) *models.Connection {
	return &models.Connection{
		UUID: uuid.NewString(), Integration: integration, UserID: userID, DateCreated: Now, LastModified: Now, ObtainedAt: Now,
		AuthMode: models.AuthOAuth2, Refreshable: true, State: models.StateConnected,
		Tags: []string{}, AdditionalConfig: models.EmptyConfig, ConfigVersion: 1, Version: 1,
	}
}

// Credentials makes credentials whose tokens end in name.
func Credentials(name string) models.Credentials {
	expires := Now.Add(time.Hour)
	return models.Credentials{
		Type: models.AuthOAuth2, AccessToken: models.Secret("access-" + name), RefreshToken: models.Secret("refresh-" + name),
		ExpiresAt: &expires, Raw: []byte("{ \"n\": 1.0,\n\"html\": \"<&>\" }"),
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// Create stores connections.
func Create(t *testing.T, s *store.Store, connections ...*models.Connection) {
	t.Helper()
	err := s.Write(t.Context(), func(tx *store.Tx) error {
		for _, c := range connections {
			if err := tx.CreateConnection(c, Credentials(c.UserID)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func connectionRoundTrip(t *testing.T, s *store.Store) {
	want := Connection("slack", "42")
	expires := Now.Add(time.Hour)
	want.ExpiresAt, want.StateReason = &expires, "because"
	Create(t, s, want)

	for name, find := range map[string]func() (*models.Connection, error){
		"by uuid": func() (*models.Connection, error) { return s.Connection(t.Context(), want.UUID) },
		"by pair": func() (*models.Connection, error) { return s.ConnectionOf(t.Context(), "slack", "42") },
	} {
		got, err := find()
		if err != nil {
			t.Fatal(name, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: -want +got\n%s", name, diff)
		}
	}
	credentials, err := s.Credentials(t.Context(), want.UUID)
	if err != nil {
		t.Fatal(err)
	}
	checkCredentials(t, credentials, Credentials("42"))

	renewed := Credentials("renewed")
	want.State, want.StateReason, want.ExpiresAt = models.StateConnected, "", renewed.ExpiresAt
	later := Now.Add(time.Minute)
	if err := s.Write(t.Context(), func(tx *store.Tx) error { return tx.SaveCredentials(want, renewed, later) }); err != nil {
		t.Fatal(err)
	}
	got, err := s.Connection(t.Context(), want.UUID)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" || got.Version != 2 || got.ConfigVersion != 1 || !got.LastModified.Equal(later) || !got.DateCreated.Equal(Now) {
		t.Errorf("after new credentials: %+v\n%s", got, diff)
	}
	if credentials, err = s.Credentials(t.Context(), want.UUID); err != nil {
		t.Fatal(err)
	}
	checkCredentials(t, credentials, renewed)

	for name, find := range map[string]func() (*models.Connection, error){
		"uuid": func() (*models.Connection, error) { return s.Connection(t.Context(), "1 OR 1=1") },
		"pair": func() (*models.Connection, error) { return s.ConnectionOf(t.Context(), "slack", "43") },
	} {
		if _, err := find(); !models.HasCode(err, models.CodeUnknownConnection) {
			t.Errorf("unknown %s: %v", name, err)
		}
	}
	if _, err := s.Credentials(t.Context(), uuid.NewString()); !models.HasCode(err, models.CodeUnknownConnection) {
		t.Errorf("credentials of nothing: %v", err)
	}
}

func checkCredentials(t *testing.T, got, want models.Credentials) {
	t.Helper()
	if string(got.Raw) != string(want.Raw) {
		t.Errorf("raw is %s, want %s", got.Raw, want.Raw)
	}
	gotJSON, gotErr := got.RevealJSON()
	wantJSON, wantErr := want.RevealJSON()
	if err := errors.Join(gotErr, wantErr); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(wantJSON), string(gotJSON)); diff != "" {
		t.Errorf("credentials: -want +got\n%s", diff)
	}
}

func pairIsUnique(t *testing.T, s *store.Store) {
	Create(t, s, Connection("slack", "42"), Connection("github", "42"), Connection("slack", "43"))
	err := s.Write(t.Context(), func(tx *store.Tx) error { return tx.CreateConnection(Connection("slack", "42"), Credentials("x")) })
	if !models.HasCode(err, models.CodeConnectionExists) {
		t.Errorf("second connection of a pair: %v", err)
	}
}

func configBytes(t *testing.T, s *store.Store) {
	for i, text := range []string{
		"{ }\r\n", `{"n":1.0,"big":12345678901234567890.10,"e":1E+2}`, `{"nul":"\u0000","lone":"\ud800","é":"\u00e9😀"}`, "\t{\"b\":1,\n\"a\":2}",
	} {
		config, err := models.ParseConfig(text)
		if err != nil {
			t.Fatal(err)
		}
		c := Connection("slack", fmt.Sprint(i))
		Create(t, s, c)
		c.AdditionalConfig = config
		if err := s.Write(t.Context(), func(tx *store.Tx) error { return tx.SaveConfig(c, Now) }); err != nil {
			t.Fatal(err)
		}
		got, err := s.Connection(t.Context(), c.UUID)
		if err != nil || string(got.AdditionalConfig) != text || got.ConfigVersion != 2 || got.Version != 2 {
			t.Errorf("stored %q, got %+v, %v", text, got, err)
		}
	}
}

func staleVersion(t *testing.T, s *store.Store) {
	c := Connection("slack", "42")
	Create(t, s, c)
	stale := *c
	c.AdditionalConfig = `{"first":1}`
	if err := s.Write(t.Context(), func(tx *store.Tx) error { return tx.SaveConfig(c, Now) }); err != nil {
		t.Fatal(err)
	}
	stale.AdditionalConfig = `{"second":1}`
	for name, change := range map[string]func(*store.Tx) error{
		"config":      func(tx *store.Tx) error { return tx.SaveConfig(&stale, Now) },
		"credentials": func(tx *store.Tx) error { return tx.SaveCredentials(&stale, Credentials("x"), Now) },
	} {
		if err := s.Write(t.Context(), change); !models.HasCode(err, models.CodeStaleVersion) {
			t.Errorf("%s: %v", name, err)
		}
	}
	got, err := s.Connection(t.Context(), c.UUID)
	if err != nil || got.AdditionalConfig != `{"first":1}` {
		t.Errorf("got %+v, %v", got, err)
	}
}

func oneEditWins(t *testing.T, s *store.Store) {
	c := Connection("slack", "42")
	Create(t, s, c)
	const writers = 40
	var wins, stale int
	var mu sync.Mutex
	var group sync.WaitGroup
	for i := range writers {
		group.Go(func() {
			mine := *c
			mine.AdditionalConfig = models.Config(fmt.Sprintf(`{"writer":%d}`, i))
			err := s.Write(t.Context(), func(tx *store.Tx) error { return tx.SaveConfig(&mine, Now) })
			mu.Lock()
			defer mu.Unlock()
			switch {
			case err == nil:
				wins++
			case models.HasCode(err, models.CodeStaleVersion):
				stale++
			default:
				t.Error(err)
			}
		})
	}
	group.Wait()
	if wins != 1 || stale != writers-1 {
		t.Errorf("%d won and %d were stale of %d", wins, stale, writers)
	}
}

func rollback(t *testing.T, s *store.Store) {
	c := Connection("slack", "42")
	failure := errors.New("on purpose")
	err := s.Write(t.Context(), func(tx *store.Tx) error {
		if err := tx.CreateConnection(c, Credentials("x")); err != nil {
			return err
		}
		if _, err := tx.Connection(t.Context(), c.UUID); err != nil {
			t.Errorf("a transaction does not see its own write: %v", err)
		}
		return failure
	})
	if !errors.Is(err, failure) {
		t.Fatalf("got %v", err)
	}
	if _, err := s.Connection(t.Context(), c.UUID); !models.HasCode(err, models.CodeUnknownConnection) {
		t.Errorf("after a rollback: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Write(ctx, func(*store.Tx) error { return nil }); err == nil {
		t.Error("wrote for a caller that had gone")
	}
}

func paging(t *testing.T, s *store.Store) {
	var created []*models.Connection
	for i := range 23 {
		c := Connection("slack", fmt.Sprintf("user-%02d", i))
		c.LastModified = Now.Add(time.Duration(rand.IntN(5)) * time.Second) // with ties
		created = append(created, c)
	}
	Create(t, s, created...)
	for _, sort := range models.ConnectionSorts {
		t.Run(string(sort), func(t *testing.T) {
			walk(t, len(created), func(request models.PageRequest) (models.Page[models.Connection], error) {
				return s.Connections(t.Context(), store.ConnectionList{PageRequest: request, Sort: sort, Now: Now})
			}, func(a, b models.Connection) bool {
				switch sort {
				case models.SortNewest:
					return a.ID > b.ID
				case models.SortOldest:
					return a.ID < b.ID
				case models.SortLastModified:
					return a.LastModified.After(b.LastModified) || a.LastModified.Equal(b.LastModified) && a.ID > b.ID
				}
				return a.LastModified.Before(b.LastModified) || a.LastModified.Equal(b.LastModified) && a.ID < b.ID
			})
		})
	}
	t.Run("users", func(t *testing.T) {
		Create(t, s, Connection("github", "user-07"))
		walk(t, len(created), func(request models.PageRequest) (models.Page[models.UserSummary], error) {
			return s.Users(t.Context(), request)
		}, func(a, b models.UserSummary) bool { return a.UserID < b.UserID && !a.LastModified.IsZero() })
		for _, limit := range []int{5, 1000} {
			n, err := s.CountUsersUpTo(t.Context(), limit)
			if err != nil || n != int64(min(limit, len(created))) {
				t.Errorf("counted %d users up to %d, %v", n, limit, err)
			}
		}
	})
}

// walk reads a list of n rows in pages to its end and back, and checks that it meets every row once, in order, and the
// same pages both ways.
func walk[T any](t *testing.T, n int, read func(models.PageRequest) (models.Page[T], error), before func(a, b T) bool) {
	t.Helper()
	const size = 5
	page, err := read(models.PageRequest{Limit: size})
	if err != nil {
		t.Fatal(err)
	}
	if page.Prev != "" {
		t.Error("the first page has one before it")
	}
	pages := []models.Page[T]{page}
	for page.Next != "" && len(pages) < n {
		if page, err = read(models.PageRequest{Limit: size, Cursor: page.Next}); err != nil {
			t.Fatal(err)
		}
		pages = append(pages, page)
	}
	var all []T
	for _, page := range pages {
		all = append(all, page.Rows...)
	}
	if len(all) != n || len(pages) != (n+size-1)/size {
		t.Fatalf("%d rows on %d pages, want %d rows", len(all), len(pages), n)
	}
	for i := 1; i < n; i++ {
		if !before(all[i-1], all[i]) {
			t.Errorf("rows %d and %d are out of order", i-1, i)
		}
	}
	for i := len(pages) - 2; i >= 0; i-- {
		if page, err = read(models.PageRequest{Limit: size, Cursor: page.Prev}); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(pages[i].Rows, page.Rows); diff != "" {
			t.Errorf("page %d is another one on the way back:\n%s", i, diff)
		}
	}
	if page.Prev != "" {
		t.Error("back at the first page, there is one before it")
	}
}
