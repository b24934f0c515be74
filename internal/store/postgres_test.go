package store_test

import (
	"context"
	"database/sql"
	"errors"
	"net/url"
	"strings"
	"testing"

	"github.com/patchbay/patchbay/internal/store"
	"github.com/patchbay/patchbay/internal/store/storetest"
	"github.com/patchbay/patchbay/internal/testkit"
	"github.com/patchbay/patchbay/models"
)

// newPostgres gives the address of an empty database and a connection to it beside the store's.
func newPostgres(t *testing.T) (string, *sql.DB) {
	t.Helper()
	server := testkit.SharedPostgres(t)
	name, err := server.NewDatabase("")
	if err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("pgx", server.Address(name))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(db.Close(), server.DropDatabase(name)); err != nil {
			t.Error(err)
		}
	})
	return server.Address(name), db
}

func TestPostgreSQLReplicasStartAtOnce(t *testing.T) {
	address, _ := newPostgres(t)
	if sealed, err := store.Sealed(t.Context(), address); sealed || err != nil {
		t.Errorf("an empty database is sealed: %v, %v", sealed, err)
	}
	ring := newRing(t)
	opened := make(chan error)
	const replicas = 4
	for range replicas {
		go func() {
			s, err := store.Open(context.WithoutCancel(t.Context()), address, ring)
			if err == nil {
				err = s.Close()
			}
			opened <- err
		}()
	}
	for range replicas {
		if err := <-opened; err != nil {
			t.Error(err)
		}
	}
	if sealed, err := store.Sealed(t.Context(), address); !sealed || err != nil {
		t.Errorf("sealed: %v, %v", sealed, err)
	}
	if _, err := store.Open(t.Context(), address, newRing(t)); !errors.Is(err, store.ErrWrongKey) {
		t.Errorf("another key: %v", err)
	}
}

func TestPostgreSQLRefusals(t *testing.T) {
	address, db := newPostgres(t)
	open(t, address, newRing(t))
	for _, statement := range []string{"CREATE ROLE locked LOGIN PASSWORD 'right'", "INSERT INTO goose_db_version (version_id, is_applied) VALUES (9999, true)"} {
		if _, err := db.Exec(statement); err != nil {
			t.Fatal(err)
		}
	}
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	u.User = url.UserPassword("locked", "sekret")
	elsewhere := *u
	elsewhere.User, elsewhere.Path = url.UserPassword("postgres", "sekret"), "/nowhere"
	for location, want := range map[string]string{
		u.String():         `password authentication failed for user "locked"`,
		elsewhere.String(): `database "nowhere" does not exist`,
		address:            "version 9999",
	} {
		_, err := store.Open(t.Context(), location, newRing(t))
		if err == nil || !strings.Contains(err.Error(), want) || strings.ContainsAny(err.Error(), "\n") || strings.Contains(err.Error(), "sekret") {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

// An event that was given its id first and committed last is not passed over.
func TestPostgreSQLEventsSettleInOrder(t *testing.T) {
	address, _ := newPostgres(t)
	s := open(t, address, newRing(t))
	emit := func(detail string, then func() error) error {
		return s.Write(t.Context(), func(tx *store.Tx) error {
			return errors.Join(tx.Emit(models.Event{Time: storetest.Now, Detail: detail}), then())
		})
	}
	seen := func(want string) {
		t.Helper()
		page, err := s.Events(t.Context(), models.EventFilter{}, models.PageRequest{Limit: 10})
		var details []string
		for _, event := range page.Rows {
			details = append(details, event.Detail)
		}
		if got := strings.Join(details, " "); err != nil || got != want {
			t.Errorf("seen %q, want %q, %v", got, want, err)
		}
	}
	nothing := func() error { return nil }
	err := errors.Join(emit("before", nothing), emit("slow", func() error {
		err := emit("quick", nothing)
		seen("before")
		return err
	}))
	if err != nil {
		t.Fatal(err)
	}
	seen("before slow quick")
	failure := errors.New("on purpose")
	if err := emit("lost", func() error { return errors.Join(failure, emit("kept", nothing)) }); !errors.Is(err, failure) {
		t.Fatal(err)
	}
	seen("before slow quick kept")
}
