package e2e

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/patchbay/patchbay/internal/store"
	"github.com/patchbay/patchbay/internal/store/storetest"
	"github.com/patchbay/patchbay/internal/vault"
	"github.com/patchbay/patchbay/models"
)

// run runs a command of the program on the server's files, and gives what it printed.
func (s *server) run(args ...string) (string, error) {
	cmd := exec.Command(binary, args...)
	cmd.Dir, cmd.Env = s.dir, s.env
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// open opens the server's database beside it.
func (s *server) open() *store.Store {
	s.t.Helper()
	ring, err := vault.ReadKeyFile(s.path("patchbay.key"))
	if err != nil {
		s.t.Fatal(err)
	}
	db, err := store.Open(s.t.Context(), s.path("patchbay.db"), ring)
	if err != nil {
		s.t.Fatal(err)
	}
	return db
}

// rotatedConnections is so many that a rotation takes several steps.
const rotatedConnections = 3000

// Command and server are killed while they seal everything anew, and another server, or the same again, ends it.
func TestARotationSurvivesThatItsProcessesAreKilled(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	s.faulty = true // a lock of the database may go with a process that is killed
	db := s.open()
	defer db.Close()
	list := make([]*models.Connection, rotatedConnections)
	for i := range list {
		list[i] = storetest.Connection("sandbox", fmt.Sprint(i))
	}
	storetest.Create(t, db, list...)
	rotate := exec.Command(binary, "keys", "rotate")
	rotate.Dir, rotate.Env = s.dir, s.env
	if err := rotate.Start(); err != nil {
		t.Fatal(err)
	}
	sealed := func() (resealed int64, finished bool) {
		passes, err := db.Resealings(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		pass := passes["connections.sealed_credentials"]
		return pass.Resealed, pass.FinishedAt != nil
	}
	s.until("the rotation is on its way", func() bool { n, _ := sealed(); return n > 0 })
	rotate.Process.Kill()
	s.kill()
	_ = rotate.Wait()
	left, finished := sealed()
	t.Logf("killed after %d of %d values, finished: %v", left, rotatedConnections, finished)

	s.start()
	s.until("everything is sealed anew", func() bool { _, finished := sealed(); return finished })
	s.exec("UPDATE encryption_keys SET first_used = first_used - 60000000 WHERE replaced_at IS NULL") // everybody knows by now
	if out, err := s.run("keys", "prune", "--yes"); err != nil || !strings.Contains(out, "Removed key") {
		t.Errorf("prune: %s, %v", out, err)
	}
	if out, err := s.run("keys", "status", "--verify"); err != nil || !strings.Contains(out, ", 0 do not") || strings.Contains(out, "replaced") {
		t.Errorf("status: %s, %v", out, err)
	}
	if out, err := s.run("backup", "backup.db"); err != nil {
		t.Errorf("backup: %s, %v", out, err)
	}
	if out, err := s.run("restore", "backup.db"); err == nil || !strings.Contains(out, "a server has the database open") {
		t.Errorf("restored under a running server: %s, %v", out, err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if out, err := s.run("restore", "backup.db"); err == nil || !strings.Contains(out, "a server has the database open") {
		t.Errorf("restored under a running server of another process: %s, %v", out, err)
	}
	s.kill()
	if out, err := s.run("restore", "backup.db", "--verify"); err != nil || !strings.Contains(out, "Restored") {
		t.Errorf("restore: %s, %v", out, err)
	}
	if aside, err := filepath.Glob(s.path("patchbay.db.before-restore*")); err != nil || len(aside) != 1 {
		t.Errorf("set aside: %v, %v", aside, err)
	}
}

// until waits for what another process does.
func (s *server) until(what string, come func() bool) {
	s.t.Helper()
	for deadline := time.Now().Add(time.Minute); !come(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			s.t.Fatalf("waited in vain: %s", what)
		}
	}
}
