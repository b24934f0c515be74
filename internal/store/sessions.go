package store

import (
	"context"
	"errors"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// Sessions keeps the dashboard's sessions for github.com/alexedwards/scs, whose CtxStore it implements. It is given
// hashes of tokens, never tokens.
type Sessions struct{ store *Store }

// Sessions gives the session store of this database.
func (s *Store) Sessions() *Sessions { return &Sessions{s} }

type session struct {
	TokenHash string `gorm:"primaryKey"`
	Data      []byte
	ExpiresAt time.Time
}

// FindCtx gives the data of a session that has not expired.
func (s *Sessions) FindCtx(ctx context.Context, token string) (data []byte, found bool, err error) {
	var row session
	err = s.store.db.WithContext(ctx).Where("token_hash = ? AND expires_at > ? AND data <> ?", token, time.Now().UTC(), ended).Take(&row).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return nil, false, nil
	}
	return row.Data, err == nil, err
}

// ended is the data of a session that was deleted. Its row stays until it expires, because a request that was under way
// at the time may still commit: signing out would be undone.
var ended = []byte{0}

// CommitCtx stores a session, replacing one with the same token, but not one that was deleted.
func (s *Sessions) CommitCtx(ctx context.Context, token string, data []byte, expiry time.Time) error {
	return s.store.Write(ctx, func(tx *Tx) error {
		return tx.db.Clauses(clause.OnConflict{
			Columns:   []clause.Column{{Name: "token_hash"}},
			DoUpdates: clause.AssignmentColumns([]string{"data", "expires_at"}),
			Where:     clause.Where{Exprs: []clause.Expression{clause.Neq{Column: "sessions.data", Value: ended}}},
		}).Create(&session{token, data, expiry.UTC()}).Error
	})
}

// DeleteCtx ends a session, if it is there.
func (s *Sessions) DeleteCtx(ctx context.Context, token string) error {
	return s.store.Write(ctx, func(tx *Tx) error {
		return tx.db.Model(&session{}).Where("token_hash = ?", token).Update("data", ended).Error
	})
}

// Find is FindCtx without a context.
func (s *Sessions) Find(token string) ([]byte, bool, error) {
	return s.FindCtx(context.Background(), token)
}

// Commit is CommitCtx without a context.
func (s *Sessions) Commit(token string, data []byte, expiry time.Time) error {
	return s.CommitCtx(context.Background(), token, data, expiry)
}

// Delete is DeleteCtx without a context.
func (s *Sessions) Delete(token string) error { return s.DeleteCtx(context.Background(), token) }
