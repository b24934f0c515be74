package client_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/patchbay/patchbay/client"
)

const connectionJSON = `{"uuid":"u-1","integration":"slack","userId":"1","dateCreated":"2022-08-10T16:08:23Z",
	"lastModified":"2022-08-11T16:08:23Z","authMode":"OAUTH2","status":"expiring","statusReason":"Ends soon.",
	"expiresAt":"2022-08-12T16:08:23Z","refreshable":true,"tags":["a"],"version":7,"additionalConfig":{ "n": 1.0 }, "later":1}`

var connection = &client.Connection{
	UUID: "u-1", Integration: "slack", UserID: "1",
	DateCreated: day(10), LastModified: day(11), ExpiresAt: day(12),
	AuthMode: client.AuthOAuth2, Status: client.StatusExpiring, StatusReason: "Ends soon.",
	Refreshable: true, Tags: []string{"a"}, Version: 7, AdditionalConfig: json.RawMessage(`{ "n": 1.0 }`), ETag: `"7.3"`,
}

func day(d int) time.Time { return time.Date(2022, 8, d, 16, 8, 23, 0, time.UTC) }

// TestCalls checks what each method sends and what it makes of the answer.
func TestCalls(t *testing.T) {
	integration := &client.Integration{
		Name: "slack", Source: client.SourceDatabase, CallbackURL: "https://x/oauth/callback/slack", Connections: 3,
		Provider: "slack:v0", LogLevel: "info", ActionTimeoutSeconds: 60, OAuthClientID: "id", OAuthClientSecretSet: true,
		OAuthScopes: []string{"chat:write"}, Auth: client.Auth{AuthMode: client.AuthOAuth2, PKCE: new(true)},
		Requests: client.Requests{BaseURL: "https://slack.com/api"},
	}
	const integrationJSON = `{"name":"slack","source":"database","callbackUrl":"https://x/oauth/callback/slack","problem":"",
		"connections":3,"provider":"slack:v0","log_level":"info","http_request_timeout_seconds":0,"action_timeout_seconds":60,
		"app_api_key_set":false,"oauth_client_id":"id","oauth_client_secret_set":true,"oauth_scopes":["chat:write"],
		"shared_callback":false,"auth":{"auth_mode":"OAUTH2","pkce":true},"requests":{"base_url":"https://slack.com/api"}}`
	provider := client.Provider{Name: "slack", Version: "v0", DisplayName: "Slack", Auth: client.Auth{AuthMode: client.AuthOAuth2}}
	const providerJSON = `{"name":"slack","version":"v0","displayName":"Slack","auth":{"auth_mode":"OAUTH2"},"requests":{}}`

	tests := []struct {
		name     string
		call     func(context.Context, *client.Client) (any, error)
		wantLine string
		wantBody string
		answer   string
		want     any
	}{
		{
			"RegisterConnection",
			func(ctx context.Context, c *client.Client) (any, error) {
				return c.RegisterConnection(ctx, "slack", "1", client.Credentials{APIKey: "k<&>"}, json.RawMessage(`{"n": 1.0 }`), "a", "b")
			},
			"POST /api/v1/connections",
			`{"integration":"slack","userId":"1","tags":["a","b"],"credentials":{"api_key":"k\u003c\u0026\u003e"},"additionalConfig":{"n": 1.0 }}`,
			connectionJSON, connection,
		},
		{
			"RegisterConnection without configuration",
			func(ctx context.Context, c *client.Client) (any, error) {
				return c.RegisterConnection(ctx, "slack", "1", client.Credentials{Raw: json.RawMessage(`{ "api_key": "k", "team": 1.0 }`)}, nil)
			},
			"POST /api/v1/connections",
			`{"integration":"slack","userId":"1","credentials":{ "api_key": "k", "team": 1.0 }}`,
			connectionJSON, connection,
		},
		{
			"GetConnection",
			func(ctx context.Context, c *client.Client) (any, error) { return c.GetConnection(ctx, "slack", "1") },
			"GET /api/v1/connections/slack/1", "", connectionJSON, connection,
		},
		{
			"GetConnectionConfig",
			func(ctx context.Context, c *client.Client) (any, error) {
				config, etag, err := c.GetConnectionConfig(ctx, "slack", "1")
				return [2]string{string(config), etag}, err
			},
			"GET /api/v1/connections/slack/1/config", "", "{ \"n\": 1.0 }\n",
			[2]string{"{ \"n\": 1.0 }\n", `"7.3"`},
		},
		{
			"UpdateConnectionConfig",
			func(ctx context.Context, c *client.Client) (any, error) {
				return c.UpdateConnectionConfig(ctx, "slack", "1", json.RawMessage("{\n\t\"b\": 1e400, \"a\": \"\\u003c<\"}\n"))
			},
			"PUT /api/v1/connections/slack/1/config", "{\n\t\"b\": 1e400, \"a\": \"\\u003c<\"}\n", connectionJSON, connection,
		},
		{
			"UpdateConnectionConfig, if unchanged",
			func(ctx context.Context, c *client.Client) (any, error) {
				return c.UpdateConnectionConfig(ctx, "slack", "1", json.RawMessage(`{}`), client.IfMatch(connection.ETag))
			},
			`PUT /api/v1/connections/slack/1/config If-Match: "7.3"`, `{}`, connectionJSON, connection,
		},
		{
			"PatchConnectionConfig, if unchanged",
			func(ctx context.Context, c *client.Client) (any, error) {
				return c.PatchConnectionConfig(ctx, "slack", "1", json.RawMessage(`{"a": null}`), client.IfMatch(connection.ETag))
			},
			`PATCH /api/v1/connections/slack/1/config If-Match: "7.3"`, `{"a": null}`, connectionJSON, connection,
		},
		{
			"UpdateConnectionCredentials, if unchanged",
			func(ctx context.Context, c *client.Client) (any, error) {
				given := client.Credentials{Type: client.AuthOAuth2, AccessToken: "a", RefreshToken: "r", ExpiresAt: day(12), Raw: json.RawMessage(`{"old":1}`)}
				return c.UpdateConnectionCredentials(ctx, "slack", "1", given, client.IfMatch(connection.ETag))
			},
			`PUT /api/v1/connections/slack/1/credentials If-Match: "7.3"`,
			`{"type":"OAUTH2","access_token":"a","refresh_token":"r","expires_at":"2022-08-12T16:08:23Z"}`, connectionJSON, connection,
		},
		{
			"UpdateConnectionCredentials of OAuth 1",
			func(ctx context.Context, c *client.Client) (any, error) {
				return c.UpdateConnectionCredentials(ctx, "slack", "1", client.Credentials{OAuthToken: "t", OAuthTokenSecret: "s"})
			},
			"PUT /api/v1/connections/slack/1/credentials", `{"oauth_token":"t","oauth_token_secret":"s"}`, connectionJSON, connection,
		},
		{
			"UpdateConnectionCredentials with an empty password",
			func(ctx context.Context, c *client.Client) (any, error) {
				return c.UpdateConnectionCredentials(ctx, "slack", "1", client.Credentials{Username: "key"})
			},
			"PUT /api/v1/connections/slack/1/credentials", `{"username":"key","password":""}`, connectionJSON, connection,
		},
		{
			"SetConnectionTags",
			func(ctx context.Context, c *client.Client) (any, error) {
				return c.SetConnectionTags(ctx, "slack", "1", "a", "b")
			},
			"PUT /api/v1/connections/slack/1/tags", `["a","b"]`, connectionJSON, connection,
		},
		{
			"SetConnectionTags to none",
			func(ctx context.Context, c *client.Client) (any, error) {
				return c.SetConnectionTags(ctx, "slack", "1")
			},
			"PUT /api/v1/connections/slack/1/tags", `[]`, connectionJSON, connection,
		},
		{
			"RefreshConnection",
			func(ctx context.Context, c *client.Client) (any, error) {
				return c.RefreshConnection(ctx, "slack", "1")
			},
			"POST /api/v1/connections/slack/1/refresh", "", connectionJSON, connection,
		},
		{
			"DisableConnection",
			func(ctx context.Context, c *client.Client) (any, error) {
				return c.DisableConnection(ctx, "slack", "1")
			},
			"POST /api/v1/connections/slack/1/disable", "", connectionJSON, connection,
		},
		{
			"EnableConnection",
			func(ctx context.Context, c *client.Client) (any, error) { return c.EnableConnection(ctx, "slack", "1") },
			"POST /api/v1/connections/slack/1/enable", "", connectionJSON, connection,
		},
		{
			"DeleteConnection",
			func(ctx context.Context, c *client.Client) (any, error) { return c.DeleteConnection(ctx, "slack", "1") },
			"DELETE /api/v1/connections/slack/1", "",
			`{"uuid":"u-1","integration":"slack","userId":"1","revocation":"failed","message":"Slack is down."}`,
			&client.DeletedConnection{UUID: "u-1", Integration: "slack", UserID: "1", Revocation: client.RevocationFailed, Message: "Slack is down."},
		},
		{
			"TriggerAction",
			func(ctx context.Context, c *client.Client) (any, error) {
				return c.TriggerAction(ctx, "slack", "notify", "1", map[string]string{"msg": "hi"})
			},
			"POST /api/v1/connections/slack/1/actions/notify", `{"msg":"hi"}`, `{"result":{"ok": true},"runId":"x1"}`,
			&client.ActionResult{Result: json.RawMessage(`{"ok": true}`), RunID: "x1"},
		},
		{
			"CountConnections",
			func(ctx context.Context, c *client.Client) (any, error) {
				return c.CountConnections(ctx, client.Filter{Integration: "slack"})
			},
			"GET /api/v1/connections?count=true&integration=slack&limit=1", "", `{"connections":[],"nextCursor":"","total":12}`, int64(12),
		},
		{
			"Integrations",
			func(ctx context.Context, c *client.Client) (any, error) { return c.Integrations(ctx) },
			"GET /api/v1/integrations", "", `{"integrations":[` + integrationJSON + `]}`,
			[]client.Integration{*integration},
		},
		{
			"GetIntegration",
			func(ctx context.Context, c *client.Client) (any, error) { return c.GetIntegration(ctx, "slack") },
			"GET /api/v1/integrations/slack", "", integrationJSON, integration,
		},
		{
			"CreateIntegration",
			func(ctx context.Context, c *client.Client) (any, error) {
				return c.CreateIntegration(ctx, client.NewIntegration{
					Name: "slack", Provider: "slack", HTTPRequestTimeoutSeconds: new(0), OAuthClientID: "id", OAuthClientSecret: "s",
					OAuthScopes: []string{"chat:write"}, Auth: &client.Auth{PKCE: new(false)},
				})
			},
			"POST /api/v1/integrations",
			`{"name":"slack","provider":"slack","http_request_timeout_seconds":0,"oauth_client_id":"id","oauth_client_secret":"s","oauth_scopes":["chat:write"],"auth":{"pkce":false}}`,
			integrationJSON, integration,
		},
		{
			"PatchIntegration",
			func(ctx context.Context, c *client.Client) (any, error) {
				return c.PatchIntegration(ctx, "slack", json.RawMessage(`{"log_level":"debug"}`))
			},
			"PATCH /api/v1/integrations/slack", `{"log_level":"debug"}`, integrationJSON, integration,
		},
		{
			"DeleteIntegration",
			func(ctx context.Context, c *client.Client) (any, error) {
				return nil, c.DeleteIntegration(ctx, "slack")
			},
			"DELETE /api/v1/integrations/slack", "", "", nil,
		},
		{
			"Providers",
			func(ctx context.Context, c *client.Client) (any, error) { return c.Providers(ctx) },
			"GET /api/v1/providers", "", `{"providers":[` + providerJSON + `]}`,
			[]client.Provider{provider},
		},
		{
			"GetProvider",
			func(ctx context.Context, c *client.Client) (any, error) { return c.GetProvider(ctx, "slack") },
			"GET /api/v1/providers/slack", "", providerJSON, &provider,
		},
		{
			"CreateConnectSession",
			func(ctx context.Context, c *client.Client) (any, error) {
				return c.CreateConnectSession(ctx, client.ConnectSessionRequest{
					UserID: "1", UserLabel: "Ada", Integrations: []string{"slack"}, ReturnURL: "https://x/", Confirm: true, ExpiresIn: time.Hour,
				})
			},
			"POST /api/v1/connect-sessions",
			`{"userId":"1","userLabel":"Ada","integrations":["slack"],"returnUrl":"https://x/","confirm":true,"expiresIn":3600}`,
			`{"id":"s1","token":"t","url":"https://x/connect/t","expiresAt":"2022-08-10T16:08:23Z"}`,
			&client.ConnectLink{ID: "s1", Token: "t", URL: "https://x/connect/t", ExpiresAt: day(10)},
		},
		{
			"CreateConnectSession for all integrations",
			func(ctx context.Context, c *client.Client) (any, error) {
				return c.CreateConnectSession(ctx, client.ConnectSessionRequest{UserID: "1"})
			},
			"POST /api/v1/connect-sessions", `{"userId":"1"}`, `{"id":"s1"}`, &client.ConnectLink{ID: "s1"},
		},
		{
			"GetConnectSession",
			func(ctx context.Context, c *client.Client) (any, error) { return c.GetConnectSession(ctx, "s1") },
			"GET /api/v1/connect-sessions/s1", "",
			`{"id":"s1","userId":"1","userLabel":"Ada","integrations":["slack"],"returnUrl":"","confirm":false,"expiresAt":"2022-08-10T16:08:23Z",
				"attempts":[{"integration":"slack","status":"failed","error":{"type":"external_callback_error","message":"Denied."}},
				{"integration":"slack","status":"started","error":null}]}`,
			&client.ConnectSession{
				ID: "s1", UserID: "1", UserLabel: "Ada", Integrations: []string{"slack"}, ExpiresAt: day(10),
				Attempts: []client.ConnectAttempt{
					{Integration: "slack", Status: client.AttemptFailed, Error: &client.ConnectError{Type: "external_callback_error", Message: "Denied."}},
					{Integration: "slack", Status: client.AttemptStarted},
				},
			},
		},
		{
			"DeleteConnectSession",
			func(ctx context.Context, c *client.Client) (any, error) {
				return nil, c.DeleteConnectSession(ctx, "s1")
			},
			"DELETE /api/v1/connect-sessions/s1", "", "", nil,
		},
		{
			"RedeemClaim",
			func(ctx context.Context, c *client.Client) (any, error) { return c.RedeemClaim(ctx, "c1", "1") },
			"POST /api/v1/connect-sessions/claim", `{"claim":"c1","userId":"1"}`, connectionJSON, connection,
		},
		{
			"Events",
			func(ctx context.Context, c *client.Client) (any, error) {
				return c.Events(ctx, client.EventConnectionCreated, client.PageRequest{Cursor: "c", Limit: 9})
			},
			"GET /api/v1/events?cursor=c&limit=9&type=connection.created", "",
			`{"events":[{"id":1,"type":"connection.created","time":"2022-08-10T16:08:23Z","connectionUuid":"u-1","integration":"slack","userId":"1","detail":"x"}],"nextCursor":"d"}`,
			&client.EventPage{NextCursor: "d", Events: []client.Event{
				{ID: 1, Type: client.EventConnectionCreated, Time: day(10), ConnectionUUID: "u-1", Integration: "slack", UserID: "1", Detail: "x"},
			}},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			c := newClient(t, func(w http.ResponseWriter, r *http.Request) {
				body, err := io.ReadAll(r.Body)
				if err != nil {
					t.Error(err)
				}
				line := r.Method + " " + r.RequestURI
				if etag := r.Header.Get("If-Match"); etag != "" {
					line += " If-Match: " + etag
				}
				if line != test.wantLine || string(body) != test.wantBody {
					t.Errorf("sent %s\n%s\nwant %s\n%s", line, body, test.wantLine, test.wantBody)
				}
				wantHeaders(t, r, len(body) > 0)
				w.Header().Set("ETag", `"7.3"`)
				writeJSON(w, http.StatusOK, test.answer)
			})
			got, err := test.call(t.Context(), c)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("unexpected result (-want +got):\n%s", diff)
			}
		})
	}
}

