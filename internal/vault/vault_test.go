package vault

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestSealedValuesOpenOnlyAtTheirPlaceAndUnderTheirKey(t *testing.T) {
	ring := newRing(t, NewKey())
	at := Place{"connections", "sealed_credentials", "row-1"}
	plain := []byte("a refresh token")
	sealed := ring.Seal(plain, at)

	if got, err := ring.Open(sealed, at); err != nil || !bytes.Equal(got, plain) {
		t.Fatalf("Open = %q, %v", got, err)
	}
	if bytes.Contains(sealed, plain) || bytes.Equal(sealed, ring.Seal(plain, at)) {
		t.Error("sealing is not encryption with a fresh nonce")
	}
	for _, other := range []Place{{"connections", "sealed_credentials", "row-2"}, {"connections", "x", "row-1"}, {"attempts", "sealed_credentials", "row-1"}} {
		if _, err := ring.Open(sealed, other); !errors.Is(err, ErrNotAuthentic) {
			t.Errorf("opened at %v: %v", other, err)
		}
	}
	if _, err := newRing(t, NewKey()).Open(sealed, at); !errors.Is(err, ErrUnknownKey) {
		t.Errorf("opened under another key: %v", err)
	}
	for i := range sealed {
		damaged := bytes.Clone(sealed)
		damaged[i] ^= 1
		if _, err := ring.Open(damaged, at); err == nil {
			t.Errorf("opened with byte %d flipped", i)
		}
		if _, err := ring.Open(sealed[:i], at); err == nil {
			t.Errorf("opened cut to %d bytes", i)
		}
	}
}

func TestOlderKeysOfTheRingStillOpen(t *testing.T) {
	older, newer := NewKey(), NewKey()
	at := Place{"t", "c", "r"}
	sealed := newRing(t, older).Seal([]byte("x"), at)
	both := newRing(t, newer+"\n"+older+"\n")
	if _, err := both.Open(sealed, at); err != nil {
		t.Errorf("older key: %v", err)
	}
	if _, err := newRing(t, newer).Open(both.Seal([]byte("x"), at), at); err != nil {
		t.Errorf("the first key does not seal: %v", err)
	}
}

func TestParseRefusesBadKeysWithoutRepeatingThem(t *testing.T) {
	for _, text := range []string{"", "  \n", "c2hvcnQ=", "not base64 at all", NewKey() + "\n" + NewKey()[:40]} {
		if _, err := Parse(text); err == nil {
			t.Errorf("accepted %q", text)
		} else if strings.Contains(err.Error(), "c2hvcnQ") || strings.Contains(err.Error(), "not") && strings.Contains(err.Error(), "at all") {
			t.Errorf("error repeats the key: %v", err)
		}
	}
}

func TestKeyFileIsCreatedOncePrivateAndRefusedWhenOthersCanReadIt(t *testing.T) {
	path := filepath.Join(t.TempDir(), "data", "patchbay.key")
	if _, err := ReadKeyFile(path); !errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("missing file: %v", err)
	}
	if err := CreateKeyFile(path); err != nil {
		t.Fatal(err)
	}
	if info, _ := os.Stat(path); info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v", info.Mode())
	}
	before, _ := os.ReadFile(path)
	if err := CreateKeyFile(path); !errors.Is(err, fs.ErrExist) {
		t.Errorf("second creation: %v", err)
	}
	if after, _ := os.ReadFile(path); !bytes.Equal(before, after) {
		t.Error("the key file was replaced")
	}
	if _, err := ReadKeyFile(path); err != nil {
		t.Error(err)
	}
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadKeyFile(path); err == nil || !strings.Contains(err.Error(), "chmod 600") {
		t.Errorf("world-readable key: %v", err)
	}
}

func newRing(t *testing.T, text string) *Ring {
	t.Helper()
	ring, err := Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return ring
}
