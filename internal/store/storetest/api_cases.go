package storetest

import (
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/patchbay/patchbay/internal/store"
	"github.com/patchbay/patchbay/models"
)

func tags(t *testing.T, s *store.Store) {
	first, second := Connection("slack", "1"), Connection("slack", "2")
	first.Tags = []string{"vip", "eu"}
	Create(t, s, first, second)
	list := func(tag string) []string {
		page, err := s.Connections(t.Context(), store.ConnectionList{ConnectionFilter: models.ConnectionFilter{Tag: tag}, PageRequest: models.PageRequest{Limit: 10}, Sort: models.SortOldest, Now: Now})
		must(t, err)
		ids := []string{}
		for _, c := range page.Rows {
			ids = append(ids, c.UserID)
		}
		return ids
	}
	if got := list("vip"); !slices.Equal(got, []string{"1"}) {
		t.Errorf("vip: %q", got)
	}
	second.Tags = []string{"vip"}
	must(t, s.Write(t.Context(), func(tx *store.Tx) error { return tx.SaveTags(second, Now) }))
	first.Tags = nil
	must(t, s.Write(t.Context(), func(tx *store.Tx) error { return tx.SaveTags(first, Now) }))
	if got := list("vip"); !slices.Equal(got, []string{"2"}) || len(list("eu")) != 0 {
		t.Errorf("vip after the change: %q, eu: %q", got, list("eu"))
	}
	got, err := s.Connection(t.Context(), second.UUID)
	if err != nil || !slices.Equal(got.Tags, []string{"vip"}) || got.Version != second.Version {
		t.Errorf("%+v, %v", got, err)
	}
	must(t, s.Write(t.Context(), func(tx *store.Tx) error { return tx.DeleteConnection(second) }))
	if len(list("vip")) != 0 {
		t.Error("a tag outlives its connection")
	}
	if _, err := s.Credentials(t.Context(), second.UUID); !models.HasCode(err, models.CodeUnknownConnection) {
		t.Errorf("credentials of a deleted connection: %v", err)
	}
	stale := *first
	stale.Version--
	if err := s.Write(t.Context(), func(tx *store.Tx) error { return tx.DeleteConnection(&stale) }); !models.HasCode(err, models.CodeStaleVersion) {
		t.Errorf("deleted at a stale version: %v", err)
	}
}

func apiKeys(t *testing.T, s *store.Store) {
	ends := Now.Add(time.Hour)
	key := &models.APIKey{Name: "backend", Scopes: []models.Scope{models.ScopeConnectionsRead}, Integrations: []string{"slack"}, DateCreated: Now, ExpiresAt: &ends}
	key.SetText("pb_first")
	must(t, s.Write(t.Context(), func(tx *store.Tx) error { return tx.CreateAPIKey(key) }))
	again := &models.APIKey{Name: "backend", Scopes: key.Scopes, Integrations: key.Integrations, Hash: "other"}
	if err := s.Write(t.Context(), func(tx *store.Tx) error { return tx.CreateAPIKey(again) }); !models.HasCode(err, models.CodeAPIKeyExists) {
		t.Errorf("the same name again: %v", err)
	}
	before := key.Hash
	soon := Now.Add(time.Minute)
	key.PreviousHash, key.PreviousExpiresAt = key.Hash, &soon
	key.SetText("pb_second")
	must(t, s.Write(t.Context(), func(tx *store.Tx) error { return tx.SaveAPIKey(key) }))
	for hash, at := range map[string]time.Time{key.Hash: Now, before: Now} {
		got, err := s.APIKeyByHash(t.Context(), hash, at)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(key, got); diff != "" {
			t.Errorf("-want +got\n%s", diff)
		}
	}
	for name, find := range map[string]func() (*models.APIKey, error){
		"rolled away":  func() (*models.APIKey, error) { return s.APIKeyByHash(t.Context(), before, soon) },
		"nothing":      func() (*models.APIKey, error) { return s.APIKeyByHash(t.Context(), "", Now) },
		"another name": func() (*models.APIKey, error) { return s.APIKeyByName(t.Context(), "front") },
	} {
		if _, err := find(); !models.HasCode(err, models.CodeNotFound) {
			t.Errorf("%s: %v", name, err)
		}
	}
	calls := []models.APICalls{{Window: Now, APIKey: "backend", Operation: "getCredentials", ConnectionUUID: "u", Calls: 3}}
	for range 2 {
		must(t, s.Write(t.Context(), func(tx *store.Tx) error { return tx.AddAPICalls(calls, Now) }))
	}
	counted, err := s.APICallsOf(t.Context(), "u", 10)
	if err != nil || len(counted) != 1 || counted[0].Calls != 6 || !counted[0].Window.Equal(Now) {
		t.Errorf("counted %+v, %v", counted, err)
	}
	if got, err := s.APIKey(t.Context(), key.ID); err != nil || got.LastUsed == nil || !got.LastUsed.Equal(Now) {
		t.Errorf("last used: %+v, %v", got, err)
	}
}

