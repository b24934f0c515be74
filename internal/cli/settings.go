package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/patchbay/patchbay/internal/rotation"
	"github.com/patchbay/patchbay/internal/store"
	"github.com/patchbay/patchbay/internal/vault"
)

// storageSettings say where data and keys are.
type storageSettings struct {
	DB            string `name:"db" env:"PATCHBAY_DB" default:"./data/patchbay.db" help:"SQLite database file, or the address of a PostgreSQL database: postgres://user:password@host:port/database. Set the variable for an address with a password: command lines can be seen by others."`
	KeyFile       string `env:"PATCHBAY_KEY_FILE" default:"./data/patchbay.key" help:"File with the encryption key; created at the first run."`
	EncryptionKey string `env:"PATCHBAY_ENCRYPTION_KEY" help:"The encryption key itself, instead of a file. Set the variable: command lines can be seen by others."`
}

// keyRing gives the key ring, creating the key file for a new database only: for an existing one a new key would open
// nothing.
func (s *storageSettings) keyRing(ctx context.Context) (*vault.Ring, error) {
	if s.EncryptionKey != "" {
		ring, err := vault.Parse(s.EncryptionKey)
		if err != nil {
			return nil, settingsError{fmt.Errorf("PATCHBAY_ENCRYPTION_KEY: %w", err)}
		}
		return ring, nil
	}
	ring, err := vault.ReadKeyFile(s.KeyFile)
	if errors.Is(err, fs.ErrNotExist) {
		sealed, dbErr := store.Sealed(ctx, s.DB)
		if dbErr != nil {
			return nil, settingsError{dbErr}
		}
		if sealed {
			return nil, settingsError{fmt.Errorf("the database %s exists, but its key file %s does not: put the key file back, or set PATCHBAY_ENCRYPTION_KEY", store.Place(s.DB), s.KeyFile)}
		}
		if err := vault.CreateKeyFile(s.KeyFile); err != nil {
			return nil, settingsError{err}
		}
		ring, err = vault.ReadKeyFile(s.KeyFile)
	}
	if err != nil {
		return nil, settingsError{err}
	}
	return ring, nil
}

// open opens the store with its key ring; both are made where there are none.
func (s *storageSettings) open(ctx context.Context) (*store.Store, error) {
	db, _, err := s.openWithRing(ctx)
	return db, err
}

func (s *storageSettings) openWithRing(ctx context.Context) (*store.Store, *vault.Ring, error) {
	ring, err := s.keyRing(ctx)
	if err != nil {
		return nil, nil, err
	}
	db, err := store.Open(ctx, s.DB, ring)
	if errors.Is(err, store.ErrWrongKey) {
		err = fmt.Errorf("%s: %w", cmp.Or(ring.Path(), rotation.Variable), err)
	}
	if err != nil {
		return nil, nil, settingsError{err}
	}
	return db, ring, nil
}

// openExisting opens the store for a command that makes none: neither a database, nor a key, nor what a newer schema adds.
func (s *storageSettings) openExisting(ctx context.Context) (*store.Store, error) {
	db, _, err := s.openExistingWithRing(ctx)
	return db, err
}

func (s *storageSettings) openExistingWithRing(ctx context.Context) (*store.Store, *vault.Ring, error) {
	if err := s.checkExisting(ctx); err != nil {
		return nil, nil, settingsError{err}
	}
	return s.openWithRing(ctx)
}

// checkExisting refuses a place without a database, and one whose schema would be changed to be opened.
func (s *storageSettings) checkExisting(ctx context.Context) error {
	list, err := store.Migrations(ctx, s.DB)
	if err != nil {
		return err
	}
	switch present, newest := schemaVersion(list), list[len(list)-1].Version; {
	case present == 0:
		return noDatabase(s.DB)
	case present < newest:
		return fmt.Errorf("the schema of %s has version %d, and this program works with version %d: make a backup, and run `patchbay migrate`", store.Place(s.DB), present, newest)
	}
	return nil
}

func noDatabase(location string) error {
	return fmt.Errorf("--db: there is no database at %s; `patchbay serve` creates one, and PATCHBAY_DB names another place", store.Place(location))
}

// logSettings say what is logged, and how.
type logSettings struct {
	LogLevel string `env:"PATCHBAY_LOG_LEVEL" enum:"error,warn,info,debug" default:"info" help:"Least level that is logged: error, warn, info or debug."`
}

// logger writes text to a terminal and JSON to anything else.
func (s logSettings) logger(streams Streams) *slog.Logger {
	var level slog.Level
	if err := level.UnmarshalText([]byte(s.LogLevel)); err != nil {
		level = slog.LevelInfo
	}
	options := &slog.HandlerOptions{Level: level}
	if file, ok := streams.Err.(*os.File); ok {
		if info, err := file.Stat(); err == nil && info.Mode()&os.ModeCharDevice != 0 {
			return slog.New(slog.NewTextHandler(streams.Err, options))
		}
	}
	return slog.New(slog.NewJSONHandler(streams.Err, options))
}

// rootURL gives the public root: the one that was set, or localhost at the port listened on.
func rootURL(text string, address *net.TCPAddr) (*url.URL, error) {
	if text == "" {
		text = fmt.Sprintf("http://localhost:%d", address.Port)
	}
	u, err := url.Parse(strings.TrimSuffix(text, "/"))
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.Path != "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil {
		return nil, settingsError{fmt.Errorf("--url: expected a scheme and a host, such as https://connect.example.com, found %q", text)}
	}
	return u, nil
}

func parsePrefixes(flag string, texts []string) ([]netip.Prefix, error) {
	var prefixes []netip.Prefix
	for _, text := range texts {
		prefix, err := netip.ParsePrefix(text)
		if err != nil {
			return nil, settingsError{fmt.Errorf("%s: expected a CIDR, such as 10.0.0.0/8, found %q", flag, text)}
		}
		prefixes = append(prefixes, prefix)
	}
	return prefixes, nil
}

// utcNow is the clock of the whole program.
func utcNow() time.Time { return time.Now().UTC() }
