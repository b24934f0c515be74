package storetest

import (
	"errors"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/patchbay/patchbay/internal/store"
	"github.com/patchbay/patchbay/internal/vault"
	"github.com/patchbay/patchbay/models"
)

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
	if got := under(t, db); got[keyID] != 154 || got[former] != 4 || got[""] != 1 {
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

// A process whose clock is wrong may have sealed under a former key after everybody was thought to have ceased.
func keyLookedFor(t *testing.T, s *keyScene) {
	db, ring := s.process(t)
	fill(t, db, 5)
	var late []byte
	damageCredentials(t, db, "3", func(b []byte) []byte { late = b; return b })
	_, err := db.Promote(t.Context(), s.addKey(t, ring), time.Now().UTC())
	must(t, err)
	now := settled()
	for concluded := false; !concluded; {
		_, err := db.Reseal(t.Context(), now)
		must(t, err)
		concluded, err = db.Concluded(t.Context())
		must(t, err)
	}
	damageCredentials(t, db, "3", func([]byte) []byte { return late })
	reseal(t, db, now)
	if keys, err := db.EncryptionKeys(t.Context()); err != nil || keys[1].EmptiedAt == nil || len(under(t, db)) != 1 {
		t.Errorf("%+v, sealed under %v, %v", keys, under(t, db), err)
	}
}
