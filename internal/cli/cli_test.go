package cli

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/patchbay/patchbay/internal/testkit"
	"github.com/patchbay/patchbay/internal/vault"
)

// run carries out a command in a folder of its own and gives what it printed.
func run(t *testing.T, input string, args ...string) (code int, out, errors string) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	code = Run(t.Context(), args, Streams{strings.NewReader(input), &stdout, &stderr})
	return code, stdout.String(), stderr.String()
}

func TestSettingsThatAreNotRightEndWithOneLine(t *testing.T) {
	t.Chdir(t.TempDir())
	write := func(name, text string, mode os.FileMode) string {
		if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
		return name
	}
	open := write("open.key", vault.NewKey(), 0o644)
	bad := write("bad.key", "not a key", 0o600)
	good := write("good.key", vault.NewKey(), 0o600)
	orphan := write("orphan.db", "", 0o600)
	const password = "sekret"
	write("faulty/integrations.yaml", "integrations:\n  Slack: {}\n", 0o600)
	write("taken/integrations.yaml", "integrations:\n  sandbox: {auth: {auth_mode: API_KEY}, requests: {base_url: 'https://x.example/'}}\n", 0o600)
	for name, test := range map[string]struct {
		args []string
		want string
	}{
		"unknown flag":        {[]string{"--colour"}, "unknown flag --colour"},
		"unknown command":     {[]string{"fly"}, "fly"},
		"sandbox":             {[]string{"--sandbox", "maybe"}, `must be one of "auto","on","off"`},
		"log level":           {[]string{"--log-level", "loud"}, `must be one of "error","warn","info","debug"`},
		"address":             {[]string{"--addr", "nowhere"}, "--addr: "},
		"root address":        {[]string{"--addr", "127.0.0.1:0", "--url", "https://example.com/path"}, "--url: expected a scheme and a host"},
		"another database":    {[]string{"--db", "mysql://user:" + password + "@localhost/x"}, "expected the path of an SQLite file or an address postgres://"},
		"no server":           {[]string{"--db", "postgres://user:" + password + "@127.0.0.1:1/x"}, "open database postgres://127.0.0.1:1/x: "},
		"no address":          {[]string{"--db", "postgres://user:/" + password + "@127.0.0.1/x"}, "special characters in the password must be percent-encoded"},
		"database's password": {[]string{"--db", "postgres://user:" + password + "@127.0.0.1/x?sslmode=no"}, "sslmode is invalid"},
		"readable key":        {[]string{"--key-file", open}, "chmod 600"},
		"damaged key":         {[]string{"--key-file", bad}, "expected 32 bytes in base64"},
		"database, no key":    {[]string{"--db", orphan, "--key-file", "none.key"}, "put the key file back"},
		"no such folder":      {[]string{"--db", "/dev/null/x.db", "--key-file", good}, "open database /dev/null/x.db"},
		"private address":     {[]string{"--addr", "127.0.0.1:0", "--allow-private", "10.0.0.1"}, "--allow-private: "},
		"proxy":               {[]string{"--addr", "127.0.0.1:0", "--trusted-proxies", "all"}, "--trusted-proxies: expected a CIDR"},
		"origin":              {[]string{"--addr", "127.0.0.1:0", "--origins", "app.example.com"}, "--origins: expected an origin"},
		"integrations":        {[]string{"--addr", "127.0.0.1:0", "--dir", "faulty"}, "faulty/integrations.yaml:2:3: "},
		"the sandbox's name":  {[]string{"--addr", "127.0.0.1:0", "--dir", "taken"}, "taken/integrations.yaml:2: the name sandbox is the built-in provider's"},
		"admin without email": {[]string{"admin", "create"}, "missing flags: --email"},
		"admin role":          {[]string{"admin", "create", "--email", "a@example.com", "--role", "root"}, "must be one of"},
		"admin password":      {[]string{"admin", "create", "--email", "a@example.com"}, "at least 12 characters"},
	} {
		t.Run(name, func(t *testing.T) {
			code, out, errors := run(t, "short\n", test.args...)
			if code != exitSettings || out != "" || !strings.Contains(errors, test.want) || !strings.HasPrefix(errors, "patchbay: ") {
				t.Errorf("exit %d, out %q, errors %q, want %q", code, out, errors, test.want)
			}
			if strings.Contains(errors, password) {
				t.Errorf("the password is told: %q", errors)
			}
			if name != "integrations" && strings.Count(errors, "\n") != 1 {
				t.Errorf("more than one line: %q", errors)
			}
		})
	}
}

