package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/pressly/goose/v3"
)

// BackupSummary tells what a backup holds.
type BackupSummary struct {
	Rows, Bytes int64
}

// keyInBackup is the table in which a backup holds the key ring, where that was asked for. It is never in a database in use.
const keyInBackup = "backup_key_ring"

// Backup copies the SQLite database at location to target: one moment of it, while others write. keyRing is put into the copy
// where it is not empty. A file that exists already is replaced only with force, and only by a complete copy; otherwise it is
// [fs.ErrExist].
//
// The copy is made by VACUUM INTO. SQLite's backup API is a third faster when it copies in one step, which keeps writers waiting
// as long (at 52 MB, 185 ms at worst against 203), and starts over at every write when it copies in many: under load it
// never ends. VACUUM INTO also leaves out what was deleted, and reads every row, so that a damaged page is found now.
func Backup(ctx context.Context, location, target, keyRing string, force bool) (summary BackupSummary, err error) {
	if err := checkPath(location); err != nil {
		return summary, err
	}
	if _, err := os.Stat(location); err != nil {
		return summary, fmt.Errorf("read database: %w", err)
	}
	if _, err := os.Lstat(target); err == nil && !force {
		return summary, fmt.Errorf("%s: %w", target, fs.ErrExist)
	}
	temp, err := copyDatabase(ctx, location, filepath.Dir(target))
	if err != nil {
		return summary, fmt.Errorf("back up %s: %w", location, err)
	}
	defer removeDatabase(temp)
	if summary.Rows, err = finishBackup(ctx, temp, keyRing); err != nil {
		return summary, fmt.Errorf("back up %s: %w", location, err)
	}
	if summary.Bytes, err = syncFile(temp); err != nil {
		return summary, fmt.Errorf("back up %s: %w", location, err)
	}
	if force {
		err = os.Rename(temp, target)
	} else {
		err = os.Link(temp, target) // unlike rename, fails where target exists by now
	}
	if err != nil {
		return summary, fmt.Errorf("back up %s: %w", location, err)
	}
	return summary, syncFolder(filepath.Dir(target))
}

// copyDatabase copies one moment of a database into a new file of dir that only its owner can read.
func copyDatabase(ctx context.Context, location, dir string) (name string, err error) {
	temp, err := os.CreateTemp(dir, ".patchbay-*.db") // mode 0600
	if err != nil {
		return "", err
	}
	if err := temp.Close(); err != nil {
		return "", err
	}
	db, err := openFile(location, "ro")
	if err != nil {
		return "", errors.Join(err, os.Remove(temp.Name()))
	}
	_, err = db.ExecContext(ctx, "VACUUM INTO ?", temp.Name())
	if err = errors.Join(err, db.Close()); err != nil {
		removeDatabase(temp.Name())
		return "", err
	}
	return temp.Name(), nil
}

// finishBackup makes a copy fit to be kept, and counts its rows.
func finishBackup(ctx context.Context, path, keyRing string) (rows int64, err error) {
	db, err := openFile(path, "rw")
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if _, err := db.ExecContext(ctx, "DROP TABLE IF EXISTS "+keyInBackup); err != nil {
		return 0, err
	}
	if rows, err = countRows(ctx, db); err != nil || keyRing == "" {
		return rows, err
	}
	if _, err := db.ExecContext(ctx, "CREATE TABLE "+keyInBackup+" (keys TEXT NOT NULL)"); err != nil {
		return rows, err
	}
	_, err = db.ExecContext(ctx, "INSERT INTO "+keyInBackup+" (keys) VALUES (?)", keyRing)
	return rows, err
}

// countRows counts the rows of every table of ours.
func countRows(ctx context.Context, db *sql.DB) (total int64, err error) {
	names, err := texts(ctx, db, sqliteTables)
	if err != nil {
		return 0, err
	}
	for _, name := range names {
		var n int64
		if err := db.QueryRowContext(ctx, `SELECT COUNT(*) FROM "`+strings.ReplaceAll(name, `"`, `""`)+`"`).Scan(&n); err != nil {
			return 0, err
		}
		total += n
	}
	return total, nil
}

// openFile opens an SQLite file that exists, mode ro or rw, as it is: without creating or migrating anything. The file may be
// anybody's: what its schema calls has no side effects.
func openFile(path, mode string) (*sql.DB, error) {
	settings := url.Values{"mode": {mode}, "_pragma": {"busy_timeout(5000)", "synchronous(FULL)", "trusted_schema(0)"}}
	name := url.URL{Scheme: "file", Opaque: (&url.URL{Path: path}).EscapedPath(), RawQuery: settings.Encode()}
	db, err := sql.Open("sqlite", name.String())
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1)
	return db, nil
}

// removeDatabase removes a file with what SQLite may have put beside it.
func removeDatabase(path string) {
	for _, suffix := range []string{"", "-wal", "-shm", "-journal"} {
		_ = os.Remove(path + suffix)
	}
}

// syncFile puts a file on disk and gives its size.
func syncFile(path string) (size int64, err error) {
	file, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return 0, err
	}
	info, err := file.Stat()
	if err == nil {
		size = info.Size()
	}
	return size, errors.Join(err, file.Sync(), file.Close())
}

// syncFolder puts the names of a folder on disk.
func syncFolder(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	if err := errors.Join(d.Sync(), d.Close()); err != nil && !errors.Is(err, fs.ErrInvalid) {
		return err
	}
	return nil
}

// schemaVersion gives the version of an SQLite file's schema and the newest this program knows.
func schemaVersion(ctx context.Context, db *sql.DB) (current, newest int64, err error) {
	files, err := fs.Sub(migrations, "migrations/sqlite")
	if err != nil {
		return 0, 0, err
	}
	provider, err := goose.NewProvider(goose.DialectSQLite3, db, files)
	if err != nil {
		return 0, 0, fmt.Errorf("read migrations: %w", err)
	}
	return provider.GetVersions(ctx)
}
