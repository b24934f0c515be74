package auth

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/patchbay/patchbay/internal/store"
	"github.com/patchbay/patchbay/models"
)

// APIKeys knows who may call the API. It is safe for concurrent use.
type APIKeys struct {
	store   *store.Store
	now     func() time.Time
	guesses *limiter

	mu     sync.Mutex
	recent map[string]recentKey // by hash
}

// recentKey is a key that was looked up lately.
type recentKey struct {
	key  *models.APIKey
	read time.Time
}

const (
	// recentLife is how long a key is not looked up again: a change made elsewhere is in force within it.
	recentLife = time.Second
	maxRecent  = 1000
)

// NewAPIKeys gives a service.
func NewAPIKeys(s *store.Store, now func() time.Time) *APIKeys {
	return &APIKeys{
		store: s, now: func() time.Time { return now().UTC().Truncate(time.Microsecond) },
		// A wrong key is a mistake in a setting, repeated by a program; the true keys of its address go on working.
		guesses: newLimiter(now, 3*time.Second, 20),
		recent:  map[string]recentKey{},
	}
}

// Authenticate finds the API key with the given text. It fails with unauthenticated, and with too_many_requests for an
// address that tried too many unknown ones.
func (a *APIKeys) Authenticate(ctx context.Context, text models.Secret, ip string) (*models.APIKey, error) {
	now, hash := a.now(), text.Hash()
	if key := a.recentlyRead(hash, now); key != nil {
		return key, nil
	}
	key, err := a.store.APIKeyByHash(ctx, hash, now)
	if err != nil && !models.HasCode(err, models.CodeNotFound) {
		return nil, err
	}
	if err == nil && !key.Expired(now) {
		a.remember(hash, key, now)
		return key, nil
	}
	if wait := a.guesses.wait(network(ip)); wait > 0 {
		return nil, &models.Error{Kind: models.KindTooMany, Code: models.CodeTooMany, RetryAfter: wait, Message: "Too many unknown API keys came from this address."}
	}
	message := "The API key is not known: it was mistyped, revoked, or belongs to another server."
	if err == nil {
		message = "The API key has expired."
	}
	return nil, &models.Error{Kind: models.KindUnauthenticated, Code: models.CodeUnauthenticated, Message: message}
}

func (a *APIKeys) recentlyRead(hash string, now time.Time) *models.APIKey {
	a.mu.Lock()
	defer a.mu.Unlock()
	recent, ok := a.recent[hash]
	if !ok || now.Sub(recent.read) >= recentLife || recent.key.Expired(now) {
		return nil
	}
	return recent.key
}

func (a *APIKeys) remember(hash string, key *models.APIKey, now time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.recent) >= maxRecent {
		clear(a.recent)
	}
	a.recent[hash] = recentKey{key, now}
}

func (a *APIKeys) forget() {
	a.mu.Lock()
	defer a.mu.Unlock()
	clear(a.recent)
}

// List lists all keys by name.
func (a *APIKeys) List(ctx context.Context) ([]models.APIKey, error) { return a.store.APIKeys(ctx) }

// Find finds a key by id. It fails with not_found.
func (a *APIKeys) Find(ctx context.Context, id int64) (*models.APIKey, error) {
	return a.store.APIKey(ctx, id)
}

// FindByName finds a key by name. It fails with not_found.
func (a *APIKeys) FindByName(ctx context.Context, name string) (*models.APIKey, error) {
	return a.store.APIKeyByName(ctx, name)
}

// Create makes a key and gives its text, which is shown this once. It fails with invalid_api_key and api_key_exists.
func (a *APIKeys) Create(ctx context.Context, actor models.Actor, request models.APIKeyRequest) (*models.APIKey, models.Secret, error) {
	request.Name = strings.TrimSpace(request.Name)
	if err := request.Validate(a.now()); err != nil {
		return nil, "", err
	}
	if request.Name == EnvironmentKeyName {
		const message = "This name is that of the key in the server's settings."
		return nil, "", &models.Error{Kind: models.KindConflict, Code: models.CodeAPIKeyExists, Message: message, Fields: []models.FieldError{{Field: "name", Message: message}}}
	}
	text := models.NewAPIKeyText()
	key := a.newKey(actor, request, text)
	err := a.store.Write(ctx, func(tx *store.Tx) error {
		if err := tx.CreateAPIKey(key); err != nil {
			return err
		}
		return tx.Audit(a.entry(actor, models.AuditAPIKeyCreated, key))
	})
	if err != nil {
		return nil, "", err
	}
	return key, text, nil
}

