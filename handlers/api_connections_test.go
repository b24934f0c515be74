package handlers

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/patchbay/patchbay/client"
	"github.com/patchbay/patchbay/models"
)

func TestAPIRegistersConnectionsOfEveryAuthMode(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	c := a.client()
	for mode, given := range map[models.AuthMode]client.Credentials{
		models.AuthOAuth2:           {AccessToken: canary + "1", RefreshToken: canary + "2", ExpiresAt: a.now().Add(time.Hour).Truncate(time.Second).UTC()},
		models.AuthOAuth1:           {OAuthToken: canary + "1", OAuthTokenSecret: canary + "2"},
		models.AuthAPIKey:           {APIKey: canary + "1"},
		models.AuthUsernamePassword: {Username: canary + "1", Password: canary + "2"},
	} {
		name := a.integrate(strings.ToLower(string(mode)), definitions[mode])
		const config = ` { "channel" : 1.0,  "<html>": "&" } `
		registered, err := c.RegisterConnection(t.Context(), name, "42", given, []byte(config), "vip", "eu", "vip")
		must(t, err)
		want := &client.Connection{
			UUID: registered.UUID, Integration: name, UserID: "42", DateCreated: registered.DateCreated, LastModified: registered.DateCreated,
			AuthMode: client.AuthMode(mode), Status: client.StatusConnected, ExpiresAt: given.ExpiresAt, Refreshable: given.RefreshToken != "",
			Tags: []string{"vip", "eu"}, Version: 1, AdditionalConfig: []byte(strings.TrimSpace(config)), ETag: `"1.1"`,
		}
		if diff := cmp.Diff(want, registered); diff != "" || len(registered.UUID) != 36 || registered.DateCreated.IsZero() {
			t.Errorf("%s: registered -want +got\n%s", mode, diff)
		}
		got, err := c.GetConnection(t.Context(), name, "42")
		must(t, err)
		if diff := cmp.Diff(registered, got); diff != "" {
			t.Errorf("%s: registered and read\n%s", mode, diff)
		}
		credentials, err := c.GetCredentials(t.Context(), name, "42")
		must(t, err)
		raw := credentials.Raw
		given.Type, credentials.Raw = client.AuthMode(mode), nil
		if diff := cmp.Diff(reveal(given), reveal(*credentials)); diff != "" || !strings.Contains(string(raw), canary+"1") {
			t.Errorf("%s: credentials -given +got, raw %s\n%s", mode, raw, diff)
		}
	}
	_, err := c.RegisterConnection(t.Context(), "api_key", "42", client.Credentials{APIKey: canary}, nil)
	a.refused("registered again", err, client.CodeConnectionExists)
	answer := a.call(a.key(), http.MethodPost, "/connections", `{"integration":"api_key","userId":"a/b ü","credentials":{"api_key":"`+canary+`"}}`)
	a.want("without a configuration", answer, http.StatusCreated, "")
	if answer.location != apiPrefix+"/connections/api_key/a%2Fb%20%C3%BC" || !strings.HasSuffix(answer.body, `,"additionalConfig":{}}`) {
		t.Errorf("it is at %s: %s", answer.location, answer.body)
	}
}

// reveal gives credentials that can be compared and printed.
func reveal(c client.Credentials) any {
	type plain client.Credentials
	return plain(c)
}

// population registers connections of two integrations: users u0 to u9 have "crm", every second of them has "erp", too.
func population(t *testing.T) *api {
	a := newAPI(t)
	c := a.client()
	a.integrate("crm", definitions[models.AuthOAuth2])
	a.integrate("erp", definitions[models.AuthAPIKey])
	for i := range 10 {
		credentials := client.Credentials{AccessToken: canary}
		if i >= 8 {
			credentials.ExpiresAt = a.now().Add(time.Hour)
		}
		_, err := c.RegisterConnection(t.Context(), "crm", fmt.Sprintf("u%d", i), credentials, nil, fmt.Sprintf("mod%d", i%3))
		must(t, err)
		if i%2 == 0 {
			_, err := c.RegisterConnection(t.Context(), "erp", fmt.Sprintf("u%d", i), client.Credentials{APIKey: canary}, nil)
			must(t, err)
		}
	}
	_, err := c.DisableConnection(t.Context(), "crm", "u1")
	must(t, err)
	return a
}