func TestServeSetsUpOnceAndKeepsEverythingPrivate(t *testing.T) {
	t.Chdir(t.TempDir())
	serve := func(check func(root, setup string), args ...string) {
		t.Helper()
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		reader, writer := io.Pipe()
		done := make(chan int, 1)
		var errors bytes.Buffer
		go func() {
			done <- Run(ctx, append([]string{"--addr", "127.0.0.1:0"}, args...), Streams{strings.NewReader(""), writer, &errors})
			writer.Close()
		}()
		buffer := make([]byte, 1000)
		n, err := reader.Read(buffer)
		if err != nil {
			t.Fatal(err, errors.String())
		}
		first, second, _ := strings.Cut(string(buffer[:n]), "\n")
		root := strings.TrimPrefix(first, "Patchbay is running at ")
		check(root, strings.TrimSpace(strings.TrimPrefix(second, "Create the first admin at ")))
		stop()
		if code := <-done; code != exitOK {
			t.Errorf("exit %d: %s", code, errors.String())
		}
	}
	status := func(address string) int {
		t.Helper()
		response, err := http.Get(address)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		return response.StatusCode
	}
	serve(func(root, setup string) {
		if !strings.HasPrefix(root, "http://localhost:") || !strings.HasPrefix(setup, root+"/setup?token=") {
			t.Errorf("printed %q and %q", root, setup)
		}
		if got := status(root + "/readyz"); got != http.StatusOK {
			t.Errorf("ready: %d", got)
		}
		if got := status(setup); got != http.StatusOK {
			t.Errorf("set-up: %d", got)
		}
		if got := status(root + "/sandbox/authorize"); got == http.StatusNotFound {
			t.Error("no sandbox on loopback")
		}
		if got := status(root + "/dev/gallery"); got != http.StatusNotFound {
			t.Errorf("gallery without --dev: %d", got)
		}
		if code, _, errors := run(t, "", "healthcheck", "--addr", strings.TrimPrefix(root, "http://")); code != exitOK {
			t.Errorf("healthcheck: %d %s", code, errors)
		}
	})
	for _, name := range []string{"data/patchbay.key", "data/patchbay.db"} {
		if info, err := os.Stat(name); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", name, info, err)
		}
	}
	if code, out, errors := run(t, "correct horse battery\r\n", "admin", "create", "--email", "Ada@example.com"); code != exitOK || out != "Created ada@example.com with the role admin.\n" {
		t.Errorf("admin create: %d %q %q", code, out, errors)
	}
	serve(func(root, setup string) {
		if setup != "" {
			t.Errorf("a set-up link with an admin there: %q", setup)
		}
		if got := status(root + "/sandbox/authorize"); got != http.StatusNotFound {
			t.Errorf("the sandbox is off: %d", got)
		}
	}, "--sandbox", "off")
	serve(func(root, _ string) {
		if root != "https://connect.example.com" {
			t.Errorf("public root %s", root)
		}
	}, "--url", "https://connect.example.com/")
	if code, _, errors := run(t, "", "healthcheck", "--addr", "127.0.0.1:1"); code != exitFailed || !strings.Contains(errors, "not healthy") {
		t.Errorf("healthcheck of nothing: %d %q", code, errors)
	}
}

func TestFirstAdminFromTheEnvironment(t *testing.T) {
	t.Chdir(t.TempDir())
	t.Setenv("PATCHBAY_ADMIN_EMAIL", "ada@example.com")
	t.Setenv("PATCHBAY_ADMIN_PASSWORD", "short")
	t.Setenv("PATCHBAY_ADDR", "127.0.0.1:0")
	if code, _, errors := run(t, ""); code != exitSettings || !strings.Contains(errors, "PATCHBAY_ADMIN_PASSWORD: The account was not created. Use a password of at least 12 characters.") {
		t.Errorf("%d %q", code, errors)
	}
}

