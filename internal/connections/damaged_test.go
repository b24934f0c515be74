package connections

import (
	"strings"
	"testing"
	"time"

	"github.com/patchbay/patchbay/internal/store"
	"github.com/patchbay/patchbay/internal/store/storetest"
	"github.com/patchbay/patchbay/models"
)

func TestAConnectionWhoseCredentialsDoNotOpenCanBeDeleted(t *testing.T) {
	s, db, p, c := refreshing(t)
	storetest.Damage(t, db, "connections", "sealed_credentials")
	_, revocation, message, err := s.Delete(t.Context(), actor, c.UUID)
	if err != nil || revocation != RevocationFailed || !strings.Contains(message, "do not open") || p.revoked.Load() != 0 {
		t.Errorf("%s %q %v", revocation, message, err)
	}
	if _, err := db.Connection(t.Context(), c.UUID); !models.HasCode(err, models.CodeUnknownConnection) {
		t.Errorf("after it was deleted: %v", err)
	}
}

func TestAnIntegrationThatDoesNotOpenIsLeftOutAndCanBeDeleted(t *testing.T) {
	s, db := newService(t)
	const definition = `{"auth": {"mode": "API_KEY"}}`
	must(t, db.Write(t.Context(), func(tx *store.Tx) error {
		return tx.CreateIntegration("damaged", []byte(definition), s.now())
	}))
	storetest.Damage(t, db, "integrations", "sealed_definition")
	must(t, db.Write(t.Context(), func(tx *store.Tx) error {
		return tx.CreateIntegration("whole", []byte(definition), s.now())
	}))
	must(t, s.Reload(t.Context()))
	if _, err := s.Integration("damaged"); !models.HasCode(err, models.CodeUnknownIntegration) {
		t.Errorf("it is there: %v", err)
	}
	definitions, err := db.IntegrationDefinitions(t.Context())
	if err != nil || len(definitions) != 1 {
		t.Errorf("%d definitions, %v", len(definitions), err)
	}
	must(t, s.DeleteIntegration(t.Context(), actor, "damaged"))
	if err := s.DeleteIntegration(t.Context(), actor, "damaged"); !models.HasCode(err, models.CodeUnknownIntegration) {
		t.Errorf("deleted twice: %v", err)
	}
}

func TestADamagedPendingAttemptKeepsNoOtherFromBeingEnded(t *testing.T) {
	s, db := newService(t)
	for range 2 {
		session := &models.ConnectSession{UUID: models.NewToken().Hash(), TokenHash: models.NewToken().Hash(), Integrations: []string{"own"}, UserID: "42", DateCreated: s.now(), ExpiresAt: s.now().Add(time.Hour)}
		attempt := &models.Attempt{UUID: session.UUID, StateHash: session.TokenHash, Integration: "own", UserID: "42", Status: models.AttemptConsumed, DateCreated: s.now(), LastMoved: s.now()}
		must(t, db.Write(t.Context(), func(tx *store.Tx) error {
			if err := tx.CreateConnectSession(session); err != nil {
				return err
			}
			attempt.ConnectSessionID = session.ID
			return tx.CreateAttempt(attempt)
		}))
		must(t, s.awaitClaim(t.Context(), actor, attempt, storetest.Credentials("x")))
		if attempt.ID == 1 {
			storetest.Damage(t, db, "attempts", "sealed_secrets")
		}
	}
	must(t, s.dropUnclaimed(t.Context(), s.now().Add(time.Second)))
	if attempt, err := db.UnclaimedAttempt(t.Context(), s.now().Add(time.Second)); err != nil || attempt != nil {
		t.Errorf("one is left: %+v, %v", attempt, err)
	}
}
