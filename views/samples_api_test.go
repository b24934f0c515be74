package views

import (
	"time"

	"github.com/patchbay/patchbay/models"
)

const (
	sampleRoot = "https://patchbay.acme.example"
	sampleKey  = "pb_c2FtcGxlLXRleHQtb2YtYW4tYXBpLWtleS1mb3ItdGVzdHM"
)

func keyRows() []KeyRow {
	return []KeyRow{
		{
			Name: "billing-worker", Hint: "pb_c2Ft…zdHM", Scopes: models.Scopes[:4], CreatedBy: "jana.novak@acme.example", DateCreated: before(2000 * time.Hour),
			LastUsed: ptr(before(4 * time.Minute)), RollHref: "/keys/1/roll", RevokeHref: "/keys/1/revoke",
		},
		{Name: "PATCHBAY_API_KEY", Hint: "pb_x…f31a", Scopes: models.Scopes, CreatedBy: "The server", DateCreated: before(26 * time.Hour), LastUsed: ptr(before(20 * time.Second))},
		{
			Name: hostile[0], Hint: "pb_AAAA…BBBB", Scopes: []models.Scope{models.ScopeAuditRead}, Integrations: []string{"slack", "google-calendar"}, CreatedBy: hostile[len(hostile)-1],
			DateCreated: before(90 * time.Hour), ExpiresAt: in(48 * time.Hour), PreviousEnds: in(20 * time.Hour), RollHref: "/keys/3/roll", RevokeHref: "/keys/3/revoke",
		},
		{
			Name: hostile[len(hostile)-1][:models.MaxAPIKeyNameBytes], Hint: "pb_CCCC…DDDD", Scopes: []models.Scope{models.ScopeConnectionsRead}, CreatedBy: "jana.novak@acme.example",
			DateCreated: before(9000 * time.Hour), LastUsed: ptr(before(900 * time.Hour)), ExpiresAt: in(-48 * time.Hour), RollHref: "/keys/4/roll", RevokeHref: "/keys/4/revoke",
		},
	}
}

func systemPage() SystemPage {
	return SystemPage{
		Shell: shell("System", NavSystem), Version: "v1.4.0", Started: before(50 * time.Hour),
		Problems: []models.Problem{
			{What: "The new key 9c1f22ab waits, because not every server holds it: eu-west-2-" + hostile[0] + ".", Remedy: "Give these servers the same keys. The key then takes over by itself."},
			{What: "2 sealed values do not open. What they belong to cannot be used.", Remedy: "Restore them from a backup, or replace them: reconnect the connection, or delete it."},
		},
		Database: []Fact{{Name: "Kind", Value: "SQLite 3.54.1"}, {Name: "Size", Value: "52.4 MiB"}, {Name: "Schema version", Value: "5"}, {Name: "Place", Value: "/var/lib/patchbay/" + hostile[len(hostile)-1], Mono: true}},
		Work:     []models.Workload{{Name: "Refreshes due", Waiting: 1204, Oldest: ptr(before(4 * time.Minute))}, {Name: "Values to seal anew"}},
		Webhooks: models.WebhookStanding{Endpoints: 14, Failing: 2, GivenUp: 1, Disabled: 3, Waiting: 1204, Failed: 17},
		Detail: &SystemDetail{
			KeySource: "/etc/patchbay/patchbay.key",
			Keys: []models.KeyStatus{
				{ID: "9c1f22ab", State: models.KeyWaiting, Held: true, InSource: true},
				{ID: "41d0e7c3", State: models.KeySealing, Held: true, InSource: true, FirstUsed: ptr(before(70 * time.Hour))},
				{ID: "07aa51f0", State: models.KeyReplaced, Held: true, FirstUsed: ptr(before(9000 * time.Hour)), ReplacedAt: ptr(before(70 * time.Hour))},
				{ID: "aa0f5107", State: models.KeyEmpty, Held: true, InSource: true, FirstUsed: ptr(before(19000 * time.Hour)), ReplacedAt: ptr(before(9000 * time.Hour))},
				{ID: "deadbeef", State: models.KeyEmpty},
				{ID: "5107aa0f", State: models.KeyUnused, Held: true, InSource: true},
			},
			Rotation: []models.Resealing{
				{Place: "connections.sealed_credentials", Total: 104_211, Resealed: 61_400, BeganAt: before(3 * time.Minute)},
				{Place: "integrations.sealed_definition", Total: 4, Resealed: 4, BeganAt: before(4 * time.Minute), FinishedAt: ptr(before(3 * time.Minute))},
			},
			Damaged: []DamagedRow{
				{models.DamagedValue{Place: "connections.sealed_credentials", Row: "5b0e2f6a-8f4d-4c3b-9a55-1f1f7f1c0a3e", Reason: "sealed value is damaged or not at its place"}, "/connections/5b0e2f6a-8f4d-4c3b-9a55-1f1f7f1c0a3e"},
				{models.DamagedValue{Place: "idempotency_keys.sealed_answer", Row: "backend|" + hostile[len(hostile)-1], Reason: "sealed under a key that is not in the key ring"}, ""},
			},
			Servers: []ServerRow{
				{models.Replica{ID: "eu-west-1-" + hostile[len(hostile)-1], Version: "v1.4.0", Keys: []string{"9c1f22ab", "41d0e7c3", "07aa51f0", "aa0f5107", "5107aa0f"}, LastSeen: before(3 * time.Second)}, true},
				{models.Replica{ID: "eu-west-2-51c0", Version: "v0.0.0-20261125184601-7a2c75d33fba", Keys: []string{"41d0e7c3"}, LastSeen: before(40 * time.Minute)}, false},
			},
			Settings: []Fact{{Name: "Public root", Value: sampleRoot, Mono: true}, {Name: "Sandbox", Value: "Off"}, {Name: "Trusted proxies", Value: "10.0.0.0/8, 192.168.0.0/16"}},
		},
	}
}

