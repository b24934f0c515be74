package cli

import (
	"encoding/csv"
	"os"
	"strings"
	"testing"

	"github.com/patchbay/patchbay/internal/store"
	"github.com/patchbay/patchbay/internal/store/storetest"
	"github.com/patchbay/patchbay/internal/vault"
	"github.com/patchbay/patchbay/models"
)

// succeed carries out a command that must succeed and gives what it printed.
func succeed(t *testing.T, input string, args ...string) string {
	t.Helper()
	code, out, errors := run(t, input, args...)
	if code != exitOK {
		t.Fatalf("%q: exit %d, %s", args, code, errors)
	}
	return out
}

func TestSeedExportAndImport(t *testing.T) {
	t.Chdir(t.TempDir())
	if out := succeed(t, "", "seed", "--connections", "300", "--integrations", "7"); !strings.HasPrefix(out, "Made 300 connections of 7 integrations in ") {
		t.Errorf("seed: %q", out)
	}
	if code, _, errors := run(t, "", "seed", "--connections", "1"); code != exitSettings || !strings.Contains(errors, "--force") {
		t.Errorf("seed again: %d %q", code, errors)
	}
	if out := succeed(t, "a long passphrase\n", "export", "--out", "all.jsonl", "--with-secrets", "--history"); out != "Exported to all.jsonl: 2 audit entries, 300 connections, 7 integrations.\n" {
		t.Errorf("export: %q", out)
	}
	if info, err := os.Stat("all.jsonl"); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
	other := []string{"--db", "other/patchbay.db", "--key-file", "other/patchbay.key"}
	if code, _, errors := run(t, "a wrong passphrase\n", append([]string{"import", "all.jsonl"}, other...)...); code != exitFailed || !strings.Contains(errors, "the passphrase is not the one") {
		t.Errorf("wrong passphrase: %d %q", code, errors)
	}
	if out := succeed(t, "a long passphrase\n", append([]string{"import", "all.jsonl", "--check"}, other...)...); !strings.Contains(out, "Nothing was written. To be imported: ") || !strings.Contains(out, "300 connections, 7 integrations") {
		t.Errorf("check: %q", out)
	}
	t.Setenv("PATCHBAY_EXPORT_PASSPHRASE", "a long passphrase")
	if out := succeed(t, "", append([]string{"import", "all.jsonl"}, other...)...); !strings.Contains(out, "300 connections") {
		t.Errorf("import: %q", out)
	}
	// The same, through a pipe, changes nothing.
	out := succeed(t, succeed(t, "", "export", "--out", "-", "--with-secrets"), append([]string{"import", "-"}, other...)...)
	if out != "Imported: nothing.\nThere already: 300 connections, 7 integrations.\n" {
		t.Errorf("import again: %q", out)
	}
}

