package auth

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/patchbay/patchbay/internal/store"
	"github.com/patchbay/patchbay/models"
)

var system = models.Actor{Name: models.SystemActor, IP: "192.0.2.1", RequestID: "r"}

func newKeys(t *testing.T) (*APIKeys, *store.Store, *clock) {
	t.Helper()
	_, _, db, c := newService(t)
	return NewAPIKeys(db, c.now), db, c
}

func createKey(t *testing.T, a *APIKeys, request models.APIKeyRequest) (*models.APIKey, models.Secret) {
	t.Helper()
	request.Scopes = []models.Scope{models.ScopeProxy}
	key, text, err := a.Create(t.Context(), system, request)
	if err != nil {
		t.Fatal(err)
	}
	return key, text
}

// tries authenticates from an address and checks the outcome; code is empty where it is to succeed.
func tries(t *testing.T, a *APIKeys, name string, text models.Secret, ip, code string) *models.APIKey {
	t.Helper()
	key, err := a.Authenticate(t.Context(), text, ip)
	if (err == nil) != (code == "") || err != nil && !models.HasCode(err, code) {
		t.Errorf("%s: %v, want %q", name, err, code)
	}
	if err != nil && text != "" && strings.Contains(err.Error(), text.Reveal()) {
		t.Errorf("%s: the error repeats the key: %v", name, err)
	}
	return key
}

// actions gives what the audit tells, the newest first.
func actions(t *testing.T, db *store.Store) string {
	t.Helper()
	entries, err := db.AuditEntries(t.Context(), models.AuditFilter{}, models.PageRequest{Limit: 100})
	if err != nil {
		t.Fatal(err)
	}
	var told []string
	for _, e := range entries.Rows {
		told = append(told, e.Actor+" "+e.Action+" "+e.After)
	}
	return strings.Join(told, ", ")
}

const unauthenticated = models.CodeUnauthenticated

