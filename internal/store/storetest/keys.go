package storetest

import (
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/patchbay/patchbay/internal/store"
	"github.com/patchbay/patchbay/internal/vault"
	"github.com/patchbay/patchbay/models"
)

// RunKeys runs the part of the suite that is about encryption keys.
func RunKeys(t *testing.T) {
	for name, test := range map[string]func(*testing.T, *keyScene){
		"every sealed column is known":                               sealedColumns,
		"a rotation under traffic loses nothing":                     rotationUnderTraffic,
		"a value that is written meanwhile is left alone":            writtenMeanwhile,
		"a rotation goes on where it was interrupted":                rotationInterrupted,
		"damaged values do not hold up the others":                   rotationWithDamage,
		"a key is empty when nothing is found under it":              keyLookedFor,
		"a key waits for every server":                               keyWaits,
		"a server without the key that seals does nothing":           keyMissing,
		"a process that did not hear of a new key seals under it":    keyFollowed,
		"a key that values are sealed under is asked for at a start": keyAskedFor,
	} {
		t.Run(name, func(t *testing.T) {
			s := &keyScene{path: filepath.Join(t.TempDir(), "patchbay.key"), location: Location(t)}
			must(t, vault.CreateKeyFile(s.path))
			test(t, s)
		})
	}
}

// keyScene is a database with a key file.
type keyScene struct{ path, location string }

func (s *keyScene) open(t *testing.T, ring *vault.Ring) (*store.Store, error) {
	db, err := store.Open(t.Context(), s.location, ring, options()...)
	if err == nil {
		t.Cleanup(func() { db.Close() })
	}
	return db, err
}

// process opens the database as another process would.
func (s *keyScene) process(t *testing.T) (*store.Store, *vault.Ring) {
	t.Helper()
	ring, err := vault.ReadKeyFile(s.path)
	must(t, err)
	db, err := s.open(t, ring)
	must(t, err)
	return db, ring
}

// addKey adds a key to the file, and gives a ring that has read it, and its id.
func (s *keyScene) addKey(t *testing.T, ring *vault.Ring) (keyID string) {
	t.Helper()
	keyID, err := vault.AddKey(s.path)
	must(t, err)
	if changed, err := ring.Reload(); !changed || err != nil {
		t.Fatalf("the key file was replaced, and is not read again: %v", err)
	}
	return keyID
}

// fill stores a value in every sealed column, and many in one.
func fill(t *testing.T, db *store.Store, connections int) {
	t.Helper()
	list := make([]*models.Connection, connections)
	for i := range list {
		list[i] = Connection("slack", strconv.Itoa(i))
	}
	Create(t, db, list...)
	_, _ = newAttempt(t, db, Now.Add(time.Hour))
	must(t, db.Write(t.Context(), func(tx *store.Tx) error {
		answer := store.IdempotentAnswer{RequestHash: "h", Answer: []byte("an answer"), ExpiresAt: Now}
		endpoint := &models.WebhookEndpoint{UUID: uuid.NewString(), Secret: "secret", PreviousSecret: "previous"}
		revocation := &models.PendingRevocation{UUID: uuid.NewString(), DateCreated: Now, NextTry: Now}
		if err := errors.Join(tx.KeepReply(list[len(list)-1], []byte("a reply"), Now), tx.CreateWebhookEndpoint(endpoint), tx.CreateRevocation(revocation, Credentials("gone"))); err != nil {
			return err
		}
		return errors.Join(tx.CreateIntegration("of-database", []byte("{}"), Now), tx.SaveIdempotentAnswer("a|b", "k|'", answer), tx.SaveIdempotentAnswer("a", "b|k", answer))
	}))
}

// reseal takes every step there is to take at a time.
func reseal(t *testing.T, db *store.Store, now time.Time) {
	t.Helper()
	for more := true; more; {
		var err error
		more, err = db.Reseal(t.Context(), now)
		must(t, err)
	}
}

// settled is when nobody seals any more under a key that is replaced now.
func settled() time.Time { return time.Now().Add(time.Minute) }

// under counts the values under every key.
func under(t *testing.T, db *store.Store) map[string]int64 {
	t.Helper()
	uses, err := db.KeyUses(t.Context())
	must(t, err)
	found := map[string]int64{}
	for _, use := range uses {
		found[use.KeyID] += use.Values
	}
	return found
}

