package transfer

import (
	"cmp"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"hash"
	"unicode/utf8"

	"golang.org/x/crypto/argon2"

	"github.com/patchbay/patchbay/internal/vault"
	"github.com/patchbay/patchbay/models"
)

// MinPassphraseLength is how many characters a passphrase has at least: unlike a password it can be guessed at leisure.
const MinPassphraseLength = 12

// sealingHeader tells how the key of a file is derived from its passphrase.
type sealingHeader struct {
	KDF        string `json:"kdf"`
	Salt       []byte `json:"salt"`
	Iterations uint32 `json:"iterations"`
	MemoryKiB  uint32 `json:"memoryKiB"`
	Threads    uint8  `json:"threads"`
	Check      []byte `json:"check"` // a known text, sealed: it tells a wrong passphrase at once
}

const argon2id = "argon2id"

// The second recommended parameters of RFC 9106 §4, and the most of them that a file may ask for.
const (
	kdfIterations, maxIterations = 3, 16
	kdfMemoryKiB, maxMemoryKiB   = 64 << 10, 256 << 10
	kdfThreads, maxThreads       = 4, 16
	saltBytes, maxSaltBytes      = 16, 64
	keyBytes                     = 32
)

// ErrWrongPassphrase is returned before anything is written.
var ErrWrongPassphrase = errors.New("the passphrase is not the one this file was sealed with")

// sealer seals and opens secrets; nil where a file has none.
type sealer struct {
	ring   *vault.Ring
	sumKey []byte // of the file's checksum
}

// checkPlace is where the known text of the header is sealed.
var checkPlace = vault.Place{Table: "export", Column: "check"}

const checkText = "patchbay-export"

// newSealer derives a new key, and gives what the header has to say about it.
func newSealer(passphrase models.Secret, memoryKiB uint32) (*sealer, *sealingHeader, error) {
	if err := ValidatePassphrase(passphrase); err != nil {
		return nil, nil, err
	}
	h := &sealingHeader{KDF: argon2id, Salt: make([]byte, saltBytes), Iterations: kdfIterations, MemoryKiB: cmp.Or(memoryKiB, kdfMemoryKiB), Threads: kdfThreads}
	rand.Read(h.Salt)
	s, err := h.derive(passphrase)
	if err != nil {
		return nil, nil, err
	}
	h.Check = s.ring.Seal([]byte(checkText), checkPlace)
	return s, h, nil
}

// ValidatePassphrase checks a passphrase for a new file.
func ValidatePassphrase(passphrase models.Secret) error {
	text := passphrase.Reveal()
	switch {
	case utf8.RuneCountInString(text) < MinPassphraseLength:
		return fmt.Errorf("use a passphrase of at least %d characters", MinPassphraseLength)
	case len(text) > models.MaxPasswordBytes:
		return fmt.Errorf("use a passphrase of at most %d bytes", models.MaxPasswordBytes)
	}
	return nil
}

// open gives the sealer of a file. It fails with [ErrWrongPassphrase], and for parameters that would take all memory or hours.
func (h *sealingHeader) open(passphrase models.Secret) (*sealer, error) {
	switch {
	case h.KDF != argon2id:
		return nil, fmt.Errorf("secrets.kdf: expected %q, found %q", argon2id, h.KDF)
	case h.Iterations < 1 || h.Iterations > maxIterations:
		return nil, fmt.Errorf("secrets.iterations: expected 1 to %d, found %d", maxIterations, h.Iterations)
	case h.MemoryKiB < 8 || h.MemoryKiB > maxMemoryKiB:
		return nil, fmt.Errorf("secrets.memoryKiB: expected 8 to %d, found %d", maxMemoryKiB, h.MemoryKiB)
	case h.Threads < 1 || h.Threads > maxThreads:
		return nil, fmt.Errorf("secrets.threads: expected 1 to %d, found %d", maxThreads, h.Threads)
	case len(h.Salt) < saltBytes || len(h.Salt) > maxSaltBytes:
		return nil, fmt.Errorf("secrets.salt: expected %d to %d bytes, found %d", saltBytes, maxSaltBytes, len(h.Salt))
	}
	s, err := h.derive(passphrase)
	if err != nil {
		return nil, err
	}
	if plain, err := s.ring.Open(h.Check, checkPlace); err != nil || string(plain) != checkText {
		return nil, ErrWrongPassphrase
	}
	return s, nil
}

func (h *sealingHeader) derive(passphrase models.Secret) (*sealer, error) {
	key := argon2.IDKey([]byte(passphrase.Reveal()), h.Salt, h.Iterations, h.MemoryKiB, h.Threads, keyBytes)
	ring, err := vault.Parse(base64.StdEncoding.EncodeToString(key))
	if err != nil {
		return nil, fmt.Errorf("derive the key: %w", err)
	}
	sumKey, err := hkdf.Expand(sha256.New, key, "patchbay-export checksum", keyBytes)
	if err != nil {
		return nil, fmt.Errorf("derive the key of the checksum: %w", err)
	}
	return &sealer{ring, sumKey}, nil
}

// checksum begins the checksum of a file. Where it has secrets, only who knows the passphrase can make one: what stands there in
// clear, such as roles and scopes, gives rights, too.
func (s *sealer) checksum() hash.Hash {
	if s == nil {
		return sha256.New()
	}
	return hmac.New(sha256.New, s.sumKey)
}

func place(kind, id string) vault.Place {
	return vault.Place{Table: "export", Column: kind, Row: id}
}

// seal seals the secret of a record, bound to its kind and id; nil where the file has no secrets.
func (s *sealer) seal(secret models.Secret, kind, id string) []byte {
	if s == nil {
		return nil
	}
	return s.ring.Seal([]byte(secret.Reveal()), place(kind, id))
}

// open opens the secret of a record. It fails with a fault.
func (s *sealer) open(sealed []byte, kind, id string) (models.Secret, error) {
	switch {
	case s == nil && sealed != nil:
		return "", fault("sealed", "expected nothing, because the header tells of no secrets")
	case s == nil:
		return "", nil
	case sealed == nil:
		return "", fault("sealed", "expected the sealed secret, found none")
	}
	plain, err := s.ring.Open(sealed, place(kind, id))
	if err != nil {
		return "", fault("sealed", "is damaged, or was sealed for another record")
	}
	return models.Secret(plain), nil
}
