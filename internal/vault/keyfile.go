package vault

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// ReadKeyFile reads the ring from a file that only its owner can read. A missing file is [fs.ErrNotExist].
func ReadKeyFile(path string) (*Ring, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("key file: %w", err)
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		return nil, fmt.Errorf("key file %s: expected it to be readable by its owner only, found mode %04o; run `chmod 600 %s`", path, mode, path)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("key file: %w", err)
	}
	ring, err := Parse(string(text))
	if err != nil {
		return nil, fmt.Errorf("key file %s: %w", path, err)
	}
	return ring, nil
}

// CreateKeyFile writes a new key to path, mode 0600, complete and on disk or not at all. It never replaces a file: one
// that exists already is [fs.ErrExist].
func CreateKeyFile(path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("create key file: %w", err)
	}
	temp, err := os.CreateTemp(filepath.Dir(path), ".key-*") // mode 0600
	if err != nil {
		return fmt.Errorf("create key file: %w", err)
	}
	defer os.Remove(temp.Name())
	_, err = temp.WriteString(NewKey() + "\n")
	err = errors.Join(err, temp.Sync(), temp.Close())
	if err == nil {
		err = os.Link(temp.Name(), path) // unlike rename, fails where path exists
	}
	if err != nil {
		return fmt.Errorf("create key file: %w", err)
	}
	return syncDir(filepath.Dir(path))
}

// syncDir makes the new name in dir durable: a key lost in a power cut would take every credential with it.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("create key file: %w", err)
	}
	if err := errors.Join(d.Sync(), d.Close()); err != nil && !errors.Is(err, fs.ErrInvalid) {
		return fmt.Errorf("create key file: %w", err)
	}
	return nil
}
