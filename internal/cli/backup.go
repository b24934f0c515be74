package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"time"

	"github.com/patchbay/patchbay/internal/rotation"
	"github.com/patchbay/patchbay/internal/store"
	"github.com/patchbay/patchbay/internal/vault"
)

type backupCommand struct {
	storageSettings
	File    string `arg:"" help:"File to write."`
	WithKey bool   `help:"Put the encryption key into the backup, too: whoever reads it then reads every credential."`
	Force   bool   `help:"Replace the file where it exists."`
}

// Run copies the database.
func (b *backupCommand) Run(ctx context.Context, streams Streams) error {
	if b.postgres() {
		return settingsError{fmt.Errorf(`a PostgreSQL database is backed up by its own program, with PGHOST, PGUSER, PGPASSWORD and PGDATABASE set, or PGSERVICE, because others can see command lines: pg_dump --format=custom --file=%s; keep a copy of the encryption key apart from it`, shellQuoted(b.File))}
	}
	if err := b.checkTarget(b.File, b.Force); err != nil {
		return err
	}
	if list, err := store.Migrations(ctx, b.DB); err != nil {
		return settingsError{err}
	} else if schemaVersion(list) == 0 {
		return settingsError{noDatabase(b.DB)}
	}
	ring, err := b.existingRing()
	lost := errors.Is(err, fs.ErrNotExist)
	switch {
	case lost && b.WithKey:
		return settingsError{fmt.Errorf("--with-key: there is no key file %s: put it back, or set %s", b.KeyFile, rotation.Variable)}
	case err != nil && !lost:
		return err
	}
	var keyRing string
	if b.WithKey {
		if keyRing, err = b.keyText(); err != nil {
			return settingsError{err}
		}
	}
	began := time.Now()
	summary, err := store.Backup(ctx, b.DB, b.File, keyRing, b.Force)
	if errors.Is(err, fs.ErrExist) {
		return alreadyThere(b.File)
	}
	if err != nil {
		return err
	}
	fmt.Fprintf(streams.Out, "Backed up %s to %s: %s.\n", b.DB, b.File, amounts(summary.Rows, summary.Bytes, began))
	switch {
	case b.WithKey:
		_, err = fmt.Fprintln(streams.Out, "It holds the encryption key: whoever reads it reads every credential.")
	case lost:
		_, err = fmt.Fprintf(streams.Err, "The encryption key is not in it, nor at %s: without the key nothing secret in it can be read, neither credentials nor client secrets, and it cannot be restored. Find the key, and keep a copy of it apart from the backup.\n", b.KeyFile)
	default:
		_, err = fmt.Fprintf(streams.Out, "It does not hold the encryption key, without which it cannot be restored: keep a copy of %s apart from it (key %s).\n", b.source(), strings.Join(ring.Keys(), ", "))
	}
	return err
}

// checkTarget refuses to write over a file, unless that is forced, and over those that the server needs in any case.
func (s *storageSettings) checkTarget(path string, force bool) error {
	target, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return settingsError{err}
	}
	for _, needed := range []string{s.DB, s.DB + "-wal", s.DB + "-shm", s.KeyFile} {
		if file, err := os.Stat(needed); err == nil && os.SameFile(file, target) {
			return settingsError{fmt.Errorf("%s is what the server needs, the database or its key: choose another name", path)}
		}
	}
	if !target.Mode().IsRegular() {
		return settingsError{fmt.Errorf("%s is no file: choose another name", path)}
	}
	if !force {
		return alreadyThere(path)
	}
	return nil
}

func alreadyThere(path string) error {
	return settingsError{fmt.Errorf("%s exists already: choose another name, or replace it by --force", path)}
}

// postgres reports whether the database is no file.
func (s *storageSettings) postgres() bool { return strings.Contains(s.DB, "://") }

// source names where the keys come from.
func (s *storageSettings) source() string {
	if s.EncryptionKey != "" {
		return rotation.Variable
	}
	return s.KeyFile
}

// existingRing gives the key ring, and makes none.
func (s *storageSettings) existingRing() (*vault.Ring, error) {
	ring, err := vault.ReadKeyFile(s.KeyFile)
	if s.EncryptionKey != "" {
		ring, err = vault.Parse(s.EncryptionKey)
	}
	if err != nil {
		return nil, settingsError{err}
	}
	return ring, nil
}

