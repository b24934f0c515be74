package integrations

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/patchbay/patchbay/models"
)

// readDefinition parses a definition that must be valid, and checks that what is shown of it gives the same
// integration again, except for its secrets.
func readDefinition(t *testing.T, name string, definition []byte) models.Integration {
	t.Helper()
	in, err := ParseDefinition(name, definition)
	if err != nil {
		t.Fatal(err)
	}
	shown := show(t, &in)
	again, err := ParseDefinition(name, shown)
	if err != nil {
		t.Fatalf("what is shown of %s is refused: %v\n%s", definition, err, shown)
	}
	want := in
	want.AppAPIKey, want.OAuth.Secret = "", ""
	if diff := cmp.Diff(want, again, cmpopts.EquateEmpty(), revealed); diff != "" {
		t.Errorf("what is shown of %s gives another integration (-want +got):\n%s", definition, diff)
	}
	return in
}

func show(t *testing.T, in *models.Integration) []byte {
	t.Helper()
	shown, err := json.Marshal(in.Definition())
	if err != nil {
		t.Fatal(err)
	}
	return shown
}

func TestParseDefinition(t *testing.T) {
	got := readDefinition(t, "my-slack", []byte(`{
		"provider": "slack", "oauth_client_id": 123, "oauth_client_secret": "`+secret+`", "app_api_key": "`+secret+`", "oauth_scopes": ["chat:write"],
		"http_request_timeout_seconds": 0, "auth": {"authorization_params": {"team": "\ud83d\ude00"}}, "requests": {"headers": {"X-User": "${connection.userId}"}}
	}`))
	want := models.Integration{
		Name: "my-slack", Source: models.Source{Kind: models.SourceDatabase}, Provider: "slack:v0", LogLevel: "info", ActionTimeout: defaultActionTimeout,
		OAuth: models.OAuthClient{ID: "123", Secret: secret, Scopes: []string{"chat:write"}}, AppAPIKey: secret,
		Auth: models.Auth{
			Mode: models.AuthOAuth2, AuthorizationURL: "https://slack.com/oauth/v2/authorize", TokenURL: "https://slack.com/api/oauth.v2.access",
			AuthorizationParams: map[string]string{"team": "😀"}, ScopeSeparator: ",", DisablePKCE: true,
			AuthorizationMethod: models.ClientAuthHeader, BodyFormat: models.BodyForm,
			RequestHTTPMethod: "POST", TokenHTTPMethod: "POST", SignatureMethod: "HMAC-SHA1",
		},
		Request: models.RequestDefaults{
			BaseURL: "https://slack.com/api/", Headers: map[string]string{"Authorization": "Bearer ${access_token}", "X-User": "${connection.userId}"},
		},
	}
	if diff := cmp.Diff(want, got, revealed); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if shown := string(show(t, &got)); strings.Contains(shown, secret) || !strings.Contains(shown, `"oauth_client_secret_set":true`) {
		t.Errorf("shown as %s, want no secret but whether there is one", shown)
	}
}

func TestParseDefinitionFaults(t *testing.T) {
	const auth = `"auth": {"auth_mode": "API_KEY"}, "requests": {"base_url": "https://x.y"}`
	t.Setenv("PATCHBAY_TEST_SECRET", secret)
	noVariable := "expected a placeholder that can be filled here between ${ and }; environment variables cannot be used"
	tests := []struct {
		name, text string
		want       []models.FieldError
	}{
		{"syntax", "{\n  \"auth\": x}", []models.FieldError{{Message: "expected a value, found 'x'", Line: 2, Column: 11}}},
		{"key twice", `{"auth": {"pkce": true, "pkce": false}}`, []models.FieldError{{Message: `expected each key once, found "pkce" again`, Line: 1, Column: 25}}},
		{"header twice", "{" + `"provider": "slack", "requests": {"headers": {"X-A": "1",` + "\n" + `"x-a": "2"}}}`, []models.FieldError{
			{Field: "requests.headers.x-a", Message: "expected each header once, found it already on line 1", Line: 2, Column: 1},
		}},
		{"no object", "[]", []models.FieldError{{Message: "expected '{', because the configuration is a JSON object; found '['", Line: 1, Column: 1}}},
		{"too long", "{" + strings.Repeat(" ", models.MaxConfigBytes) + "}", []models.FieldError{
			{Message: "expected at most 262144 bytes (256 KiB), found 262146", Line: 1, Column: 262145},
		}},
		{"surrogate", `{"provider": "\ud83d"}`, []models.FieldError{{Message: "expected no half of a surrogate pair", Line: 1, Column: 15}}},
		{"missing", "null", []models.FieldError{
			{Field: "auth", Message: "expected this key, found none", Line: 1, Column: 1}, {Field: "requests", Message: "expected this key, found none", Line: 1, Column: 1},
		}},
		{"name inside", `{"name": "a", ` + auth + `}`, []models.FieldError{{Field: "name", Message: unknown("key", "name", []string{
			"action_timeout_seconds", "app_api_key", "app_api_key_set", "auth", "config_schema", "extends_blueprint", "http_request_timeout_seconds", "log_level",
			"oauth_client_id", "oauth_client_secret", "oauth_client_secret_set", "oauth_scopes", "provider", "requests", "shared_callback",
		}), Line: 1, Column: 2}}},
		{"URL", "{\n\t\"é\": 1, \"auth\": {\"auth_mode\": \"API_KEY\", \"token_url\": \"x\"}, \"requests\": {\"base_url\": \"https://x.y\"}\n}", []models.FieldError{
			{Field: "é", Line: 2, Column: 2},
			{Field: "auth.token_url", Message: "expected an absolute URL that begins with https:// or http://", Line: 2, Column: 56},
		}},
		{"kinds", `{"provider": "slack", "oauth_scopes": "a", "auth": [], "log_level": null, "shared_callback": "yes"}`, []models.FieldError{
			{Field: "oauth_scopes", Message: "expected a list of texts, found a text", Line: 1, Column: 39},
			{Field: "auth", Message: "expected a mapping, found a list", Line: 1, Column: 52},
			{Field: "log_level", Message: "expected a text, found nothing", Line: 1, Column: 69},
			{Field: "shared_callback", Message: `expected "true" or "false", found "yes"`, Line: 1, Column: 94},
		}},
		{"environment", `{"provider": "slack", "oauth_client_secret": "${PATCHBAY_TEST_SECRET}", "requests": {"headers": {"X": "${PATCHBAY_TEST_SECRET}"}}}`, []models.FieldError{
			{Field: "oauth_client_secret", Message: noVariable, Line: 1, Column: 46},
			{Field: "requests.headers.X", Message: noVariable, Line: 1, Column: 103},
		}},
		{"secrets", `{"provider": "slack", "oauth_client_secret": ["` + secret + `"], "app_api_key": "${` + secret + `"}`, []models.FieldError{
			{Field: "oauth_client_secret", Message: "expected a text, found a list", Line: 1, Column: 46},
			{Field: "app_api_key", Message: "expected a closing } after ${", Line: 1, Column: 95},
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := ParseDefinition("a", []byte(test.text))
			e := models.AsError(err)
			if e == nil || e.Kind != models.KindInvalid || e.Code != models.CodeInvalidIntegration {
				t.Fatalf("%v, want invalid_integration", err)
			}
			if test.name == "URL" { // its first fault lists every key, as another test shows
				test.want[0].Message = e.Fields[0].Message
			}
			if diff := cmp.Diff(test.want, e.Fields); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if strings.Contains(e.Sentences(), secret) {
				t.Error("the message repeats a secret")
			}
		})
	}
	if _, err := ParseDefinition("Slack", []byte("{"+auth+"}")); !models.HasCode(err, models.CodeInvalidIntegration) || models.AsError(err).Fields[0].Field != "name" {
		t.Errorf("name Slack: %v, want invalid_integration of the field name", err)
	}
}

