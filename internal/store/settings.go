package store

import (
	"context"
	"errors"

	"gorm.io/gorm/clause"

	"github.com/patchbay/patchbay/internal/vault"
)

// ErrWrongKey is returned by [Open] when the key ring does not open what this database holds.
var ErrWrongKey = errors.New("the encryption key is not the one this database was sealed with; " +
	"point PATCHBAY_KEY_FILE or PATCHBAY_ENCRYPTION_KEY at the original key")

type setting struct {
	Name  string `gorm:"primaryKey"`
	Value []byte
}

const keyCheck = "key_check"

// checkKey opens the sealed value every database holds, or seals it at the first run; of several processes that run for
// the first time, one.
func (s *Store) checkKey(ctx context.Context) error {
	at := vault.Place{Table: "settings", Column: "value", Row: keyCheck}
	return s.Write(ctx, func(tx *Tx) error {
		first := setting{keyCheck, tx.vault.Seal([]byte(keyCheck), at)}
		if err := tx.db.Clauses(clause.OnConflict{DoNothing: true}).Create(&first).Error; err != nil {
			return err
		}
		var check setting
		if err := tx.db.Where("name = ?", keyCheck).Take(&check).Error; err != nil {
			return err
		}
		if _, err := tx.vault.Open(check.Value, at); err != nil {
			return ErrWrongKey
		}
		return nil
	})
}
