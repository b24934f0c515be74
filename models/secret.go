package models

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"log/slog"
)

// Secret is a string that must not be shown: a token, a client secret, a password. Printing, logging and encoding it
// give "[redacted]"; only Reveal gives the text, so that every place that needs it can be found by name.
type Secret string

// NewToken makes a secret that cannot be guessed, of 260 random bits in 52 letters and digits.
func NewToken() Secret { return Secret(rand.Text() + rand.Text()) }

// Hash gives the form in which a token that comes back is stored and looked up. Tokens are long and random, so a fast
// hash is right.
func (s Secret) Hash() string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])
}

const redacted = "[redacted]"

// Reveal gives the text itself.
func (s Secret) Reveal() string { return string(s) }

// String redacts.
func (s Secret) String() string { return redacted }

// GoString redacts under %#v.
func (s Secret) GoString() string { return redacted }

// LogValue redacts in log/slog.
func (s Secret) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText redacts in every text encoder, encoding/json among them.
func (s Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }

func randomBytes(n int) []byte {
	bytes := make([]byte, n)
	_, _ = rand.Read(bytes) // which never fails
	return bytes
}
