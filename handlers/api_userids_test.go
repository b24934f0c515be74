package handlers

import (
	"encoding/json"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/patchbay/patchbay/client"
	"github.com/patchbay/patchbay/models"
)

// roundTrip registers, finds, lists and deletes a connection of a user.
func (a *api) roundTrip(c *client.Client, key, userID string) {
	a.t.Helper()
	ctx := a.t.Context()
	body, err := json.Marshal(map[string]any{"integration": "crm", "userId": userID, "credentials": map[string]string{"api_key": canary}})
	must(a.t, err)
	// Not by the client, whose Idempotency-Key costs two writes more.
	got := a.call(key, http.MethodPost, "/connections", string(body))
	if models.ValidateUserID(userID) != nil {
		a.want(userID, got, http.StatusUnprocessableEntity, models.CodeInvalidUserID)
		return
	}
	a.want(userID, got, http.StatusCreated, "")
	var registered client.Connection
	must(a.t, json.Unmarshal([]byte(got.body), &registered))
	found, err := c.GetConnection(ctx, "crm", userID)
	must(a.t, err)
	listed, err := c.ConnectionsForUser(ctx, userID)
	must(a.t, err)
	if registered.UserID != userID || found.UUID != registered.UUID || len(listed) != 1 || listed[0].UUID != registered.UUID {
		a.t.Errorf("%q: registered %+v, found %+v, %d listed", userID, registered, found, len(listed))
	}
	deleted, err := c.DeleteConnection(ctx, "crm", userID)
	must(a.t, err)
	if deleted.UserID != userID || deleted.UUID != registered.UUID {
		a.t.Errorf("%q: deleted %+v", userID, deleted)
	}
}

func TestAPITakesNaughtyStringsAsUserIDs(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	key, c := a.key(), a.client()
	a.integrate("crm", definitions[models.AuthAPIKey])
	var naughty []string
	text, err := os.ReadFile("testdata/naughty-strings.json")
	must(t, err)
	must(t, json.Unmarshal(text, &naughty))
	refused := 0
	for _, userID := range naughty {
		a.roundTrip(c, key, userID)
		if models.ValidateUserID(userID) != nil {
			refused++
		}
	}
	if len(naughty) != 515 || refused != 9 {
		t.Errorf("%d of %d were refused", refused, len(naughty))
	}
}

func TestAPIKeepsUserIDsApart(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	c := a.client()
	a.integrate("crm", definitions[models.AuthAPIKey])
	ids := []string{
		"a/b", "a%2Fb", "a%252Fb", "%2F", "/", "//", "a", "A", "..", ".", "...", "../x", "%2e%2e", " ", "  ", "a ", " a", "+", "%20", "%", "%%", "%zz", "&", "a&b=c", "?x=1#y", "#",
		"\u00e9", "e\u0301", "\u212b", "\u00c5", "שלום", "مرحبا", "\u202eabc", "\u200b", "\ufeff", "\ufffd", "\u2028", "🦊", "👩‍👩‍👧", "𝒳",
		"self", "claim", "config", "credentials", "actions", "null", "0", "00", "1e3", `"`, `\`, `\\`, "';--", "<script>", "{{x}}", "${x}", ":userId", "*", "_", "__",
		strings.Repeat("x", models.MaxUserIDBytes), strings.Repeat("é", models.MaxUserIDBytes/2), strings.Repeat("/", models.MaxUserIDBytes),
	}
	uuids := map[string]bool{}
	for _, id := range ids {
		registered, err := c.RegisterConnection(t.Context(), "crm", id, client.Credentials{APIKey: canary}, nil)
		must(t, err)
		uuids[registered.UUID] = true
	}
	if len(uuids) != len(ids) {
		t.Errorf("%d connections of %d users", len(uuids), len(ids))
	}
	key := a.key()
	for _, id := range ids {
		listed, err := c.ConnectionsForUser(t.Context(), id)
		must(t, err)
		found, err := c.GetConnection(t.Context(), "crm", id)
		must(t, err)
		if len(listed) != 1 || listed[0].UserID != id || found.UserID != id || found.UUID != listed[0].UUID {
			t.Errorf("%q: found %+v, listed %+v", id, found, listed)
		}
		for _, suffix := range []string{"/config", "/credentials"} {
			if got := a.call(key, http.MethodGet, "/connections/crm/"+strings.ReplaceAll(escaped(id), "+", "%2B")+suffix, ""); got.status != http.StatusOK {
				t.Errorf("%q: %s: %d", id, suffix, got.status)
			}
		}
	}
	for _, id := range []string{"", strings.Repeat("x", models.MaxUserIDBytes+1), strings.Repeat("é", 257), "a\nb", "\x00", "\x7f", "\u0085", "\t"} {
		a.roundTrip(c, key, id)
	}
	for _, path := range []string{"/connections/crm/a/b", "/connections/crm/a//config", "/connections/crm//a", "/connections/crm/a/b/config", "/connections/crm/%ff", "/connections/crm/%00", "/connections/crm/" + strings.Repeat("y", 600)} {
		if got := a.call(key, http.MethodGet, path, ""); got.status != http.StatusNotFound {
			t.Errorf("%s: %d %s", path, got.status, got.body)
		}
	}
}

// escaped writes a user id as encodeURIComponent does, and dots so that nothing takes them for steps.
func escaped(id string) string {
	const hex = "0123456789ABCDEF"
	var b strings.Builder
	for _, c := range []byte(id) {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', strings.IndexByte("-_!~*'()", c) >= 0:
			b.WriteByte(c)
		default:
			b.Write([]byte{'%', hex[c>>4], hex[c&15]})
		}
	}
	return b.String()
}
