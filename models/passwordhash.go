package models

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
)

// PasswordHash is a hash of argon2id, version 19, with what it takes to compute it.
type PasswordHash struct {
	Memory, Time uint32 // Memory in KiB
	Threads      uint8
	Salt, Hash   []byte
}

// ErrPasswordHash is returned for a text that is no hash of ours. It does not tell the text.
var ErrPasswordHash = errors.New("expected a hash of argon2id in PHC string format, of at most 256 MiB, 16 passes and 16 threads")

// ParsePasswordHash reads a PHC string. It fails with [ErrPasswordHash], also for one that would take all memory or hours.
func ParsePasswordHash(text string) (*PasswordHash, error) {
	parts := strings.Split(text, "$")
	if len(parts) != 6 || parts[0] != "" || parts[1] != "argon2id" || parts[2] != "v=19" {
		return nil, ErrPasswordHash
	}
	h := &PasswordHash{}
	_, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &h.Memory, &h.Time, &h.Threads)
	if err != nil || parts[3] != fmt.Sprintf("m=%d,t=%d,p=%d", h.Memory, h.Time, h.Threads) {
		return nil, ErrPasswordHash
	}
	var saltErr, hashErr error
	h.Salt, saltErr = base64.RawStdEncoding.DecodeString(parts[4])
	h.Hash, hashErr = base64.RawStdEncoding.DecodeString(parts[5])
	if saltErr != nil || hashErr != nil || h.Memory < 8 || h.Memory > 256<<10 || h.Time < 1 || h.Time > 16 || h.Threads < 1 || h.Threads > 16 ||
		len(h.Salt) < 8 || len(h.Hash) < 16 || len(h.Hash) > 64 {
		return nil, ErrPasswordHash
	}
	return h, nil
}
