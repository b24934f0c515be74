package testkit

import (
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
)

// RunNode runs an ECMAScript module under Node in a folder where the npm package of sdk/js is installed, packed as it would
// be published, and gives what it printed. env is added to the environment. root is that of the repository.
func RunNode(t testing.TB, root, module string, env ...string) string {
	t.Helper()
	node := Need(t, "node")
	dir := t.TempDir()
	if err := os.Symlink(filepath.Join(sdk(t, root), "app", "node_modules"), filepath.Join(dir, "node_modules")); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "main.mjs")
	if err := os.WriteFile(file, []byte(module), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), node, file)
	cmd.Env = append(os.Environ(), env...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("node: %v\n%s\n%s", err, out, module)
	}
	return string(out)
}

// sdk builds and packs the npm package, and installs the package in the folder app beside it.
func sdk(t testing.TB, root string) string {
	t.Helper()
	files := fstest.MapFS{
		"app/package.json": {Data: []byte(`{"private": true}`)},
		"static/empty":     {},
	}
	add := func(name string) {
		data, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			t.Fatal(err)
		}
		files[name] = &fstest.MapFile{Data: data, Mode: 0o644}
	}
	add("LICENSE")
	err := fs.WalkDir(os.DirFS(root), "sdk/js", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && (entry.Name() == "node_modules" || entry.Name() == "dist" || entry.Name() == "test"):
			return fs.SkipDir
		case !entry.IsDir() && !strings.HasPrefix(path.Base(name), "."):
			add(name)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return prepared(t, files, [][]string{
		append(append([]string{}, npmCI...), "--prefix", "sdk/js"),
		{"npm", "pack", "./sdk/js", "--pack-destination", "app", "--silent"},
		{"npm", "install", "--prefix", "app", "--no-audit", "--no-fund", "--offline", "./app/patchbay-0.1.0.tgz"},
	})
}
