package handlers

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/patchbay/patchbay/models"
)

// cursorOf gives nextCursor of a list.
func cursorOf(t *testing.T, got page) string {
	t.Helper()
	var list struct{ NextCursor string }
	must(t, json.Unmarshal([]byte(got.body), &list))
	if list.NextCursor == "" {
		t.Fatalf("no cursor: %d %s", got.status, got.body)
	}
	return list.NextCursor
}

func TestAPIRefusesCursorsOfElsewhere(t *testing.T) {
	t.Parallel()
	a := population(t)
	key := a.key()
	get := func(path string) page { return a.call(key, http.MethodGet, path, "") }
	cursors := map[string]string{}
	for _, list := range []string{"/connections?sort=created", "/connections?sort=-created", "/connections?sort=modified", "/connections?sort=-modified", "/audit?", "/events?"} {
		cursors[list] = cursorOf(t, get(list+"&limit=1"))
	}
	for list := range cursors {
		for from, cursor := range cursors {
			got := get(list + "&limit=1&cursor=" + cursor)
			if from == list {
				a.want(list, got, http.StatusOK, "")
			} else {
				a.want(from+" of "+list, got, http.StatusBadRequest, models.CodeInvalidCursor)
			}
		}
		own, err := base64.RawURLEncoding.DecodeString(cursors[list])
		must(t, err)
		for _, forged := range []string{
			"x", " ", "%00", "....", cursors[list][1:], cursors[list] + "x", cursors[list] + "=", "null", "0", "-1", strings.Repeat("A", 5000),
			asCursor(`{}`), asCursor(`null`), asCursor(`[]`), asCursor(string(own) + "{}"), asCursor(strings.Replace(string(own), `"v":[`, `"v":["x",`, 1)),
			asCursor(strings.Replace(string(own), `"v":[`, `"v":["' OR 1=1 --"],"w":[`, 1)), asCursor(strings.Replace(string(own), `"v":[`, `"v":[1e99],"w":[`, 1)),
			asCursor(strings.Replace(string(own), `"v":[`, `"v":[[]],"w":[`, 1)), asCursor(strings.Replace(string(own), `"o":"`, `"o":"x`, 1)),
		} {
			a.want(list+" forged "+forged, get(list+"&cursor="+url.QueryEscape(forged)), http.StatusBadRequest, models.CodeInvalidCursor)
		}
	}
}

func asCursor(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }

func TestAPIRefusesParametersItDoesNotKnow(t *testing.T) {
	t.Parallel()
	a := population(t)
	key := a.key()
	for _, test := range []struct{ path, field string }{
		{"/connections?limit=0", "limit"},
		{"/connections?limit=501", "limit"},
		{"/connections?limit=-1", "limit"},
		{"/connections?limit=x", "limit"},
		{"/connections?limit=1.5", "limit"},
		{"/connections?limit=99999999999999999999", "limit"},
		{"/connections?limit=%31%30%00", "limit"},
		{"/connections?limit=%201", "limit"},
		{"/audit?limit=0", "limit"},
		{"/audit?limit=501", "limit"},
		{"/events?limit=0", "limit"},
		{"/events?limit=501", "limit"},
		{"/connections?sort=id", "sort"},
		{"/connections?sort=created;drop+table+connections", ""},
		{"/connections?sort=" + url.QueryEscape("created; DROP TABLE connections"), "sort"},
		{"/connections?sort=-CREATED", "sort"},
		{"/connections?sort=created,id", "sort"},
		{"/connections?sort=--created", "sort"},
		{"/connections?status=none", "status"},
		{"/connections?status=Connected", "status"},
		{"/connections?status=" + url.QueryEscape("connected' OR '1'='1"), "status"},
		{"/connections?count=1", "count"},
		{"/connections?count=TRUE", "count"},
		{"/events?type=none", "type"},
		{"/events?type=connection.%25", "type"},
		{"/connections?unknown=1", "unknown"},
		{"/connections?Limit=1", "Limit"},
		{"/connections?user=42", "user"},
		{"/connections?=1", ""},
		{"/connections?userId[]=1", "userId[]"},
		{"/connections?limit=1&limit=500", "limit"},
		{"/connections?userId=u1&userId=u2", "userId"},
		{"/connections?integration=crm&integration=erp", "integration"},
		{"/connections?userId=", "userId"},
		{"/connections?tag=", "tag"},
		{"/audit?connection=", "connection"},
		{"/connections?userId=u1;x", ""},
		{"/connections?userId=%zz", ""},
		{"/connections?userId=%", ""},
		{"/connections/crm/u0?x=1", "x"},
		{"/integrations?limit=1", "limit"},
		{"/providers?cursor=x", "cursor"},
		{"/connections/crm/u0/credentials?minTtl=-1", "minTtl"},
		{"/connections/crm/u0/credentials?minTtl=x", "minTtl"},
		{"/connections/crm/u0/credentials?minTtl=1h", "minTtl"},
		{"/connections/crm/u0/credentials?minTtl=31536001", "minTtl"},
		{"/connections/crm/u0/credentials?forceRefresh=yes", "forceRefresh"},
		{"/connections/crm/u0/credentials?force_refresh=true", "force_refresh"},
		{"/connections/crm/u0/credentials?forceRefresh=false&forceRefresh=true", "forceRefresh"},
	} {
		got := a.call(key, http.MethodGet, test.path, "")
		a.want(test.path, got, http.StatusUnprocessableEntity, models.CodeInvalidParameter)
		if f := got.failed().Fields; test.field != "" && (len(f) != 1 || f[0].Field != test.field) {
			t.Errorf("%s: %+v", test.path, f)
		}
	}
	for _, path := range []string{
		"/connections?limit=1", "/connections?limit=500", "/connections?limit=007", "/connections?count=false", "/connections?status=pending", "/connections?", "/connections?cursor=&q=",
		"/connections/crm/u0/credentials?minTtl=0", "/connections/crm/u0/credentials?minTtl=31536000&forceRefresh=false", "/events?type=connection.updated", "/audit?limit=500",
	} {
		a.want(path, a.call(key, http.MethodGet, path, ""), http.StatusOK, "")
	}
}

// Values of filters are values and nothing else.
func TestAPIFiltersByTextsAsTheyAre(t *testing.T) {
	t.Parallel()
	a := population(t)
	key := a.key()
	for _, text := range []string{"' OR '1'='1", "u1' --", "%", "_", `\`, "u_", "u%", "u1\x00", "\x00", "\xff", "U1", "u1 ", "*", "?", strings.Repeat("u", 5000), "NULL", "💥", `"`, "u1/../u2"} {
		for _, filter := range []string{"userId", "q", "tag", "integration"} {
			got := a.call(key, http.MethodGet, "/connections?count=true&"+filter+"="+url.QueryEscape(text), "")
			found := filter == "q" && text == "U1" // which looks at letters of any case
			if got.status != http.StatusOK || strings.HasSuffix(got.body, `"total":0}`) == found {
				t.Errorf("%s=%q: %d %.300s", filter, text, got.status, got.body)
			}
		}
		for _, path := range []string{"/audit?connection=", "/audit?integration="} {
			if got := a.call(key, http.MethodGet, path+url.QueryEscape(text), ""); got.body != `{"entries":[],"nextCursor":""}` {
				t.Errorf("%s%q: %d %.300s", path, text, got.status, got.body)
			}
		}
	}
}
