// Package seed fills a database with connections that look like those of a real one, for trials and benchmarks. It owns what
// they look like; the same number and seed make the same ones again. They carry the tag seed, and no provider is ever asked
// about them: their integrations' addresses end in .invalid, which no name server knows (RFC 2606 §2).
package seed

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strconv"
	"time"

	"github.com/patchbay/patchbay/internal/store"
	"github.com/patchbay/patchbay/models"
)

// Tag is on every connection that was made here.
const Tag = "seed"

// Options say how much is made.
type Options struct {
	Connections  int
	Integrations int
	Seed         uint64
	Now          time.Time
	Progress     func(made int)
}

// batchSize is how many connections one transaction stores.
const batchSize = 5000

// Fill stores integrations and connections.
func Fill(ctx context.Context, db *store.Store, o Options) error {
	if err := db.PrepareToLoad(ctx); err != nil {
		return err
	}
	names := make([]string, o.Integrations)
	for i := range names {
		names[i] = integrationName(i)
	}
	err := db.Write(ctx, func(tx *store.Tx) error {
		for _, name := range names {
			in := store.MovedIntegration{Name: name, Definition: models.Secret(definition(name)), DateCreated: o.Now, LastModified: o.Now}
			if err := tx.SaveMovedIntegration(in); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	g := &generator{random: rand.New(rand.NewPCG(o.Seed, 0)), integrations: names, now: o.Now.UTC().Truncate(time.Microsecond)}
	for made := 0; made < o.Connections; {
		batch := make([]store.MovedConnection, min(batchSize, o.Connections-made))
		for i := range batch {
			if batch[i], err = g.connection(made + i); err != nil {
				return err
			}
		}
		if err := save(ctx, db, batch, o.Now); err != nil {
			return err
		}
		made += len(batch)
		o.Progress(made)
	}
	return nil
}

func save(ctx context.Context, db *store.Store, batch []store.MovedConnection, now time.Time) error {
	return db.Write(ctx, func(tx *store.Tx) error {
		taken, err := tx.InsertMoved(batch)
		if err != nil {
			return err
		}
		if len(taken) > 0 {
			return fmt.Errorf("%d of the connections are there already: choose another --seed", len(taken))
		}
		return tx.Audit(models.AuditEntry{Time: now, Actor: models.SystemActor, Action: models.AuditDataImported, After: "seed: " + strconv.Itoa(len(batch))})
	})
}

// providerNames are what integrations are named after.
var providerNames = []string{
	"slack", "github", "google-drive", "salesforce", "hubspot", "notion", "stripe", "zendesk", "jira", "asana",
	"dropbox", "gmail", "linear", "intercom", "shopify", "airtable", "figma", "zoom", "xero", "box",
}

func integrationName(i int) string {
	name := "seed-" + providerNames[i%len(providerNames)]
	if round := i / len(providerNames); round > 0 {
		name += "-" + strconv.Itoa(round+1)
	}
	return name
}

func definition(name string) string {
	return fmt.Sprintf(`{
  "oauth_client_id": %[1]q, "oauth_client_secret": "not-a-secret", "oauth_scopes": ["read", "write"],
  "auth": {"auth_mode": "OAUTH2", "authorization_url": "https://%[1]s.invalid/authorize", "token_url": "https://%[1]s.invalid/token"},
  "requests": {"base_url": "https://%[1]s.invalid/api/", "headers": {"Authorization": "Bearer ${access_token}"}}
}`, name)
}
