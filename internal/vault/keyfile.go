package vault

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// maxKeyFileBytes is more than a thousand keys.
const maxKeyFileBytes = 64 << 10

// ReadKeyFile reads the ring from a file that only its owner can read. A missing file is [fs.ErrNotExist].
func ReadKeyFile(path string) (*Ring, error) {
	loaded, err := stampOf(path)
	if err != nil {
		return nil, err
	}
	keys, err := readKeys(path)
	if err != nil {
		return nil, err
	}
	ring := &Ring{path: path, loaded: loaded}
	ring.held.Store(&held{keys: keys, inSource: len(keys)})
	return ring, nil
}

// stamp tells one content of a file from another: it is only ever replaced as a whole.
type stamp struct {
	modified time.Time
	size     int64
	mode     fs.FileMode
	inode    uint64
}

func stampOf(path string) (stamp, error) {
	info, err := os.Stat(path)
	if err != nil {
		return stamp{}, fmt.Errorf("key file: %w", err)
	}
	return stamp{info.ModTime(), info.Size(), info.Mode(), inode(info)}, nil
}

func readKeys(path string) ([]key, error) {
	text, err := KeyText(path)
	if err != nil {
		return nil, err
	}
	keys, err := parseKeys(text)
	if err != nil {
		return nil, fmt.Errorf("key file %s: %w; put back a copy of the file", path, err)
	}
	return keys, nil
}

// KeyText reads the file after it has made sure that nobody else can; a link is judged by what it leads to.
func KeyText(path string) (string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return "", fmt.Errorf("key file: %w", err)
	}
	if !info.Mode().IsRegular() {
		return "", fmt.Errorf("key file %s: expected a file, found a %s; point PATCHBAY_KEY_FILE at the key file itself", path, fileKind(info.Mode()))
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		return "", fmt.Errorf("key file %s: expected it to be readable by its owner only, found mode %04o; run `chmod 600 %s`", path, mode, path)
	}
	file, err := os.Open(path)
	if err != nil {
		return "", fmt.Errorf("key file: %w", err)
	}
	text, err := io.ReadAll(io.LimitReader(file, maxKeyFileBytes+1))
	if err = errors.Join(err, file.Close()); err != nil {
		return "", fmt.Errorf("key file: %w", err)
	}
	if len(text) > maxKeyFileBytes {
		return "", fmt.Errorf("key file %s: expected one key a line, found more than %d bytes; point PATCHBAY_KEY_FILE at the key file", path, maxKeyFileBytes)
	}
	return string(text), nil
}

func fileKind(mode fs.FileMode) string {
	switch {
	case mode.IsDir():
		return "folder"
	case mode&fs.ModeNamedPipe != 0:
		return "pipe"
	}
	return "device"
}

// CreateKeyFile writes a new key to path, mode 0600, complete and on disk or not at all. It never replaces a file: one
// that exists already is [fs.ErrExist].
func CreateKeyFile(path string) error { return WriteKeyFile(path, NewKey()+"\n") }

// WriteKeyFile is CreateKeyFile with keys that are given, in the form Parse reads.
func WriteKeyFile(path, text string) error {
	if _, err := parseKeys(text); err != nil {
		return fmt.Errorf("create key file: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("create key file: %w", err)
	}
	temp, err := writeTemp(path, text)
	if err != nil {
		return fmt.Errorf("create key file: %w", err)
	}
	defer os.Remove(temp)
	if err := os.Link(temp, path); err != nil { // unlike rename, fails where path exists
		return fmt.Errorf("create key file: %w", err)
	}
	return syncDir(filepath.Dir(path))
}

// AddKey puts a new key before those of the file and names it. The file is readable at every moment, with or without it.
func AddKey(path string) (id string, err error) {
	err = changeKeyFile(path, func(keys []string) ([]string, error) {
		for {
			added := NewKey()
			k, err := parseKey(added)
			if err != nil {
				return nil, err
			}
			taken := func(other string) bool { o, err := parseKey(other); return err == nil && o.id == k.id }
			if id = k.id.String(); !slices.ContainsFunc(keys, taken) { // ids are short
				return append([]string{added}, keys...), nil
			}
		}
	})
	return id, err
}

// RemoveKeys takes the named keys out of the file. It refuses to take out all.
func RemoveKeys(path string, ids ...string) error {
	return changeKeyFile(path, func(keys []string) ([]string, error) {
		left := slices.DeleteFunc(slices.Clone(keys), func(text string) bool {
			k, err := parseKey(text)
			return err == nil && slices.Contains(ids, k.id.String())
		})
		if len(left) == 0 {
			return nil, errors.New("none would be left")
		}
		return left, nil
	})
}

// changeKeyFile replaces the file by one with other keys: on disk before it takes the name, and one change at a time.
func changeKeyFile(path string, change func(keys []string) ([]string, error)) error {
	path, err := filepath.EvalSymlinks(path) // a rename would replace the link
	if err != nil {
		return fmt.Errorf("key file: %w", err)
	}
	unlock, err := lockDir(filepath.Dir(path))
	if err != nil {
		return fmt.Errorf("change key file %s: %w", path, err)
	}
	defer unlock()
	text, err := KeyText(path)
	if err != nil {
		return err
	}
	if _, err := parseKeys(text); err != nil {
		return fmt.Errorf("key file %s: %w", path, err)
	}
	keys, err := change(fields(text))
	if err != nil {
		return fmt.Errorf("change key file %s: %w", path, err)
	}
	temp, err := writeTemp(path, strings.Join(keys, "\n")+"\n")
	if err != nil {
		return fmt.Errorf("change key file %s: %w", path, err)
	}
	defer os.Remove(temp)
	if err := os.Rename(temp, path); err != nil {
		return fmt.Errorf("change key file %s: %w", path, err)
	}
	return syncDir(filepath.Dir(path))
}

// writeTemp writes text to a new file beside path, mode 0600, and reads it back: a disk that is full or fails must be
// noticed before the old file is gone.
func writeTemp(path, text string) (name string, err error) {
	temp, err := os.CreateTemp(filepath.Dir(path), ".key-*") // mode 0600
	if err != nil {
		return "", err
	}
	_, err = temp.WriteString(text)
	if err = errors.Join(err, temp.Sync(), temp.Close()); err == nil {
		var written []byte
		if written, err = os.ReadFile(temp.Name()); err == nil && !bytes.Equal(written, []byte(text)) {
			err = errors.New("the disk did not keep what was written")
		}
	}
	if err != nil {
		return "", errors.Join(err, os.Remove(temp.Name()))
	}
	return temp.Name(), nil
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