func events(t *testing.T, s *store.Store) {
	emit := func(kind models.EventType, integration string) {
		must(t, s.Write(t.Context(), func(tx *store.Tx) error {
			return tx.Emit(models.Event{Time: Now, Type: kind, ConnectionUUID: "u", Integration: integration, UserID: "42", Detail: "d"})
		}))
	}
	if page, err := s.Events(t.Context(), models.EventFilter{}, models.PageRequest{Limit: 10}); err != nil || page.Next != "" || len(page.Rows) > 0 {
		t.Errorf("nothing yet: %+v, %v", page, err)
	}
	emit(models.EventConnectionCreated, "slack")
	emit(models.EventConnectionUpdated, "github")
	page, err := s.Events(t.Context(), models.EventFilter{}, models.PageRequest{Limit: 10})
	if err != nil || len(page.Rows) != 2 || page.Rows[0].Type != models.EventConnectionCreated || page.Next == "" {
		t.Fatalf("%+v, %v", page, err)
	}
	at := page.Next
	if page, err = s.Events(t.Context(), models.EventFilter{}, models.PageRequest{Limit: 10, Cursor: at}); err != nil || len(page.Rows) != 0 || page.Next != at {
		t.Errorf("at the end: %+v, %v", page, err)
	}
	emit(models.EventConnectionDeleted, "slack")
	if page, err = s.Events(t.Context(), models.EventFilter{}, models.PageRequest{Limit: 10, Cursor: at}); err != nil || len(page.Rows) != 1 || page.Rows[0].Type != models.EventConnectionDeleted {
		t.Errorf("what happened since: %+v, %v", page, err)
	}
	page, err = s.Events(t.Context(), models.EventFilter{Type: models.EventConnectionUpdated, Integrations: []string{"github"}}, models.PageRequest{Limit: 10})
	if err != nil || len(page.Rows) != 1 {
		t.Errorf("filtered: %+v, %v", page, err)
	}
}

func idempotency(t *testing.T, s *store.Store) {
	claim := func(key, hash string, now time.Time) *store.IdempotentAnswer {
		var found *store.IdempotentAnswer
		must(t, s.Write(t.Context(), func(tx *store.Tx) (err error) {
			found, err = tx.ClaimIdempotencyKey("backend", key, store.IdempotentAnswer{RequestHash: hash, ExpiresAt: now.Add(time.Minute)}, now)
			return err
		}))
		return found
	}
	if claim("k", "h", Now) != nil {
		t.Error("a new key was found")
	}
	if found := claim("k", "h2", Now); found == nil || found.RequestHash != "h" || found.Status != 0 {
		t.Errorf("under way: %+v", found)
	}
	must(t, s.Write(t.Context(), func(tx *store.Tx) error {
		return tx.SaveIdempotentAnswer("backend", "k", store.IdempotentAnswer{RequestHash: "h", Status: 201, Answer: []byte("secret"), ExpiresAt: Now.Add(time.Minute)})
	}))
	if found := claim("k", "h", Now); found == nil || found.Status != 201 || string(found.Answer) != "secret" {
		t.Errorf("answered: %+v", found)
	}
	if claim("k", "h", Now.Add(time.Hour)) != nil {
		t.Error("an expired key was found")
	}
	must(t, s.ReleaseIdempotencyKey(t.Context(), "backend", "k"))
	if claim("k", "h", Now) != nil {
		t.Error("a released key was found")
	}
}