func (a *APIKeys) newKey(actor models.Actor, request models.APIKeyRequest, text models.Secret) *models.APIKey {
	key := &models.APIKey{
		Name: request.Name, Scopes: request.Scopes, Integrations: append([]string{}, request.Integrations...),
		CreatedBy: actor.Name, DateCreated: a.now(), ExpiresAt: request.ExpiresAt,
	}
	key.SetText(text)
	return key
}

// Roll gives a key as it was read a new text, which is shown this once. The one before goes on working for the overlap. It
// fails with not_found, with forbidden for the key of the settings, and with stale_version for one that was rolled since it
// was read.
func (a *APIKeys) Roll(ctx context.Context, actor models.Actor, read *models.APIKey, overlap time.Duration) (*models.APIKey, models.Secret, error) {
	text, ends := models.NewAPIKeyText(), a.now().Add(overlap)
	var key *models.APIKey
	err := a.store.Write(ctx, func(tx *store.Tx) (err error) {
		if key, err = changeable(tx.APIKey(ctx, read.ID)); err != nil {
			return err
		}
		if key.Hash != read.Hash {
			return &models.Error{Kind: models.KindConflict, Code: models.CodeStaleVersion, Message: "The API key was rolled meanwhile, and not again now."}
		}
		key.PreviousHash, key.PreviousExpiresAt = key.Hash, &ends
		key.SetText(text)
		if err := tx.SaveAPIKey(key); err != nil {
			return err
		}
		return tx.Audit(a.entry(actor, models.AuditAPIKeyRolled, key))
	})
	a.forget()
	if err != nil {
		return nil, "", err
	}
	return key, text, nil
}

// changeable fails with forbidden for the key of the settings, which is changed there.
func changeable(key *models.APIKey, err error) (*models.APIKey, error) {
	if err == nil && key.Name == EnvironmentKeyName {
		message := "This API key comes from the server's settings. Change " + EnvironmentKeyName + " there and restart the server."
		err = &models.Error{Kind: models.KindForbidden, Code: models.CodeForbidden, Message: message}
	}
	return key, err
}

// Revoke ends a key at once. It fails with not_found, and with forbidden for the key of the settings.
func (a *APIKeys) Revoke(ctx context.Context, actor models.Actor, id int64) (*models.APIKey, error) {
	var key *models.APIKey
	err := a.store.Write(ctx, func(tx *store.Tx) (err error) {
		if key, err = changeable(tx.APIKey(ctx, id)); err != nil {
			return err
		}
		return a.revoke(tx, actor, key)
	})
	a.forget()
	return key, err
}

func (a *APIKeys) revoke(tx *store.Tx, actor models.Actor, key *models.APIKey) error {
	if err := tx.DeleteAPIKey(key); err != nil {
		return err
	}
	return tx.Audit(a.entry(actor, models.AuditAPIKeyRevoked, key))
}

// EnvironmentKeyName is the name of the key that the settings give; no other can have it.
const EnvironmentKeyName = "PATCHBAY_API_KEY"

// SetEnvironmentKey makes text the full-scope key that the settings give, or removes the one they gave before where text
// is empty. The text of a key that was made otherwise stays that key.
func (a *APIKeys) SetEnvironmentKey(ctx context.Context, text models.Secret) error {
	actor := models.Actor{Name: models.SystemActor}
	return a.store.Write(ctx, func(tx *store.Tx) error {
		before, err := tx.APIKeyByName(ctx, EnvironmentKeyName)
		switch {
		case err != nil && !models.HasCode(err, models.CodeNotFound):
			return err
		case err == nil && before.Hash == text.Hash() && slices.Equal(before.Scopes, models.Scopes):
			return nil
		case err == nil:
			if err := a.revoke(tx, actor, before); err != nil {
				return err
			}
		}
		if text == "" {
			return nil
		}
		if _, err := tx.APIKeyByHash(ctx, text.Hash(), a.now()); !models.HasCode(err, models.CodeNotFound) {
			return err
		}
		key := a.newKey(actor, models.APIKeyRequest{Name: EnvironmentKeyName, Scopes: models.Scopes}, text)
		if err := tx.CreateAPIKey(key); err != nil {
			// Another process that has the same settings may have done it at this moment.
			if other, findErr := tx.APIKeyByName(ctx, EnvironmentKeyName); findErr == nil && other.Hash == key.Hash {
				return nil
			}
			return fmt.Errorf("set the API key of the settings: %w", err)
		}
		return tx.Audit(a.entry(actor, models.AuditAPIKeyCreated, key))
	})
}

func (a *APIKeys) entry(actor models.Actor, action string, key *models.APIKey) models.AuditEntry {
	return models.AuditEntry{Time: a.now(), Actor: actor.Name, Action: action, IP: actor.IP, RequestID: actor.RequestID, After: key.Name}
}
