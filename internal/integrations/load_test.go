package integrations

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/patchbay/patchbay/internal/providers"
	"github.com/patchbay/patchbay/models"
)

func environment(variables map[string]string) func(string) (string, bool) {
	return func(name string) (string, bool) {
		text, ok := variables[name]
		return text, ok
	}
}

var noVariables = environment(nil)

// parse reads the text of an integrations.yaml.
func parse(text string, env func(string) (string, bool)) ([]models.Integration, error) {
	r := &reader{file: FileName, env: env, catalogue: catalogue{providers.Files}}
	return r.read([]byte(text))
}

// revealed lets cmp see the difference of two secrets.
var revealed = cmp.Transformer("Reveal", func(s models.Secret) string { return s.Reveal() })

func TestLoadReadsEveryKey(t *testing.T) {
	dir := filepath.Join("testdata", "every-key")
	list, err := Load(dir, environment(map[string]string{
		"EXAMPLE_APP_API_KEY": "app key", "EXAMPLE_CLIENT_SECRET": "s${EXAMPLE_SCOPE}t", "EXAMPLE_SCOPE": "b", "EXAMPLE_REGION": "eu",
	}))
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "integrations.yaml")
	want := models.Integration{
		Name:           "example",
		Source:         models.Source{Kind: models.SourceFile, File: file, Line: 3},
		LogLevel:       "debug",
		ActionTimeout:  30 * time.Second,
		AppAPIKey:      "app key",
		SharedCallback: true,
		OAuth:          models.OAuthClient{ID: "0123", Secret: "s${EXAMPLE_SCOPE}t", Scopes: []string{"a", "1.0", "prefix:b"}},
		Auth: models.Auth{
			Mode:                models.AuthOAuth2,
			AuthorizationURL:    "https://${additionalConfig.subdomain}.example.com/authorize?tenant=1",
			AuthorizationParams: map[string]string{"access_type": "offline", "max_age": "0010"},
			ScopeSeparator:      ",",
			TokenURL:            "https://example.com/token?v=2",
			TokenParams:         map[string]string{"grant_type": "authorization_code"},
			AuthorizationMethod: models.ClientAuthBody,
			BodyFormat:          models.BodyJSON,
			RefreshURL:          "https://example.com/refresh",
			RevocationURL:       "https://example.com/revoke",
			Issuer:              "https://example.com",
			DisablePKCE:         true,
			RequestURL:          "https://example.com/request",
			RequestParams:       map[string]string{"a": "b"},
			RequestHTTPMethod:   "GET",
			TokenHTTPMethod:     "PUT",
			SignatureMethod:     "PLAINTEXT",
		},
		Request: models.RequestDefaults{
			BaseURL: "https://api.example.com/v1/",
			Headers: map[string]string{
				"Authorization": "Bearer ${access_token}",
				"X-User":        "${connection.userId} of ${additionalConfig.team} in eu",
			},
			Params: map[string]string{"api_key": "${app_api_key}", "team": "${raw.team.id}", "version": "1_000"},
		},
		Unexpanded: map[string]string{
			"app_api_key":             "${EXAMPLE_APP_API_KEY}",
			"oauth_client_secret":     "${EXAMPLE_CLIENT_SECRET}",
			"oauth_scopes":            "prefix:${EXAMPLE_SCOPE}",
			"requests.headers.X-User": "${connection.userId} of ${additionalConfig.team} in ${EXAMPLE_REGION}",
		},
	}
	if diff := cmp.Diff(want, list[0], revealed); diff != "" {
		t.Errorf("example (-want +got):\n%s", diff)
	}

	auth := models.Auth{
		Mode: models.AuthOAuth2, AuthorizationURL: "http://127.0.0.1:8080/authorize", TokenURL: "http://127.0.0.1:8080/token",
		ScopeSeparator: " ", AuthorizationMethod: models.ClientAuthHeader, BodyFormat: models.BodyForm,
		RequestHTTPMethod: "POST", TokenHTTPMethod: "POST", SignatureMethod: "HMAC-SHA1",
	}
	want = models.Integration{
		Name: "defaults", Source: models.Source{Kind: models.SourceFile, File: file, Line: 39},
		LogLevel: "info", HTTPTimeout: 100 * time.Second, ActionTimeout: time.Minute,
		Auth: auth, Request: models.RequestDefaults{BaseURL: "http://127.0.0.1:8080/"},
	}
	if diff := cmp.Diff(want, list[1], revealed); diff != "" {
		t.Errorf("defaults (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(auth, list[2].Auth); diff != "" {
		t.Errorf("auth behind an alias (-want +got):\n%s", diff)
	}

	var modes []models.AuthMode
	for _, integration := range list[3:] {
		modes = append(modes, integration.Auth.Mode)
	}
	if diff := cmp.Diff(models.AuthModes[1:], modes); diff != "" {
		t.Errorf("auth modes (-want +got):\n%s", diff)
	}
}

