package models

import (
	"encoding/base64"
	"strings"
	"testing"
)

func TestPasswordHashesAreBounded(t *testing.T) {
	b64 := func(n int) string { return base64.RawStdEncoding.EncodeToString(make([]byte, n)) }
	good := "$argon2id$v=19$m=19456,t=2,p=1$" + b64(16) + "$" + b64(32)
	if h, err := ParsePasswordHash(good); err != nil || h.Memory != 19456 || h.Time != 2 || h.Threads != 1 || len(h.Salt) != 16 || len(h.Hash) != 32 {
		t.Fatalf("%+v, %v", h, err)
	}
	for old, replacement := range map[string]string{
		"m=19456": "m=262145", "t=2": "t=17", "$m=": "$ m=", "v=19": "v=16", "argon2id": "argon2i",
		"t=2,": "t=0,", "p=1$": "p=1,x=1$", "$" + b64(16) + "$": "$" + b64(7) + "$", "$" + b64(32): "$" + b64(65),
		b64(32): b64(15), "p=1": "p=17", "m=19": "m=4294967296", "$argon": "argon", "A$": "?$",
	} {
		if text := strings.Replace(good, old, replacement, 1); text == good {
			t.Errorf("%q is not in the hash", old)
		} else if _, err := ParsePasswordHash(text); err == nil {
			t.Errorf("%s was taken", text)
		}
	}
}