func (s *storageSettings) keyText() (string, error) {
	if s.EncryptionKey != "" {
		return s.EncryptionKey, nil
	}
	return vault.KeyText(s.KeyFile)
}

// amounts says how much was done, and how fast.
func amounts(rows, bytes int64, began time.Time) string {
	return fmt.Sprintf("%d rows, %d bytes, %.1f seconds", rows, bytes, time.Since(began).Seconds())
}

// shellQuoted gives a name as one word of a command line.
func shellQuoted(name string) string { return "'" + strings.ReplaceAll(name, "'", `'\''`) + "'" }

type restoreCommand struct {
	storageSettings
	File   string `arg:"" help:"Backup to restore."`
	Verify bool   `help:"Open every sealed value before, not a sample."`
	Force  bool   `help:"Restore although some sealed values do not open."`
}

// sample is how many sealed values of each column are opened where not all are.
const sample = 100

// Run checks the backup, and puts it in the place of the database.
func (r *restoreCommand) Run(ctx context.Context, streams Streams) error {
	if r.postgres() {
		return settingsError{fmt.Errorf(`a PostgreSQL database is restored by its own program, with every server stopped and PGHOST, PGUSER, PGPASSWORD and PGDATABASE set, or PGSERVICE, because others can see command lines: pg_restore --clean --if-exists --single-transaction --dbname="$PGDATABASE" %s; then run patchbay keys status --verify`, shellQuoted(r.File))}
	}
	began := time.Now()
	candidate, err := store.ReadBackup(ctx, r.File, r.DB)
	if err != nil {
		return settingsError{err}
	}
	defer candidate.Discard()
	ring, writeKey, err := r.ringFor(candidate)
	if err != nil {
		return err
	}
	if err := r.openAll(ctx, streams, candidate, ring); err != nil {
		return err
	}
	if err := writeKey(); err != nil {
		return settingsError{err}
	}
	aside, err := candidate.Install(ctx)
	if errors.Is(err, store.ErrInUse) {
		return settingsError{err}
	}
	if err != nil {
		return fmt.Errorf("restore %s: %w", r.File, err)
	}
	fmt.Fprintf(streams.Out, "Restored %s from %s: %s.\n", r.DB, r.File, amounts(candidate.Rows, candidate.Bytes, began))
	if aside != "" {
		fmt.Fprintf(streams.Out, "The database that was there is kept as %s.\n", aside)
	}
	return nil
}

// ringFor gives the key ring to open the backup with: the one of the settings, or the one in the backup where the settings
// have none. writeKey then makes the key file.
func (r *restoreCommand) ringFor(candidate *store.Candidate) (ring *vault.Ring, writeKey func() error, err error) {
	if _, statErr := os.Lstat(r.KeyFile); r.EncryptionKey != "" || candidate.KeyRing == "" || !errors.Is(statErr, fs.ErrNotExist) {
		ring, err := r.existingRing()
		if errors.Is(err, fs.ErrNotExist) {
			err = settingsError{fmt.Errorf("the backup does not hold the encryption key, and %s does not exist: put the key file there, or set %s", r.KeyFile, rotation.Variable)}
		}
		return ring, func() error { return nil }, err
	}
	if ring, err = vault.Parse(candidate.KeyRing); err != nil {
		return nil, nil, settingsError{fmt.Errorf("the key in the backup: %w", err)}
	}
	return ring, func() error { return vault.WriteKeyFile(r.KeyFile, candidate.KeyRing) }, nil
}

// openAll makes sure that the key ring opens the backup.
func (r *restoreCommand) openAll(ctx context.Context, streams Streams, candidate *store.Candidate, ring *vault.Ring) error {
	limit := sample
	if r.Verify {
		limit = 0
	}
	opened, damaged, err := candidate.Open(ctx, ring, limit)
	if errors.Is(err, store.ErrWrongKey) {
		return settingsError{fmt.Errorf("%s does not open the backup: %w", r.source(), store.ErrWrongKey)}
	}
	if err != nil {
		return err
	}
	printDamaged(streams, damaged)
	if len(damaged) > 0 && !r.Force {
		return fmt.Errorf("%d sealed values of the backup do not open: take an earlier backup, or restore it all the same by --force", len(damaged))
	}
	how := "a sample of them"
	if r.Verify {
		how = "all of them"
	}
	_, err = fmt.Fprintf(streams.Out, "Looked at the sealed values of the backup, %s: the key opens %d.\n", how, opened)
	return err
}