func TestAPIListsFilterSortAndPage(t *testing.T) {
	t.Parallel()
	a := population(t)
	all, limited := a.client(), a.clientOf(a.limitedKey([]string{"erp"}))
	one, err := all.GetConnection(t.Context(), "erp", "u4")
	must(t, err)
	const crm = "crm/u0 crm/u1 crm/u2 crm/u3 crm/u4 crm/u5 crm/u6 crm/u7 crm/u8 crm/u9"
	const erp = "erp/u0 erp/u2 erp/u4 erp/u6 erp/u8"
	for _, test := range []struct {
		client *client.Client
		filter client.Filter
		want   string
	}{
		{all, client.Filter{Integration: "crm", Sort: client.SortOldest}, crm},
		{all, client.Filter{Integration: "crm"}, reversed(crm)},
		{all, client.Filter{Integration: "crm", Sort: client.SortLastModified, Query: "u"}, "crm/u1 crm/u9 crm/u8 crm/u7 crm/u6 crm/u5 crm/u4 crm/u3 crm/u2 crm/u0"},
		{all, client.Filter{Sort: client.SortFirstModified, Tag: "mod1"}, "crm/u4 crm/u7 crm/u1"},
		{all, client.Filter{UserID: "u4", Sort: client.SortOldest}, "crm/u4 erp/u4"},
		{all, client.Filter{UserID: "u"}, ""},
		{all, client.Filter{Tag: "mod0", Sort: client.SortOldest}, "crm/u0 crm/u3 crm/u6 crm/u9"},
		{all, client.Filter{Tag: "mod"}, ""},
		{all, client.Filter{Query: one.UUID}, "erp/u4"},
		{all, client.Filter{Query: "%"}, ""},
		{all, client.Filter{Status: client.StatusDisabled}, "crm/u1"},
		{all, client.Filter{Status: client.StatusExpiring, Sort: client.SortOldest}, "crm/u8 crm/u9"},
		{all, client.Filter{Status: client.StatusNeedsReconnect}, ""},
		{all, client.Filter{Integration: "none"}, ""},
		{limited, client.Filter{Sort: client.SortOldest}, erp},
		{limited, client.Filter{Sort: client.SortOldest, Integration: "erp"}, erp},
		{limited, client.Filter{UserID: "u1"}, ""},
		{limited, client.Filter{Tag: "mod1"}, ""},
		{limited, client.Filter{Query: "u4"}, "erp/u4"},
	} {
		name := fmt.Sprintf("%+v", test.filter)
		for limit := 1; limit < 9; limit += 3 {
			if got := walk(t, test.client, test.filter, limit); got != test.want {
				t.Errorf("%s by %d:\ngot  %s\nwant %s", name, limit, got, test.want)
			}
		}
		n, err := test.client.CountConnections(t.Context(), test.filter)
		must(t, err)
		if int(n) != len(strings.Fields(test.want)) {
			t.Errorf("%s: counted %d", name, n)
		}
	}
	_, err = limited.ListConnections(t.Context(), client.Filter{Integration: "crm"}, client.PageRequest{})
	a.refused("another integration", err, client.CodeForbidden)
	ofUser, err := all.ConnectionsForUser(t.Context(), "u0")
	must(t, err)
	ofIntegration, err := all.ConnectionsForIntegration(t.Context(), "erp")
	must(t, err)
	if len(ofUser) != 2 || len(ofIntegration) != 5 {
		t.Errorf("%d of a user, %d of an integration", len(ofUser), len(ofIntegration))
	}
}

func reversed(words string) string {
	list := strings.Fields(words)
	slices.Reverse(list)
	return strings.Join(list, " ")
}