func storedIntegrations(t *testing.T, s *store.Store) {
	revision := func() string {
		r, err := s.IntegrationsRevision(t.Context())
		must(t, err)
		return r
	}
	before := revision()
	must(t, s.Write(t.Context(), func(tx *store.Tx) error { return tx.CreateIntegration("crm", []byte(`{"a":1}`), Now) }))
	created := revision()
	if err := s.Write(t.Context(), func(tx *store.Tx) error { return tx.CreateIntegration("crm", nil, Now) }); !models.HasCode(err, models.CodeIntegrationExists) {
		t.Errorf("again: %v", err)
	}
	must(t, s.Write(t.Context(), func(tx *store.Tx) error { return tx.SaveIntegration("crm", []byte(`{"a":2}`), Now) }))
	got, err := s.IntegrationDefinitions(t.Context())
	if err != nil || len(got) != 1 || string(got["crm"]) != `{"a":2}` {
		t.Errorf("%q, %v", got, err)
	}
	saved := revision()
	must(t, s.Write(t.Context(), func(tx *store.Tx) error { return tx.DeleteIntegration("crm") }))
	if before == created || created == saved || saved == revision() {
		t.Error("a change did not move the revision")
	}
}

func pendingAttempt(t *testing.T, s *store.Store) {
	session, attempt := newAttempt(t, s, Now)
	credentials := Credentials("waiting")
	attempt.Status, attempt.ClaimHash, attempt.LastMoved = models.AttemptPending, "claim", Now
	attempt.Secrets.Claim, attempt.Secrets.Credentials = "the claim", &credentials
	must(t, s.Write(t.Context(), func(tx *store.Tx) error {
		_, err := tx.MoveAttempt(attempt, models.AttemptStarted)
		return err
	}))
	for name, find := range map[string]func() (*models.Attempt, error){
		"by claim":  func() (*models.Attempt, error) { return s.AttemptByClaim(t.Context(), "claim") },
		"unclaimed": func() (*models.Attempt, error) { return s.UnclaimedAttempt(t.Context(), Now.Add(time.Second)) },
		"by ref":    func() (*models.Attempt, error) { return s.AttemptOfRef(t.Context(), session.ID, attempt.Ref) },
	} {
		got, err := find()
		if err != nil || got == nil {
			t.Fatalf("%s: %v, %v", name, got, err)
		}
		if diff := cmp.Diff(attempt, got, cmp.Comparer(func(a, b models.Credentials) bool {
			x, _ := a.SealedJSON()
			y, _ := b.SealedJSON()
			return string(x) == string(y)
		})); diff != "" {
			t.Errorf("%s: -want +got\n%s", name, diff)
		}
	}
	must(t, s.Write(t.Context(), func(tx *store.Tx) error { return tx.DeleteExpired(Now.Add(time.Hour)) }))
	if got, err := s.AttemptByClaim(t.Context(), "claim"); err != nil || got == nil {
		t.Errorf("tokens that wait were forgotten: %v, %v", got, err)
	}
	if got, err := s.UnclaimedAttempt(t.Context(), Now); err != nil || got != nil {
		t.Errorf("unclaimed too early: %v, %v", got, err)
	}
}

func triesAreShared(t *testing.T, s *store.Store) {
	take := func(at time.Duration) time.Duration {
		t.Helper()
		wait, err := s.TakeTry(t.Context(), "key", time.Minute, 3, Now.Add(at))
		must(t, err)
		return wait
	}
	for range 3 {
		if wait := take(0); wait != 0 {
			t.Errorf("within the burst: %v", wait)
		}
	}
	if wait := take(time.Second); wait != 59*time.Second {
		t.Errorf("after the burst: %v", wait)
	}
	if take(time.Minute) != 0 || take(time.Minute) == 0 {
		t.Error("one comes every minute")
	}
	var taken atomic.Int64
	var group sync.WaitGroup
	for range 20 {
		group.Go(func() {
			if wait, err := s.TakeTry(t.Context(), "key", time.Minute, 3, Now.Add(time.Hour)); err == nil && wait == 0 {
				taken.Add(1)
			}
		})
	}
	group.Wait()
	if taken.Load() != 3 {
		t.Errorf("%d of 20 at once", taken.Load())
	}
	must(t, s.Write(t.Context(), func(tx *store.Tx) error { return tx.DeleteExpired(Now.Add(2 * time.Hour)) }))
}
