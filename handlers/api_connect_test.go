package handlers

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/patchbay/patchbay/client"
	"github.com/patchbay/patchbay/models"
)

// linkPath gives the path of a connect link.
func (a *api) linkPath(link *client.ConnectLink) string {
	a.t.Helper()
	if link.URL != a.url+"/connect/"+link.Token {
		a.t.Errorf("link %s", link.URL)
	}
	return strings.TrimPrefix(link.URL, a.url)
}

// choose goes from a link for several integrations through the provider's page and gives the callback's address; fields
// are those of the link's form.
func (b *browser) choose(path, decision string, fields ...string) string {
	b.app.t.Helper()
	started := b.post(path+"/start", fields...)
	asked := consentRequest.FindStringSubmatch(b.get(started.location).body)
	if started.status != http.StatusSeeOther || asked == nil {
		b.app.t.Fatalf("start: %d\n%s", started.status, started.body)
	}
	return b.post("/sandbox/authorize", "request", asked[1], "account", "ada", "decision", decision).location
}

func TestAPIConnectSessionsLeadToConnections(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	c := a.client(models.ScopeConnectWrite)
	link, err := c.CreateConnectSession(t.Context(), client.ConnectSessionRequest{
		UserID: "42", UserLabel: "Ada", Integrations: []string{"sandbox", "other"}, ReturnURL: "https://app.example.com/done", ExpiresIn: time.Hour,
	})
	must(t, err)
	if left := time.Until(link.ExpiresAt); left < 59*time.Minute || left > time.Hour {
		t.Errorf("it ends in %s", left)
	}
	want := &client.ConnectSession{
		ID: link.ID, UserID: "42", UserLabel: "Ada", Integrations: []string{"sandbox", "other"}, ReturnURL: "https://app.example.com/done",
		ExpiresAt: link.ExpiresAt, Attempts: []client.ConnectAttempt{},
	}
	stands := func(name string) {
		t.Helper()
		for _, id := range []string{link.ID, link.Token} {
			got, err := c.GetConnectSession(t.Context(), id)
			must(t, err)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s: -want +got\n%s", name, diff)
			}
		}
	}
	stands("new")
	b, path := a.browser(), a.linkPath(link)
	b.finish(b.choose(path, "deny", "integration", "sandbox"))
	want.Attempts = []client.ConnectAttempt{{Integration: "sandbox", Status: client.AttemptFailed, Error: &client.ConnectError{
		Type: models.ConnectExternalError, Message: "sandbox answered: access_denied: Ada Lovelace denied access.",
	}}}
	stands("denied")
	callback := b.choose(path, "allow", "integration", "sandbox")
	want.Attempts = []client.ConnectAttempt{{Integration: "sandbox", Status: client.AttemptStarted}}
	stands("at the provider")
	b.finish(callback)
	want.Attempts = []client.ConnectAttempt{{Integration: "sandbox", Status: client.AttemptSucceeded}}
	stands("connected")
	if _, err := a.client().GetConnection(t.Context(), "sandbox", "42"); err != nil {
		t.Error(err)
	}
	must(t, c.DeleteConnectSession(t.Context(), link.Token))
	_, err = c.GetConnectSession(t.Context(), link.ID)
	a.refused("deleted", err, client.CodeNotFound)
	if got := b.get(path); got.status != http.StatusNotFound {
		t.Errorf("the link of a deleted session: %d", got.status)
	}
}

