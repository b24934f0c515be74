package store

import (
	"context"
	"fmt"
	"time"
)

// TakeTry takes one try of key and gives 0, or gives how long until there is one. There are at most burst, and another one comes
// every so often. All processes on the database share them.
func (s *Store) TakeTry(ctx context.Context, key string, every time.Duration, burst int, now time.Time) (wait time.Duration, err error) {
	at, one := now.UnixMicro(), every.Microseconds()
	latest := at + int64(burst-1)*one // that all may be there again, for one to be left
	err = s.Write(ctx, func(tx *Tx) error {
		var taken []int64
		err := tx.db.Raw(`INSERT INTO rate_limits (key, full_at) VALUES (?, ?)
			ON CONFLICT (key) DO UPDATE SET full_at = CASE WHEN rate_limits.full_at > ? THEN rate_limits.full_at ELSE ? END + ?
			WHERE rate_limits.full_at <= ? RETURNING full_at`, key, at+one, at, at, one, latest).Scan(&taken).Error
		if err != nil || len(taken) == 1 {
			return err
		}
		var full int64
		err = tx.db.Raw("SELECT full_at FROM rate_limits WHERE key = ?", key).Scan(&full).Error
		wait = max(time.Duration(full-latest)*time.Microsecond, time.Microsecond)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("take a try: %w", err)
	}
	return wait, nil
}

// rateLimit is a row whose tries are all there again when it is forgotten.
type rateLimit struct {
	Key    string `gorm:"primaryKey"`
	FullAt int64
}
