package cli

import (
	"bytes"
	"context"
	"database/sql"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/patchbay/patchbay/internal/vault"
)

// sqlExec changes the database of this folder in a way that no command does.
func sqlExec(t *testing.T, statement string, args ...any) {
	t.Helper()
	db, err := sql.Open("sqlite", "file:data/patchbay.db?_pragma=busy_timeout(5000)")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	result, err := db.ExecContext(t.Context(), statement, args...)
	if err != nil {
		t.Fatal(err)
	}
	if n, _ := result.RowsAffected(); n == 0 {
		t.Fatalf("%s changed nothing", statement)
	}
}

// ok runs a command that has to succeed, and gives what it printed.
func ok(t *testing.T, args ...string) string {
	t.Helper()
	code, out, errors := run(t, "", args...)
	if code != exitOK {
		t.Fatalf("%v: exit %d, %s", args, code, errors)
	}
	if text, err := os.ReadFile("data/patchbay.key"); err == nil {
		for _, key := range strings.Fields(string(text)) {
			if strings.Contains(out+errors, key) {
				t.Errorf("%v prints a key", args)
			}
		}
	}
	return out
}

func wants(t *testing.T, text string, wanted ...string) {
	t.Helper()
	for _, want := range wanted {
		if !strings.Contains(text, want) {
			t.Errorf("printed %q, want %q", text, want)
		}
	}
}

