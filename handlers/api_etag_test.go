package handlers

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/patchbay/patchbay/client"
	"github.com/patchbay/patchbay/models"
)

func TestAPIIfMatch(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	c, key := a.client(), a.key()
	a.integrate("crm", definitions[models.AuthAPIKey])
	// advanced makes a connection whose configuration was changed once, and then its credentials.
	advanced := func(userID string) {
		t.Helper()
		first := a.call(key, http.MethodPost, "/connections", fmt.Sprintf(`{"integration":"crm","userId":%q,"credentials":{"api_key":"canary-1"}}`, userID))
		second, err := c.UpdateConnectionConfig(t.Context(), "crm", userID, []byte(`{"a":1}`))
		must(t, err)
		third, err := c.UpdateConnectionCredentials(t.Context(), "crm", userID, client.Credentials{APIKey: canary})
		must(t, err)
		if first.header.Get("ETag") != `"1.1"` || second.ETag != `"2.2"` || third.ETag != `"3.2"` {
			t.Fatalf("%s, %s, %s", first.header.Get("ETag"), second.ETag, third.ETag)
		}
	}
	const fine, stale, garbage = "", models.CodeStaleVersion, models.CodeInvalidHeader
	for _, test := range []struct {
		name                string
		tags                []string
		config, credentials string // the code that a write of each ends in
	}{
		{"no header", nil, fine, fine},
		{"any", []string{"*"}, fine, fine},
		{"current", []string{`"3.2"`}, fine, fine},
		{"made weak by a proxy", []string{`W/"3.2"`}, fine, fine},
		{"before the credentials changed", []string{`"2.2"`}, fine, stale},
		{"before everything", []string{`"1.1"`}, stale, stale},
		{"of another connection", []string{`"7.6"`}, stale, stale},
		{"a list", []string{`"3.2", "2.2"`}, garbage, garbage},
		{"two headers", []string{`"3.2"`, `"3.2"`}, garbage, garbage},
		{"any and more", []string{"*", `"1.1"`}, garbage, garbage},
		{"empty", []string{""}, garbage, garbage},
		{"weak, and nothing else", []string{"W/"}, garbage, garbage},
		{"bare", []string{"3.2"}, garbage, garbage},
		{"any, quoted", []string{`"*"`}, garbage, garbage},
		{"any, weak", []string{"W/*"}, garbage, garbage},
		{"one number", []string{`"3"`}, garbage, garbage},
		{"zero, which is any to the core", []string{`"0.0"`}, garbage, garbage},
		{"negative", []string{`"-3.-2"`}, garbage, garbage},
		{"other digits", []string{`"03.+2"`}, garbage, garbage},
		{"too large", []string{`"99999999999999999999.2"`}, garbage, garbage},
	} {
		for _, write := range []struct{ method, path, body, code string }{
			{http.MethodPut, "/config", `{"b":2}`, test.config},
			{http.MethodPatch, "/config", `{"b":2}`, test.config},
			{http.MethodPut, "/credentials", `{"api_key":"` + canary + `"}`, test.credentials},
		} {
			name := fmt.Sprintf("%s: %s%s", test.name, write.method, write.path)
			advanced(name)
			var headers []string
			for _, tag := range test.tags {
				headers = append(headers, "If-Match", tag)
			}
			got := a.call(key, write.method, connectionURL("crm", name)[len(apiPrefix):]+write.path, write.body, headers...)
			a.want(name, got, map[string]int{fine: 200, stale: 409, garbage: 400}[write.code], write.code)
			after, err := c.GetConnection(t.Context(), "crm", name)
			must(t, err)
			if (after.Version == 4) != (write.code == fine) || write.code == fine && got.header.Get("ETag") != after.ETag {
				t.Errorf("%s: version %d, ETag %q", name, after.Version, got.header.Get("ETag"))
			}
		}
	}
}

func TestAPITakesTheSameConfigurationAgain(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	key := a.key()
	a.integrate("crm", definitions[models.AuthAPIKey])
	a.want("register", a.call(key, http.MethodPost, "/connections", `{"integration":"crm","userId":"42","credentials":{"api_key":"`+canary+`"}}`), 201, "")
	for i, etag := range []string{`"2.2"`, `"2.2"`} { // the answer to the first was lost
		got := a.call(key, http.MethodPut, "/connections/crm/42/config", `{"a":1}`, "If-Match", `"1.1"`)
		if got.status != http.StatusOK || got.header.Get("ETag") != etag {
			t.Errorf("try %d: %d %s", i, got.status, got.header.Get("ETag"))
		}
	}
}
