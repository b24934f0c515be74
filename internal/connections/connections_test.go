package connections

import (
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/patchbay/patchbay/internal/oauth"
	"github.com/patchbay/patchbay/internal/store"
	"github.com/patchbay/patchbay/internal/store/storetest"
	"github.com/patchbay/patchbay/models"
)

var actor = models.Actor{Name: "admin:ada@example.com", IP: "192.0.2.1", RequestID: "r"}

func newService(t *testing.T) (*Service, *store.Store) {
	t.Helper()
	db := storetest.Open(t)
	now := func() time.Time { return storetest.Now }
	client, err := oauth.New(nil, oauth.CallTimeout, now)
	must(t, err)
	s, err := New(t.Context(), Config{
		Store: db, OAuth: client, RootURL: "https://connect.example.com", Now: now, Log: slog.New(slog.DiscardHandler),
		Integrations: []models.Integration{{Name: "own", Auth: models.Auth{Mode: models.AuthOAuth2}}, {Name: "shared", SharedCallback: true}},
	})
	must(t, err)
	return s, db
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestUpdateConfigKeepsHistoryAndLosesNothing(t *testing.T) {
	s, db := newService(t)
	c := storetest.Connection("own", "42")
	storetest.Create(t, db, c)

	const operators = 20
	var wins, stale sync.Map
	var group sync.WaitGroup
	for i := range operators {
		group.Go(func() {
			_, err := s.UpdateConfig(t.Context(), actor, c.UUID, 1, fmt.Sprintf(`{"operator": %d}`, i))
			switch {
			case err == nil:
				wins.Store(i, true)
			case models.HasCode(err, models.CodeStaleVersion):
				stale.Store(i, true)
			default:
				t.Error(err)
			}
		})
	}
	group.Wait()
	won := keys(&wins)
	if len(won) != 1 || len(keys(&stale)) != operators-1 {
		t.Fatalf("%d won of %d", len(won), operators)
	}
	first := fmt.Sprintf(`{"operator": %d}`, won[0])

	saved, err := s.UpdateConfig(t.Context(), actor, c.UUID, 2, `{"second": 1.0}`)
	must(t, err)
	if saved.AdditionalConfig != `{"second": 1.0}` || saved.ConfigVersion != 3 {
		t.Errorf("saved %+v", saved)
	}
	if again, err := s.UpdateConfig(t.Context(), actor, c.UUID, 1, `{"second": 1.0}`); err != nil || again.Version != saved.Version {
		t.Errorf("the stored text again: %+v, %v", again, err)
	}
	conflict, err := s.Conflict(t.Context(), c.UUID, 2)
	must(t, err)
	if string(conflict.Base) != first || conflict.Current.AdditionalConfig != `{"second": 1.0}` || conflict.Last.Actor != actor.Name {
		t.Errorf("conflict %+v", conflict)
	}
	if _, err := s.Conflict(t.Context(), c.UUID, 3); !models.HasCode(err, models.CodeStaleVersion) {
		t.Errorf("no conflict with the current version: %v", err)
	}
	history, err := s.Audit(t.Context(), models.AuditFilter{ConnectionUUID: c.UUID}, models.PageRequest{Limit: 10})
	must(t, err)
	if len(history.Rows) != 2 || history.Rows[1].Before != "{}" || history.Rows[1].After != first || history.Rows[0].Before != first || history.Rows[0].IP != actor.IP {
		t.Errorf("history %+v", history.Rows)
	}
	for text, code := range map[string]string{`{`: models.CodeInvalidConfig, `{}`: models.CodeUnknownConnection} {
		if _, err := s.UpdateConfig(t.Context(), actor, "none", 1, text); !models.HasCode(err, code) {
			t.Errorf("%s for nothing: %v", text, err)
		}
	}
}

func keys(m *sync.Map) []int {
	var all []int
	m.Range(func(key, _ any) bool { all = append(all, key.(int)); return true })
	return all
}

func TestCallbackURLIsOnePerIntegrationUnlessShared(t *testing.T) {
	s, _ := newService(t)
	for name, want := range map[string]string{"own": "https://connect.example.com/oauth/callback/own", "shared": "https://connect.example.com/oauth/callback"} {
		in, err := s.Integration(name)
		must(t, err)
		if got := s.CallbackURL(in); got != want {
			t.Errorf("%s: %s", name, got)
		}
	}
	if _, err := s.Integration("none"); !models.HasCode(err, models.CodeUnknownIntegration) {
		t.Errorf("unknown integration: %v", err)
	}
}

func TestConnectSessionsAreMadeForKnownIntegrationsAndUserIDs(t *testing.T) {
	s, db := newService(t)
	for _, test := range []struct{ integration, userID, code string }{
		{"none", "42", models.CodeUnknownIntegration}, {"own", "", models.CodeInvalidUserID}, {"own", "a\nb", models.CodeInvalidUserID}, {"own", "\xff", models.CodeInvalidUserID},
	} {
		if _, _, err := s.CreateConnectSession(t.Context(), actor, ConnectRequest{Integrations: []string{test.integration}, UserID: test.userID}); !models.HasCode(err, test.code) {
			t.Errorf("%+v: %v", test, err)
		}
	}
	_, token, err := s.CreateConnectSession(t.Context(), actor, ConnectRequest{Integrations: []string{"own"}, UserID: "42"})
	must(t, err)
	session, err := s.ConnectSession(t.Context(), token)
	must(t, err)
	attempt, err := s.DecidingAttempt(t.Context(), session, "own")
	must(t, err)
	if session.UserID != "42" || session.CreatedBy != actor.Name || attempt != nil || session.TokenHash == token.Reveal() {
		t.Errorf("session %+v, attempt %+v", session, attempt)
	}
	entries, err := db.AuditEntries(t.Context(), models.AuditFilter{}, models.PageRequest{Limit: 5})
	must(t, err)
	if len(entries.Rows) != 1 || entries.Rows[0].Action != models.AuditConnectSessionCreated {
		t.Errorf("audit %+v", entries.Rows)
	}
	if _, _, err := s.BeginConnect(t.Context(), token, "own", models.AttemptDisplay{}); !models.HasCode(err, models.ConnectInvalidConfiguration) {
		t.Errorf("an integration without a client id: %v", err)
	}
}