func TestKeysAreRotatedAndPrunedOnTheCommandLine(t *testing.T) {
	t.Chdir(t.TempDir())
	ok(t, "migrate")
	wants(t, ok(t, "keys", "status"), "IN ./data/patchbay.key", "seals", "settings.value")
	wants(t, ok(t, "keys", "prune"), "Every key of ./data/patchbay.key is needed.")

	wants(t, ok(t, "keys", "rotate"), "Added key ", "values sealed anew: 1", "keys prune")
	wants(t, ok(t, "keys", "rotate"), "going on with it", "Everything is sealed under key")
	wants(t, ok(t, "keys", "status"), "replaced, still needed")
	if code, _, errors := run(t, "", "keys", "prune", "--wait", "0s"); code != exitFailed || !strings.Contains(errors, "still sealed under a former key") {
		t.Errorf("pruned at once: %d %q", code, errors)
	}
	sqlExec(t, "UPDATE encryption_keys SET first_used = first_used - 60000000 WHERE replaced_at IS NULL")
	before, err := os.ReadFile("data/patchbay.key")
	if err != nil {
		t.Fatal(err)
	}
	for _, answer := range []string{"", "no\n", "yes, but not now\n"} {
		code, out, errors := run(t, answer, "keys", "prune")
		after, err := os.ReadFile("data/patchbay.key")
		if code != exitSettings || out != "" || err != nil || !bytes.Equal(after, before) {
			t.Errorf("answered %q: exit %d, %q, %v", answer, code, out, err)
		}
		wants(t, errors, "will be removed from ./data/patchbay.key, for good", "cannot be restored", "copy the key file", "no key was removed", "--yes")
	}
	if code, out, errors := run(t, "yes\n", "keys", "prune"); code != exitOK || !strings.HasPrefix(out, "Removed key ") {
		t.Errorf("answered yes: exit %d, %q, %q", code, out, errors)
	}
	out := ok(t, "keys", "status", "--verify")
	wants(t, out, "1 sealed values open, 0 do not.")
	if strings.Contains(out, "replaced") {
		t.Errorf("the former key is still told of: %q", out)
	}
	if info, err := os.Stat("data/patchbay.key"); err != nil || info.Mode().Perm() != 0o600 || info.Size() != 45 {
		t.Errorf("key file: %v, %v", info, err)
	}
	if left, err := filepath.Glob("data/.key-*"); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestARotationWaitsForServersWithoutTheKey(t *testing.T) {
	t.Chdir(t.TempDir())
	ok(t, "migrate")
	sqlExec(t, "INSERT INTO replicas (id, host, version, started, last_seen, keys, sealing) VALUES ('far-1', 'far', 'v', 1, ?, '[\"0badc0de\"]', '')", time.Now().Add(time.Hour).UnixMicro())
	if code, _, errors := run(t, "", "keys", "rotate"); code != exitSettings || !strings.Contains(errors, "far-1 holds key 0badc0de") {
		t.Errorf("two rotations at a time: %d %q", code, errors)
	}
	sqlExec(t, "UPDATE replicas SET keys = '[]'")
	for range 2 { // the second goes on with the key of the first
		code, out, errors := run(t, "", "keys", "rotate", "--wait", "0s")
		if code != exitFailed || !strings.Contains(errors, "give the key file to every server") || !strings.Contains(errors, "far-1") {
			t.Errorf("%d %q %q", code, out, errors)
		}
	}
	wants(t, ok(t, "keys", "status"), "waits until every server holds it", "The new key", "far-1")
	if text, err := os.ReadFile("data/patchbay.key"); err != nil || strings.Count(string(text), "\n") != 2 {
		t.Errorf("%d bytes, %v", len(text), err)
	}
	sqlExec(t, "DELETE FROM replicas")
	wants(t, ok(t, "keys", "rotate"), "added before", "values sealed anew: 1")
}

func TestKeysOfTheEnvironmentAreNotChanged(t *testing.T) {
	t.Chdir(t.TempDir())
	t.Setenv("PATCHBAY_ENCRYPTION_KEY", vault.NewKey())
	ok(t, "migrate")
	wants(t, ok(t, "keys", "status"), "IN PATCHBAY_ENCRYPTION_KEY")
	for command, want := range map[string]string{"rotate": "before the present one", "prune": "take those out"} {
		if code, _, errors := run(t, "", "keys", command); code != exitSettings || !strings.Contains(errors, want) {
			t.Errorf("%s: %d %q", command, code, errors)
		}
	}
	former := os.Getenv("PATCHBAY_ENCRYPTION_KEY")
	t.Setenv("PATCHBAY_ENCRYPTION_KEY", vault.NewKey()+","+former)
	running(t, func(string) { // the new key takes over by itself
		eventually(t, func() bool { return strings.Contains(ok(t, "keys", "status"), "replaced") })
	})
	t.Setenv("PATCHBAY_ENCRYPTION_KEY", former)
	if code, _, errors := run(t, "", "keys", "status"); code != exitSettings || !strings.Contains(errors, "PATCHBAY_ENCRYPTION_KEY: ") {
		t.Errorf("without the key that seals: %d %q", code, errors)
	}
}

func TestAKeyFileThatIsNotRightIsRefused(t *testing.T) {
	t.Chdir(t.TempDir())
	key := vault.NewKey()
	for name, make := range map[string]func(path string) error{
		"expected 32 bytes":  func(path string) error { return os.WriteFile(path, []byte(key[:30]), 0o600) },
		"found none":         func(path string) error { return os.WriteFile(path, nil, 0o600) },
		"found a folder":     func(path string) error { return os.Mkdir(path, 0o700) },
		"found mode 0640":    func(path string) error { return os.WriteFile(path, []byte(key), 0o640) },
		"found mode 0604":    func(path string) error { return os.WriteFile(path, []byte(key), 0o604) },
		"more than 65536":    func(path string) error { return os.WriteFile(path, make64k(), 0o600) },
		"not the one this":   func(path string) error { return os.WriteFile(path, []byte(key), 0o600) },
		"run `chmod 600 lin": func(path string) error { return linked(path, key) },
	} {
		t.Run(name, func(t *testing.T) {
			path := "link.key"
			os.RemoveAll(path)
			ok(t, "migrate")
			if err := make(path); err != nil {
				t.Fatal(err)
			}
			code, out, errors := run(t, "", "--key-file", path)
			if code != exitSettings || out != "" || !strings.Contains(errors, name) || !strings.Contains(errors, path) || strings.Contains(errors, key[:20]) {
				t.Errorf("%d %q %q", code, out, errors)
			}
		})
	}
}

func make64k() []byte { return []byte(strings.Repeat("a", 70_000)) }

// linked makes path a link to a key file that others can read.
func linked(path, key string) error {
	target := filepath.Join(filepath.Dir(path), "target.key")
	if err := os.WriteFile(target, []byte(key), 0o644); err != nil {
		return err
	}
	return os.Symlink("target.key", path)
}

// running runs a server while work is done; address is where it listens.
func running(t *testing.T, work func(address string), args ...string) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	started, done := make(chan string, 1), make(chan int, 1)
	var errors strings.Builder
	go func() {
		done <- Run(ctx, append([]string{"--addr", "127.0.0.1:0"}, args...), Streams{strings.NewReader(""), firstLine(started), &errors})
		close(started)
	}()
	line, running := <-started
	if !running {
		t.Fatal(errors.String())
	}
	work(strings.TrimPrefix(line, "Patchbay is running at "))
	stop()
	if code := <-done; code != exitOK {
		t.Errorf("exit %d: %s", code, errors.String())
	}
}

// firstLine sends the first line that is written to it.
type firstLine chan string

func (f firstLine) Write(p []byte) (int, error) {
	line, _, _ := strings.Cut(string(p), "\n")
	select {
	case f <- line:
	default:
	}
	return len(p), nil
}

func eventually(t *testing.T, come func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !come(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("it does not come")
		}
	}
}

func TestARunningServerTakesUpANewKey(t *testing.T) {
	t.Chdir(t.TempDir())
	running(t, func(address string) {
		eventually(t, func() bool { return strings.Contains(ok(t, "keys", "status"), "SERVER") })
		wants(t, ok(t, "keys", "rotate"), "Everything is sealed under key")
		response, err := http.Get(address + "/readyz")
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		if response.StatusCode != http.StatusOK {
			t.Errorf("ready: %d", response.StatusCode)
		}
	})
	if out := ok(t, "keys", "status"); strings.Contains(out, "SERVER") {
		t.Errorf("a server that has ended counts as running: %s", out)
	}
}
