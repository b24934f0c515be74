package store

import (
	"context"
	"errors"
	"fmt"

	"gorm.io/gorm"

	"github.com/patchbay/patchbay/internal/vault"
	"github.com/patchbay/patchbay/models"
)

// revocationRow adds to a pending revocation what only this package may read.
type revocationRow struct {
	models.PendingRevocation
	SealedCredentials []byte
}

func (revocationRow) TableName() string { return "revocations" }

func revocationPlace(uuid string) vault.Place {
	return vault.Place{Table: "revocations", Column: "sealed_credentials", Row: uuid}
}

// CreateRevocation stores a grant that is still to be ended, with the credentials that end it.
func (tx *Tx) CreateRevocation(r *models.PendingRevocation, credentials models.Credentials) error {
	plain, err := credentials.SealedJSON()
	if err != nil {
		return fmt.Errorf("encode credentials of revocation %s: %w", r.UUID, err)
	}
	row := revocationRow{*r, tx.vault.Seal(plain, revocationPlace(r.UUID))}
	if err := tx.db.Create(&row).Error; err != nil {
		return fmt.Errorf("create revocation: %w", err)
	}
	r.ID = row.ID
	return nil
}

// Revocation finds a pending revocation with its credentials; nil where it is done.
func (q *queries) Revocation(ctx context.Context, uuid string) (*models.PendingRevocation, models.Credentials, error) {
	var row revocationRow
	err := q.db.WithContext(ctx).Where("uuid = ?", uuid).Take(&row).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return nil, models.Credentials{}, nil
	}
	if err != nil {
		return nil, models.Credentials{}, fmt.Errorf("find revocation: %w", err)
	}
	plain, err := q.vault.Open(row.SealedCredentials, revocationPlace(uuid))
	if err != nil {
		return nil, models.Credentials{}, fmt.Errorf("open credentials of revocation %s: %w", uuid, err)
	}
	credentials, err := models.ParseSealedCredentials(plain)
	return &row.PendingRevocation, credentials, err
}

// SaveRevocation stores how a pending revocation stands.
func (tx *Tx) SaveRevocation(r *models.PendingRevocation) error {
	err := tx.db.Model(&revocationRow{}).Where("id = ?", r.ID).Updates(map[string]any{"tries": r.Tries, "error": r.Error, "next_try": r.NextTry}).Error
	if err != nil {
		return fmt.Errorf("save revocation: %w", err)
	}
	return nil
}

// DeleteRevocation forgets a revocation, and with it the last copy of the credentials. It reports false when it was gone.
func (tx *Tx) DeleteRevocation(r *models.PendingRevocation) (bool, error) {
	result := tx.db.Where("id = ?", r.ID).Delete(&revocationRow{})
	if result.Error != nil {
		return false, fmt.Errorf("delete revocation: %w", result.Error)
	}
	return result.RowsAffected == 1, nil
}
