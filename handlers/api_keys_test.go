package handlers

import (
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/patchbay/patchbay/internal/auth"
	"github.com/patchbay/patchbay/models"
)

func TestAPIKeysEnd(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	actor := models.Actor{Name: models.SystemActor}
	elsewhere := auth.NewAPIKeys(a.store, a.now) // another process
	works := func(name, text string, want bool) {
		t.Helper()
		got := a.call(text, http.MethodGet, "/connections", "")
		if want {
			a.want(name, got, http.StatusOK, "")
		} else {
			a.want(name, got, http.StatusUnauthorized, models.CodeUnauthenticated)
		}
	}
	pass := func(d time.Duration) { a.clockOffset.Add(int64(d)) }

	ends := a.now().Add(time.Minute)
	_, text := a.newKey(models.APIKeyRequest{ExpiresAt: &ends})
	works("before its end", text, true)
	pass(time.Minute)
	works("after its end", text, false)

	key, text := a.newKey(models.APIKeyRequest{})
	for _, other := range []string{text[1:], text[:len(text)-1], strings.ToLower(text), text + " " + text, "pb_", key.Hash, key.Prefix} {
		works(other, other, false)
	}
	works("before it is revoked", text, true)
	_, err := a.app.keys.Revoke(t.Context(), actor, key.ID)
	must(t, err)
	works("revoked here", text, false)

	key, text = a.newKey(models.APIKeyRequest{})
	works("before it is revoked elsewhere", text, true)
	_, err = elsewhere.Revoke(t.Context(), actor, key.ID)
	must(t, err)
	pass(time.Second)
	works("revoked elsewhere a second ago", text, false)

	key, first := a.newKey(models.APIKeyRequest{})
	key, second, err := a.app.keys.Roll(t.Context(), actor, key, time.Hour)
	must(t, err)
	works("rolled, the new text", second.Reveal(), true)
	works("rolled, the old text", first, true)
	pass(time.Hour)
	works("overlapped, the old text", first, false)
	works("overlapped, the new text", second.Reveal(), true)
	key, third, err := a.app.keys.Roll(t.Context(), actor, key, 0)
	must(t, err)
	works("rolled without overlap, the old text", second.Reveal(), false)
	works("rolled without overlap, the new text", third.Reveal(), true)
	key, fourth, err := a.app.keys.Roll(t.Context(), actor, key, time.Hour)
	must(t, err)
	_, err = a.app.keys.Revoke(t.Context(), actor, key.ID)
	must(t, err)
	works("rolled and revoked, the old text", third.Reveal(), false)
	works("rolled and revoked, the new text", fourth.Reveal(), false)
}

func TestAPIGuessingIsLimitedAndHurtsNobodyElse(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	fresh, scopeless := a.key(), a.key(models.ScopeProxy)
	guess := func(headers ...string) page {
		return a.call("pb_guess", http.MethodGet, "/connections", "", headers...)
	}
	var got page
	for range 30 {
		if got = guess(); got.status == http.StatusTooManyRequests {
			break
		}
		a.want("a guess", got, http.StatusUnauthorized, models.CodeUnauthenticated)
	}
	a.want("too many guesses", got, http.StatusTooManyRequests, models.CodeTooMany)
	a.want("from elsewhere, it says", guess("X-Forwarded-For", "203.0.113.7", "X-Real-IP", "203.0.113.7", "Forwarded", "for=203.0.113.7"), http.StatusTooManyRequests, models.CodeTooMany)
	a.want("a key that was not used before", a.call(fresh, http.MethodGet, "/connections", ""), http.StatusOK, "")
	a.want("a key without the scope", a.call(scopeless, http.MethodGet, "/connections", ""), http.StatusForbidden, models.CodeForbidden)
	wait, err := strconv.Atoi(got.header.Get("Retry-After"))
	if err != nil || wait < 1 || wait > 3 {
		t.Errorf("Retry-After: %q", got.header.Get("Retry-After"))
	}
	a.clockOffset.Add(int64(time.Duration(wait) * time.Second))
	a.want("after that time", guess(), http.StatusUnauthorized, models.CodeUnauthenticated)
	if log := a.log.String(); strings.Contains(log, "pb_guess") || strings.Contains(log, fresh) {
		t.Error("the log holds a key")
	}
}