func wantHeaders(t *testing.T, r *http.Request, body bool) {
	t.Helper()
	contentType, key := "", r.Header.Get("Idempotency-Key")
	if body {
		contentType = "application/json"
	}
	got := fmt.Sprint(r.Header["Authorization"], r.Header.Get("Accept"), r.Header.Get("Content-Type"), key != "")
	want := fmt.Sprint([]string{"Bearer " + apiKey}, "application/json", contentType, r.Method == http.MethodPost)
	if got != want {
		t.Errorf("headers %s, want %s", got, want)
	}
}

func TestGetCredentials(t *testing.T) {
	tests := []struct {
		answer  string
		options []client.CredentialsOption
		query   string
		want    client.Credentials
	}{
		{
			`{"type":"OAUTH2","access_token":"a","expires_at":"2022-08-12T16:08:23Z","refresh_token":"r","raw":{ "expires_in" : 1.0 }}`,
			[]client.CredentialsOption{client.MinTTL(1500 * time.Millisecond), client.ForceRefresh()},
			"forceRefresh=true&minTtl=2",
			client.Credentials{
				Type: client.AuthOAuth2, AccessToken: "a", ExpiresAt: day(12), RefreshToken: "r", Raw: json.RawMessage(`{ "expires_in" : 1.0 }`),
			},
		},
		{
			`{"type":"OAUTH1","oauth_token":"t","oauth_token_secret":"s","raw":{}}`, nil, "",
			client.Credentials{Type: client.AuthOAuth1, OAuthToken: "t", OAuthTokenSecret: "s", Raw: json.RawMessage(`{}`)},
		},
		{
			`{"type":"API_KEY","api_key":"k","raw":{}}`, nil, "",
			client.Credentials{Type: client.AuthAPIKey, APIKey: "k", Raw: json.RawMessage(`{}`)},
		},
		{
			`{"type":"USERNAME_PASSWORD","username":"u","password":"p","raw":{}}`, nil, "",
			client.Credentials{Type: client.AuthUsernamePassword, Username: "u", Password: "p", Raw: json.RawMessage(`{}`)},
		},
	}
	for _, test := range tests {
		t.Run(string(test.want.Type), func(t *testing.T) {
			c := newClient(t, func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path != "/api/v1/connections/slack/1/credentials" || r.URL.RawQuery != test.query {
					t.Errorf("asked for %s", r.RequestURI)
				}
				writeJSON(w, http.StatusOK, `{"uuid":"u-1","integration":"slack","userId":"1","credentials":`+test.answer+`}`)
			})
			got, err := c.GetCredentials(t.Context(), "slack", "1", test.options...)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(reveal(test.want), reveal(*got)); diff != "" {
				t.Errorf("unexpected credentials (-want +got):\n%s", diff)
			}
		})
	}
}

// reveal gives credentials without the methods that hide them.
func reveal(c client.Credentials) any {
	type plain client.Credentials
	return plain(c)
}
