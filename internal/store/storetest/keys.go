package storetest

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

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

func sealedColumns(t *testing.T, s *keyScene) {
	db, ring := s.process(t)
	fill(t, db, 1)
	named := "SELECT m.name, p.name FROM sqlite_master m, pragma_table_info(m.name) p WHERE m.type = 'table' AND p.name LIKE 'sealed%'"
	if db.Postgres() {
		named = "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = current_schema() AND column_name LIKE 'sealed%'"
	}
	rows, err := db.SQL().QueryContext(t.Context(), named)
	must(t, err)
	known, found := store.SealedColumns(), 0
	for rows.Next() {
		var table, column string
		must(t, rows.Scan(&table, &column))
		found++
		if !slices.ContainsFunc(known, func(c store.SealedColumn) bool { return c.Table == table && c.Column == column }) {
			t.Errorf("%s.%s is not in store.SealedColumns: what it holds would be lost with the key it is sealed under", table, column)
		}
	}
	must(t, errors.Join(rows.Err(), rows.Close()))
	if found < 4 {
		t.Errorf("found %d sealed columns in the schema", found)
	}
	opened, damaged, err := db.CheckSealed(t.Context(), 0)
	if err != nil || len(damaged) > 0 || opened != under(t, db)[ring.Sealing()] || opened < int64(found) {
		t.Errorf("opened %d of %v, damaged %v, %v", opened, under(t, db), damaged, err)
	}
	if opened, _, err := db.CheckSealed(t.Context(), 1); err != nil || opened != int64(found)+1 {
		t.Errorf("a sample of one each opened %d, %v", opened, err)
	}
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
	if got := under(t, one); len(got) != 1 || got[keyID] != 65 {
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
	if got := under(t, db); got[keyID] != 255 || len(got) != 1 {
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

// damageCredentials changes a connection's sealed credentials.
func damageCredentials(t *testing.T, db *store.Store, userID string, change func([]byte) []byte) {
	t.Helper()
	place := []string{"?", "?"}
	if db.Postgres() {
		place = []string{"$1", "$2"}
	}
	var sealed []byte
	must(t, db.SQL().QueryRowContext(t.Context(), "SELECT sealed_credentials FROM connections WHERE user_id = "+place[0], userID).Scan(&sealed))
	_, err := db.SQL().ExecContext(t.Context(), "UPDATE connections SET sealed_credentials = "+place[0]+" WHERE user_id = "+place[1], change(sealed), userID)
	must(t, err)
}

func rotationWithDamage(t *testing.T, s *keyScene) {
	db, ring := s.process(t)
	fill(t, db, 150)
	former := ring.Sealing()
	var swapped []byte
	damageCredentials(t, db, "3", func(b []byte) []byte { swapped = b; return b })
	damageCredentials(t, db, "4", func(b []byte) []byte { swapped, b = b, swapped; return b })
	damageCredentials(t, db, "3", func([]byte) []byte { return swapped })
	damageCredentials(t, db, "70", func(b []byte) []byte { b[len(b)/2] ^= 1; return b })
	damageCredentials(t, db, "110", func(b []byte) []byte { return b[:20] })
	damageCredentials(t, db, "149", func(b []byte) []byte { return b[:3] })

	keyID := s.addKey(t, ring)
	_, err := db.Promote(t.Context(), keyID, time.Now().UTC())
	must(t, err)
	reseal(t, db, time.Now().UTC())
	reseal(t, db, settled())
	damaged, err := db.DamagedValues(t.Context(), 10)
	if err != nil || len(damaged) != 5 {
		t.Fatalf("damaged: %+v, %v", damaged, err)
	}
	for _, userID := range []string{"3", "4", "70", "110", "149"} {
		c, err := db.ConnectionOf(t.Context(), "slack", userID)
		must(t, err)
		if !slices.ContainsFunc(damaged, func(d models.DamagedValue) bool { return d.Row == c.UUID && strings.Contains(d.Reason, "damaged") }) {
			t.Errorf("user %s: %+v", userID, damaged)
		}
		if _, err := db.Credentials(t.Context(), c.UUID); !errors.Is(err, vault.ErrNotAuthentic) || !strings.Contains(err.Error(), c.UUID) {
			t.Errorf("user %s: %v", userID, err)
		}
	}
	if got := under(t, db); got[keyID] != 150 || got[former] != 4 || got[""] != 1 {
		t.Errorf("sealed under %v", got)
	}
	keys, err := db.EncryptionKeys(t.Context())
	if err != nil || keys[1].EmptiedAt != nil {
		t.Errorf("the former key counts as empty: %+v, %v", keys, err)
	}
	for _, userID := range []string{"3", "70", "149"} { // these users connect again
		c, err := db.ConnectionOf(t.Context(), "slack", userID)
		must(t, err)
		must(t, db.Write(t.Context(), func(tx *store.Tx) error { return tx.SaveCredentials(c, Credentials("again"), Now) }))
	}
	reseal(t, db, settled().Add(time.Hour))
	if damaged, err = db.DamagedValues(t.Context(), 10); err != nil || len(damaged) != 2 {
		t.Errorf("damaged: %+v, %v", damaged, err)
	}
	must(t, db.GiveUp(t.Context(), settled()))
	if keys, err := db.EncryptionKeys(t.Context()); err != nil || keys[1].EmptiedAt == nil {
		t.Errorf("%+v, %v", keys, err)
	}
}

func keyWaits(t *testing.T, s *keyScene) {
	one, ring := s.process(t)
	copied := copyOf(t, s.path) // a server with a copy of its own
	two, err := s.open(t, copied)
	must(t, err)
	now := time.Now().UTC()
	beat := func(db *store.Store, id string, at time.Time) {
		t.Helper()
		must(t, db.Beat(t.Context(), models.Replica{ID: id, Host: "host-" + id, Started: now, LastSeen: at}))
	}
	beat(one, "one", now)
	beat(two, "two", now)
	beat(two, "dead", now.Add(-time.Hour))
	keyID := s.addKey(t, ring)
	beat(one, "one", now)

	_, err = one.Promote(t.Context(), keyID, now)
	var waiting *store.WaitingError
	if !errors.As(err, &waiting) || len(waiting.Replicas) != 1 || waiting.Replicas[0].ID != "two" || !strings.Contains(err.Error(), "host-two") {
		t.Fatalf("promoted a key that a server does not hold: %v", err)
	}
	if _, err := two.Promote(t.Context(), keyID, now); err == nil {
		t.Error("promoted a key that the caller does not hold")
	}
	if changed, err := one.Promote(t.Context(), keyID, now.Add(models.ReplicaAlive)); !changed || err != nil {
		t.Errorf("a server that has died holds up the rotation: %v, %v", changed, err)
	}
	if changed, err := one.Promote(t.Context(), keyID, now); changed || err != nil {
		t.Errorf("the second time: %v, %v", changed, err)
	}
	if _, err := one.Promote(t.Context(), copied.Sealing(), now); !errors.Is(err, store.ErrReplacedKey) {
		t.Errorf("a key came back: %v", err)
	}
	must(t, one.Leave(t.Context(), "two"))
	replicas, err := one.Replicas(t.Context(), now.Add(-2*time.Hour))
	if err != nil || len(replicas) != 2 || replicas[0].ID != "dead" || replicas[1].ID != "one" || len(replicas[1].Keys) != 2 || !replicas[1].LastSeen.Equal(now.Truncate(time.Microsecond)) {
		t.Errorf("%+v, %v", replicas, err)
	}
}

// copyOf reads a ring from a copy of the key file that stays as it is.
func copyOf(t *testing.T, path string) *vault.Ring {
	t.Helper()
	text, err := vault.KeyText(path)
	must(t, err)
	copied := filepath.Join(t.TempDir(), "copy.key")
	must(t, vault.WriteKeyFile(copied, text))
	ring, err := vault.ReadKeyFile(copied)
	must(t, err)
	return ring
}

func keyMissing(t *testing.T, s *keyScene) {
	one, ring := s.process(t)
	lacking := copyOf(t, s.path)
	keyID := s.addKey(t, ring)
	_, err := one.Promote(t.Context(), keyID, time.Now().UTC())
	must(t, err)
	if _, err := s.open(t, lacking); !errors.Is(err, store.ErrWrongKey) || !strings.Contains(err.Error(), keyID) {
		t.Errorf("a process without the key that seals starts: %v", err)
	}
	if err := one.Ready(t.Context()); err != nil {
		t.Error(err)
	}
}

func keyFollowed(t *testing.T, s *keyScene) {
	one, ring := s.process(t)
	two, followed := s.process(t)
	blind := copyOf(t, s.path)
	three, err := s.open(t, blind)
	must(t, err)
	keyID := s.addKey(t, ring)
	_, err = one.Promote(t.Context(), keyID, time.Now().UTC())
	must(t, err)
	deadline := time.Now().Add(5 * time.Second)
	for n := 0; followed.Sealing() != keyID && time.Now().Before(deadline); n++ {
		Create(t, two, Connection("slack", strconv.Itoa(n)))
	}
	if followed.Sealing() != keyID {
		t.Error("a process goes on sealing under a key that was replaced")
	}
	for err = nil; err == nil && time.Now().Before(deadline); {
		err = three.Write(t.Context(), func(*store.Tx) error { return nil })
	}
	if !errors.Is(err, store.ErrWrongKey) {
		t.Errorf("a process that does not hold the key goes on writing: %v", err)
	}
	if err := three.Ready(t.Context()); !errors.Is(err, store.ErrWrongKey) {
		t.Errorf("and is ready: %v", err)
	}
}

func keyAskedFor(t *testing.T, s *keyScene) {
	db, ring := s.process(t)
	fill(t, db, 1)
	former := ring.Sealing()
	_, err := db.Promote(t.Context(), s.addKey(t, ring), time.Now().UTC())
	must(t, err)
	must(t, vault.RemoveKeys(s.path, former)) // too early
	lacking, err := vault.ReadKeyFile(s.path)
	must(t, err)
	if _, err := s.open(t, lacking); !errors.Is(err, store.ErrWrongKey) || !strings.Contains(err.Error(), former) {
		t.Errorf("it starts without a key that values are sealed under: %v", err)
	}
	reseal(t, db, time.Now().UTC())
	reseal(t, db, settled())
	s.process(t)
}
