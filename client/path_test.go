package client_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/patchbay/patchbay/client"
)

// TestUserIDInPath checks that any user id is one segment of the path, which decodes to that very user id.
func TestUserIDInPath(t *testing.T) {
	ids := map[string]string{
		"1":                 "1",
		"a/b":               "a%2Fb",
		"100%":              "100%25",
		"%2F":               "%252F",
		"a b":               "a%20b",
		"é":                 "%C3%A9",
		".":                 "%2E",
		"..":                "%2E%2E",
		"...":               "...",
		"../../admin":       "..%2F..%2Fadmin",
		"a?b=c#d":           "a%3Fb=c%23d",
		"name@example.com":  "name@example.com",
		"a+b":               "a+b",
		`\"'<script>`:       "%5C%22%27%3Cscript%3E",
		"\u202eevil":        "%E2%80%AEevil",
		"\xff":              "%FF",
		"//evil.test":       "%2F%2Fevil.test",
		"credentials;x=1,2": "credentials%3Bx=1%2C2",
	}
	for id, want := range ids {
		t.Run(id, func(t *testing.T) {
			asked := ""
			c := newClient(t, func(w http.ResponseWriter, r *http.Request) {
				asked = r.RequestURI
				writeJSON(w, http.StatusOK, connectionJSON)
			})
			if _, err := c.UpdateConnectionConfig(t.Context(), "slack", id, json.RawMessage(`{}`)); err != nil {
				t.Fatal(err)
			}
			if asked != "/api/v1/connections/slack/"+want+"/config" {
				t.Errorf("asked for %s", asked)
			}
			if back, err := url.PathUnescape(strings.Split(asked, "/")[5]); err != nil || back != id {
				t.Errorf("the segment decodes to %q, %v", back, err)
			}
		})
	}
}

func TestServerUnderPath(t *testing.T) {
	server := http.NewServeMux()
	server.HandleFunc("GET /tools/patchbay/api/v1/connections/slack/1", answerWith(http.StatusOK, connectionJSON))
	root := serve(t, server.ServeHTTP)
	for _, address := range []string{root + "/tools/patchbay", root + "/tools/patchbay/"} {
		if _, err := dial(t, address).GetConnection(t.Context(), "slack", "1"); err != nil {
			t.Error(err)
		}
	}
}

// TestRefusedUnsent checks what the client finds before it sends anything: what would else ask for something different.
func TestRefusedUnsent(t *testing.T) {
	c := newClient(t, func(_ http.ResponseWriter, r *http.Request) { t.Errorf("sent %s %s", r.Method, r.RequestURI) })
	ctx := t.Context()
	config := json.RawMessage(`{}`)
	key := client.Credentials{APIKey: "k"}
	tests := []struct {
		name string
		call func() (any, error)
		code string
	}{
		{"no user of connections", func() (any, error) { return c.ConnectionsForUser(ctx, "") }, client.CodeInvalidUserID},
		{"no integration of connections", func() (any, error) { return c.ConnectionsForIntegration(ctx, "") }, client.CodeInvalidParameter},
		{"no user id", func() (any, error) { return c.DeleteConnection(ctx, "slack", "") }, client.CodeInvalidParameter},
		{"no integration", func() (any, error) { return nil, c.DeleteIntegration(ctx, "") }, client.CodeInvalidParameter},
		{"no version", func() (any, error) {
			return c.UpdateConnectionConfig(ctx, "slack", "1", config, client.IfMatch(""))
		}, client.CodeInvalidHeader},
		{"user id not UTF-8", func() (any, error) { return c.RegisterConnection(ctx, "slack", "\xff", key, nil) }, client.CodeInvalidUserID},
		{"user id of a session not UTF-8", func() (any, error) {
			return c.CreateConnectSession(ctx, client.ConnectSessionRequest{UserID: "\xff"})
		}, client.CodeInvalidUserID},
		{"session for no integration", func() (any, error) {
			return c.CreateConnectSession(ctx, client.ConnectSessionRequest{UserID: "1", Integrations: []string{}})
		}, client.CodeInvalidParameter},
		{"user id of a claim not UTF-8", func() (any, error) { return c.RedeemClaim(ctx, "c", "\xff") }, client.CodeInvalidUserID},
		{"password not UTF-8", func() (any, error) {
			return c.UpdateConnectionCredentials(ctx, "slack", "1", client.Credentials{Password: "p\xff"})
		}, client.CodeInvalidCredentials},
		{"configuration that is none", func() (any, error) {
			return c.RegisterConnection(ctx, "slack", "1", key, json.RawMessage(`{}},"tags":["smuggled"],"x":{`))
		}, client.CodeInvalidConfig},
		{"credentials that are none", func() (any, error) {
			return c.RegisterConnection(ctx, "slack", "1", client.Credentials{Raw: json.RawMessage(`{`)}, nil)
		}, client.CodeInvalidCredentials},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if _, err := test.call(); !client.HasCode(err, test.code) {
				t.Errorf("got %v, want %s", err, test.code)
			}
		})
	}
}

func TestNew(t *testing.T) {
	tests := []struct{ name, address, key string }{
		{"no address", "", "k"},
		{"no scheme", "localhost:3003", "k"},
		{"no host", "https:///api", "k"},
		{"port alone", "http://:3003", "k"},
		{"another scheme", "ftp://example.com", "k"},
		{"user name", "https://me:pw-secret@example.com", "k"},
		{"query", "https://example.com?x=1", "k"},
		{"empty query", "https://example.com?", "k"},
		{"fragment", "https://example.com#x", "k"},
		{"not to be parsed", "https://exa mple.com:pw-secret", "k"},
		{"no key", "https://example.com", ""},
		{"key with a line break", "https://example.com", "pw-secret\n"},
		{"key with a letter that no header takes", "https://example.com", "pw-secret-é"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			c, err := client.New(test.address, test.key)
			if err == nil {
				t.Fatalf("made %v", c)
			}
			if strings.Contains(err.Error(), "pw-secret") {
				t.Errorf("the error tells a secret: %v", err)
			}
		})
	}
}