func TestAPIKeysAreMadeRolledAndRevoked(t *testing.T) {
	a, db, c := newKeys(t)
	key, first := createKey(t, a, models.APIKeyRequest{Name: " backend ", Integrations: []string{"crm"}})
	if key.Name != "backend" || key.CreatedBy != models.SystemActor || !key.DateCreated.Equal(c.at.UTC().Truncate(time.Microsecond)) || key.LastUsed != nil {
		t.Errorf("%+v", key)
	}
	if got := tries(t, a, "created", first, "192.0.2.1", ""); got == nil || got.ID != key.ID || !got.Allows(models.ScopeProxy) || !got.Reaches("crm") || got.Reaches("erp") {
		t.Errorf("authenticated as %+v", got)
	}
	for _, name := range []string{"backend", EnvironmentKeyName, " " + EnvironmentKeyName} {
		_, _, err := a.Create(t.Context(), system, models.APIKeyRequest{Name: name, Scopes: models.Scopes})
		if !models.HasCode(err, models.CodeAPIKeyExists) || models.AsError(err).Fields[0].Field != "name" {
			t.Errorf("%q: %v", name, err)
		}
	}
	rolled, second, err := a.Roll(t.Context(), system, key, time.Hour)
	if err != nil || rolled.Hash == key.Hash || rolled.Last != second.Reveal()[51:] {
		t.Fatalf("%+v, %v", rolled, err)
	}
	if _, _, err := a.Roll(t.Context(), system, key, time.Hour); !models.HasCode(err, models.CodeStaleVersion) {
		t.Errorf("rolled twice from one page: %v", err)
	}
	tries(t, a, "the new text", second, "192.0.2.1", "")
	c.at = c.at.Add(time.Hour - time.Microsecond)
	tries(t, a, "the old text at the end of the overlap", first, "192.0.2.1", "")
	c.at = c.at.Add(2 * time.Second) // the last look-up holds for one
	tries(t, a, "the old text after the overlap", first, "192.0.2.1", unauthenticated)
	tries(t, a, "the new text after the overlap", second, "192.0.2.1", "")
	if _, err := a.Revoke(t.Context(), system, key.ID); err != nil {
		t.Error(err)
	}
	tries(t, a, "revoked", second, "192.0.2.1", unauthenticated)
	for name, err := range map[string]error{
		"find": errorOf(a.Find(t.Context(), key.ID)), "find by name": errorOf(a.FindByName(t.Context(), "backend")), "revoke again": errorOf(a.Revoke(t.Context(), system, key.ID)),
	} {
		if !models.HasCode(err, models.CodeNotFound) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if got := actions(t, db); got != "system api_key.revoked backend, system api_key.rolled backend, system api_key.created backend" {
		t.Errorf("audit: %s", got)
	}
}

func errorOf[T any](_ T, err error) error { return err }

func TestAPIKeysAreRememberedForASecond(t *testing.T) {
	a, db, c := newKeys(t)
	elsewhere := NewAPIKeys(db, c.now) // another process
	key, text := createKey(t, a, models.APIKeyRequest{Name: "backend"})
	tries(t, a, "created", text, "", "")
	if _, err := elsewhere.Revoke(t.Context(), system, key.ID); err != nil {
		t.Fatal(err)
	}
	tries(t, elsewhere, "revoked there", text, "", unauthenticated)
	c.at = c.at.Add(recentLife - time.Microsecond)
	tries(t, a, "still remembered here", text, "", "")
	c.at = c.at.Add(time.Microsecond)
	tries(t, a, "forgotten here", text, "", unauthenticated)

	ends := c.at.Add(recentLife / 2)
	_, text = createKey(t, a, models.APIKeyRequest{Name: "short", ExpiresAt: &ends})
	tries(t, a, "before its end", text, "", "")
	c.at = ends
	tries(t, a, "at its end", text, "", unauthenticated)
}

func TestAPIKeysAreRememberedInBoundedMemory(t *testing.T) {
	a, _, c := newKeys(t)
	for i := range maxRecent + 1 {
		a.remember(fmt.Sprint(i), &models.APIKey{}, c.at)
	}
	if len(a.recent) > maxRecent {
		t.Errorf("%d keys are remembered", len(a.recent))
	}
}

func TestGuessesAtAPIKeysAreLimitedByAddress(t *testing.T) {
	a, _, c := newKeys(t)
	_, text := createKey(t, a, models.APIKeyRequest{Name: "backend"})
	const here, there = "2001:db8:1:1::1", "2001:db8:1:2::1"
	for range 20 {
		tries(t, a, "a guess", "pb_guess", here, unauthenticated)
	}
	tries(t, a, "one too many", "pb_guess", here, models.CodeTooMany)
	tries(t, a, "from the same subscriber", "pb_guess", "2001:db8:1:1:ffff::9", models.CodeTooMany)
	tries(t, a, "from another", "pb_guess", there, unauthenticated)
	tries(t, a, "a valid key", text, here, "")
	_, err := a.Authenticate(t.Context(), "pb_guess", here)
	wait := models.AsError(err).RetryAfter
	if wait <= 0 || wait > 3*time.Second {
		t.Fatalf("wait %s", wait)
	}
	c.at = c.at.Add(wait)
	tries(t, a, "after the wait", "pb_guess", here, unauthenticated)
	tries(t, a, "and no more than that", "pb_guess", here, models.CodeTooMany)
}

func TestTheKeyOfTheSettingsFollowsThem(t *testing.T) {
	a, db, _ := newKeys(t)
	_, own := createKey(t, a, models.APIKeyRequest{Name: "backend"})
	set := func(text models.Secret) {
		t.Helper()
		if err := NewAPIKeys(db, a.now).SetEnvironmentKey(t.Context(), text); err != nil {
			t.Fatal(err)
		}
	}
	set("")
	for range 2 {
		set("the first text of the settings")
	}
	if key := tries(t, a, "set", "the first text of the settings", "", ""); key == nil || len(key.Scopes) != len(models.Scopes) || key.ExpiresAt != nil || !key.Reaches("crm") {
		t.Errorf("%+v", key)
	}
	key, err := a.FindByName(t.Context(), EnvironmentKeyName)
	if err != nil {
		t.Fatal(err)
	}
	_, _, rollErr := a.Roll(t.Context(), system, key, 0)
	_, revokeErr := a.Revoke(t.Context(), system, key.ID)
	if !models.HasCode(rollErr, models.CodeForbidden) || !models.HasCode(revokeErr, models.CodeForbidden) {
		t.Errorf("it was rolled or revoked: %v, %v", rollErr, revokeErr)
	}
	a.forget()
	set("the second text of the settings")
	tries(t, a, "replaced", "the first text of the settings", "", unauthenticated)
	tries(t, a, "in its place", "the second text of the settings", "", "")
	a.forget()
	set(own) // a key that is there already stays as it is
	if got := tries(t, a, "of another key", own, "", ""); got == nil || got.Name != "backend" {
		t.Errorf("%+v", got)
	}
	tries(t, a, "removed", "the second text of the settings", "", unauthenticated)
	tries(t, a, "nothing", "", "", unauthenticated)
	tries(t, a, "another key", own, "", "")
	const created, revoked = "system api_key.created PATCHBAY_API_KEY", "system api_key.revoked PATCHBAY_API_KEY"
	if got := actions(t, db); got != strings.Join([]string{revoked, created, revoked, created, "system api_key.created backend"}, ", ") {
		t.Errorf("audit: %s", got)
	}
}
