package transfer_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/patchbay/patchbay/internal/store"
	"github.com/patchbay/patchbay/internal/store/storetest"
	"github.com/patchbay/patchbay/internal/testkit"
	"github.com/patchbay/patchbay/internal/transfer"
	"github.com/patchbay/patchbay/internal/vault"
	"github.com/patchbay/patchbay/models"
)

// canary is in every secret of the scene.
const canary = "canary-of-a-secret-value"

const passphrase models.Secret = "correct horse battery"

func newSQLite(t testing.TB) *store.Store {
	t.Helper()
	return open(t, filepath.Join(t.TempDir(), "patchbay.db"))
}

func newPostgres(t testing.TB) *store.Store {
	t.Helper()
	server := testkit.SharedPostgres(t)
	name, err := server.NewDatabase("")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.DropDatabase(name); err != nil {
			t.Error(err)
		}
	})
	return open(t, server.Address(name))
}

// open opens a store with a key of its own.
func open(t testing.TB, location string) *store.Store {
	t.Helper()
	ring, err := vault.Parse(vault.NewKey())
	if err != nil {
		t.Fatal(err)
	}
	s, err := store.Open(t.Context(), location, ring)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// configs are additionalConfigs that a careless reader or writer would change.
var configs = []string{
	`{}`, `{"lone": "\ud800", "nul": "\u0000"}`, "{\r\n\t\"number\": 1.0, \"big\": 123456789012345678901234567890, \"e\": 1E+2 }\n",
	`{"z": 1, "a": 2, "html": "<&>", "emoji": "😀 é é", "line": "\u2028 "}`, `{"quotes": "\"\\\/", "path": "C:\\"}`,
	`{"long": "` + strings.Repeat("x\\n", 20_000) + `"}`,
}

var userIDs = []string{"1", "ada@example.com", "org|7/üser", `' OR 1=1 --`, "=cmd()", "名前 😀", `{"a":"b"}`, strings.Repeat("u", 512)}

// fill stores some of everything.
func fill(t testing.TB, s *store.Store) {
	t.Helper()
	ends, definition := storetest.Now.Add(time.Hour), `{"provider": "slack:v0", "oauth_client_id": "id", "oauth_client_secret": "canary-of-a-secret-value-client", "requests": {"headers": {"X-Key": "canary-of-a-secret-value-header"}}}`
	err := s.Write(t.Context(), func(tx *store.Tx) error {
		for i := range 60 {
			c := storetest.Connection([]string{"slack", "github"}[i%2], userIDs[i%len(userIDs)])
			if i >= len(userIDs)*2 {
				c.UserID = fmt.Sprintf("user-%d", i)
			} else if i >= len(userIDs) {
				c.Integration = "shop"
			}
			c.AdditionalConfig = models.Config(configs[i%len(configs)])
			c.Version, c.ConfigVersion = int64(i+1), int64(i/2+1)
			c.State = []models.State{models.StateConnected, models.StateNeedsReconnect, models.StateError, models.StateDisabled}[i%4]
			if c.State == models.StateDisabled {
				c.StateBefore = models.StateError
			}
			if i%3 == 0 {
				c.Tags, c.StateReason = []string{"vip", "größe"}, "The provider said: no."
				if !s.Postgres() {
					c.StateReason += "\x00\xff"
				}
				c.ExpiresAt, c.RefreshAt = &ends, &storetest.Now
			}
			if err := tx.CreateConnection(c, storetest.Credentials(canary+c.UserID)); err != nil {
				return err
			}
			if err := tx.Audit(models.AuditEntry{Time: storetest.Now, Actor: "system", Action: models.AuditConfigUpdated, ConnectionUUID: c.UUID, UserID: c.UserID, Version: 2, Before: "{}", After: string(c.AdditionalConfig)}); err != nil {
				return err
			}
			if err := tx.Emit(models.Event{Time: storetest.Now, Type: models.EventConnectionCreated, ConnectionUUID: c.UUID, Integration: c.Integration, UserID: c.UserID}); err != nil {
				return err
			}
		}
		key := models.APIKey{Name: "backend", Scopes: models.Scopes, Integrations: []string{"slack"}, CreatedBy: "admin:ada@example.com", DateCreated: storetest.Now, LastUsed: &ends, PreviousExpiresAt: &ends}
		key.SetText("pb_" + canary + "-of-the-key-1234567890")
		key.PreviousHash = models.Secret("before").Hash()
		if err := tx.CreateAPIKey(&key); err != nil {
			return err
		}
		if err := tx.CreateAdmin(&models.Admin{Email: "ada@example.com", Role: models.RoleOperator, DateCreated: storetest.Now, PasswordHash: "$argon2id$" + canary}); err != nil {
			return err
		}
		for _, e := range webhookEndpoints() {
			if err := tx.CreateWebhookEndpoint(&e); err != nil {
				return err
			}
		}
		return tx.CreateIntegration("stored", []byte(definition), storetest.Now)
	})
	if err != nil {
		t.Fatal(err)
	}
}

// webhookEndpoints are one of which everything is set, and one of which as little as can be.
func webhookEndpoints() []models.WebhookEndpoint {
	ends, failing := storetest.Now.Add(time.Hour), storetest.Now.Add(-time.Hour)
	secret := func(text string) models.Secret {
		return models.Secret("whsec_" + base64.StdEncoding.EncodeToString([]byte(canary+text)))
	}
	return []models.WebhookEndpoint{{
		UUID: "6b0d4f6e-2f0f-4f57-9d2c-0f6f6d1f3a10", URL: "https://app.example.com/webhooks?token=" + canary, Description: "Größe: <all> & more",
		Types: []models.EventType{models.EventConnectionDeleted, models.EventConnectionCreated}, Integrations: []string{"slack"},
		Enabled: true, DisabledReason: "It answered that it is gone (status 410).", FailingSince: &failing, CreatedBy: "admin:ada@example.com",
		DateCreated: storetest.Now, LastModified: storetest.Now.Add(time.Minute),
		Secret: secret("-now"), PreviousSecret: secret("-before"), PreviousExpiresAt: &ends,
	}, {
		UUID: "6b0d4f6e-2f0f-4f57-9d2c-0f6f6d1f3a11", URL: "http://127.0.0.1:8080", CreatedBy: "apikey:backend",
		DateCreated: storetest.Now, LastModified: storetest.Now, Secret: secret("-other"),
	}}
}

// contents is all that is worth keeping, in a form that can be compared.
type contents struct {
	Connections  map[string]store.MovedConnection
	Tagged       map[string]bool
	Integrations []store.MovedIntegration
	Admins       []models.Admin
	APIKeys      []models.APIKey
	Webhooks     []models.WebhookEndpoint
	Audit        []models.AuditEntry
	Events       []models.Event
}

func contentsOf(t testing.TB, s *store.Store) contents {
	t.Helper()
	all := contents{Connections: map[string]store.MovedConnection{}, Tagged: map[string]bool{}}
	err := s.Snapshot(t.Context(), func(v *store.Snapshot) error {
		ctx := t.Context()
		for _, read := range []func() error{
			func() error {
				return v.EachConnection(ctx, true, func(c *store.MovedConnection) error {
					all.Connections[c.UUID] = *c
					return nil
				})
			},
			func() error { return each(ctx, &all.Integrations, v.EachIntegration) },
			func() error { return each(ctx, &all.Admins, v.EachAdmin) },
			func() error { return each(ctx, &all.APIKeys, v.EachAPIKey) },
			func() error { return each(ctx, &all.Webhooks, v.EachWebhookEndpoint) },
			func() error { return each(ctx, &all.Audit, v.EachAuditEntry) },
			func() error { return each(ctx, &all.Events, v.EachEvent) },
		} {
			if err := read(); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	list := store.ConnectionList{ConnectionFilter: models.ConnectionFilter{Tag: "vip"}, PageRequest: models.PageRequest{Limit: 100}, Sort: models.SortNewest, Now: storetest.Now}
	page, err := s.Connections(t.Context(), list)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range page.Rows {
		all.Tagged[c.UUID] = true
	}
	// An import is told of by entries of its own.
	var audit []models.AuditEntry
	for _, e := range all.Audit {
		if e.ID = 0; e.Action != models.AuditDataExported && e.Action != models.AuditDataImported {
			audit = append(audit, e)
		}
	}
	all.Audit = audit
	for i := range all.Events {
		all.Events[i].ID = 0
	}
	return all
}

func each[T any](ctx context.Context, into *[]T, read func(context.Context, func(*T) error) error) error {
	return read(ctx, func(row *T) error {
		*into = append(*into, *row)
		return nil
	})
}

func export(t testing.TB, s *store.Store, o transfer.ExportOptions) string {
	t.Helper()
	o.Now, o.KDFMemoryKiB = storetest.Now, 64
	var out bytes.Buffer
	if _, err := transfer.Export(t.Context(), s, &out, o); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func importInto(t testing.TB, s *store.Store, file string, change func(*transfer.ImportOptions)) (*transfer.Report, error) {
	t.Helper()
	o := transfer.ImportOptions{Now: func() time.Time { return storetest.Now }, Passphrase: func() (models.Secret, error) { return passphrase, nil }}
	if change != nil {
		change(&o)
	}
	return transfer.Import(t.Context(), s, strings.NewReader(file), o)
}