func TestAPIConnectSessionsAreForKnownUsersAndPlaces(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	key := a.key(models.ScopeConnectWrite)
	for _, test := range []struct{ body, code, field string }{
		{`{}`, models.CodeInvalidUserID, "userId"},
		{`{"userId":"a\u0000b"}`, models.CodeInvalidUserID, "userId"},
		{`{"userId":7}`, models.CodeInvalidBody, "userId"},
		{`{"userId":"42","integrations":"sandbox"}`, models.CodeInvalidBody, "integrations"},
		{`{"userId":"42","integrations":[]}`, models.CodeInvalidBody, "integrations"},
		{`{"userId":"42","integrations":["sandbox","none"]}`, models.CodeUnknownIntegration, ""},
		{`{"userId":"42","returnUrl":"https://attacker.example/"}`, models.CodeInvalidReturnURL, "returnUrl"},
		{`{"userId":"42","returnUrl":"https://app.example.com.attacker.example/"}`, models.CodeInvalidReturnURL, "returnUrl"},
		{`{"userId":"42","returnUrl":"https://app.example.com@attacker.example/"}`, models.CodeInvalidReturnURL, "returnUrl"},
		{`{"userId":"42","returnUrl":"javascript:alert(1)"}`, models.CodeInvalidReturnURL, "returnUrl"},
		{`{"userId":"42","returnUrl":"/connections"}`, models.CodeInvalidReturnURL, "returnUrl"},
		{`{"userId":"42","returnUrl":"//attacker.example"}`, models.CodeInvalidReturnURL, "returnUrl"},
		{`{"userId":"42","confirm":true}`, models.CodeInvalidReturnURL, "returnUrl"},
		{`{"userId":"42","expiresIn":59}`, models.CodeInvalidBody, "expiresIn"},
		{`{"userId":"42","expiresIn":86401}`, models.CodeInvalidBody, "expiresIn"},
		{`{"userId":"42","expiresIn":-1}`, models.CodeInvalidBody, "expiresIn"},
		{`{"userId":"42","expiresIn":9223372036854775807}`, models.CodeInvalidBody, "expiresIn"},
		{`{"userId":"42","expiresIn":1e99}`, models.CodeInvalidBody, "expiresIn"},
		{`{"userId":"42","userLabel":"` + strings.Repeat("x", 201) + `"}`, models.CodeInvalidBody, "userLabel"},
		{`{"userId":"42","UserID":"7"}`, models.CodeInvalidBody, "UserID"},
	} {
		got := a.call(key, http.MethodPost, "/connect-sessions", test.body)
		if e := got.failed(); e.Code != test.code || test.field != "" && (len(e.Fields) != 1 || e.Fields[0].Field != test.field) {
			t.Errorf("%s: %d %s", test.body, got.status, got.body)
		}
	}
	for _, body := range []string{`{"userId":"42","expiresIn":60}`, `{"userId":"42","expiresIn":86400,"integrations":null}`, `{"userId":"42","returnUrl":"http://localhost:5173/x"}`} {
		a.want(body, a.call(key, http.MethodPost, "/connect-sessions", body), http.StatusCreated, "")
	}
}

// confirmLink makes a link whose tokens wait for a claim.
func (a *api) confirmLink(c *client.Client) *client.ConnectLink {
	a.t.Helper()
	link, err := c.CreateConnectSession(a.t.Context(), client.ConnectSessionRequest{
		UserID: "42", Integrations: []string{"sandbox"}, ReturnURL: "https://app.example.com/done?x=1", Confirm: true,
	})
	must(a.t, err)
	return link
}

// claim gives what the browser that finished a flow brings to the application.
func (a *api) claim(b *browser, callback string) string {
	a.t.Helper()
	got := b.finish(callback)
	_, address, _ := strings.Cut(got.header.Get("Refresh"), "url=")
	u, err := url.Parse(address)
	must(a.t, err)
	claim := u.Query().Get("patchbay_claim")
	if u.Host != "app.example.com" || u.Query().Get("x") != "1" || len(claim) < 40 {
		a.t.Fatalf("led to %q\n%s", address, got.body)
	}
	return claim
}

