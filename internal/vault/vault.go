// Package vault seals secrets for storage and opens them again: AES-256-GCM under a ring of keys. It owns the format
// of sealed values and of the key file. It never stores anything but the key file, and imports nothing of the product.
package vault

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
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

type key struct {
	id   keyID
	aead cipher.AEAD
}

// keyID names a key without telling anything about it: the first bytes of its SHA-256.
type keyID [4]byte

func (id keyID) String() string { return hex.EncodeToString(id[:]) }

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
	keys, err := parseKeys(text)
	if err != nil {
		return nil, err
	}
	ring := &Ring{}
	ring.held.Store(&held{keys: keys, inSource: len(keys)})
	return ring, nil
}

func parseKeys(text string) ([]key, error) {
	var keys []key
	for i, field := range fields(text) {
		k, err := parseKey(field)
		if err != nil {
			return nil, fmt.Errorf("key %d: %w", i+1, err)
		}
		keys = append(keys, k)
	}
	if len(keys) == 0 {
		return nil, fmt.Errorf("expected a key of %d bytes in base64, found none", keyBytes)
	}
	return keys, nil
}

func fields(text string) []string {
	return strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune(" \t\r\n,", r) })
}

func parseKey(field string) (key, error) {
	secret, err := base64.StdEncoding.DecodeString(field)
	if err != nil || len(secret) != keyBytes {
		return key{}, fmt.Errorf("expected %d bytes in base64 (44 characters), such as `openssl rand -base64 32` prints", keyBytes)
	}
	block, err := aes.NewCipher(secret)
	if err != nil {
		return key{}, err
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return key{}, err
	}
	sum := sha256.Sum256(secret)
	return key{keyID(sum[:len(keyID{})]), aead}, nil
}

// NewKey makes a key in the form Parse reads.
func NewKey() string {
	secret := make([]byte, keyBytes)
	rand.Read(secret)
	return base64.StdEncoding.EncodeToString(secret)
}

func (k key) seal(plain []byte, at Place) []byte {
	sealed := append([]byte{formatVersion}, k.id[:]...)
	return k.aead.Seal(sealed, nil, plain, at.additionalData())
}

// KeyOf names the key that a value says it is sealed under; it is empty for what is no sealed value.
func KeyOf(sealed []byte) string {
	if len(sealed) < headerBytes || sealed[0] != formatVersion {
		return ""
	}
	return keyID(sealed[1:headerBytes]).String()
}

// Header gives what every value sealed under the named key begins with.
func Header(keyID string) []byte {
	id, err := hex.DecodeString(keyID)
	if err != nil {
		return nil
	}
	return append([]byte{formatVersion}, id...)
}
