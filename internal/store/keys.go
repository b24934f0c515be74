package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/patchbay/patchbay/internal/vault"
	"github.com/patchbay/patchbay/models"
)

// ErrWrongKey is returned by [Open] when the key ring does not open what this database holds.
var ErrWrongKey error = &models.Error{Code: models.CodeWrongKey, Message: "the encryption key is not the one this database was sealed with; " +
	"point PATCHBAY_KEY_FILE or PATCHBAY_ENCRYPTION_KEY at the original key"}

// errKeyMissing names the keys that a ring lacks.
func errKeyMissing(ring *vault.Ring, missing ...string) error {
	return fmt.Errorf("%w (sealed under key %s, found key %s)", ErrWrongKey, strings.Join(missing, ", "), strings.Join(ring.Keys(), ", "))
}

const keyCheck = "key_check"

func keyCheckPlace() vault.Place {
	return vault.Place{Table: "settings", Column: "value", Row: keyCheck}
}

// checkKey opens the sealed value every database holds, or seals it at the first run, of several processes one, and has the ring seal under the key
// that the database says. It fails with [ErrWrongKey], also where a key is missing that values may still be sealed under.
func (s *Store) checkKey(ctx context.Context) error {
	return s.Write(ctx, func(tx *Tx) error {
		first := setting{keyCheck, tx.vault.Seal([]byte(keyCheck), keyCheckPlace())}
		if err := tx.db.Clauses(clause.OnConflict{DoNothing: true}).Create(&first).Error; err != nil {
			return err
		}
		keyID, err := tx.openKeyCheck(ctx)
		if err != nil {
			return err
		}
		keys, err := tx.EncryptionKeys(ctx)
		if err != nil {
			return err
		}
		if len(keys) == 0 {
			now := time.Now().UTC()
			first := models.EncryptionKey{ID: keyID, FirstUsed: now}
			return errors.Join(tx.db.Clauses(clause.OnConflict{DoNothing: true}).Create(&first).Error, tx.vault.SealUnder(keyID))
		}
		var missing []string
		for _, key := range keys {
			if key.EmptiedAt == nil && !tx.vault.Holds(key.ID) {
				missing = append(missing, key.ID)
			}
		}
		if len(missing) > 0 {
			return errKeyMissing(tx.vault, missing...)
		}
		return tx.vault.SealUnder(keys[0].ID)
	})
}

// openKeyCheck opens the sealed value that every database holds, and names its key.
func (q *queries) openKeyCheck(ctx context.Context) (keyID string, err error) {
	var check setting
	if err := q.db.WithContext(ctx).Where("name = ?", keyCheck).Take(&check).Error; err != nil {
		return "", fmt.Errorf("read the key check: %w", err)
	}
	keyID = vault.KeyOf(check.Value)
	if _, err := q.vault.Open(check.Value, keyCheckPlace()); errors.Is(err, vault.ErrUnknownKey) {
		return "", errKeyMissing(q.vault, keyID)
	} else if err != nil {
		return "", ErrWrongKey
	}
	return keyID, nil
}

// EncryptionKeys gives the keys that values are or were sealed under, first the one that seals, then the one it replaced.
func (q *queries) EncryptionKeys(ctx context.Context) ([]models.EncryptionKey, error) {
	var keys []models.EncryptionKey
	if err := q.db.WithContext(ctx).Order("replaced_at IS NULL DESC, replaced_at DESC, id").Find(&keys).Error; err != nil {
		return nil, fmt.Errorf("list encryption keys: %w", err)
	}
	return keys, nil
}

// Another process may choose another key to seal under. Every process asks again before it writes, once in sealingFor by
// the machine's clock; settle is how long after that it is sure that nobody seals under the former key: their
// transactions have ended, too.
const (
	sealingFor = time.Second
	settle     = 10 * time.Second
)

// sealing remembers when a process has asked for the key to seal under.
type sealing struct{ asked atomic.Pointer[time.Time] }

// follow has the ring seal under the key that the database says. It fails with [ErrWrongKey] where the ring does not hold it:
// then nothing may be written, because it would be sealed under a key that is on its way out.
func (s *sealing) follow(tx *Tx) error {
	asks := time.Now()
	if last := s.asked.Load(); last != nil && asks.Sub(*last) < sealingFor {
		return nil
	}
	var key models.EncryptionKey
	err := tx.db.Where("replaced_at IS NULL").Take(&key).Error
	if errors.Is(err, gorm.ErrRecordNotFound) { // the first run
		return nil
	}
	if err != nil {
		return fmt.Errorf("find the key that seals: %w", err)
	}
	if key.ID != tx.vault.Sealing() {
		if err := tx.vault.SealUnder(key.ID); err != nil {
			return errKeyMissing(tx.vault, key.ID)
		}
	}
	s.asked.Store(&asks)
	return nil
}

// lockSealing gives the key that seals. Until the transaction ends, nobody else replaces it or joins as a replica.
func (tx *Tx) lockSealing() (models.EncryptionKey, error) {
	var key models.EncryptionKey
	if err := tx.db.Clauses(clause.Locking{Strength: "UPDATE"}).Where("replaced_at IS NULL").Take(&key).Error; err != nil {
		return key, fmt.Errorf("find the key that seals: %w", err)
	}
	return key, nil
}

// WaitingError is returned where a key may not seal yet, because running servers could not open what is sealed under it.
type WaitingError struct {
	KeyID    string
	Replicas []models.Replica // those that do not hold it
}

func (e *WaitingError) Error() string {
	var names []string
	for _, replica := range e.Replicas {
		names = append(names, fmt.Sprintf("%s (on %s, last seen %s)", replica.ID, replica.Host, replica.LastSeen.UTC().Format(time.RFC3339)))
	}
	return fmt.Sprintf("key %s does not seal yet: give the key file to every server, this one is missing it: %s", e.KeyID, strings.Join(names, ", "))
}

// ErrReplacedKey is returned for a key that another one has replaced: it never seals again.
var ErrReplacedKey = errors.New("this key was replaced by another one, and never seals again; make a new one by `patchbay keys rotate`")

// Promote has everybody seal under the named key of the ring from now on, and reports whether that is a change. It fails with a
// [WaitingError] while a running server does not hold it, and with [ErrReplacedKey].
func (s *Store) Promote(ctx context.Context, keyID string, now time.Time) (changed bool, err error) {
	err = s.Write(ctx, func(tx *Tx) error {
		present, err := tx.lockSealing()
		if err != nil || present.ID == keyID {
			return err
		}
		var known int64
		if err := tx.db.Model(&models.EncryptionKey{}).Where("id = ?", keyID).Count(&known).Error; err != nil {
			return err
		}
		if known > 0 {
			return fmt.Errorf("key %s: %w", keyID, ErrReplacedKey)
		}
		replicas, err := tx.Replicas(ctx, now.Add(-models.ReplicaAlive))
		if err != nil {
			return err
		}
		waiting := slices.DeleteFunc(replicas, func(r models.Replica) bool { return slices.Contains(r.Keys, keyID) })
		if len(waiting) > 0 {
			return &WaitingError{keyID, waiting}
		}
		changed = true
		return errors.Join(
			tx.db.Model(&present).Update("replaced_at", now).Error,
			tx.db.Create(&models.EncryptionKey{ID: keyID, FirstUsed: now}).Error,
			tx.Audit(models.AuditEntry{Time: now, Actor: models.SystemActor, Action: models.AuditEncryptionKeyReplaced, Before: present.ID, After: keyID}),
		)
	})
	if err != nil || !changed {
		return false, err
	}
	return true, s.vault.SealUnder(keyID)
}
