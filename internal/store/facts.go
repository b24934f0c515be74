package store

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/patchbay/patchbay/models"
)

// Facts describes the database.
func (s *Store) Facts(ctx context.Context) (*models.DatabaseFacts, error) {
	facts := &models.DatabaseFacts{Place: Place(s.location)}
	db := s.db.WithContext(ctx)
	kind, version := "SQLite", "SELECT sqlite_version()"
	if s.Postgres() {
		kind, version = "PostgreSQL", "SHOW server_version"
	}
	var number string
	err := errors.Join(
		db.Raw(version).Scan(&number).Error,
		db.Raw("SELECT MAX(version_id) FROM goose_db_version").Scan(&facts.SchemaVersion).Error,
	)
	if err == nil && s.Postgres() {
		err = db.Raw("SELECT pg_database_size(current_database())").Scan(&facts.Bytes).Error
	}
	if err != nil {
		return nil, fmt.Errorf("describe the database: %w", err)
	}
	facts.Kind = kind + " " + number
	if !s.Postgres() {
		for _, suffix := range []string{"", "-wal"} {
			if info, err := os.Stat(s.location + suffix); err == nil {
				facts.Bytes += info.Size()
			}
		}
	}
	return facts, nil
}

// maxDueCounted is how far connections that are due are counted: who shows that many need not know how many more there are.
const maxDueCounted = 10_000

// DueRefreshes counts the connections that are to be refreshed in the background, up to ten thousand, and gives since when the
// oldest is due; nil where none is.
func (q *queries) DueRefreshes(ctx context.Context, now time.Time) (due int64, oldest *time.Time, err error) {
	if due, err = q.CountDue(ctx, now, maxDueCounted); err != nil || due == 0 {
		return due, nil, err
	}
	var first models.Connection
	err = q.db.WithContext(ctx).Where("ahead_at <= ?", now).Order("ahead_at").Select("ahead_at").Limit(1).Find(&first).Error
	return due, first.AheadAt, err
}
