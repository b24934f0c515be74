package store

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	sqlite3 "modernc.org/sqlite/lib"

	"github.com/patchbay/patchbay/models"
)

// Ready reports whether the database does what requests need: it takes writes, the key ring opens what it holds, and it can be
// read. Where it knows the cause, it fails with a [models.Error] of the code not_ready whose message tells it, or with
// [ErrWrongKey]. Its commit costs most; what it reads is no more than a row of each table. Damage elsewhere is
// noticed by the first statement that meets it, and the database is not ready from then on.
func (s *Store) Ready(ctx context.Context) error {
	err := s.inPlace()
	if err == nil {
		err = s.Write(ctx, func(tx *Tx) error {
			if _, err := tx.openKeyCheck(ctx); err != nil {
				return err
			}
			now := []byte(time.Now().UTC().Format(time.RFC3339Nano)) // always another text: SQLite writes nothing that is there already
			return tx.db.Exec("INSERT INTO settings (name, value) VALUES ('ready', ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value", now).Error
		})
	}
	if err == nil && !s.postgres() { // a server looks after its files itself
		err = s.look(ctx)
	}
	if found := s.damage.Load(); err == nil && found != nil {
		err = *found
	}
	return reasoned(err)
}

// looks are reads of what requests read: through the index they take, and of the newest row. After a write they do not come
// from memory.
var looks = []string{
	"admins ORDER BY email", "api_keys ORDER BY id DESC", "attempts ORDER BY state_hash", "audit_entries ORDER BY id DESC",
	"connect_sessions ORDER BY token_hash", "connections ORDER BY id DESC", "connections ORDER BY integration, user_id",
	"connections ORDER BY last_modified DESC, id DESC", "encryption_keys ORDER BY id", "events ORDER BY id DESC",
	"integrations ORDER BY name", "river_job ORDER BY id DESC", "sessions ORDER BY token_hash", "webhook_endpoints ORDER BY id DESC",
}

// look reads a little of everything.
func (s *Store) look(ctx context.Context) error {
	for _, what := range looks {
		var row map[string]any
		if err := s.db.WithContext(ctx).Raw("SELECT * FROM " + what + " LIMIT 1").Scan(&row).Error; err != nil {
			return fmt.Errorf("read %s: %w", what, err)
		}
	}
	return nil
}

// errMoved is the failure of a database whose file is no longer the one that was opened: what is written is lost with it.
var errMoved = errors.New("the database file was removed, or another was put in its place")

// inPlace fails where the file at the database's path is not the one that is open.
func (s *Store) inPlace() error {
	if s.file == nil {
		return nil
	}
	if file, err := os.Stat(s.location); err != nil || !os.SameFile(file, s.file) {
		return errors.Join(errMoved, err)
	}
	return nil
}

// reasoned tells the cause of a failure in words that anybody may read, where it is known.
func reasoned(err error) error {
	message := ""
	switch code := sqliteCode(err) & 0xff; {
	case errors.Is(err, errMoved):
		message = "the database file was removed, or another was put in its place: stop the server, and see that the right one is there before it starts again"
	case damaged(err):
		message = "the database file is damaged: stop the server, keep a copy of the file, and restore a backup"
	case code == sqlite3.SQLITE_FULL:
		message = "the disk of the database is full"
	case code == sqlite3.SQLITE_BUSY:
		message = "another program has the database locked"
	case code == sqlite3.SQLITE_ERROR && strings.Contains(err.Error(), "no such table"):
		message = "tables are missing in the database: somebody has changed it, or put another in its place"
	case models.Unavailable(err):
		message = "the database does not answer"
	default:
		return err
	}
	return &models.Error{Kind: models.KindUnavailable, Code: models.CodeNotReady, Message: message, Cause: err}
}

// damaged reports whether SQLite has found that a file is not what it wrote.
func damaged(err error) bool {
	code := sqliteCode(err)
	return code&0xff == sqlite3.SQLITE_CORRUPT || code&0xff == sqlite3.SQLITE_NOTADB || code == sqlite3.SQLITE_IOERR_SHORT_READ
}
