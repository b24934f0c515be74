package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"gorm.io/gorm"

	"github.com/patchbay/patchbay/internal/vault"
)

// IdempotentAnswer is what a request with an Idempotency-Key was answered with. Status is 0 while it is being worked on.
type IdempotentAnswer struct {
	RequestHash string
	Status      int
	Answer      []byte
	ExpiresAt   time.Time
}

// idempotencyRow keeps an answer sealed: it may hold a token.
type idempotencyRow struct {
	APIKey       string `gorm:"primaryKey"`
	Key          string `gorm:"primaryKey"`
	RequestHash  string
	Status       int
	SealedAnswer []byte
	ExpiresAt    time.Time
}

func (idempotencyRow) TableName() string { return "idempotency_keys" }

func answerPlace(apiKey, key string) vault.Place {
	return vault.Place{Table: "idempotency_keys", Column: "sealed_answer", Row: apiKey + "|" + key}
}

// ClaimIdempotencyKey takes a key of an API key's caller for a request, or gives what is kept under it: found is nil when
// the key was free or had expired.
func (tx *Tx) ClaimIdempotencyKey(apiKey, key string, request IdempotentAnswer, now time.Time) (found *IdempotentAnswer, err error) {
	taken := tx.idempotencyRow(apiKey, key, request)
	created, err := tx.insert(&taken)
	if err != nil {
		return nil, fmt.Errorf("take an idempotency key: %w", err)
	}
	if created {
		return nil, nil
	}
	var row idempotencyRow
	err = tx.row(context.Background()).Where("api_key = ? AND key = ?", apiKey, key).Take(&row).Error
	switch {
	case err == nil && row.ExpiresAt.After(now):
		found = &IdempotentAnswer{RequestHash: row.RequestHash, Status: row.Status, ExpiresAt: row.ExpiresAt}
		if found.Answer, err = tx.vault.Open(row.SealedAnswer, answerPlace(apiKey, key)); err != nil {
			return nil, fmt.Errorf("open the answer kept for an idempotency key: %w", err)
		}
		return found, nil
	case err != nil && !errors.Is(err, gorm.ErrRecordNotFound): // given back at this moment
		return nil, fmt.Errorf("find an idempotency key: %w", err)
	}
	return nil, tx.SaveIdempotentAnswer(apiKey, key, request)
}

func (tx *Tx) idempotencyRow(apiKey, key string, answer IdempotentAnswer) idempotencyRow {
	return idempotencyRow{apiKey, key, answer.RequestHash, answer.Status, tx.vault.Seal(answer.Answer, answerPlace(apiKey, key)), answer.ExpiresAt}
}

// SaveIdempotentAnswer keeps an answer under a key, replacing what is there.
func (tx *Tx) SaveIdempotentAnswer(apiKey, key string, answer IdempotentAnswer) error {
	row := tx.idempotencyRow(apiKey, key, answer)
	if err := tx.db.Save(&row).Error; err != nil {
		return fmt.Errorf("keep the answer of an idempotency key: %w", err)
	}
	return nil
}

// ReleaseIdempotencyKey forgets a key.
func (s *Store) ReleaseIdempotencyKey(ctx context.Context, apiKey, key string) error {
	return s.Write(ctx, func(tx *Tx) error {
		return tx.db.Where("api_key = ? AND key = ?", apiKey, key).Delete(&idempotencyRow{}).Error
	})
}
