package store_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/patchbay/patchbay/internal/store"
	"github.com/patchbay/patchbay/internal/store/storetest"
	"github.com/patchbay/patchbay/models"
)

// queuedContext tells when a write that is given it has joined the queue.
type queuedContext struct {
	context.Context
	queued chan<- struct{}
}

func (c queuedContext) Done() <-chan struct{} {
	select {
	case c.queued <- struct{}{}:
	default:
	}
	return c.Context.Done()
}

// queue makes writes wait for each other: begin is run while the others join the queue, in order.
func queue(t *testing.T, s *store.Store, begin func(*store.Tx) error, waiting ...func(context.Context) error) []error {
	t.Helper()
	results := make([]chan error, len(waiting)+1)
	for i := range results {
		results[i] = make(chan error, 1)
	}
	started, release := make(chan struct{}), make(chan struct{})
	go func() {
		results[0] <- s.Write(t.Context(), func(tx *store.Tx) error {
			close(started)
			<-release
			return begin(tx)
		})
	}()
	<-started
	for i, write := range waiting {
		queued := make(chan struct{}, 1)
		go func() { results[i+1] <- write(queuedContext{t.Context(), queued}) }()
		<-queued
	}
	close(release)
	errs := make([]error, len(results))
	for i, result := range results {
		select {
		case errs[i] = <-result:
		case <-time.After(10 * time.Second):
			t.Fatalf("write %d does not return", i)
		}
	}
	return errs
}

// bump adds to the configuration of a connection, which it reads in the transaction.
func bump(t *testing.T, tx *store.Tx, uuid, name string) error {
	c, err := tx.Connection(t.Context(), uuid)
	if err != nil {
		return err
	}
	if c.AdditionalConfig == models.EmptyConfig {
		c.AdditionalConfig = ""
	}
	c.AdditionalConfig += models.Config(name)
	return tx.SaveConfig(c, storetest.Now)
}

func config(t *testing.T, s *store.Store, uuid string) string {
	t.Helper()
	c, err := s.Connection(t.Context(), uuid)
	if err != nil {
		t.Fatal(err)
	}
	return string(c.AdditionalConfig)
}

func openSQLite(t *testing.T) (*store.Store, string) {
	t.Helper()
	s := open(t, t.TempDir()+"/patchbay.db", newRing(t))
	c := storetest.Connection("slack", "42")
	storetest.Create(t, s, c)
	return s, c.UUID
}

func TestSQLiteWritesThatComeTogetherShareACommit(t *testing.T) {
	s, uuid := openSQLite(t)
	var transactions []*sql.Tx
	write := func(name string) func(*store.Tx) error {
		return func(tx *store.Tx) error {
			transactions = append(transactions, tx.SQL())
			return bump(t, tx, uuid, name)
		}
	}
	join := func(name string) func(context.Context) error {
		return func(ctx context.Context) error { return s.Write(ctx, write(name)) }
	}
	errs := queue(t, s, write("a"), join("b"), join("c"), join("d"))
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	if got := config(t, s, uuid); got != "abcd" {
		t.Errorf("wrote %s", got)
	}
	slices.SortFunc(transactions, func(a, b *sql.Tx) int { return strings.Compare(fmt.Sprintf("%p", a), fmt.Sprintf("%p", b)) })
	if n := len(slices.Compact(transactions)); n == len(errs) { // on a machine that is slow just then, not all share one
		t.Errorf("%d writes made %d transactions", len(errs), n)
	}
}

func TestSQLiteWritesThatShareACommitFailAlone(t *testing.T) {
	s, uuid := openSQLite(t)
	failure := errors.New("on purpose")
	gone, leave := context.WithCancel(t.Context())
	late, leaveLate := context.WithCancel(t.Context())
	errs := queue(
		t, s, func(tx *store.Tx) error {
			leave()
			return bump(t, tx, uuid, "a")
		},
		func(ctx context.Context) error {
			return s.Write(ctx, func(tx *store.Tx) error { return errors.Join(bump(t, tx, uuid, "fails"), failure) })
		},
		func(ctx context.Context) (err error) {
			defer func() { err = fmt.Errorf("panic: %v", recover()) }()
			return s.Write(ctx, func(tx *store.Tx) error {
				_ = bump(t, tx, uuid, "panics")
				panic("at once")
			})
		},
		func(ctx context.Context) error {
			return s.Write(queuedContext{gone, ctx.(queuedContext).queued}, func(tx *store.Tx) error { return bump(t, tx, uuid, "gone") })
		},
		func(ctx context.Context) error {
			return s.Write(queuedContext{late, ctx.(queuedContext).queued}, func(tx *store.Tx) error {
				leaveLate()
				_, err := tx.Connection(late, uuid)
				return errors.Join(err, bump(t, tx, uuid, "left"))
			})
		},
		func(ctx context.Context) error {
			return s.Write(ctx, func(tx *store.Tx) error { return bump(t, tx, uuid, "b") })
		},
	)
	for i, want := range []string{"", "on purpose", "panic: at once", "context canceled", "context canceled", ""} {
		if got := errs[i]; (got == nil) != (want == "") || got != nil && got.Error() != want {
			t.Errorf("write %d: %v, want %q", i, got, want)
		}
	}
	if got := config(t, s, uuid); got != "ab" {
		t.Errorf("wrote %s", got)
	}
}

// A commit that fails is told to everybody: a constraint that is checked only then stands for the disk.
func TestSQLiteTellsAllWhenTheirCommitFails(t *testing.T) {
	s, uuid := openSQLite(t)
	errs := queue(
		t, s, func(tx *store.Tx) error { return bump(t, tx, uuid, "a") },
		func(ctx context.Context) error {
			return s.Write(ctx, func(tx *store.Tx) error {
				_, err := tx.SQL().Exec("PRAGMA defer_foreign_keys = 1; INSERT INTO connection_tags (tag, connection_id) VALUES ('x', 99)")
				return err
			})
		},
		func(ctx context.Context) error {
			return s.Write(ctx, func(tx *store.Tx) error { return errors.New("own") })
		},
	)
	if errs[1] == nil || errs[2] == nil {
		t.Errorf("the commit that fails: %v, another that fails: %v", errs[1], errs[2])
	}
	if got := config(t, s, uuid); (got == "a") != (errs[0] == nil) { // it may have been committed before
		t.Errorf("wrote %s and said %v", got, errs[0])
	}
	if err := s.Write(t.Context(), func(tx *store.Tx) error { return bump(t, tx, uuid, "again") }); err != nil || config(t, s, uuid) != "again" {
		t.Errorf("afterwards: %v", err)
	}
}

func TestSQLiteKeepsPreparedNoMoreThanSoManyStatements(t *testing.T) {
	s, uuid := openSQLite(t)
	c, err := s.Connection(t.Context(), uuid)
	if err != nil {
		t.Fatal(err)
	}
	var ids []int64
	for i := range 450 { // each a statement of its own
		ids = append(ids, c.ID)
		used := storetest.Now.Add(time.Duration(i) * time.Second)
		if err := s.Used(t.Context(), ids, used); err != nil {
			t.Fatal(err)
		}
		if c, err = s.Connection(t.Context(), uuid); err != nil || !c.UsedAt.Equal(used) {
			t.Fatalf("list of %d: %v, used at %v", i, err, c.UsedAt)
		}
	}
}
