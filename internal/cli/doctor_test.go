package cli

import (
	"encoding/json"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/patchbay/patchbay/internal/vault"
)

func TestDoctorFindsWhatIsWrongAndChangesNothing(t *testing.T) {
	for name, test := range map[string]struct {
		arrange func()
		args    []string
		code    int
		want    string // the beginning of a line, columns apart by one space
	}{
		"a new place":      {nil, nil, exitOK, "warn database ./data/patchbay.db holds nothing yet"},
		"plain http":       {nil, []string{"--url", "http://connect.example.com"}, exitFailed, "fail public root http://connect.example.com is not https"},
		"another port":     {nil, []string{"--url", "http://localhost:4000"}, exitOK, "warn public root http://localhost:4000 has another port"},
		"a public sandbox": {nil, []string{"--url", "https://connect.example.com", "--sandbox", "on"}, exitFailed, "fail sandbox it is on"},
		"no origins":       {nil, []string{"--url", "https://connect.example.com"}, exitOK, "warn origins none"},
		"no proxy":         {nil, []string{"--url", "https://connect.example.com"}, exitOK, "warn proxies https is spoken by a proxy"},
		"an origin":        {nil, []string{"--origins", "app.example.com"}, exitFailed, "fail origins expected an origin"},
		"an address":       {nil, []string{"--addr", "nowhere"}, exitFailed, "fail address "},
		"a short API key":  {nil, []string{"--api-key", "canary-key"}, exitOK, "warn API key PATCHBAY_API_KEY has fewer"},
		"a ready server":   {func() { succeed(t, "", "migrate") }, nil, exitOK, "ok database ./data/patchbay.db, SQLite 3."},
		"a readable key":   {func() { succeed(t, "", "migrate"); os.Chmod("data/patchbay.key", 0o644) }, nil, exitFailed, "fail key key file ./data/patchbay.key: expected it to be readable by its owner only"},
		"a lost key":       {func() { succeed(t, "", "migrate"); os.Remove("data/patchbay.key") }, nil, exitFailed, "fail key there is no key file"},
		"another key":      {func() { succeed(t, "", "migrate"); os.WriteFile("data/patchbay.key", []byte(vault.NewKey()), 0o600) }, nil, exitFailed, "fail key the encryption key is not the one"},
		"a damaged database": {func() {
			os.Mkdir("data", 0o700)
			os.WriteFile("data/patchbay.db", []byte(strings.Repeat("no database ", 1000)), 0o600)
		}, nil, exitFailed, "fail database "},
		"a faulty file": {func() {
			os.Mkdir("integrations", 0o700)
			os.WriteFile("integrations/integrations.yaml", []byte("integrations:\n  Slack: {}\n"), 0o600)
		}, nil, exitFailed, "fail integrations "},
		"what to register": {func() {
			os.Mkdir("integrations", 0o700)
			os.WriteFile("integrations/integrations.yaml", []byte("integrations:\n  slack: {provider: slack, oauth_client_id: id, oauth_client_secret: canary-key}\n"), 0o600)
		}, []string{"--url", "https://connect.example.com"}, exitOK, "ok integration slack callback to register at the provider: https://connect.example.com/oauth/callback/slack"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Chdir(t.TempDir())
			if test.arrange != nil {
				test.arrange()
			}
			before := names(t)
			args := append([]string{"doctor"}, test.args...)
			if !slices.Contains(args, "--addr") {
				args = append(args, "--addr", freeAddress(t))
			}
			code, out, errors := run(t, "", args...)
			found := false
			for line := range strings.Lines(out) {
				found = found || strings.HasPrefix(strings.Join(strings.Fields(line), " "), test.want)
			}
			if code != test.code || !found || strings.Contains(out+errors, "canary-key") {
				t.Errorf("exit %d, want %d with %q; %s%s", code, test.code, test.want, out, errors)
			}
			if after := names(t); name != "a ready server" && after != before {
				t.Errorf("files before %s and after %s", before, after)
			}
		})
	}
}

// freeAddress is one that nobody listens on.
func freeAddress(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().String()
}

func TestDoctorListsEveryFaultOfTheSettings(t *testing.T) {
	t.Chdir(t.TempDir())
	for name, value := range map[string]string{
		"PATCHBAY_SANDBOX": "maybe", "PATCHBAY_LOG_LEVEL": "loud", "PATCHBAY_DEV": "perhaps", "PATCHBAY_ADDR": "nowhere", "PATCHBAY_URL": "ftp://x", "PATCHBAY_ORIGINS": "one,two",
		"PATCHBAY_TRUSTED_PROXIES": "all,10.0.0.0/8,none", "PATCHBAY_ALLOW_PRIVATE": "anything", "PATCHBAY_ADMIN_EMAIL": "ada@example.com", "PATCHBAY_ADMIN_PASSWORD": "canary",
	} {
		t.Setenv(name, value)
	}
	code, out, errors := run(t, "", "doctor")
	if code != exitFailed || !strings.Contains(errors, "checks that failed: 11") || strings.Contains(out, "canary") {
		t.Errorf("exit %d, %q", code, errors)
	}
	wants(t, out, `PATCHBAY_SANDBOX: expected one of auto, on, off, found "maybe"`, "PATCHBAY_LOG_LEVEL: ", "PATCHBAY_DEV: ", "address nowhere", `found "ftp://x"`, `found "one"`, `found "two"`,
		`found "all"`, `found "none"`, `"anything"`, "at least 12 characters", "warn  database", "ok    integrations")
}

func TestDoctorTellsWhoHasThePort(t *testing.T) {
	t.Chdir(t.TempDir())
	other := httptest.NewServer(http.NotFoundHandler())
	defer other.Close()
	if code, out, _ := run(t, "", "doctor", "--addr", other.Listener.Addr().String()); code != exitFailed || !strings.Contains(out, "fail  address") || !strings.Contains(out, "address already in use") {
		t.Errorf("another program: exit %d, %s", code, out)
	}
	running(t, func(root string) {
		address := "127.0.0.1:" + root[strings.LastIndex(root, ":")+1:]
		wants(t, ok(t, "doctor", "--addr", address), "ok  address       "+address+", where a Patchbay answers, and is ready")
		sqlExec(t, "UPDATE settings SET value = x'00' WHERE name = 'key_check'")
		eventually(t, func() bool {
			_, out, _ := run(t, "", "doctor", "--addr", address)
			return strings.Contains(out, "is not ready: the encryption key does not open the database")
		})
	})
}

// names lists what is in the folder and its data.
func names(t *testing.T) string {
	t.Helper()
	var all []string
	for _, dir := range []string{".", "data"} {
		entries, _ := os.ReadDir(dir)
		for _, entry := range entries {
			if !strings.HasSuffix(entry.Name(), "-wal") && !strings.HasSuffix(entry.Name(), "-shm") {
				all = append(all, entry.Name())
			}
		}
	}
	return strings.Join(all, " ")
}

func TestDoctorSpeaksJSON(t *testing.T) {
	t.Chdir(t.TempDir())
	var findings []finding
	if err := json.Unmarshal([]byte(succeed(t, "", "doctor", "--json", "--addr", freeAddress(t))), &findings); err != nil || len(findings) < 5 || findings[0].Status != statusOK || findings[0].Check != "address" {
		t.Errorf("%+v, %v", findings, err)
	}
}