func TestVersionAndHelp(t *testing.T) {
	if code, out, _ := run(t, "", "version"); code != exitOK || !strings.HasPrefix(out, "patchbay ") {
		t.Errorf("%d %q", code, out)
	}
	code, out, _ := run(t, "", "--help")
	if code != exitOK || !strings.Contains(out, "admin create") {
		t.Errorf("%d %q", code, out)
	}
	_, out, _ = run(t, "", "serve", "--help")
	for _, variable := range []string{"PATCHBAY_ADDR", "PATCHBAY_URL", "PATCHBAY_DB", "PATCHBAY_DIR", "PATCHBAY_KEY_FILE", "PATCHBAY_SANDBOX", "PATCHBAY_ALLOW_PRIVATE", "PATCHBAY_ADMIN_PASSWORD", "PATCHBAY_ENCRYPTION_KEY", "PATCHBAY_API_KEY", "PATCHBAY_ORIGINS"} {
		if !strings.Contains(out, variable) {
			t.Errorf("--help does not tell of %s", variable)
		}
	}
}

func TestAPIKeysOnTheCommandLine(t *testing.T) {
	t.Chdir(t.TempDir())
	code, out, errors := run(t, "", "apikey", "create", "--name", "backend", "--scope", "connections:read", "--integration", "slack", "--expires", "48h")
	key := strings.TrimSpace(out)
	if code != exitOK || !strings.HasPrefix(key, "pb_") || strings.Contains(key, " ") || errors != "" {
		t.Fatalf("%d %q %q", code, out, errors)
	}
	if code, out, _ := run(t, "", "apikey", "list"); code != exitOK || !strings.Contains(out, "backend") || !strings.Contains(out, "connections:read") || !strings.Contains(out, "slack") || strings.Contains(out, key) {
		t.Errorf("list: %d %q", code, out)
	}
	for name, args := range map[string][]string{
		"already":       {"apikey", "create", "--name", "backend"},
		"There is no":   {"apikey", "create", "--name", "other", "--scope", "everything"},
		"future":        {"apikey", "create", "--name", "other", "--expires=-1h"},
		"no such":       {"apikey", "revoke", "other"},
		"settings":      {"apikey", "create", "--name", "PATCHBAY_API_KEY"},
		"missing flags": {"apikey", "create"},
	} {
		if code, out, errors := run(t, "", args...); code != exitSettings || out != "" || !strings.Contains(errors, name) {
			t.Errorf("%v: %d %q %q", args, code, out, errors)
		}
	}
	if code, out, errors := run(t, "", "apikey", "revoke", "backend"); code != exitOK || out != "Revoked backend.\n" {
		t.Errorf("revoke: %d %q %q", code, out, errors)
	}
	if _, out, _ := run(t, "", "apikey", "list"); strings.Contains(out, "backend") {
		t.Errorf("still there: %q", out)
	}
}

// A key that opens nothing must not be made, whichever database it would be for.
func TestNoKeyFileIsMadeForASealedPostgreSQLDatabase(t *testing.T) {
	server := testkit.SharedPostgres(t)
	name, err := server.NewDatabase("")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	command := func(keyFile string) (int, string) {
		code, _, errors := run(t, "", "migrate", "--db", server.Address(name), "--key-file", filepath.Join(dir, keyFile))
		return code, errors
	}
	if code, errors := command("first.key"); code != exitOK {
		t.Fatalf("exit %d, %s", code, errors)
	}
	if code, errors := command("second.key"); code != exitSettings || !strings.Contains(errors, "put the key file back") || strings.Count(errors, "\n") != 1 {
		t.Errorf("exit %d, %q", code, errors)
	}
	if _, err := os.Stat(filepath.Join(dir, "second.key")); err == nil {
		t.Error("a key file was made")
	}
}
