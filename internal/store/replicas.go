package store

import (
	"context"
	"fmt"
	"time"

	"gorm.io/gorm/clause"

	"github.com/patchbay/patchbay/models"
)

// replicaKept is how long a server that ended without a word is still shown.
const replicaKept = 24 * time.Hour

// Beat tells that a server runs, and which keys it holds. It fails with [ErrWrongKey] where it does not hold the one that seals.
func (s *Store) Beat(ctx context.Context, replica models.Replica) error {
	return s.Write(ctx, func(tx *Tx) error {
		present, err := tx.lockSealing()
		if err != nil {
			return err
		}
		if !tx.vault.Holds(present.ID) {
			return errKeyMissing(tx.vault, present.ID)
		}
		replica.Keys, replica.Sealing = tx.vault.Keys(), tx.vault.Sealing()
		if err := tx.db.Clauses(clause.OnConflict{UpdateAll: true}).Create(&replica).Error; err != nil {
			return fmt.Errorf("tell that the server runs: %w", err)
		}
		return tx.db.Where("last_seen < ?", replica.LastSeen.Add(-replicaKept)).Delete(&models.Replica{}).Error
	})
}

// Leave forgets a server that ends.
func (s *Store) Leave(ctx context.Context, replicaID string) error {
	return s.Write(ctx, func(tx *Tx) error {
		return tx.db.Where("id = ?", replicaID).Delete(&models.Replica{}).Error
	})
}

// Replicas gives the servers that were seen since the given time, by id.
func (q *queries) Replicas(ctx context.Context, since time.Time) ([]models.Replica, error) {
	var replicas []models.Replica
	if err := q.db.WithContext(ctx).Where("last_seen > ?", since).Order("id").Find(&replicas).Error; err != nil {
		return nil, fmt.Errorf("list replicas: %w", err)
	}
	return replicas, nil
}