func ptr[T any](v T) *T { return &v }

func keyFormPage() KeyFormPage {
	return KeyFormPage{
		Shell: shell("Create API key", NavKeys), Presets: []Link{{"Application backend", "/keys/new?preset=backend"}, {"Reading", "/keys/new?preset=reading"}},
		Integrations: []Option{{"slack", "slack", false}, {"github", "github", true}, {"google-calendar", "google-calendar", false}},
		Expiries:     []Option{{"never", "Never", true}, {"30", "In 30 days", false}, {"365", "In a year", false}, {"date", "On a date", false}},
	}
}

func refusedKeyPage() KeyFormPage {
	p := keyFormPage()
	p.Name, p.ExpiresAt, p.Scopes = hostile[0], "tomorrow", []models.Scope{models.ScopeConnectWrite}
	p.Errors = []FieldError{{"name", "There is an API key of this name already."}, {"scopes", "Choose at least one scope."}, {"integrations", "No such integration."}, {"expiresAt", "Choose an end in the future."}}
	return p
}

func overlaps() []Option {
	return []Option{{"now", "Not at all: it ends now", false}, {"1h", "For 1 hour", false}, {"24h", "For 24 hours", true}, {"168h", "For 7 days", false}}
}

func referencePage() ReferencePage {
	unknown := ReferenceError{"unknown_connection", 404, "This user has no connection of this integration."}
	invalid := ReferenceError{"invalid_config", 422, "additionalConfig is not one JSON object, is larger than 256 KiB, or is nested deeper than 64 levels."}
	stale := ReferenceError{"stale_version", 409, "The connection changed since the version in If-Match."}
	pair := []ReferenceField{
		{Name: "integration", In: "path", Type: "string", Required: true, Doc: "Name of the integration.", Example: "slack"},
		{Name: "userId", In: "path", Type: "string", Required: true, Doc: "Percent-encoded user id.", Example: "42"},
	}
	const connection = `{
  "uuid": "5b0e2f6a-8f4d-4c3b-9a55-1f1f7f1c0a3e",
  "integration": "slack",
  "userId": "42",
  "status": "connected",
  "tags": ["eu"],
  "version": 1,
  "additionalConfig": {"channel": "C024BE91L", "note": "a line that is so long that it has to be scrolled in every window but the widest"}
}`
	return ReferencePage{
		Shell: shell("API reference", NavReference), BaseURL: sampleRoot + "/api/v1", Spec: "/api/v1/openapi.json",
		Groups: []ReferenceGroup{
			{"connections", "Connections", "A connection is one user's access to one integration.\n\nLists never hold credentials.", []ReferenceOperation{
				{
					ID: "registerConnection", Method: "POST", Path: "/connections", Summary: "Register a connection", Scope: "connections:write",
					Doc: "For credentials that your application has, such as an API key that the user entered.\n\nOAuth connections are made by connect sessions.",
					Body: []ReferenceField{
						{Name: "integration", Type: "string", Required: true, Doc: "Name of the integration."},
						{Name: "credentials", Type: "object", Required: true, Doc: "Of the shape of the integration's auth mode."},
						{Name: "tags", Type: "array of strings", Doc: "At most 50."},
					},
					Example:   `{"integration": "slack", "userId": "42", "credentials": {"access_token": "it's one"}}`,
					Responses: []ReferenceResponse{{201, connection}}, Errors: []ReferenceError{unknown, invalid},
				},
				{
					ID: "getConnection", Method: "GET", Path: "/connections/{integration}/{userId}", Summary: "Get a connection", Scope: "connections:read",
					Parameters: pair, Responses: []ReferenceResponse{{200, connection}}, Errors: []ReferenceError{unknown},
				},
				{
					ID: "updateConnectionConfig", Method: "PUT", Path: "/connections/{integration}/{userId}/config", Summary: "Replace the configuration", Scope: "connections:write",
					Parameters: append(pair, ReferenceField{Name: "If-Match", In: "header", Type: "string", Doc: "An ETag, to refuse a change of another version."}),
					Example:    `{"channel": "C024BE91L"}`,
					Responses:  []ReferenceResponse{{200, connection}}, Errors: []ReferenceError{stale, invalid},
				},
				{
					ID: "deleteConnection", Method: "DELETE", Path: "/connections/{integration}/{userId}", Summary: "Delete a connection, and revoke the grant at the provider", Scope: "connections:write",
					Parameters: pair, Responses: []ReferenceResponse{{200, `{"revocation": "revoked"}`}},
				},
			}},
			{"server", "Server", "", []ReferenceOperation{
				{ID: "getOwnConnectSession", Method: "GET", Path: "/connect-sessions/self", Summary: "See how the own session stands", Session: true, Responses: []ReferenceResponse{{200, ""}}},
				{ID: "listIntegrations", Method: "GET", Path: "/integrations", Summary: "List integrations"},
			}},
		},
		Errors: []ReferenceError{unknown, stale, invalid},
	}
}
