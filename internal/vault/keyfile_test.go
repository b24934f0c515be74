package vault

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

func keyFile(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "patchbay.key")
	if err := CreateKeyFile(path); err != nil {
		t.Fatal(err)
	}
	return path
}

func readKeyFile(t *testing.T, path string) *Ring {
	t.Helper()
	ring, err := ReadKeyFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return ring
}

func addKey(t *testing.T, path string) string {
	t.Helper()
	id, err := AddKey(path)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func TestAnAddedKeyOpensAndSealsWhenItIsTold(t *testing.T) {
	path, at := keyFile(t), Place{"t", "c", "r"}
	ring, former := readKeyFile(t, path), readKeyFile(t, path).Sealing()
	sealed := ring.Seal([]byte("x"), at)
	added := addKey(t, path)
	if changed, err := ring.Reload(); !changed || err != nil {
		t.Fatalf("not read again: %v", err)
	}
	if changed, err := ring.Reload(); changed || err != nil {
		t.Errorf("read once more: %v", err)
	}
	if !slices.Equal(ring.Keys(), []string{added, former}) || ring.Sealing() != former || KeyOf(ring.Seal(nil, at)) != former {
		t.Errorf("keys %q, sealing %s", ring.Keys(), ring.Sealing())
	}
	if err := ring.SealUnder(added); err != nil || KeyOf(ring.Seal(nil, at)) != added || !bytes.HasPrefix(ring.Seal(nil, at), Header(added)) {
		t.Errorf("sealing %s, %v", ring.Sealing(), err)
	}
	if _, err := ring.Open(sealed, at); err != nil {
		t.Errorf("the former key: %v", err)
	}
	if err := ring.SealUnder("00000000"); !errors.Is(err, ErrUnknownKey) {
		t.Errorf("seals under an unknown key: %v", err)
	}
	if readKeyFile(t, path).Sealing() != added {
		t.Error("the added key is not the first")
	}
}

// Another process may seal under a new key before this one has looked at the file.
func TestAKeyThatIsNotThereIsLookedForInTheFile(t *testing.T) {
	path, at := keyFile(t), Place{"t", "c", "r"}
	ring := readKeyFile(t, path)
	added := addKey(t, path)
	if _, err := ring.Open(readKeyFile(t, path).Seal([]byte("x"), at), at); err != nil {
		t.Error(err)
	}
	if !ring.Holds(added) || ring.Holds("00000000") {
		t.Errorf("holds %q", ring.Keys())
	}
}

func TestARunningRingLosesNoKey(t *testing.T) {
	path := keyFile(t)
	ring := readKeyFile(t, path)
	former := ring.Sealing()
	added := addKey(t, path)
	if err := RemoveKeys(path, former); err != nil {
		t.Fatal(err)
	}
	if _, err := ring.Reload(); err != nil || ring.Sealing() != former || !slices.Equal(ring.Source(), []string{added}) || !slices.Equal(ring.Keys(), []string{added, former}) {
		t.Errorf("source %q, keys %q, sealing %s, %v", ring.Source(), ring.Keys(), ring.Sealing(), err)
	}
	if err := RemoveKeys(path, added); err == nil || len(readKeyFile(t, path).Keys()) != 1 {
		t.Errorf("removed the last key: %v", err)
	}
	for name, text := range map[string]string{"empty": "", "cut": NewKey()[:20]} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := ring.Reload(); err == nil || !strings.Contains(err.Error(), path) || len(ring.Keys()) != 2 {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := AddKey(path); err == nil {
			t.Errorf("%s: added a key", name)
		}
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if _, err := ring.Reload(); err == nil || len(ring.Keys()) != 2 {
		t.Errorf("no file: %v", err)
	}
}

func TestChangesOfAKeyFileDoNotLoseEachOther(t *testing.T) {
	path := keyFile(t)
	link := filepath.Join(t.TempDir(), "link.key")
	if err := os.Symlink(path, link); err != nil {
		t.Fatal(err)
	}
	var group sync.WaitGroup
	ids := make([]string, 20)
	done := make(chan struct{})
	var reading sync.WaitGroup
	reading.Go(func() {
		for {
			select {
			case <-done:
				return
			default:
				if _, err := ReadKeyFile(path); err != nil {
					t.Errorf("for a moment there was no readable key file: %v", err)
					return
				}
			}
		}
	})
	for i := range ids {
		group.Go(func() { ids[i], _ = AddKey(link) })
	}
	group.Wait()
	close(done)
	reading.Wait()
	held := readKeyFile(t, path).Keys()
	for _, id := range ids {
		if !slices.Contains(held, id) {
			t.Errorf("key %q is lost", id)
		}
	}
	if info, err := os.Lstat(link); err != nil || info.Mode()&os.ModeSymlink == 0 {
		t.Error("the link was replaced")
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 || len(held) != len(ids)+1 {
		t.Errorf("%d keys, %v", len(held), info.Mode())
	}
	if left, err := filepath.Glob(filepath.Join(filepath.Dir(path), ".key-*")); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}
