package integrations

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/patchbay/patchbay/internal/providers"
)

const secret = "correct-horse-battery-staple"

type faultTest struct {
	name, text string
	want       []string // the lines of Error
}

var faultTests = []faultTest{
	{"syntax", "integrations:\n  slack: [1\n", []string{"integrations.yaml:3:1: expected valid YAML: did not find expected ',' or ']'"}},
	{"tab", "integrations:\n\tslack: 1\n", []string{"integrations.yaml:2:1: expected valid YAML: found character that cannot start any token; indent with spaces, not tabs"}},
	{"control character", "integrations:\n  ü\x01", []string{"integrations.yaml:2:4: expected no control characters, found U+0001"}},
	{"not UTF-8", "integrations:\n  ü\xff", []string{"integrations.yaml:2:4: expected UTF-8 text"}},
	{"second document", "integrations: {}\n---\na: 1\n", []string{"integrations.yaml:2:1: expected one document, found a second one"}},
	{"no mapping", "- slack\n", []string{"integrations.yaml:1:1: expected a mapping, found a list"}},
	{"unknown top level", "integration: {}\n", []string{"integrations.yaml:1:1: integration: unknown key; expected integrations"}},
	{"unknown anchor, perhaps a secret", "integrations:\n  a: {oauth_client_secret: *" + secret + "}\n", []string{
		"integrations.yaml:2:28: expected an alias (*name) of an earlier anchor (&name); quote a text that begins with *",
	}},

	{"bad names", "integrations:\n  Slack: {auth: {auth_mode: API_KEY}, requests: {base_url: 'https://x.y'}}\n  'a/../b': 1\n  '': 1\n  ? [a]\n  : 1\n", []string{
		"integrations.yaml:2:3: Slack: expected a name of 1 to 64 lower-case letters, digits, '.', '-' and '_', beginning with a letter or digit",
		"integrations.yaml:3:3: a/../b: expected a name of 1 to 64 lower-case letters, digits, '.', '-' and '_', beginning with a letter or digit",
		"integrations.yaml:3:13: expected a mapping, found a text",
		"integrations.yaml:4:3: expected a name of 1 to 64 lower-case letters, digits, '.', '-' and '_', beginning with a letter or digit",
		"integrations.yaml:4:7: expected a mapping, found a text",
		"integrations.yaml:5:5: integrations: expected a text as the key, found a list",
	}},
	{"same name twice", "integrations:\n  a: {provider: slack}\n  a: {provider: slack}\n", []string{
		"integrations.yaml:3:3: integrations.a: expected each key once, found it already on line 2",
	}},
	{"nothing inside", "integrations:\n  a:\n", []string{"integrations.yaml:2:5: expected a mapping, found nothing"}},
	{"missing halves", "integrations:\n  a: {}\n  b: {auth: {}, requests: {}}\n", []string{
		"integrations.yaml:2:3: auth: expected this key, found none",
		"integrations.yaml:2:3: requests: expected this key, found none",
		"integrations.yaml:3:7: auth.auth_mode: expected this key, found none",
		"integrations.yaml:3:17: requests.base_url: expected this key, found none",
	}},
	{"provider", "integrations:\n  a: {provider: slak, auth: {pkce: true}}\n  b: {extends_blueprint: slack:v00}\n  c: {provider: ../slack}\n", []string{
		"integrations.yaml:2:17: provider: unknown provider; expected slack",
		"integrations.yaml:3:26: extends_blueprint: unknown version; expected v0 of slack",
		"integrations.yaml:4:17: provider: unknown provider; expected one of " + strings.Join(catalogue{providers.Files}.names(), ", "),
	}},
	{"two providers", "integrations:\n  a:\n    provider: slack\n    extends_blueprint: slack:v0\n", []string{
		"integrations.yaml:4:5: extends_blueprint: expected only one of provider and extends_blueprint, which mean the same",
	}},
	{"over a provider", "integrations:\n  a:\n    provider: slack\n    auth:\n      body_format: xml\n    requests: nothing\n", []string{
		"integrations.yaml:5:20: auth.body_format: expected \"form\" or \"json\", found \"xml\"",
		"integrations.yaml:6:15: requests: expected a mapping, found a text",
	}},
	{"in what a provider brings", "integrations:\n  a:\n    provider: slack\n    auth: {auth_mode: API_KEY}\n", []string{
		"integrations.yaml:3:15: requests.headers.Authorization: expected a placeholder of auth_mode API_KEY, found ${access_token}",
	}},

	inAuth("needs of OAUTH2", "auth_mode: OAUTH2",
		"integrations.yaml:3:5: auth.authorization_url: expected this key, found none",
		"integrations.yaml:3:5: auth.token_url: expected this key, found none"),
	inAuth("needs of OAUTH1", "auth_mode: OAUTH1\n      authorization_url: https://x.y",
		"integrations.yaml:3:5: auth.request_url: expected this key, found none",
		"integrations.yaml:3:5: auth.token_url: expected this key, found none"),
	inAuth("needs of OAUTH2_CC", "auth_mode: OAUTH2_CC",
		"integrations.yaml:3:5: auth.token_url: expected this key, found none"),
	inAuth("words", "auth_mode: oauth2\n      body_format: xml\n      authorization_method:\n      pkce: no",
		`integrations.yaml:4:18: auth.auth_mode: expected "OAUTH2", "OAUTH1", "API_KEY", "USERNAME_PASSWORD" or "OAUTH2_CC", found "oauth2"`,
		`integrations.yaml:5:20: auth.body_format: expected "form" or "json", found "xml"`,
		"integrations.yaml:6:28: auth.authorization_method: expected a text, found nothing",
		`integrations.yaml:7:13: auth.pkce: expected "true" or "false", found "no"`),
	inAuth("URLs", "auth_mode: API_KEY\n      authorization_url: example.com\n      token_url: https://user:"+secret+"@x.y\n      refresh_url: https://x.y/#here\n"+
		"      issuer: ftp://x.y\n      revocation_url: 'https:///x'\n      request_url: https://x.y:${connection.userId}",
		"integrations.yaml:5:26: auth.authorization_url: expected an absolute URL that begins with https:// or http://",
		"integrations.yaml:6:18: auth.token_url: expected a URL without user name and password",
		"integrations.yaml:7:20: auth.refresh_url: expected a URL without a fragment (#)",
		"integrations.yaml:8:15: auth.issuer: expected an absolute URL that begins with https:// or http://",
		"integrations.yaml:9:23: auth.revocation_url: expected an absolute URL that begins with https:// or http://",
		"integrations.yaml:10:20: auth.request_url: expected an absolute URL that begins with https:// or http://"),
	inAuth("parameters", "auth_mode: API_KEY\n      token_params: [a]\n      request_params: {a: {b: c}, a: d}",
		"integrations.yaml:5:21: auth.token_params: expected a mapping, found a list",
		"integrations.yaml:6:27: auth.request_params.a: expected a text, found a mapping",
		"integrations.yaml:6:35: auth.request_params.a: expected each key once, found it already on line 6"),

	inIntegration("unknown keys", "auht: {}\n    colour: red\n    "+strings.Repeat("x", 50)+": 1\n    \"a\\nb\": 1",
		"integrations.yaml:5:5: auht: unknown key; expected auth",
		"integrations.yaml:6:5: colour: unknown key; expected one of action_timeout_seconds, app_api_key, auth, config_schema, extends_blueprint, "+
			"http_request_timeout_seconds, log_level, oauth_client_id, oauth_client_secret, oauth_scopes, provider, requests, shared_callback",
		"integrations.yaml:7:5: "+strings.Repeat("x", 40)+"…: unknown key; expected one of action_timeout_seconds, app_api_key, auth, config_schema, "+
			"extends_blueprint, http_request_timeout_seconds, log_level, oauth_client_id, oauth_client_secret, oauth_scopes, provider, requests, shared_callback",
		`integrations.yaml:8:5: "a\nb": unknown key; expected one of action_timeout_seconds, app_api_key, auth, config_schema, `+
			"extends_blueprint, http_request_timeout_seconds, log_level, oauth_client_id, oauth_client_secret, oauth_scopes, provider, requests, shared_callback"),
	inIntegration("seconds", "http_request_timeout_seconds: -1\n    action_timeout_seconds: 0",
		"integrations.yaml:5:35: http_request_timeout_seconds: expected a whole number of seconds from 0 to 86400",
		"integrations.yaml:6:29: action_timeout_seconds: expected a whole number of seconds from 1 to 86400"),
	inIntegration("lists", "oauth_scopes: a b\n    log_level: [info]",
		"integrations.yaml:5:19: oauth_scopes: expected a list of texts, found a text",
		"integrations.yaml:6:16: log_level: expected a text, found a list"),
	inIntegration("items", "oauth_scopes: [a, [b], '${NONE}']",
		"integrations.yaml:5:23: oauth_scopes[1]: expected a text, found a list",
		"integrations.yaml:5:28: oauth_scopes[2]: expected the environment variable NONE to be set"),
	inIntegration("schema", "config_schema: {}",
		"integrations.yaml:5:5: config_schema: expected no config_schema: it is not supported in this version"),
	inIntegration("secrets", "oauth_client_secret: ["+secret+"]\n    app_api_key: !"+secret+" x\n    oauth_client_id: a${"+secret,
		"integrations.yaml:5:26: oauth_client_secret: expected a text, found a list",
		"integrations.yaml:6:18: app_api_key: expected a text, found a text with a tag; quote one that begins with !",
		"integrations.yaml:7:22: oauth_client_id: expected a closing } after ${"),
	inIntegration("variables", "oauth_client_secret: ${NONE}\n    app_api_key: x ${"+secret+"} y",
		"integrations.yaml:5:26: oauth_client_secret: expected the environment variable NONE to be set",
		"integrations.yaml:6:18: app_api_key: expected the name of an environment variable between ${ and }, or a placeholder that can be filled here"),

	inRequests("placeholders", "headers: {A: '${api_key}', B: '${username}', C: '${nonesuch.key}'}\n      params: {a: '${oauth_token}', b: '${EVIL}'}",
		"integrations.yaml:5:20: requests.headers.A: expected a placeholder of auth_mode OAUTH2, found ${api_key}",
		"integrations.yaml:5:37: requests.headers.B: expected a placeholder of auth_mode OAUTH2, found ${username}",
		"integrations.yaml:5:55: requests.headers.C: expected the name of an environment variable between ${ and }, or a placeholder that can be filled here",
		"integrations.yaml:6:19: requests.params.a: expected a placeholder of auth_mode OAUTH2, found ${oauth_token}",
		"integrations.yaml:6:40: requests.params.b: expected variables whose values hold no ${"),
	inRequests("headers", "headers: {'X Y': a, X: \"a\\r\\nB: c\", Y: '${LINES}', Z: a, z: b}",
		"integrations.yaml:5:17: requests.headers.X Y: expected a header name of letters, digits and !#$%&'*+-.^_`|~",
		"integrations.yaml:5:30: requests.headers.X: expected a header value without line breaks and control characters",
		"integrations.yaml:5:46: requests.headers.Y: expected a header value without line breaks and control characters",
		"integrations.yaml:5:64: requests.headers.z: expected each header once, found it already on line 5"),
}

