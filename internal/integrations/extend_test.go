package integrations

import (
	"fmt"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/patchbay/patchbay/models"
)

const acme = `
display_name: Acme
docs_url: https://acme.example/docs
console_url: https://acme.example/apps
setup_notes: Make an app.
versions:
  v2:
    auth: {auth_mode: API_KEY}
    requests: {base_url: 'https://acme.example/v2/', headers: {X-Key: '${api_key}'}}
  v10:
    auth:
      auth_mode: OAUTH2
      authorization_url: https://acme.example/authorize
      authorization_params: {a: acme, b: acme}
      token_url: https://acme.example/token
      pkce: false
    requests:
      base_url: https://acme.example/v10/
      headers: {Authorization: 'Bearer ${access_token}', X-Acme: acme}
  v9:
    auth: {auth_mode: API_KEY}
    requests: {base_url: 'https://acme.example/v9/'}
`

// parseOver reads the text of an integrations.yaml over a catalogue.
func parseOver(files map[string]string, text string) ([]models.Integration, error) {
	folder := fstest.MapFS{}
	for name, text := range files {
		folder[name] = &fstest.MapFile{Data: []byte(text)}
	}
	env := environment(map[string]string{"PROVIDER": "acme:v2", "TEAM": "blue"})
	r := &reader{file: FileName, env: env, catalogue: catalogue{folder}}
	return r.read([]byte(text))
}

func TestExtend(t *testing.T) {
	tests := []struct {
		name, lines string
		change      func(in *models.Integration) // what differs from acme:v10
	}{
		{"the newest version, by number", "provider: acme", func(*models.Integration) {}},
		{"a version", "provider: acme:v10", func(*models.Integration) {}},
		{"the older name of the key", "extends_blueprint: acme", func(*models.Integration) {}},
		{"an older version, from a variable", "provider: ${PROVIDER}", func(in *models.Integration) {
			defaults := in.Auth
			in.Provider, in.Auth = "acme:v2", models.Auth{
				Mode: models.AuthAPIKey, ScopeSeparator: " ", AuthorizationMethod: defaults.AuthorizationMethod, BodyFormat: defaults.BodyFormat,
				RequestHTTPMethod: defaults.RequestHTTPMethod, TokenHTTPMethod: defaults.TokenHTTPMethod, SignatureMethod: defaults.SignatureMethod,
			}
			in.Request = models.RequestDefaults{BaseURL: "https://acme.example/v2/", Headers: map[string]string{"X-Key": "${api_key}"}}
			in.Unexpanded = map[string]string{"provider": "${PROVIDER}"}
		}},
		{"what the provider has none of", "provider: acme\n    oauth_client_id: x\n    auth: {body_format: json}\n    requests: {params: {p: '1'}}", func(in *models.Integration) {
			in.OAuth.ID, in.Auth.BodyFormat, in.Request.Params = "x", models.BodyJSON, map[string]string{"p": "1"}
		}},
		{"texts are replaced", "provider: acme\n    auth: {token_url: 'https://x.example/', pkce: true}", func(in *models.Integration) {
			in.Auth.TokenURL, in.Auth.DisablePKCE = "https://x.example/", false
		}},
		{"mappings are laid over", "auth: {authorization_params: {b: own, c: '${TEAM}'}}\n    provider: acme", func(in *models.Integration) {
			in.Auth.AuthorizationParams = map[string]string{"a": "acme", "b": "own", "c": "blue"}
			in.Unexpanded = map[string]string{"auth.authorization_params.c": "${TEAM}"}
		}},
		{"headers in any case", "provider: acme\n    requests: {headers: {authorization: own}}", func(in *models.Integration) {
			in.Request.Headers = map[string]string{"authorization": "own", "X-Acme": "acme"}
		}},
		{"params in their case", "provider: acme\n    auth: {authorization_params: {A: own}}", func(in *models.Integration) {
			in.Auth.AuthorizationParams = map[string]string{"a": "acme", "b": "acme", "A": "own"}
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			list, err := parseOver(map[string]string{"acme.yaml": acme}, "integrations:\n  mine:\n    "+test.lines+"\n")
			if err != nil {
				t.Fatal(err)
			}
			want := models.Integration{
				Name: "mine", Source: models.Source{Kind: models.SourceFile, File: FileName, Line: 2}, Provider: "acme:v10",
				LogLevel: "info", HTTPTimeout: defaultHTTPTimeout, ActionTimeout: defaultActionTimeout,
				Auth: models.Auth{
					Mode: models.AuthOAuth2, AuthorizationURL: "https://acme.example/authorize", TokenURL: "https://acme.example/token",
					AuthorizationParams: map[string]string{"a": "acme", "b": "acme"}, DisablePKCE: true,
					ScopeSeparator: " ", AuthorizationMethod: models.ClientAuthHeader, BodyFormat: models.BodyForm,
					RequestHTTPMethod: "POST", TokenHTTPMethod: "POST", SignatureMethod: "HMAC-SHA1",
				},
				Request: models.RequestDefaults{
					BaseURL: "https://acme.example/v10/", Headers: map[string]string{"Authorization": "Bearer ${access_token}", "X-Acme": "acme"},
				},
			}
			test.change(&want)
			if diff := cmp.Diff(want, list[0], revealed); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// TestExtendKeepsAliasesApart: a section shared by an alias is laid over each provider on its own.
func TestExtendKeepsAliasesApart(t *testing.T) {
	other := strings.ReplaceAll(acme, "acme.example", "other.example")
	list, err := parseOver(map[string]string{"acme.yaml": acme, "other.yaml": other}, `
integrations:
  a: {provider: acme, auth: &shared {authorization_params: {b: own}}}
  b: {provider: other, auth: *shared}
  c: {provider: acme, auth: *shared}
`)
	if err != nil {
		t.Fatal(err)
	}
	for i, host := range []string{"acme", "other", "acme"} {
		if got, want := list[i].Auth.TokenURL, "https://"+host+".example/token"; got != want {
			t.Errorf("%s: token_url %s, want %s", list[i].Name, got, want)
		}
	}
}

func TestCatalogueFaults(t *testing.T) {
	tests := []struct{ name, text, want string }{
		{"version", strings.Replace(acme, "v9:", "nine:", 1), "acme.yaml:20:3: versions.nine: expected v and a number, such as v0"},
		{"section", acme + "  v11: {auth: {auth_mode: API_KEY}}\n", "acme.yaml:23:3: versions.v11.requests: expected this key, found none"},
		{"environment", strings.Replace(acme, "v9/", "${TEAM}/", 1), "acme.yaml:22:26: versions.v9.requests.base_url: " +
			"expected a placeholder that can be filled here between ${ and }; environment variables cannot be used"},
		{"key", acme + "colour: red\n", "acme.yaml:23:1: colour: unknown key; expected one of console_url, display_name, docs_url, scopes, setup_notes, versions"},
		{"nothing", "", "acme.yaml:1:1: expected a provider with at least one version, found none"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := parseOver(map[string]string{"acme.yaml": test.text}, "integrations:\n  a: {provider: acme}\n")
			if want := FileName + ":2:17: provider: " + test.want; fmt.Sprint(err) != want {
				t.Errorf("%v\nwant %s", err, want)
			}
		})
	}
}
