package store_test

import (
	"bufio"
	"context"
	crand "crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/pressly/goose/v3"

	"github.com/patchbay/patchbay/internal/store"
	"github.com/patchbay/patchbay/internal/store/storetest"
	"github.com/patchbay/patchbay/internal/testkit"
	"github.com/patchbay/patchbay/internal/vault"
)

// faults is how often a fault is brought about: a few times, or as PATCHBAY_TEST_FAULTS says.
func faults(t *testing.T, few int) int {
	t.Helper()
	text := os.Getenv("PATCHBAY_TEST_FAULTS")
	if text == "" {
		return few
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// register stores a new connection and gives its uuid.
func register(ctx context.Context, s *store.Store) (string, error) {
	c := storetest.Connection("slack", crand.Text())
	return c.UUID, s.Write(ctx, func(tx *store.Tx) error { return tx.CreateConnection(c, storetest.Credentials("x")) })
}

// checkKept fails for acknowledged writes that are lost.
func checkKept(t *testing.T, s *store.Store, acknowledged []string) {
	t.Helper()
	kept := map[string]bool{}
	for part := range slices.Chunk(acknowledged, 500) {
		found, err := s.Existing(t.Context(), part)
		if err != nil {
			t.Fatal(err)
		}
		maps.Copy(kept, found)
	}
	if len(acknowledged) == 0 || len(kept) != len(acknowledged) {
		t.Errorf("%d of %d acknowledged writes are kept", len(kept), len(acknowledged))
	}
}

// child runs a test of this binary in a process of its own, for [store.Open] at a location.
func child(t *testing.T, test, location, key string) *exec.Cmd {
	t.Helper()
	command := exec.Command(os.Args[0], "-test.run=^"+test+"$")
	command.Env = append(os.Environ(), "PATCHBAY_TEST_CHILD="+location, "PATCHBAY_TEST_CHILD_KEY="+key)
	command.Stderr = os.Stderr
	return command
}

// openInChild opens the store that the parent has named, and skips the test where there is no parent.
func openInChild(t *testing.T) *store.Store {
	t.Helper()
	location := os.Getenv("PATCHBAY_TEST_CHILD")
	if location == "" {
		t.Skip("a part of another test")
	}
	ring, err := vault.Parse(os.Getenv("PATCHBAY_TEST_CHILD_KEY"))
	if err != nil {
		t.Fatal(err)
	}
	return open(t, location, ring)
}

func TestChildWrites(t *testing.T) {
	s := openInChild(t)
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			for {
				uuid, err := register(t.Context(), s)
				if err != nil {
					panic(err)
				}
				os.Stdout.WriteString("written " + uuid + "\n")
			}
		})
	}
	group.Wait()
}

func TestSQLiteKeepsWhatItAcknowledgedWhenKilled(t *testing.T) {
	path, key := filepath.Join(t.TempDir(), "patchbay.db"), vault.NewKey()
	var acknowledged []string
	for range faults(t, 3) {
		writer := child(t, "TestChildWrites", path, key)
		output, err := writer.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := writer.Start(); err != nil {
			t.Fatal(err)
		}
		lines, last := bufio.NewScanner(output), len(acknowledged)+1+rand.IntN(50)
		for lines.Scan() {
			if uuid, ok := strings.CutPrefix(lines.Text(), "written "); ok {
				acknowledged = append(acknowledged, uuid)
			}
			if len(acknowledged) == last {
				_ = writer.Process.Kill() // what it has printed is read to its end
			}
		}
		_ = writer.Wait()
	}
	ring, err := vault.Parse(key)
	if err != nil {
		t.Fatal(err)
	}
	checkKept(t, open(t, path, ring), acknowledged)
}

func TestChildMigrates(t *testing.T) { openInChild(t) }

// Connections of the first schema, of which there is one for each database.
const (
	firstInSQLite = `INSERT INTO connections (uuid, integration, user_id, date_created, last_modified, auth_mode, sealed_credentials, expires_at, refreshable, state, state_reason, additional_config, config_version, version)
		WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < $1) SELECT 'u' || i, 'slack', i, i, i, 'OAUTH2', x'00', 3600000000, 1, 'connected', '', '{}', 1, 1 FROM n`
	firstInPostgreSQL = `INSERT INTO connections (uuid, integration, user_id, date_created, last_modified, auth_mode, sealed_credentials, obtained_at, expires_at, refresh_at, refreshable, state, state_reason, state_before, tags, additional_config, config_version, version)
		SELECT 'u' || i, 'slack', i, at, at, 'OAUTH2', '\x00', at, at, at, true, 'connected', '', '', '[]', '{}', 1, 1 FROM (SELECT i, 'epoch'::timestamptz + i * INTERVAL '1 microsecond' AS at FROM generate_series(1, $1) AS n(i)) AS n`
)

func TestSQLiteMigratesAfterAMigrationWasKilled(t *testing.T) {
	path := filepath.Join(t.TempDir(), "patchbay.db")
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	killMigrations(t, path, db, goose.DialectSQLite3, "migrations/sqlite", firstInSQLite)
}

func TestPostgreSQLMigratesAfterAMigrationWasKilled(t *testing.T) {
	address, db := newPostgres(t)
	killMigrations(t, address, db, goose.DialectPostgres, "migrations/postgres", firstInPostgreSQL)
}

