package webhooks

import (
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/patchbay/patchbay/internal/store"
	"github.com/patchbay/patchbay/internal/vault"
	"github.com/patchbay/patchbay/models"
)

// A process that is killed after the receiver has taken a message, and before that is stored, leaves it to be sent once more, by
// the same name.
func TestADeliveryOutlivesItsProcess(t *testing.T) {
	t.Parallel()
	path, key := filepath.Join(t.TempDir(), "patchbay.db"), vault.NewKey()
	db := openAt(t, path, key)
	s := sceneOf(t, db, loopback, Timeout)
	r := newReceiver(t)
	e := s.create(r.URL)
	r.knows(e)
	s.emit(models.EventConnectionUpdated, "slack", "42")

	// The receiver kills the sender once it has the message.
	child := exec.Command(os.Args[0], "-test.run=^TestSendUntilKilled$")
	child.Env = append(os.Environ(), "PATCHBAY_TEST_SENDER="+path, "PATCHBAY_TEST_KEY="+key)
	var once sync.Once
	started := make(chan struct{})
	r.answers(func(w http.ResponseWriter, _ *http.Request) {
		once.Do(func() {
			<-started
			_ = child.Process.Kill()
		})
	})
	must(t, child.Start())
	close(started)
	if err := child.Wait(); err == nil || child.ProcessState.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
		t.Fatalf("the sender was not killed: %v", err)
	}
	if d := s.deliveries(e)[0]; d.Status != models.DeliveryPending || len(r.requests()) != 1 {
		t.Fatalf("after the crash: %+v, %d requests", d, len(r.requests()))
	}

	// As if a minute had passed, after which a job is taken for lost with its process.
	for _, statement := range []string{"UPDATE river_job SET attempted_at = datetime('now', '-2 minutes')", "DELETE FROM river_leader"} {
		_, err := db.SQL().ExecContext(t.Context(), statement)
		must(t, err)
	}
	s.start()
	eventually(t, "it is sent again", func() bool { return s.deliveries(e)[0].Status == models.DeliveryDelivered })
	if ids := r.requests(); len(ids) != 2 || len(slices.Compact(ids)) != 1 {
		t.Errorf("sent as %q", ids)
	}
}

func openAt(t *testing.T, path, key string) *store.Store {
	t.Helper()
	ring, err := vault.Parse(key)
	must(t, err)
	db, err := store.Open(t.Context(), path, ring)
	must(t, err)
	t.Cleanup(func() { must(t, db.Close()) })
	return db
}

// TestSendUntilKilled is the process of [TestADeliveryOutlivesItsProcess].
func TestSendUntilKilled(t *testing.T) {
	path := os.Getenv("PATCHBAY_TEST_SENDER")
	if path == "" {
		return // it is no test by itself
	}
	sceneOf(t, openAt(t, path, os.Getenv("PATCHBAY_TEST_KEY")), loopback, Timeout).start()
	select {
	case <-t.Context().Done():
	case <-time.After(time.Minute):
		t.Fatal("nobody killed it")
	}
}
