package store

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/patchbay/patchbay/internal/vault"
	"github.com/patchbay/patchbay/models"
)

const (
	// resealedAtOnce is how many values one transaction seals anew: it keeps other writers waiting for a few milliseconds.
	resealedAtOnce = 100
	// damagedAgain is when values that did not open are looked at again: they may have been replaced.
	damagedAgain = 10 * time.Minute
)

// Reseal takes one small step towards having everything sealed under the key that seals, and reports whether there is more to do
// at once. It can be ended at any moment and by several processes at a time: what a value is replaced by depends on nothing
// but the value, and a value that was changed meanwhile is left alone. Values that do not open are kept in the list of
// [Store.DamagedValues], and do not hold up the others.
//
// Every column is walked by passes. A key that was replaced is empty when a pass has found nothing under it that began
// after everybody had ceased to seal under it.
func (s *Store) Reseal(ctx context.Context, now time.Time) (more bool, err error) {
	keys, err := s.EncryptionKeys(ctx)
	if err != nil || len(keys) < 2 || !anyHolds(keys[1:]) {
		return false, err
	}
	if err := s.vault.SealUnder(keys[0].ID); err != nil {
		return false, errKeyMissing(s.vault, keys[0].ID)
	}
	settled := keys[0].FirstUsed.Add(settle)
	done, err := s.Resealings(ctx)
	if err != nil {
		return false, err
	}
	for _, column := range SealedColumns() {
		pass, found := done[column.Place()]
		switch {
		case !found || pass.KeyID != keys[0].ID,
			pass.FinishedAt != nil && pass.BeganAt.Before(settled) && !now.Before(settled),
			pass.FinishedAt != nil && now.Sub(*pass.FinishedAt) >= damagedAgain:
			return true, s.beginPass(ctx, column, keys[0].ID, now)
		case pass.FinishedAt == nil:
			return true, s.resealNext(ctx, column, pass, now)
		}
	}
	if concluded, err := s.Concluded(ctx); err != nil || !concluded {
		return false, err
	}
	return s.conclude(ctx, keys[0].ID, now)
}

// conclude has the keys count as empty whose values were all sealed anew. That everybody has ceased to seal under them rests on
// clocks, which can be wrong: so they are looked for once more, and a column where one is found is walked again.
func (s *Store) conclude(ctx context.Context, sealing string, now time.Time) (more bool, err error) {
	var empty []string
	db := s.db.WithContext(ctx)
	lost := db.Model(&models.DamagedValue{}).Select("key_id")
	err = db.Model(&models.EncryptionKey{}).Where("replaced_at IS NOT NULL AND emptied_at IS NULL AND id NOT IN (?)", lost).Pluck("id", &empty).Error
	if err != nil || len(empty) == 0 {
		return false, err
	}
	uses, err := s.KeyUses(ctx)
	if err != nil {
		return false, err
	}
	for _, column := range SealedColumns() {
		if slices.ContainsFunc(uses, func(u models.KeyUse) bool { return u.Place == column.Place() && slices.Contains(empty, u.KeyID) }) {
			return true, s.beginPass(ctx, column, sealing, now)
		}
	}
	return false, s.Write(ctx, func(tx *Tx) error {
		return tx.db.Model(&models.EncryptionKey{}).Where("id IN ? AND emptied_at IS NULL", empty).Update("emptied_at", now).Error
	})
}

// conclusive reports whether a pass has ended that began after everybody had ceased to seal under the former keys.
func conclusive(pass models.Resealing, sealing models.EncryptionKey) bool {
	return pass.KeyID == sealing.ID && pass.FinishedAt != nil && !pass.BeganAt.Before(sealing.FirstUsed.Add(settle))
}

func anyHolds(keys []models.EncryptionKey) bool {
	for _, key := range keys {
		if key.EmptiedAt == nil {
			return true
		}
	}
	return false
}

// beginPass starts at the first row of a column, and forgets which of its values did not open.
func (s *Store) beginPass(ctx context.Context, column SealedColumn, keyID string, now time.Time) error {
	pass := models.Resealing{Place: column.Place(), KeyID: keyID, BeganAt: now}
	err := s.db.WithContext(ctx).Raw("SELECT COUNT(*) FROM "+column.Table+" WHERE "+column.holding()+
		" AND "+column.sealedHeader()+" <> ?", vault.Header(keyID)).Scan(&pass.Total).Error
	if err != nil {
		return fmt.Errorf("count sealed values of %s: %w", column.Place(), err)
	}
	return s.Write(ctx, func(tx *Tx) error {
		return errors.Join(
			tx.db.Clauses(clause.OnConflict{UpdateAll: true}).Create(&pass).Error,
			tx.db.Where("place = ?", column.Place()).Delete(&models.DamagedValue{}).Error,
		)
	})
}

