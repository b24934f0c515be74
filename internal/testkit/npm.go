package testkit

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// installTimeout bounds the one download of packages, and what is built of them.
const installTimeout = 3 * time.Minute

// npmCI installs what a lock file names.
var npmCI = []string{"npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"}

// prepared gives a folder with files in which steps were run once. It lives in the user's cache under the hash of the files,
// so that only the first run on a machine needs the package registry.
func prepared(t testing.TB, files fs.FS, steps [][]string) string {
	t.Helper()
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	cache = filepath.Join(cache, "patchbay-test")
	dir := filepath.Join(cache, hashFiles(t, files, steps))
	if _, err := os.Stat(dir); err == nil {
		return dir
	}
	if err := os.MkdirAll(cache, 0o755); err != nil {
		t.Fatal(err)
	}
	fresh, err := os.MkdirTemp(cache, "install-")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(fresh)
	if err := os.CopyFS(fresh, files); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), installTimeout)
	defer cancel()
	for _, step := range steps {
		cmd := exec.CommandContext(ctx, Need(t, step[0]), step[1:]...)
		cmd.Dir = fresh
		if out, err := cmd.CombinedOutput(); err != nil {
			Unavailable(t, fmt.Sprintf("%s: %v: %s", strings.Join(step, " "), err, out))
		}
	}
	// Another test may have been first; its copy is as good.
	if err := os.Rename(fresh, dir); err != nil && !errors.Is(err, fs.ErrExist) {
		t.Fatal(err)
	}
	return dir
}

// hashFiles names a set of files, and what is done with them, by their content.
func hashFiles(t testing.TB, files fs.FS, steps [][]string) string {
	t.Helper()
	hash := sha256.New()
	fmt.Fprintf(hash, "%q", steps)
	err := fs.WalkDir(files, ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := fs.ReadFile(files, path)
		fmt.Fprintf(hash, "%s\x00%d\x00%s", path, len(content), content)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return hex.EncodeToString(hash.Sum(nil)[:8])
}
