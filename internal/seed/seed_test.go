package seed_test

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/patchbay/patchbay/internal/integrations"
	"github.com/patchbay/patchbay/internal/seed"
	"github.com/patchbay/patchbay/internal/store"
	"github.com/patchbay/patchbay/internal/store/storetest"
	"github.com/patchbay/patchbay/internal/vault"
	"github.com/patchbay/patchbay/models"
)

func filled(t *testing.T, number uint64) map[string]store.MovedConnection {
	t.Helper()
	ring, err := vault.Parse(vault.NewKey())
	if err != nil {
		t.Fatal(err)
	}
	s, err := store.Open(t.Context(), filepath.Join(t.TempDir(), "patchbay.db"), ring)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	err = seed.Fill(t.Context(), s, seed.Options{Connections: 3000, Integrations: 25, Seed: number, Now: storetest.Now, Progress: func(int) {}})
	if err != nil {
		t.Fatal(err)
	}
	definitions, err := s.IntegrationDefinitions(t.Context())
	if err != nil || len(definitions) != 25 {
		t.Errorf("%d integrations, %v", len(definitions), err)
	}
	for name, definition := range definitions {
		in, err := integrations.ParseDefinition(name, definition)
		if err != nil || !strings.HasSuffix(strings.Split(in.Auth.TokenURL, "/")[2], ".invalid") {
			t.Errorf("%s: %v, %s", name, err, in.Auth.TokenURL)
		}
	}
	connections := map[string]store.MovedConnection{}
	err = s.Snapshot(t.Context(), func(v *store.Snapshot) error {
		return v.EachConnection(t.Context(), true, func(c *store.MovedConnection) error {
			connections[c.UUID] = *c
			return nil
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	return connections
}

func TestTheSameSeedMakesTheSameConnections(t *testing.T) {
	first := filled(t, 1)
	if diff := cmp.Diff(first, filled(t, 1)); diff != "" {
		t.Errorf("-first +second\n%.2000s", diff)
	}
	for uuid := range filled(t, 2) {
		if _, same := first[uuid]; same {
			t.Fatal("another seed made a connection again")
		}
	}
	states, users := map[models.Status]int{}, map[string]int{}
	for _, c := range first {
		states[c.Status(storetest.Now)]++
		users[c.UserID]++
		if !slices.Contains(c.Tags, seed.Tag) {
			t.Errorf("%s does not tell where it comes from", c.UUID)
		}
		if _, err := models.ParseConfig(string(c.AdditionalConfig)); err != nil {
			t.Error(err)
		}
		if err := models.ValidateUserID(c.UserID); err != nil {
			t.Error(err)
		}
		if c.LastModified.Before(c.DateCreated) || c.ConfigVersion > c.Version {
			t.Errorf("%+v", c.Connection)
		}
	}
	for _, status := range []models.Status{models.StatusConnected, models.StatusExpiring, models.StatusNeedsReconnect, models.StatusError, models.StatusDisabled} {
		if states[status] == 0 {
			t.Errorf("no connection is %s: %v", status, states)
		}
	}
	if len(users) < 1500 || len(users) > 2500 {
		t.Errorf("%d users", len(users))
	}
}
