package main_test

import (
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/patchbay/patchbay"

// mayImport says which of our packages each package may import outside its tests: machinery knows only the nouns,
// handlers know the verbs, cli knows everyone. A package that is not here fails the test, so that a new package is a
// decision.
var mayImport = map[string][]string{
	".":                        {"internal/cli"},
	"client":                   {},
	"e2e":                      {},
	"examples/channels":        {"client"},
	"handlers":                 {"models", "views", "static", "internal/auth", "internal/connections", "internal/idempotency", "internal/sandbox", "internal/webhooks"},
	"internal/auth":            {"models", "internal/store"},
	"internal/cli":             {"handlers", "internal/auth", "internal/connections", "internal/idempotency", "internal/integrations", "internal/jobs", "internal/oauth", "internal/rotation", "internal/sandbox", "internal/seed", "internal/store", "internal/transfer", "internal/vault", "internal/webhooks", "models"},
	"internal/connections":     {"models", "internal/integrations", "internal/jobs", "internal/oauth", "internal/store"},
	"internal/egress":          {},
	"internal/idempotency":     {"models", "internal/store"},
	"internal/integrations":    {"models", "internal/providers"},
	"internal/jobs":            {"models", "internal/store"},
	"internal/oauth":           {"models", "internal/egress"},
	"internal/providers":       {},
	"internal/rotation":        {"models", "internal/store", "internal/vault"},
	"internal/sandbox":         {"models"},
	"internal/seed":            {"models", "internal/store"},
	"internal/store":           {"models", "internal/vault"},
	"internal/store/storetest": {"models", "internal/store", "internal/testkit", "internal/vault"},
	"internal/testkit":         {},
	"internal/transfer":        {"models", "internal/integrations", "internal/store", "internal/vault"},
	"internal/vault":           {},
	"internal/webhooks":        {"models", "internal/egress", "internal/jobs", "internal/store"},
	"models":                   {},
	"static":                   {},
	"views":                    {"models", "static"},
}

// onlyIn confines a dependency, named by a prefix of its import path, to the packages that own it.
var onlyIn = map[string][]string{
	"github.com/a-h/templ":     {"handlers", "views"},
	"github.com/alecthomas/":   {"internal/cli"},
	"github.com/alexedwards/":  {"internal/auth"},
	"github.com/chromedp/":     {"e2e", "internal/testkit"},
	"github.com/jackc/pgx":     {"internal/store", "internal/testkit"},
	"github.com/labstack/echo": {"handlers"},
	"github.com/pressly/goose": {"internal/store"},
	"github.com/riverqueue/":   {"internal/jobs"},
	"go.yaml.in/":              {"internal/integrations"},
	"golang.org/x/oauth2":      {"internal/oauth"},
	"gorm.io/":                 {"internal/store"},
	"modernc.org/":             {"internal/store"},
}

func TestImports(t *testing.T) {
	for dir, imports := range packages(t) {
		allowed, known := mayImport[dir]
		if !known {
			t.Errorf("%s is not in mayImport: decide what it may import", dir)
		}
		for path, file := range imports {
			if ours, ok := strings.CutPrefix(path, module+"/"); ok && known && !slices.Contains(allowed, ours) {
				t.Errorf("%s: %s may not import %s; it may import %q", file, dir, ours, allowed)
			}
			for prefix, owners := range onlyIn {
				if strings.HasPrefix(path, prefix) && !slices.Contains(owners, dir) {
					t.Errorf("%s: only %q may import %s", file, owners, prefix)
				}
			}
		}
	}
}

// packages gives what each package of the module imports outside its tests, as import path → one importing file. It
// fails for a package without a package comment.
func packages(t *testing.T) map[string]map[string]string {
	t.Helper()
	found := map[string]map[string]string{}
	documented := map[string]bool{}
	err := filepath.WalkDir(".", func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && (entry.Name() == "node_modules" || entry.Name() == "testdata" || path == "tools"):
			return fs.SkipDir
		case entry.IsDir() && path != "." && strings.HasPrefix(entry.Name(), "."):
			return fs.SkipDir
		case filepath.Ext(path) != ".go":
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly|parser.ParseComments)
		if err != nil {
			return err
		}
		dir := filepath.ToSlash(filepath.Dir(path))
		documented[dir] = documented[dir] || file.Doc != nil
		if found[dir] == nil {
			found[dir] = map[string]string{}
		}
		if strings.HasSuffix(path, "_test.go") {
			return nil
		}
		for _, spec := range file.Imports {
			imported, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			found[dir][imported] = path
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for dir := range found {
		if !documented[dir] {
			t.Errorf("%s has no package comment: say what it owns and what it never does", dir)
		}
	}
	return found
}
