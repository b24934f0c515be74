package rotation

import (
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/patchbay/patchbay/internal/store"
	"github.com/patchbay/patchbay/internal/store/storetest"
	"github.com/patchbay/patchbay/internal/vault"
	"github.com/patchbay/patchbay/models"
)

// member is a server with a key file of its own.
type member struct {
	*Keeper
	path string
	log  *strings.Builder
}

// cluster is a database and the time of day that its servers share.
type cluster struct {
	t        *testing.T
	location string
	now      time.Time
}

func newCluster(t *testing.T) *cluster {
	return &cluster{t, storetest.Location(t), time.Now().UTC()}
}

// key makes a key file with the keys of another, or a new one.
func (c *cluster) key(of *member) string {
	c.t.Helper()
	path, text := filepath.Join(c.t.TempDir(), "patchbay.key"), vault.NewKey()
	if of != nil {
		var err error
		if text, err = vault.KeyText(of.path); err != nil {
			c.t.Fatal(err)
		}
	}
	if err := vault.WriteKeyFile(path, text); err != nil {
		c.t.Fatal(err)
	}
	return path
}

func (c *cluster) join(id, path string) *member {
	c.t.Helper()
	m := &member{path: path, log: &strings.Builder{}}
	ring, err := vault.ReadKeyFile(path)
	if err != nil {
		c.t.Fatal(err)
	}
	db, err := store.Open(c.t.Context(), c.location, ring)
	if err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(func() { db.Close() })
	m.Keeper, err = Join(c.t.Context(), db, ring, models.Replica{ID: id, Host: id}, func() time.Time { return c.now }, slog.New(slog.NewTextHandler(m.log, nil)))
	if err != nil {
		c.t.Fatal(err)
	}
	return m
}

func (c *cluster) tick(members ...*member) {
	c.t.Helper()
	for _, m := range members {
		if err := m.Tick(c.t.Context()); err != nil {
			c.t.Fatal(err)
		}
	}
}

func (c *cluster) status(m *member) *models.KeyRingStatus {
	c.t.Helper()
	status, err := m.Status(c.t.Context())
	if err != nil {
		c.t.Fatal(err)
	}
	return status
}

func (c *cluster) add(m *member) string {
	c.t.Helper()
	id, err := vault.AddKey(m.path)
	if err != nil {
		c.t.Fatal(err)
	}
	return id
}

func TestAKeyTakesOverWhenEveryServerHoldsIt(t *testing.T) {
	c := newCluster(t)
	one := c.join("one", c.key(nil))
	two := c.join("two", c.key(one))
	storetest.Create(t, one.store, storetest.Connection("slack", "42"))
	former := one.ring.Sealing()
	added := c.add(one)
	for range 3 {
		c.tick(one, two)
	}
	status := c.status(one)
	if status.Sealing != former || len(status.Problems) != 1 || !strings.Contains(status.Problems[0].What, "two") || status.Keys[0].State != models.KeyWaiting {
		t.Fatalf("while a server lacks the key: %+v", status)
	}
	if strings.Count(one.log.String(), "waits") != 1 {
		t.Errorf("logged %s", one.log)
	}
	if replica, keyID := Foreign(c.status(two), c.now); replica != "one" || keyID != added {
		t.Errorf("two does not see the key of one: %q %q", replica, keyID)
	}

	// The key file is copied over.
	text, err := vault.KeyText(one.path)
	if err != nil {
		t.Fatal(err)
	}
	two.path = two.path + ".new"
	if err := vault.WriteKeyFile(two.path, text); err != nil {
		t.Fatal(err)
	}
	if err := two.Leave(t.Context()); err != nil {
		t.Fatal(err)
	}
	two = c.join("two", two.path)
	c.tick(one, two)
	if status = c.status(two); status.Sealing != added || len(status.Problems) > 0 || !status.Rotating() {
		t.Fatalf("when every server holds the key: %+v", status)
	}
	c.now = c.now.Add(20 * time.Second)
	c.tick(two, one)
	if status = c.status(one); status.Rotating() || len(status.InState(models.KeyEmpty)) != 1 || status.Keys[1].ID != former {
		t.Errorf("after everybody has ceased: %+v", status)
	}
	if _, err := one.store.ConnectionOf(t.Context(), "slack", "42"); err != nil {
		t.Error(err)
	}
}

func TestAServerThatDiesDoesNotHoldUpARotation(t *testing.T) {
	c := newCluster(t)
	one := c.join("one", c.key(nil))
	c.join("dead", c.key(one))
	added := c.add(one)
	c.tick(one)
	c.now = c.now.Add(models.ReplicaAlive)
	c.tick(one)
	if status := c.status(one); status.Sealing != added || len(status.Problems) > 0 {
		t.Errorf("%+v", status)
	}
}

func TestAServerStaysVisible(t *testing.T) {
	c := newCluster(t)
	one := c.join("one", c.key(nil))
	c.now = c.now.Add(models.ReplicaBeat)
	c.tick(one)
	if seen := c.status(one).Replicas; len(seen) != 1 || !seen[0].LastSeen.Equal(c.now.Truncate(time.Microsecond)) || !seen[0].Alive(c.now) {
		t.Errorf("%+v", seen)
	}
	if err := one.Leave(t.Context()); err != nil || len(c.status(one).Replicas) != 0 {
		t.Errorf("it does not leave: %v", err)
	}
}

func TestAKeyFileThatLosesANeededKeyIsAProblem(t *testing.T) {
	c := newCluster(t)
	one := c.join("one", c.key(nil))
	former := one.ring.Sealing()
	c.add(one)
	if err := vault.RemoveKeys(one.path, former); err != nil {
		t.Fatal(err)
	}
	c.tick(one)
	if problems := c.status(one).Problems; len(problems) != 1 || !strings.Contains(problems[0].What, "does not hold key "+former) {
		t.Errorf("%+v", problems)
	}
}
