package auth

import "testing"

func TestAStoredHashThatAsksForTooMuchIsRefused(t *testing.T) {
	const salt, hash = "$AAAAAAAAAAAAAAAAAAAAAA$", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
	if ok, err := verifyPassword(t.Context(), "password", "$argon2id$v=19$m=19456,t=2,p=1"+salt+hash); ok || err != nil {
		t.Fatal(ok, err)
	}
	for _, bad := range []string{
		"$argon2id$v=19$m=4294967295,t=2,p=1" + salt + hash,
		"$argon2id$v=19$m=19456,t=17,p=1" + salt + hash,
		"$argon2id$v=19$m=19456,t=2,p=17" + salt + hash,
		"$argon2id$v=19$m=19456,t=0,p=1" + salt + hash,
		"$argon2id$v=19$m=19456,t=2,p=1$AAAA$" + hash,
		"$argon2id$v=19$m=19456,t=2,p=1" + salt,
		"$argon2id$v=19$m=19456,t=2,p=1" + salt + hash + hash + hash,
	} {
		if ok, err := verifyPassword(t.Context(), "password", bad); ok || err == nil {
			t.Errorf("%s: %v, %v", bad, ok, err)
		}
	}
}
