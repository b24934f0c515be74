package auth

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/crypto/argon2"
)

// Parameters of argon2id: the second recommended set of OWASP's Password Storage Cheat Sheet, 28 ms on a small server.
const (
	argonMemory  = 19 << 10 // KiB
	argonTime    = 2
	argonThreads = 1
	saltBytes    = 16
	hashBytes    = 32
)

// hashing bounds how much memory and CPU guessed passwords can take at a time.
var hashing = make(chan struct{}, 2)

// unknownAccountHash is verified against when there is no such account, so that the answer takes as long.
var unknownAccountHash = encodeHash(make([]byte, saltBytes), make([]byte, hashBytes))

// hashPassword gives the PHC string of a password.
func hashPassword(ctx context.Context, password string) (string, error) {
	salt := make([]byte, saltBytes)
	rand.Read(salt)
	hash, err := argon(ctx, password, salt, argonTime, argonMemory, argonThreads, hashBytes)
	if err != nil {
		return "", err
	}
	return encodeHash(salt, hash), nil
}

func encodeHash(salt, hash []byte) string {
	b64 := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, argonMemory, argonTime, argonThreads, b64.EncodeToString(salt), b64.EncodeToString(hash))
}

// What a stored hash may ask for. It may come from an edited or imported database, and must not take the server down.
const (
	maxArgonMemory  = 256 << 10 // KiB
	maxArgonTime    = 16
	maxArgonThreads = 16
	minSaltBytes    = 8
	minHashBytes    = 16
	maxHashBytes    = 64
)

// passwordHash is a parsed PHC string of argon2id.
type passwordHash struct {
	memory, time uint32
	threads      uint8
	salt, hash   []byte
}

func parseHash(encoded string) (*passwordHash, error) {
	parts := strings.Split(encoded, "$")
	if len(parts) != 6 || parts[1] != "argon2id" {
		return nil, errors.New("stored password hash is not argon2id")
	}
	var h passwordHash
	var version int
	_, err := fmt.Sscanf(parts[2]+" "+parts[3], "v=%d m=%d,t=%d,p=%d", &version, &h.memory, &h.time, &h.threads)
	var saltErr, hashErr error
	h.salt, saltErr = base64.RawStdEncoding.DecodeString(parts[4])
	h.hash, hashErr = base64.RawStdEncoding.DecodeString(parts[5])
	switch {
	case err != nil || saltErr != nil || hashErr != nil || version != argon2.Version || h.time == 0 || h.threads == 0:
		return nil, errors.New("stored password hash cannot be read")
	case h.memory > maxArgonMemory || h.time > maxArgonTime || h.threads > maxArgonThreads:
		return nil, fmt.Errorf("stored password hash takes too much to verify: expected m up to %d, t up to %d and p up to %d", maxArgonMemory, maxArgonTime, maxArgonThreads)
	case len(h.salt) < minSaltBytes || len(h.hash) < minHashBytes || len(h.hash) > maxHashBytes:
		return nil, fmt.Errorf("stored password hash: expected a salt of at least %d bytes and a hash of %d to %d", minSaltBytes, minHashBytes, maxHashBytes)
	}
	return &h, nil
}

// verifyPassword reports whether the PHC string encoded is of this password.
func verifyPassword(ctx context.Context, password, encoded string) (bool, error) {
	h, err := parseHash(encoded)
	if err != nil {
		return false, err
	}
	got, err := argon(ctx, password, h.salt, h.time, h.memory, h.threads, uint32(len(h.hash)))
	if err != nil {
		return false, err
	}
	return subtle.ConstantTimeCompare(got, h.hash) == 1, nil
}

func argon(ctx context.Context, password string, salt []byte, time, memory uint32, threads uint8, size uint32) ([]byte, error) {
	select {
	case hashing <- struct{}{}:
		defer func() { <-hashing }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	return argon2.IDKey([]byte(password), salt, time, memory, threads, size), nil
}