func TestWhatCannotBeMovedIsSaidInOneLine(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := os.WriteFile("cut.jsonl", []byte(`{"kind":"patchbay-export","version":1,"exported":"2026-03-01T12:00:00Z","database":"x","history":false}`+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile("later.jsonl", []byte(`{"kind":"patchbay-export","version":2}`+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		args []string
		code int
		want string
	}{
		"no database":        {[]string{"export", "--out", "-", "--db", "none/patchbay.db"}, exitSettings, "--db: there is no database"},
		"CSV with secrets":   {[]string{"export", "--out", "-", "--format", "csv", "--with-secrets"}, exitSettings, "--format csv: it holds connections only"},
		"another format":     {[]string{"export", "--out", "-", "--format", "xml"}, exitSettings, "must be one of"},
		"nowhere":            {[]string{"export"}, exitSettings, "missing flags: --out"},
		"a short passphrase": {[]string{"export", "--out", "-", "--with-secrets"}, exitSettings, "--with-secrets: use a passphrase of at least 12 characters; PATCHBAY_EXPORT_PASSPHRASE sets it"},
		"no such file":       {[]string{"import", "none.jsonl"}, exitSettings, "none.jsonl"},
		"a cut file":         {[]string{"import", "cut.jsonl"}, exitFailed, "line 2: the file ends here, without its last line: it was cut (imported before this: nothing)"},
		"a later format":     {[]string{"import", "later.jsonl"}, exitFailed, "line 1: version: expected 1"},
		"no connections":     {[]string{"seed", "--connections", "0"}, exitSettings, `--connections: expected a number from 1, found "0"`},
		"fewer connections":  {[]string{"seed", "--connections", "-5"}, exitSettings, `--connections: expected a number from 1, found "-5"`},
		"fewer integrations": {[]string{"seed", "--connections", "5", "--integrations=-2"}, exitSettings, `--integrations: expected a number from 1, found "-2"`},
		"half a connection":  {[]string{"seed", "--connections", "0.5"}, exitSettings, `--connections: expected a number from 1, found "0.5"`},
		"no number":          {[]string{"seed", "--connections"}, exitSettings, "--connections: expected a number from 1, found nothing"},
		"too many":           {[]string{"seed", "--connections", "100000001"}, exitSettings, "expected 1 to 100000000 connections"},
	} {
		t.Run(name, func(t *testing.T) {
			code, out, errors := run(t, "short\n", test.args...)
			if code != test.code || out != "" || !strings.Contains(errors, test.want) || strings.Count(errors, "\n") != 1 {
				t.Errorf("exit %d, out %q, errors %q, want %q", code, out, errors, test.want)
			}
		})
	}
}

// openHere makes the database that commands find in this directory.
func openHere(t *testing.T) *store.Store {
	t.Helper()
	key := vault.NewKey()
	t.Setenv("PATCHBAY_ENCRYPTION_KEY", key)
	ring, err := vault.Parse(key)
	if err != nil {
		t.Fatal(err)
	}
	db, err := store.Open(t.Context(), "data/patchbay.db", ring)
	if err != nil {
		t.Fatal(err)
	}
	return db
}

func TestWebhookEndpointsWithoutTheirSecretsAreToldOf(t *testing.T) {
	t.Chdir(t.TempDir())
	db := openHere(t)
	endpoint := &models.WebhookEndpoint{UUID: "6b0d4f6e-2f0f-4f57-9d2c-0f6f6d1f3a10", URL: "https://app.example.com", Enabled: true, DateCreated: storetest.Now, LastModified: storetest.Now, Secret: models.NewWebhookSecret()}
	if err := db.Write(t.Context(), func(tx *store.Tx) error { return tx.CreateWebhookEndpoint(endpoint) }); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if out := succeed(t, "", "export", "--out", "all.jsonl"); out != "Exported to all.jsonl: 1 webhook endpoints.\n" {
		t.Errorf("export: %q", out)
	}
	out := succeed(t, "", "import", "all.jsonl", "--db", "other/patchbay.db")
	if !strings.HasPrefix(out, "Imported: 1 webhook endpoints.\nThe webhook endpoints came disabled, without their secrets: roll") {
		t.Errorf("import: %q", out)
	}
}

// A cell that begins like a formula would be one: a user id is whatever somebody typed.
func TestCSVHoldsNoFormulaAndNoSecret(t *testing.T) {
	t.Chdir(t.TempDir())
	db := openHere(t)
	formulas := []string{`=HYPERLINK("http://x.example","y")`, "+1", "-2+3", "@SUM(1)", "＝1", " =1", "|x", "plain, with a comma"}
	for _, user := range formulas {
		c := storetest.Connection("slack", user)
		c.AdditionalConfig, c.Tags = models.Config("{\n\"a\": \"b,c\"}"), []string{"-tag"}
		storetest.Create(t, db, c)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	text := succeed(t, "", "export", "--format", "csv", "--out", "-")
	rows, err := csv.NewReader(strings.NewReader(text)).ReadAll()
	if err != nil || len(rows) != len(formulas)+1 || rows[0][2] != "user_id" {
		t.Fatalf("%d rows, %v", len(rows), err)
	}
	for i, row := range rows[1:] {
		want := "'" + formulas[i]
		if i == len(formulas)-1 {
			want = formulas[i]
		}
		if row[2] != want || row[10] != "'-tag" || row[11] != "{\n\"a\": \"b,c\"}" {
			t.Errorf("%q", row)
		}
	}
	if strings.Contains(text, "access-") || strings.Contains(text, "refresh-") {
		t.Error("a token is in the file")
	}
}

func TestMigrateTellsAndBringsUp(t *testing.T) {
	t.Chdir(t.TempDir())
	if out := succeed(t, "", "migrate", "status"); strings.Contains(out, "applied") || !strings.Contains(out, "pending  0001_init.sql") {
		t.Errorf("before: %q", out)
	}
	if _, err := os.Stat("data"); err == nil {
		t.Error("status made a database")
	}
	if out := succeed(t, "", "migrate"); !strings.HasPrefix(out, "The schema of ./data/patchbay.db is at version ") {
		t.Errorf("migrate: %q", out)
	}
	if out := succeed(t, "", "migrate", "status"); strings.Contains(out, "pending") || !strings.Contains(out, "applied  0001_init.sql") {
		t.Errorf("after: %q", out)
	}
}

func TestStandardInputLeavesNoCopyBehind(t *testing.T) {
	t.Chdir(t.TempDir())
	temp := t.TempDir()
	t.Setenv("TMPDIR", temp)
	t.Setenv("PATCHBAY_EXPORT_PASSPHRASE", "a long passphrase")
	succeed(t, "", "seed", "--connections", "3", "--integrations", "1")
	file := succeed(t, "", "export", "--out", "-", "--with-secrets")
	other := []string{"import", "-", "--db", "other/patchbay.db", "--key-file", "other/patchbay.key"}
	changed := strings.Replace(file, `"refreshable":`, `"refreshable": `, 1)
	if code, out, errors := run(t, changed, other...); code != exitFailed || !strings.Contains(errors, "hmacSha256: ") || !strings.Contains(errors, "(imported before this: nothing)") {
		t.Errorf("changed: %d %q %q", code, out, errors)
	}
	if out := succeed(t, file, other...); !strings.HasPrefix(out, "Imported: 3 connections") {
		t.Errorf("%q", out)
	}
	if left, err := os.ReadDir(temp); err != nil || len(left) > 0 {
		t.Errorf("%v, %v", left, err)
	}
}