func rotationUnderTraffic(t *testing.T, s *keyScene) {
	one, ring := s.process(t)
	two, _ := s.process(t)
	fill(t, one, 60)
	var stop, reads atomic.Int64
	var writes [4]int
	var group sync.WaitGroup
	for i := range writes {
		db := []*store.Store{one, two}[i%2]
		group.Go(func() { // writes one connection over and over, and finds what it wrote
			c, err := db.ConnectionOf(t.Context(), "slack", strconv.Itoa(i))
			for want := fmt.Sprint("access-", i); stop.Load() == 0 && err == nil; {
				var got models.Credentials
				if got, err = db.Credentials(t.Context(), c.UUID); err == nil && got.AccessToken.Reveal() != want {
					t.Errorf("wrote %s, read %s", want, got.AccessToken.Reveal())
				}
				writes[i]++
				name := fmt.Sprint(i, "-", writes[i])
				want = "access-" + name
				if err == nil {
					err = db.Write(t.Context(), func(tx *store.Tx) error { return tx.SaveCredentials(c, Credentials(name), Now) })
				}
			}
			if err != nil {
				t.Errorf("while the key is replaced: %v", err)
			}
		})
		group.Go(func() { // reads the others
			for n := 0; stop.Load() == 0; n++ {
				_, got, err := db.ConnectionWithCredentials(t.Context(), "slack", strconv.Itoa(4+n%56))
				if want := fmt.Sprint("access-", 4+n%56); err != nil || got.AccessToken.Reveal() != want {
					t.Errorf("while the key is replaced: %v", err)
					return
				}
				reads.Add(1)
			}
		})
	}
	keyID := s.addKey(t, ring)
	if changed, err := one.Promote(t.Context(), keyID, time.Now().UTC()); !changed || err != nil {
		t.Errorf("promote: %v, %v", changed, err)
	}
	var resealing sync.WaitGroup
	for _, db := range []*store.Store{one, two} {
		resealing.Go(func() { reseal(t, db, time.Now().UTC()) })
	}
	resealing.Wait()
	for seen := reads.Load(); reads.Load() < seen+200 && !t.Failed(); {
		time.Sleep(time.Millisecond)
	}
	stop.Store(1)
	group.Wait()
	reseal(t, two, settled())
	if got := under(t, one); len(got) != 1 || got[keyID] != 69 {
		t.Errorf("sealed under %v, want all under %s", got, keyID)
	}
	must(t, vault.RemoveKeys(s.path, ring.Keys()[1:]...))
	three, _ := s.process(t) // without the former keys
	for i, n := range writes {
		_, got, err := three.ConnectionWithCredentials(t.Context(), "slack", strconv.Itoa(i))
		if want := fmt.Sprint("access-", i, "-", n); err != nil || got.AccessToken.Reveal() != want {
			t.Errorf("wrote %s last, found %s, %v", want, got.AccessToken.Reveal(), err)
		}
	}
	if _, damaged, err := three.CheckSealed(t.Context(), 0); err != nil || len(damaged) > 0 {
		t.Errorf("%v, %v", damaged, err)
	}
	if entries, err := three.AuditEntries(t.Context(), models.AuditFilter{}, models.PageRequest{Limit: 5}); err != nil || len(entries.Rows) != 1 || entries.Rows[0].Action != models.AuditEncryptionKeyReplaced || entries.Rows[0].After != keyID {
		t.Errorf("audit: %+v, %v", entries, err)
	}
}

func writtenMeanwhile(t *testing.T, s *keyScene) {
	one, ring := s.process(t)
	two, _ := s.process(t)
	Create(t, one, Connection("slack", "42"))
	c, err := one.ConnectionOf(t.Context(), "slack", "42")
	must(t, err)
	_, err = one.Promote(t.Context(), s.addKey(t, ring), time.Now().UTC())
	must(t, err)
	for begun := false; !begun; { // up to the step that seals connections anew
		_, err := one.Reseal(t.Context(), time.Now().UTC())
		must(t, err)
		passes, err := one.Resealings(t.Context())
		must(t, err)
		_, begun = passes["connections.sealed_credentials"]
	}
	stepped := make(chan error, 1)
	must(t, two.Write(t.Context(), func(tx *store.Tx) error {
		if err := tx.SaveCredentials(c, Credentials("newer"), Now); err != nil {
			return err
		}
		go func() {
			_, err := one.Reseal(t.Context(), time.Now().UTC())
			stepped <- err
		}()
		deadline := time.Now().Add(10 * time.Second)
		for !waitsFor(t, one, tx) { // it has read the former value
			if time.Now().After(deadline) {
				return errors.New("the step does not wait for this transaction")
			}
			time.Sleep(time.Millisecond)
		}
		return nil
	}))
	must(t, <-stepped)
	if got, err := two.Credentials(t.Context(), c.UUID); err != nil || got.AccessToken.Reveal() != "access-newer" {
		t.Errorf("a value that was written meanwhile is lost: %s, %v", got.AccessToken.Reveal(), err)
	}
}

// waitsFor reports whether a process waits for a transaction to end.
func waitsFor(t *testing.T, db *store.Store, tx *store.Tx) bool {
	t.Helper()
	if !db.Postgres() {
		return db.SQL().Stats().InUse > 0
	}
	_, err := tx.SQL().ExecContext(t.Context(), "SELECT pg_stat_clear_snapshot()") // or a transaction sees what it has seen before
	must(t, err)
	var waiting int
	must(t, tx.SQL().QueryRowContext(t.Context(), "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'").Scan(&waiting))
	return waiting > 0
}

func rotationInterrupted(t *testing.T, s *keyScene) {
	db, ring := s.process(t)
	fill(t, db, 250)
	keyID := s.addKey(t, ring)
	_, err := db.Promote(t.Context(), keyID, time.Now().UTC())
	must(t, err)
	steps := 0
	for more := true; more; steps++ {
		if more, err = db.Reseal(t.Context(), time.Now().UTC()); err != nil {
			t.Fatal(err)
		}
		if steps%4 == 3 { // another process goes on
			db, _ = s.process(t)
		}
	}
	passes, err := db.Resealings(t.Context())
	if pass := passes["connections.sealed_credentials"]; err != nil || pass.Total != 250 || pass.Resealed != 250 || pass.FinishedAt == nil || steps < 8 {
		t.Errorf("after %d steps: %+v, %v", steps, pass, err)
	}
	if got := under(t, db); got[keyID] != 259 || len(got) != 1 {
		t.Errorf("sealed under %v", got)
	}
	if keys, err := db.EncryptionKeys(t.Context()); err != nil || len(keys) != 2 || keys[1].EmptiedAt != nil {
		t.Errorf("a former key counts as empty before all processes know of the new one: %+v, %v", keys, err)
	}
	reseal(t, db, settled())
	if keys, err := db.EncryptionKeys(t.Context()); err != nil || keys[1].EmptiedAt == nil {
		t.Errorf("the former key is not empty: %+v, %v", keys, err)
	}
}