// walk reads a list page by page.
func walk(t *testing.T, c *client.Client, filter client.Filter, limit int) string {
	t.Helper()
	var pairs []string
	for request := (client.PageRequest{Limit: limit}); ; {
		page, err := c.ListConnections(t.Context(), filter, request)
		must(t, err)
		if len(page.Connections) > limit || page.NextCursor != "" && len(page.Connections) < limit {
			t.Errorf("%+v: a page of %d", filter, len(page.Connections))
		}
		for _, conn := range page.Connections {
			pairs = append(pairs, conn.Integration+"/"+conn.UserID)
		}
		if page.NextCursor == "" {
			return strings.Join(pairs, " ")
		}
		request.Cursor = page.NextCursor
	}
}

func TestAPIChangesAndDeletesConnections(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	c := a.client()
	a.integrate("crm", definitions[models.AuthAPIKey])
	registered, err := c.RegisterConnection(t.Context(), "crm", "42", client.Credentials{APIKey: canary}, []byte(`{"a":{"b":1,"c":2}}`))
	must(t, err)
	replaced, err := c.UpdateConnectionConfig(t.Context(), "crm", "42", []byte(" {\"a\": {\"b\":1.0, \"c\":2},\n\"d\":[]}\n"), client.IfMatch(registered.ETag))
	must(t, err)
	if text, etag, err := c.GetConnectionConfig(t.Context(), "crm", "42"); err != nil || string(text) != " {\"a\": {\"b\":1.0, \"c\":2},\n\"d\":[]}\n" || etag != replaced.ETag {
		t.Errorf("replaced: %q %s, %v", text, etag, err)
	}
	patched, err := c.PatchConnectionConfig(t.Context(), "crm", "42", []byte(`{"a":{"c":null},"e":1e400}`), client.IfMatch(replaced.ETag))
	must(t, err)
	if string(patched.AdditionalConfig) != `{"a":{"b":1.0},"d":[],"e":1e400}` || patched.Version != 3 {
		t.Errorf("patched: %s, version %d", patched.AdditionalConfig, patched.Version)
	}
	tagged, err := c.SetConnectionTags(t.Context(), "crm", "42", "b", "a", "b")
	must(t, err)
	if diff := cmp.Diff([]string{"b", "a"}, tagged.Tags); diff != "" || !tagged.LastModified.After(patched.LastModified) {
		t.Errorf("tagged: %s", diff)
	}
	if untagged, err := c.SetConnectionTags(t.Context(), "crm", "42"); err != nil || untagged.Tags == nil || len(untagged.Tags) > 0 {
		t.Errorf("without tags: %+v, %v", untagged, err)
	}
	disabled, err := c.DisableConnection(t.Context(), "crm", "42")
	must(t, err)
	again, err := c.DisableConnection(t.Context(), "crm", "42")
	must(t, err)
	if disabled.Status != client.StatusDisabled || again.Version != disabled.Version {
		t.Errorf("disabled: %+v, again %+v", disabled, again)
	}
	_, err = c.GetCredentials(t.Context(), "crm", "42")
	a.refused("credentials of a disabled connection", err, client.CodeConnectionDisabled)
	if renewed, err := c.UpdateConnectionCredentials(t.Context(), "crm", "42", client.Credentials{APIKey: canary + "2"}); err != nil || renewed.Status != client.StatusDisabled {
		t.Errorf("new credentials enabled it: %+v, %v", renewed, err)
	}
	enabled, err := c.EnableConnection(t.Context(), "crm", "42")
	must(t, err)
	if credentials, err := c.GetCredentials(t.Context(), "crm", "42"); err != nil || enabled.Status != client.StatusConnected || credentials.APIKey != canary+"2" {
		t.Errorf("enabled: %+v, %v", enabled, err)
	}
	_, err = c.TriggerAction(t.Context(), "crm", "notify", "42", map[string]int{"n": 1})
	a.refused("an action", err, client.CodeUnknownAction)
	deleted, err := c.DeleteConnection(t.Context(), "crm", "42")
	must(t, err)
	if *deleted != (client.DeletedConnection{UUID: registered.UUID, Integration: "crm", UserID: "42", Revocation: client.RevocationUnsupported}) {
		t.Errorf("deleted: %+v", deleted)
	}
	_, err = c.GetConnection(t.Context(), "crm", "42")
	a.refused("a deleted connection", err, client.CodeUnknownConnection)
}
