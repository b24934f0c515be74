package auth

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"fmt"

	"golang.org/x/crypto/argon2"

	"github.com/patchbay/patchbay/models"
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

// verifyPassword reports whether the PHC string encoded is of this password.
func verifyPassword(ctx context.Context, password, encoded string) (bool, error) {
	h, err := models.ParsePasswordHash(encoded)
	if err != nil {
		return false, fmt.Errorf("stored password hash: %w", err)
	}
	got, err := argon(ctx, password, h.Salt, h.Time, h.Memory, h.Threads, uint32(len(h.Hash)))
	if err != nil {
		return false, err
	}
	return subtle.ConstantTimeCompare(got, h.Hash) == 1, nil
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