func TestLoadWithoutIntegrations(t *testing.T) {
	if list, err := Load(filepath.Join(t.TempDir(), "none"), noVariables); list != nil || err != nil {
		t.Errorf("missing folder: %v, %v", list, err)
	}
	if list, err := Load(t.TempDir(), noVariables); list != nil || err != nil {
		t.Errorf("missing file: %v, %v", list, err)
	}
	for _, text := range []string{"", "# nothing yet\n", "---\n", "integrations:\n", "integrations: {}\n", "\ufeffintegrations: {}\n"} {
		if list, err := loadText(t, text, noVariables); list != nil || err != nil {
			t.Errorf("%q: %v, %v", text, list, err)
		}
	}
}

func TestLoadUnreadableFile(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, FileName), 0o700); err != nil {
		t.Fatal(err)
	}
	var faults *Faults
	if _, err := Load(dir, noVariables); err == nil || errors.As(err, &faults) {
		t.Errorf("a folder in place of the file: %v, want an error that is no fault of its content", err)
	}
}

func loadText(t *testing.T, text string, env func(string) (string, bool)) ([]models.Integration, error) {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, FileName), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return Load(dir, env)
}

func TestRegistry(t *testing.T) {
	registry, err := NewRegistry(models.Integration{Name: "slack"}, models.Integration{Name: "github"})
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, integration := range registry.List() {
		names = append(names, integration.Name)
		if found, ok := registry.Find(integration.Name); !ok || found != integration {
			t.Errorf("Find(%q) = %v, %v", integration.Name, found, ok)
		}
	}
	if want := []string{"github", "slack"}; !slices.Equal(names, want) {
		t.Errorf("names = %q, want %q", names, want)
	}
	if _, ok := registry.Find("Slack"); ok {
		t.Error("found an integration by a name in another case")
	}

	_, err = NewRegistry(
		models.Integration{Name: "slack", Source: models.Source{Kind: models.SourceFile, File: "integrations.yaml", Line: 3}},
		models.Integration{Name: "slack", Source: models.Source{Kind: models.SourceSandbox}})
	if want := `integration "slack": expected one source, found integrations.yaml:3 and sandbox`; err == nil || err.Error() != want {
		t.Errorf("same name twice: %v, want %s", err, want)
	}
}

// FuzzLoad: whatever the file holds, there is an answer, and every fault has a place and stays on one line.
func FuzzLoad(f *testing.F) {
	every, err := os.ReadFile(filepath.Join("testdata", "every-key", FileName))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(every)
	for _, test := range faultTests {
		f.Add([]byte(test.text))
	}
	for _, text := range []string{"a: &a [*a]", "? [a]\n: b", "<<: {a: 1}", "&a : *a", "%YAML 1.1\n---\n", "integrations: &a {a: *a}"} {
		f.Add([]byte(text))
	}
	variables := map[string]string{"A": "${B}", "B": "x"}
	f.Fuzz(func(t *testing.T, data []byte) {
		list, err := parse(string(data), environment(variables))
		if err == nil {
			for _, integration := range list {
				if !models.ValidIntegrationName(integration.Name) || integration.Source.Line < 1 {
					t.Errorf("accepted %q of line %d", integration.Name, integration.Source.Line)
				}
			}
			return
		}
		var faults *Faults
		if !errors.As(err, &faults) || len(faults.List) == 0 {
			t.Fatalf("not a list of faults: %v", err)
		}
		for _, fault := range faults.List {
			if fault.Line < 1 || fault.Column < 1 || strings.Contains(fault.String(), "\n") {
				t.Errorf("fault without a place, or on several lines: %q", fault)
			}
		}
	})
}