// TestDefinitionShowsNoVariable: what comes from the environment may be secret wherever it stands.
func TestDefinitionShowsNoVariable(t *testing.T) {
	list, err := parse(`integrations:
  a:
    auth: {auth_mode: API_KEY, token_url: 'https://x.y/${SECRET}', token_params: {a: '${SECRET}'}}
    requests: {base_url: 'https://x.y/${SECRET}/', headers: {`+strings.Repeat("X", 60)+`: 'Key ${SECRET}'}, params: {a.b: '${SECRET}'}}
`, environment(map[string]string{"SECRET": secret}))
	if err != nil {
		t.Fatal(err)
	}
	if shown := string(show(t, &list[0])); strings.Contains(shown, secret) || !strings.Contains(shown, "Key ${SECRET}") {
		t.Errorf("shown as %s, want variables as the file has them", shown)
	}
	if list[0].Request.Params["a.b"] != secret {
		t.Error("the variable is not in force")
	}
}

func TestDefinitionOfEveryKey(t *testing.T) {
	list, err := Load(filepath.Join("testdata", "every-key"), func(string) (string, bool) { return "x", true })
	if err != nil {
		t.Fatal(err)
	}
	for _, in := range list {
		in.Unexpanded = nil // definitions have no variables
		shown := show(t, &in)
		again := readDefinition(t, in.Name, shown)
		in.Source, in.AppAPIKey, in.OAuth.Secret = again.Source, "", ""
		if diff := cmp.Diff(in, again, cmpopts.EquateEmpty(), revealed); diff != "" {
			t.Errorf("%s (-want +got):\n%s", in.Name, diff)
		}
	}
}

// FuzzParseDefinition: there is always an answer; what is accepted can be shown and read again, and each fault is one
// sentence with a place.
func FuzzParseDefinition(f *testing.F) {
	every, err := os.ReadFile(filepath.Join("testdata", "definition.json"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(every)
	for _, text := range []string{
		`{}`, `null`, `{"provider":"slack"}`, `{"provider":"slack:v0","requests":{"headers":{"authorization":"x","X":"${raw.a}"}}}`,
		`{"provider":"trello","auth":{"token_params":{"":"\u007f\ufeff\ud83d\ude00"}}}`, `{"provider":"\ud800"}`, "{\"\":\n[{}]}", `{"provider":{"a":1e400}}`,
		`{"provider":"slack","auth":{"scope_separator":""},"oauth_scopes":[],"oauth_client_secret_set":true}`,
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, definition []byte) {
		_, err := ParseDefinition("a", definition)
		if err == nil {
			readDefinition(t, "a", definition)
			return
		}
		e := models.AsError(err)
		if e == nil || e.Code != models.CodeInvalidIntegration || len(e.Fields) == 0 {
			t.Fatalf("%v, want invalid_integration with its faults", err)
		}
		for _, field := range e.Fields {
			if field.Line < 1 || field.Column < 1 || strings.Contains(field.Field+field.Message, "\n") {
				t.Errorf("fault without a place, or on several lines: %+v", field)
			}
		}
	})
}
