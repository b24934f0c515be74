// Package vault seals secrets for storage and opens them again: AES-256-GCM under a ring of keys. It owns the format
// of sealed values and of the key file. It never stores anything but the key file, and imports nothing of the product.
package vault

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
)

// Place is where a sealed value is stored. It is authenticated with the value, so that a value moved to another table,
// column or row does not open.
type Place struct {
	Table, Column, Row string
}

func (p Place) additionalData() []byte { return []byte(p.Table + "|" + p.Column + "|" + p.Row) }

// Ring holds the keys. New values are sealed under the first; all of them open.
type Ring struct {
	keys []key
}

type key struct {
	id   keyID
	aead cipher.AEAD
}

// keyID names a key without telling anything about it: the first bytes of its SHA-256.
type keyID [4]byte

const (
	keyBytes      = 32   // AES-256
	formatVersion = 0x01 // first byte of a sealed value, followed by the key id and what GCM gives
	headerBytes   = 1 + len(keyID{})
)

// ErrUnknownKey is returned for a value sealed under a key that the ring does not hold.
var ErrUnknownKey = errors.New("sealed under a key that is not in the key ring")

// ErrNotAuthentic is returned for a value that was altered, cut, or moved from where it was sealed.
var ErrNotAuthentic = errors.New("sealed value is damaged or not at its place")

// Parse reads keys: each is 32 bytes in standard base64, separated by white space or commas; the first one seals.
// Errors never contain key material.
func Parse(text string) (*Ring, error) {
	ring := &Ring{}
	for i, field := range strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune(" \t\r\n,", r) }) {
		secret, err := base64.StdEncoding.DecodeString(field)
		if err != nil || len(secret) != keyBytes {
			return nil, fmt.Errorf("key %d: expected %d bytes in base64 (44 characters), such as `openssl rand -base64 32` prints", i+1, keyBytes)
		}
		block, err := aes.NewCipher(secret)
		if err != nil {
			return nil, fmt.Errorf("key %d: %w", i+1, err)
		}
		aead, err := cipher.NewGCMWithRandomNonce(block)
		if err != nil {
			return nil, fmt.Errorf("key %d: %w", i+1, err)
		}
		sum := sha256.Sum256(secret)
		ring.keys = append(ring.keys, key{keyID(sum[:len(keyID{})]), aead})
	}
	if len(ring.keys) == 0 {
		return nil, fmt.Errorf("expected a key of %d bytes in base64, found none", keyBytes)
	}
	return ring, nil
}

// NewKey makes a key in the form Parse reads.
func NewKey() string {
	secret := make([]byte, keyBytes)
	rand.Read(secret)
	return base64.StdEncoding.EncodeToString(secret)
}

// Seal encrypts plain for its place.
func (r *Ring) Seal(plain []byte, at Place) []byte {
	first := r.keys[0]
	sealed := append([]byte{formatVersion}, first.id[:]...)
	return first.aead.Seal(sealed, nil, plain, at.additionalData())
}

// Open decrypts what Seal made for the same place. It fails with [ErrUnknownKey] or [ErrNotAuthentic].
func (r *Ring) Open(sealed []byte, at Place) ([]byte, error) {
	if len(sealed) < headerBytes || sealed[0] != formatVersion {
		return nil, ErrNotAuthentic
	}
	for _, k := range r.keys {
		if k.id == keyID(sealed[1:headerBytes]) {
			plain, err := k.aead.Open(nil, nil, sealed[headerBytes:], at.additionalData())
			if err != nil {
				return nil, ErrNotAuthentic
			}
			return plain, nil
		}
	}
	return nil, ErrUnknownKey
}
