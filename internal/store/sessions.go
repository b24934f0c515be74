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
	err = s.store.db.WithContext(ctx).Where("token_hash = ? AND expires_at > ?", token, time.Now()).Take(&row).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return nil, false, nil
	}
	return row.Data, err == nil, err
}

// CommitCtx stores a session, replacing one with the same token.
func (s *Sessions) CommitCtx(ctx context.Context, token string, data []byte, expiry time.Time) error {
	return s.store.Write(ctx, func(tx *Tx) error {
		return tx.db.Clauses(clause.OnConflict{UpdateAll: true}).Create(&session{token, data, expiry}).Error
	})
}

// DeleteCtx removes a session, if it is there.
func (s *Sessions) DeleteCtx(ctx context.Context, token string) error {
	return s.store.Write(ctx, func(tx *Tx) error {
		return tx.db.Where("token_hash = ?", token).Delete(&session{}).Error
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