func inAuth(name, lines string, want ...string) faultTest {
	return faultTest{name, "integrations:\n  a:\n    auth:\n      " + lines + "\n    requests: {base_url: 'https://x.y'}\n", want}
}

func inIntegration(name, lines string, want ...string) faultTest {
	return faultTest{name, "integrations:\n  a:\n    auth: {auth_mode: API_KEY}\n    requests: {base_url: 'https://x.y'}\n    " + lines + "\n", want}
}

// inRequests puts requests before auth, although its placeholders depend on the auth mode.
func inRequests(name, lines string, want ...string) faultTest {
	return faultTest{name, "integrations:\n  a:\n    requests:\n      base_url: https://x.y\n      " + lines +
		"\n    auth: {auth_mode: OAUTH2, authorization_url: 'https://x.y', token_url: 'https://x.y'}\n", want}
}

var faultVariables = environment(map[string]string{"EVIL": "${access_token}", "LINES": "a\nb"})

func TestLoadNamesThePlaceOfEachFault(t *testing.T) {
	for _, test := range faultTests {
		t.Run(test.name, func(t *testing.T) {
			_, err := parse(test.text, faultVariables)
			if diff := cmp.Diff(strings.Join(test.want, "\n"), fmt.Sprint(err)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			// Syntax alone decides where a name begins; only names of variables and keys may be repeated.
			if strings.Contains(fmt.Sprint(err), secret) {
				t.Error("the message repeats a secret")
			}
		})
	}
}

func TestLoadIsBounded(t *testing.T) {
	long := strings.Repeat("x", 60<<10)
	tests := []struct{ name, text, want string }{
		{"file", "#" + strings.Repeat("x", maxFileBytes), "integrations.yaml:1:1: expected a file of at most 1048576 bytes (1 MiB)"},
		{
			"aliases of long texts", "integrations:\n  a: {oauth_client_id: &x " + long + ", requests: {params: {" + aliases("k%d: *x, ", 1000) + "}}}\n",
			"requests.params.k67: expected at most 4194304 bytes in all, with aliases and variables replaced",
		},
		{
			"aliases of lists", "integrations:\n  a: {oauth_scopes: &x [" + aliases("s%d, ", 20000) + "]}\n" + aliases("  a%d: {oauth_scopes: *x}\n", 40),
			": expected at most 4194304 bytes in all, with aliases and variables replaced",
		},
		{
			"variables of one text", "integrations:\n  a: {oauth_client_id: '" + strings.Repeat("${LONG}", 1000) + "'}\n",
			"integrations.yaml:2:24: oauth_client_id: expected at most 65536 bytes, with variables replaced",
		},
		{"faults", "integrations: {" + aliases("A%d: {}, ", 1000) + "}", "expected fewer than 100 faults; reading stopped here"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := parse(test.text, environment(map[string]string{"LONG": long}))
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("%v, want %s", err, test.want)
			}
		})
	}
}

func aliases(format string, n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, format, i)
	}
	return b.String()
}
