package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	modernc "modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/patchbay/patchbay/internal/vault"
	"github.com/patchbay/patchbay/models"
)

// Candidate is a copy of a backup beside the database it may replace, and not in use yet.
type Candidate struct {
	// KeyRing is the text of the key ring that the backup held; empty where it held none.
	KeyRing string
	Rows    int64
	Bytes   int64

	path, location string
}

// setAside is what the name of a database that was replaced ends in.
const setAside = ".before-restore"

// ErrInUse is returned for a database that another process has open.
var ErrInUse = errors.New("a server has the database open: stop it first")

// ReadBackup copies the backup file beside the database at location, and checks that it is a whole database of ours with a
// schema this program knows. Discard the candidate in the end, whatever becomes of it.
func ReadBackup(ctx context.Context, file, location string) (*Candidate, error) {
	if err := checkPath(location); err != nil {
		return nil, err
	}
	if err := isSQLite(file); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(filepath.Dir(location), 0o700); err != nil {
		return nil, err
	}
	path, err := copyDatabase(ctx, file, filepath.Dir(location))
	if err != nil {
		return nil, fmt.Errorf("read backup %s: %w", file, err)
	}
	c := &Candidate{path: path, location: location}
	if err := c.check(ctx); err != nil {
		c.Discard()
		return nil, fmt.Errorf("backup %s: %w", file, err)
	}
	return c, nil
}

func isSQLite(path string) error {
	file, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("read backup: %w", err)
	}
	defer file.Close()
	head := make([]byte, 16)
	if _, err := io.ReadFull(file, head); err != nil || string(head) != "SQLite format 3\x00" {
		return fmt.Errorf("backup %s: expected an SQLite file, as `patchbay backup` writes, found something else", path)
	}
	return nil
}

// check makes sure that the copy is whole and ours, and takes out what belongs to no database in use.
func (c *Candidate) check(ctx context.Context) (err error) {
	db, err := openFile(c.path, "rw")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if err := checkSchema(ctx, db); err != nil {
		return err
	}
	var verdict string
	if err := db.QueryRowContext(ctx, "PRAGMA integrity_check(1)").Scan(&verdict); err != nil || verdict != "ok" {
		return errors.Join(fmt.Errorf("it is damaged: %s", verdict), err)
	}
	var ours int
	if err := db.QueryRowContext(ctx, "SELECT COUNT(*) FROM sqlite_master WHERE type = 'table' AND name IN ('goose_db_version', 'connections', 'settings')").Scan(&ours); err != nil {
		return err
	}
	if ours != 3 {
		return errors.New("it is an SQLite database, but not one of Patchbay")
	}
	current, newest, err := schemaVersion(ctx, db)
	if err != nil {
		return err
	}
	if current > newest {
		return fmt.Errorf("its schema has version %d, this program knows versions up to %d: restore it with the newer program that made it", current, newest)
	}
	if err := c.takeKeyRing(ctx, db); err != nil {
		return err
	}
	if c.Rows, err = countRows(ctx, db); err != nil {
		return err
	}
	// The servers that ran at the time are none of those that will.
	if _, err := db.ExecContext(ctx, "DELETE FROM replicas"); err != nil && current >= replicasSince {
		return err
	}
	return nil
}

// checkSchema refuses a file whose schema holds more than plain tables and their indexes: a trigger or a view would run with
// what the server writes and reads.
func checkSchema(ctx context.Context, db *sql.DB) error {
	var kind, name string
	err := db.QueryRowContext(ctx, `SELECT COALESCE(type, ''), COALESCE(name, '') FROM sqlite_master
		WHERE (type IN ('table', 'index') AND name NOT GLOB '*[^a-z0-9_]*' AND rootpage > 0) IS NOT TRUE LIMIT 1`).Scan(&kind, &name)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("it is damaged: %w", err)
	}
	return fmt.Errorf("it holds the %s %q, which no database of Patchbay has: take a backup that nobody has changed, or drop it there first", kind, name)
}

// replicasSince is the version of the schema that brought the table of replicas.
const replicasSince = 5

func (c *Candidate) takeKeyRing(ctx context.Context, db *sql.DB) error {
	var held int
	if err := db.QueryRowContext(ctx, "SELECT COUNT(*) FROM sqlite_master WHERE name = ?", keyInBackup).Scan(&held); err != nil || held == 0 {
		return err
	}
	if err := db.QueryRowContext(ctx, "SELECT keys FROM "+keyInBackup).Scan(&c.KeyRing); err != nil {
		return fmt.Errorf("read the key in it: %w", err)
	}
	// The pages that held the key are written over.
	for _, statement := range []string{"PRAGMA secure_delete = ON", "DROP TABLE " + keyInBackup, "VACUUM"} {
		if _, err := db.ExecContext(ctx, statement); err != nil {
			return err
		}
	}
	return nil
}