// resealNext seals the next values of a column anew. They are opened and sealed before the transaction begins.
func (s *Store) resealNext(ctx context.Context, column SealedColumn, pass models.Resealing, now time.Time) error {
	var position []string
	if pass.Position != "" {
		if err := json.Unmarshal([]byte(pass.Position), &position); err != nil {
			return fmt.Errorf("read the position in %s: %w", column.Place(), err)
		}
	}
	header := vault.Header(pass.KeyID)
	values, err := s.sealedValues(ctx, column, position, header, resealedAtOnce)
	if err != nil {
		return err
	}
	sealed, damaged := make([][]byte, len(values)), []models.DamagedValue{}
	for i, value := range values {
		plain, err := s.vault.Open(value.sealed, column.at(value.row))
		if err != nil {
			damaged = append(damaged, damage(column, value, err))
			damaged[len(damaged)-1].FoundAt = now
			continue
		}
		sealed[i] = s.vault.Seal(plain, column.at(value.row))
		clear(plain)
		if !bytes.HasPrefix(sealed[i], header) {
			return errors.New("the key that seals was replaced once more; the next step begins again")
		}
	}
	return s.Write(ctx, func(tx *Tx) error {
		var resealed int64
		for i, value := range values {
			if sealed[i] == nil {
				continue
			}
			n, err := tx.replaceSealed(column, value, sealed[i])
			if err != nil {
				return err
			}
			resealed += n
		}
		if len(damaged) > 0 {
			if err := tx.db.Clauses(clause.OnConflict{UpdateAll: true}).Create(&damaged).Error; err != nil {
				return fmt.Errorf("list damaged values: %w", err)
			}
		}
		return tx.advance(pass, values, resealed, now)
	})
}

// replaceSealed puts a value in place of the one that was read, unless that was changed meanwhile.
func (tx *Tx) replaceSealed(column SealedColumn, value sealedValue, sealed []byte) (int64, error) {
	args := []any{sealed}
	for _, key := range value.key {
		args = append(args, key)
	}
	result := tx.db.Exec("UPDATE "+column.Table+" SET "+column.Column+" = ? WHERE ("+joined(column.Key)+") = ("+marks(len(value.key))+") AND "+column.Column+" = ?",
		append(args, value.sealed)...)
	if result.Error != nil {
		return 0, fmt.Errorf("seal anew in %s: %w", column.Place(), result.Error)
	}
	return result.RowsAffected, nil
}

// advance keeps how far a pass has come, unless another process was there first.
func (tx *Tx) advance(pass models.Resealing, values []sealedValue, resealed int64, now time.Time) error {
	changes := map[string]any{"resealed": gorm.Expr("resealed + ?", resealed)}
	if len(values) > 0 {
		position, err := json.Marshal(values[len(values)-1].key)
		if err != nil {
			return err
		}
		changes["position"] = string(position)
	}
	if len(values) < resealedAtOnce {
		changes["finished_at"] = now
	}
	err := tx.db.Model(&models.Resealing{}).
		Where("place = ? AND key_id = ? AND position = ? AND began_at = ?", pass.Place, pass.KeyID, pass.Position, pass.BeganAt).Updates(changes).Error
	if err != nil {
		return fmt.Errorf("keep the position in %s: %w", pass.Place, err)
	}
	return nil
}

// Resealings gives how far the columns are sealed under the newest key, by place.
func (q *queries) Resealings(ctx context.Context) (map[string]models.Resealing, error) {
	var rows []models.Resealing
	if err := q.db.WithContext(ctx).Find(&rows).Error; err != nil {
		return nil, fmt.Errorf("read the progress of sealing anew: %w", err)
	}
	found := make(map[string]models.Resealing, len(rows))
	for _, row := range rows {
		found[row.Place] = row
	}
	return found, nil
}

// DamagedValues gives up to limit values that did not open when they were to be sealed anew.
func (q *queries) DamagedValues(ctx context.Context, limit int) ([]models.DamagedValue, error) {
	var damaged []models.DamagedValue
	if err := q.db.WithContext(ctx).Order(`place, "row"`).Limit(limit).Find(&damaged).Error; err != nil {
		return nil, fmt.Errorf("list damaged values: %w", err)
	}
	return damaged, nil
}

// Concluded reports whether every value is looked through, since nobody seals under the former keys any more: those under them
// that are left do not open.
func (q *queries) Concluded(ctx context.Context) (bool, error) {
	keys, err := q.EncryptionKeys(ctx)
	if err != nil || len(keys) == 0 {
		return false, err
	}
	passes, err := q.Resealings(ctx)
	if err != nil {
		return false, err
	}
	for _, column := range SealedColumns() {
		if pass, found := passes[column.Place()]; !found || !conclusive(pass, keys[0]) {
			return false, nil
		}
	}
	return true, nil
}

// GiveUp has the keys that were replaced count as empty although values under them do not open: those are lost. It changes
// nothing before [Store.Concluded].
func (s *Store) GiveUp(ctx context.Context, now time.Time) error {
	return s.Write(ctx, func(tx *Tx) error {
		if concluded, err := tx.Concluded(ctx); err != nil || !concluded {
			return err
		}
		return tx.db.Model(&models.EncryptionKey{}).Where("replaced_at IS NOT NULL AND emptied_at IS NULL").Update("emptied_at", now).Error
	})
}