// killMigrations fills the first schema of a database, has processes bring it up that are killed meanwhile, and looks for what
// was there.
func killMigrations(t *testing.T, location string, db *sql.DB, dialect goose.Dialect, dir, fill string) {
	t.Helper()
	rows := 50_000
	if os.Getenv("PATCHBAY_TEST_FAULTS") != "" {
		rows = 100_000
	}
	earlier, err := goose.NewProvider(dialect, db, os.DirFS(dir))
	if err == nil {
		_, err = earlier.UpByOne(t.Context())
	}
	if err == nil {
		_, err = db.Exec(fill, rows)
	}
	if err != nil {
		t.Fatal(err)
	}
	key, killed := vault.NewKey(), 0
	for i := range faults(t, 3) {
		migrating := child(t, "TestChildMigrates", location, key)
		if err := migrating.Start(); err != nil {
			t.Fatal(err)
		}
		kill := time.AfterFunc(time.Duration(20+40*(i%10))*time.Millisecond, func() { _ = migrating.Process.Kill() })
		if migrating.Wait() != nil {
			killed++
		}
		kill.Stop()
	}
	ring, err := vault.Parse(key)
	if err != nil {
		t.Fatal(err)
	}
	s := open(t, location, ring)
	counts, err := s.CountByIntegration(t.Context())
	c, findErr := s.Connection(t.Context(), fmt.Sprint("u", rows))
	if err := errors.Join(err, findErr); err != nil || killed == 0 || counts["slack"] != int64(rows) || c.ObtainedAt.UnixMicro() != int64(rows) || c.RefreshAt == nil {
		t.Errorf("%d killed, %v, %+v, %v", killed, counts, c, err)
	}
}

func TestSQLiteRecoversFromAFullDisk(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=4m"); err != nil {
		t.Skip("a small disk cannot be mounted here: ", err) // also where all tests are wanted: it needs the root account
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	s := open(t, filepath.Join(dir, "patchbay.db"), newRing(t))
	filler := filepath.Join(dir, "filler")
	if err := os.WriteFile(filler, make([]byte, 3<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	var acknowledged []string
	var failure error
	for failure == nil && len(acknowledged) < 10_000 {
		var uuid string
		if uuid, failure = register(t.Context(), s); failure == nil {
			acknowledged = append(acknowledged, uuid)
		}
	}
	if failure == nil || !strings.Contains(failure.Error(), "full") {
		t.Errorf("the disk is full: %v", failure)
	}
	if err := s.Ready(t.Context()); err == nil {
		_, err = register(t.Context(), s)
		t.Logf("a small write still fits; a larger one: %v", err)
	}
	checkKept(t, s, acknowledged)
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	uuid, err := register(t.Context(), s)
	if err != nil {
		t.Fatalf("with space again: %v", err)
	}
	checkKept(t, s, append(acknowledged, uuid))
}

func TestSQLiteRecoversFromALock(t *testing.T) {
	t.Parallel() // it takes as long as a lock is waited for
	path := filepath.Join(t.TempDir(), "patchbay.db")
	s := open(t, path, newRing(t))
	other, err := sql.Open("sqlite", path+"?_txlock=immediate")
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	lock, err := other.Begin()
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			uuid, err := register(t.Context(), s)
			if err == nil || !strings.Contains(err.Error(), "another program has kept the database locked") {
				t.Errorf("locked: %v", err)
			}
			if existing, err := s.Existing(t.Context(), []string{uuid}); err != nil || len(existing) > 0 {
				t.Errorf("half written: %v, %v", existing, err)
			}
		})
	}
	group.Wait()
	if took := time.Since(began); took > 15*time.Second {
		t.Errorf("the writers waited one after the other: %s", took)
	}
	if err := lock.Rollback(); err != nil {
		t.Fatal(err)
	}
	if _, err := register(t.Context(), s); err != nil {
		t.Errorf("unlocked: %v", err)
	}
}

// The connections of a store are cut, by the administrator and by restarts, while it writes and reads.
func TestPostgreSQLRecoversFromCutConnections(t *testing.T) {
	server := testkit.OwnPostgres(t)
	s := open(t, server.Address("postgres"), newRing(t))
	ctx, stop := context.WithCancel(t.Context())
	written := make(chan string, 10_000)
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			for ctx.Err() == nil {
				if uuid, err := register(t.Context(), s); err == nil {
					written <- uuid
				}
			}
		})
	}
	var acknowledged []string
	next := func() {
		t.Helper()
		for range len(written) + 1 { // at least one that comes after the fault
			select {
			case uuid := <-written:
				acknowledged = append(acknowledged, uuid)
			case <-time.After(time.Minute):
				t.Fatal("the store does not recover")
			}
		}
	}
	for i := range faults(t, 4) {
		next()
		switch i % 4 {
		case 0, 2:
			if err := server.CutConnections(); err != nil {
				t.Fatal(err)
			}
			if _, err := s.Existing(t.Context(), acknowledged[:1]); err != nil {
				t.Errorf("a read after the cut: %v", err)
			}
		case 1:
			server.Stop(t, syscall.SIGINT)
			server.Start(t)
		case 3:
			server.Stop(t, syscall.SIGQUIT)
			server.Start(t)
		}
		next()
	}
	stop()
	group.Wait()
	for len(written) > 0 {
		acknowledged = append(acknowledged, <-written)
	}
	checkKept(t, s, acknowledged)
}