// Open brings the candidate's schema up and opens up to limit sealed values of every column, or all where limit is 0. It
// fails with [ErrWrongKey], and gives the values that do not open.
func (c *Candidate) Open(ctx context.Context, ring *vault.Ring, limit int) (opened int64, damaged []models.DamagedValue, err error) {
	s, err := Open(ctx, c.path, ring)
	if err != nil {
		return 0, nil, err
	}
	opened, damaged, err = s.CheckSealed(ctx, limit)
	return opened, damaged, errors.Join(err, s.Close())
}

// Install puts the candidate in the place of the database, which is kept under another name, and gives that name; it is
// empty where there was none. The database is the old one or the new one at every moment. It fails with [ErrInUse].
func (c *Candidate) Install(ctx context.Context) (aside string, err error) {
	if c.Bytes, err = settleFile(ctx, c.path); err != nil {
		return "", fmt.Errorf("finish the copy: %w", err)
	}
	if _, err := os.Lstat(c.location); errors.Is(err, fs.ErrNotExist) {
		if err := os.Link(c.path, c.location); err != nil { // unlike rename, fails where a server has just created it
			return "", err
		}
		return "", syncFolder(filepath.Dir(c.location))
	}
	release, err := seize(ctx, c.location)
	if err != nil {
		return "", err
	}
	defer release()
	aside = freeName(c.location + setAside)
	if err := keepOld(c.location, aside); err != nil {
		return "", fmt.Errorf("set the old database aside: %w", err)
	}
	if err := os.Rename(c.path, c.location); err != nil {
		return "", err
	}
	return aside, syncFolder(filepath.Dir(c.location))
}

// Discard removes the candidate, unless it was installed.
func (c *Candidate) Discard() { removeDatabase(c.path) }

// settleFile brings everything of a database into its one file, on disk.
func settleFile(ctx context.Context, path string) (size int64, err error) {
	db, err := openFile(path, "rw")
	if err != nil {
		return 0, err
	}
	var mode string
	err = db.QueryRowContext(ctx, "PRAGMA journal_mode = DELETE").Scan(&mode)
	if err = errors.Join(err, db.Close()); err != nil {
		return 0, err
	}
	return syncFile(path)
}

// seize makes sure that nobody has the database open, has its write-ahead log written into it, and keeps everybody out until
// release. A database that is too damaged for that is seized without.
func seize(ctx context.Context, location string) (release func(), err error) {
	db, err := openFile(location, "rw")
	if err != nil {
		return nil, err
	}
	var mode string
	for _, statement := range []string{"PRAGMA busy_timeout = 0", "PRAGMA journal_mode = DELETE", "BEGIN EXCLUSIVE"} {
		if _, err = db.ExecContext(ctx, statement); err != nil {
			break
		}
	}
	if err == nil {
		err = db.QueryRowContext(ctx, "PRAGMA journal_mode").Scan(&mode)
	}
	if err == nil && mode != "delete" { // a server has started meanwhile: it has its log back, and reads
		return nil, errors.Join(fmt.Errorf("%s: %w", location, ErrInUse), db.Close())
	}
	var e *modernc.Error
	if errors.As(err, &e) && (e.Code()&0xff == sqlite3.SQLITE_BUSY || e.Code()&0xff == sqlite3.SQLITE_LOCKED) {
		return nil, errors.Join(fmt.Errorf("%s: %w", location, ErrInUse), db.Close())
	}
	return func() { db.Close() }, nil
}

// freeName gives the name, or the first with a number that no file has.
func freeName(name string) string {
	for i, free := 2, name; ; i++ {
		if _, err := os.Lstat(free); errors.Is(err, fs.ErrNotExist) {
			return free
		}
		free = fmt.Sprintf("%s.%d", name, i)
	}
}

// keepOld gives the old database a second name. A write-ahead log that could not be written into it, because it is damaged,
// goes with it: beside the new one it would be taken for its own.
func keepOld(location, aside string) error {
	if err := os.Link(location, aside); err != nil {
		return err
	}
	for _, suffix := range []string{"-wal", "-journal"} {
		if err := os.Rename(location+suffix, aside+suffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	if err := os.Remove(location + "-shm"); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return syncFolder(filepath.Dir(location))
}