func TestAPIRedeemsAClaimOnceForItsOwnUser(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	c := a.client()
	link := a.confirmLink(c)
	first, second := a.browser(), a.browser()
	claim := a.claim(first, first.consent(a.linkPath(link), "allow"))
	late := a.claim(second, second.consent(a.linkPath(link), "allow"))
	_, err := c.GetConnection(t.Context(), "sandbox", "42")
	a.refused("before the claim", err, client.CodeUnknownConnection)
	for id, key := range map[string]string{link.ID: a.key(), "self": link.Token} {
		got := a.call(key, http.MethodGet, "/connect-sessions/"+id, "")
		if !strings.Contains(got.body, `{"integration":"sandbox","status":"pending","error":null}`) || strings.Contains(got.body, claim) || strings.Contains(got.body, late) {
			t.Errorf("waiting: %s", got.body)
		}
	}
	for name, test := range map[string]struct{ claim, userID, code string }{
		"another user": {claim, "7", client.CodeForbidden}, "nobody": {claim, "", client.CodeForbidden},
		"unknown": {claim + "x", "42", client.CodeNotFound}, "nothing": {"", "42", client.CodeNotFound},
	} {
		_, err := c.RedeemClaim(t.Context(), test.claim, test.userID)
		a.refused(name, err, test.code)
	}
	redeemed, err := c.RedeemClaim(t.Context(), claim, "42")
	must(t, err)
	if redeemed.UserID != "42" || redeemed.Status != client.StatusConnected || redeemed.ETag == "" {
		t.Errorf("redeemed: %+v", redeemed)
	}
	if credentials, err := c.GetCredentials(t.Context(), "sandbox", "42"); err != nil || !a.active(credentials.AccessToken) {
		t.Errorf("credentials: %v", err)
	}
	_, err = c.RedeemClaim(t.Context(), claim, "42")
	a.refused("redeemed before", err, client.CodeNotFound)
	_, err = c.RedeemClaim(t.Context(), late, "42")
	a.refused("of a link that is used", err, client.CodeNotFound)
}

func TestAPIClaimsExpire(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	c, b := a.client(), a.browser()
	claim := a.claim(b, b.consent(a.linkPath(a.confirmLink(c)), "allow"))
	a.clockOffset.Store(int64(models.ClaimLife))
	_, err := c.RedeemClaim(t.Context(), claim, "42")
	a.refused("expired", err, client.CodeNotFound)
}

func TestAPIConnectSessionIsOpenToItsOwnBrowserAlone(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	c := a.client()
	link, err := c.CreateConnectSession(t.Context(), client.ConnectSessionRequest{UserID: "42"})
	must(t, err)
	const self = "/connect-sessions/self"
	got := a.call(link.Token, http.MethodGet, self, "")
	want := fmt.Sprintf(`{"id":%q,"userId":"42","integrations":["broken","grant","mode","other","sandbox"],"expiresAt":%q,"attempt":null}`, link.ID, link.ExpiresAt.Format(time.RFC3339Nano))
	if got.status != http.StatusOK || got.body != want {
		t.Errorf("%d %s\nwant %s", got.status, got.body, want)
	}
	b := a.browser()
	b.finish(b.choose(a.linkPath(link), "deny", "integration", "sandbox", "ref", "first"))
	b.choose(a.linkPath(link), "allow", "integration", "other", "ref", "second")
	for ref, text := range map[string]string{
		"?ref=first": `"attempt":{"integration":"sandbox","status":"failed","error":{"type":"external_callback_error"`, "?ref=none": `"attempt":null`,
		"?ref=second": `"attempt":{"integration":"other","status":"started","error":null}`, "": `"attempt":{"integration":"other"`,
	} {
		if got := a.call(link.Token, http.MethodGet, self+ref, ""); !strings.Contains(got.body, text) {
			t.Errorf("%s: %s", ref, got.body)
		}
	}
	for name, token := range map[string]string{"no token": "", "an API key": a.key(), "the id": link.ID, "another case": strings.ToLower(link.Token)} {
		a.want(name, a.call(token, http.MethodGet, self, ""), http.StatusUnauthorized, models.CodeUnauthenticated)
	}
	a.want("the token as an API key", a.call(link.Token, http.MethodGet, "/connections", ""), http.StatusUnauthorized, models.CodeUnauthenticated)
	a.clockOffset.Store(int64(models.ConnectSessionLife))
	a.want("expired", a.call(link.Token, http.MethodGet, self, ""), http.StatusUnauthorized, models.CodeUnauthenticated)
}
