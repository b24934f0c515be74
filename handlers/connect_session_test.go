package handlers

import (
	"encoding/json"
	"html"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	nethtml "golang.org/x/net/html"

	"github.com/patchbay/patchbay/internal/connections"
	"github.com/patchbay/patchbay/models"
)

const appOrigin = "https://app.example.com"

// session makes a connect session as an application does and gives the path of its link.
func (a *app) session(request connections.ConnectRequest) (link string, token models.Secret) {
	a.t.Helper()
	_, token, err := a.server.Connections.CreateConnectSession(a.t.Context(), models.Actor{Name: "api-key:test"}, request)
	must(a.t, err)
	return connectPath(token), token
}

// follow goes from a start page through the provider and shows where the callback leads.
func (b *browser) follow(start page, decision string) page {
	b.app.t.Helper()
	action := regexp.MustCompile(`<form method="post" action="(/connect/[^"]+/start)"`).FindStringSubmatch(start.body)
	if action == nil {
		b.app.t.Fatalf("no start page: %d\n%s", start.status, start.body)
	}
	var fields []string
	for _, field := range regexp.MustCompile(`<input type="hidden" name="([^"]+)" value="([^"]*)"`).FindAllStringSubmatch(start.body, -1) {
		fields = append(fields, field[1], html.UnescapeString(field[2]))
	}
	started := b.post(action[1], fields...)
	if started.status != http.StatusSeeOther {
		b.app.t.Fatalf("start: %d\n%s", started.status, started.body)
	}
	return b.finish(b.decide(started.location, decision))
}

// shown gives a data attribute of the result page.
func (p page) shown(name string) string {
	found := regexp.MustCompile(`data-` + name + `="([^"]*)"`).FindStringSubmatch(p.body)
	if found == nil {
		return ""
	}
	return html.UnescapeString(found[1])
}

// returned gives the application's address that the page leads to by itself.
func (p page) returned() *url.URL {
	u, err := url.Parse(strings.TrimPrefix(p.header.Get("Refresh"), "0; url="))
	if err != nil {
		return &url.URL{}
	}
	return u
}

func TestAPopupTellsARegisteredOriginOnly(t *testing.T) {
	a := newApp(t)
	link, token := a.session(connections.ConnectRequest{UserID: "42", Integrations: []string{"sandbox", "other"}})
	b := a.browser()
	query := "?integration=sandbox&userId=42&display=popup&ref=r1&origin="
	start := b.get(link + query + url.QueryEscape(appOrigin))
	if got := start.header.Get("Cross-Origin-Opener-Policy"); got != "unsafe-none" {
		t.Errorf("the page would be cut off from its opener: %q", got)
	}
	denied := b.follow(start, "deny")
	if denied.shown("event") != "AUTHORIZATION_FAILED" || denied.shown("origin") != appOrigin || denied.shown("ref") != "r1" || denied.shown("popup") != "true" || denied.shown("error-type") != models.ConnectExternalError {
		t.Errorf("denied: %s", denied.body)
	}
	if started := b.get(link + strings.Replace(query, "r1", "r2", 1) + url.QueryEscape(appOrigin)); !strings.Contains(started.body, "/start") {
		t.Errorf("a new call does not begin anew: %s", started.body)
	}
	done := b.follow(b.get(link+query+url.QueryEscape(appOrigin)+"&again=1"), "allow")
	if done.shown("event") != "AUTHORIZATION_SUCCEEDED" || done.shown("origin") != appOrigin || done.shown("claim") != "" {
		t.Errorf("allowed: %s", done.body)
	}
	if used := b.get(link + strings.Replace(query, "r1", "r3", 1) + url.QueryEscape(appOrigin)); used.status != http.StatusNotFound || used.shown("error-type") != models.ConnectInvalidSession || used.shown("ref") != "r3" || used.shown("origin") != appOrigin {
		t.Errorf("a used link: %d %s", used.status, used.body)
	}
	for _, origin := range []string{"https://attacker.example", appOrigin + ".attacker.example", "null", "*", "javascript:alert(1)", appOrigin + "/path"} {
		got := b.get(link + "?integration=other&display=popup&ref=r1&origin=" + url.QueryEscape(origin))
		if got.status != http.StatusUnprocessableEntity || got.shown("origin") != "" || !strings.Contains(got.body, models.CodeInvalidReturnURL) {
			t.Errorf("origin %s: %d, told %q", origin, got.status, got.shown("origin"))
		}
		if got := b.post(link+"/start", "integration", "other", "display", "popup", "origin", origin); got.status != http.StatusUnprocessableEntity {
			t.Errorf("start with origin %s: %d", origin, got.status)
		}
	}
	attempt, err := a.server.Connections.AttemptOfRef(t.Context(), mustSession(t, a, token), "r1")
	if err != nil || attempt.Status != models.AttemptSucceeded {
		t.Errorf("found by its ref: %+v, %v", attempt, err)
	}
}

func mustSession(t *testing.T, a *app, token models.Secret) *models.ConnectSession {
	t.Helper()
	session, err := a.server.Connections.ConnectSession(t.Context(), token)
	must(t, err)
	return session
}

func TestALinkIsForItsUserAndIntegrations(t *testing.T) {
	a := newApp(t)
	link, _ := a.session(connections.ConnectRequest{UserID: "42", UserLabel: "Ada <b>", Integrations: []string{"sandbox", "other", "broken"}})
	b := a.browser()
	chooser := b.get(link)
	if !strings.Contains(chooser.body, "integration=sandbox") || !strings.Contains(chooser.body, "integration=other") || strings.Contains(chooser.body, "integration=broken") || strings.Contains(chooser.body, "<b>") {
		t.Errorf("chooser: %d\n%s", chooser.status, chooser.body)
	}
	for name, path := range map[string]string{
		"another user":        link + "?integration=sandbox&userId=43&display=popup",
		"another integration": link + "?integration=grant&display=popup",
		"no such link":        "/connect/none?integration=sandbox&display=popup",
	} {
		if got := b.get(path); got.status != http.StatusNotFound || got.shown("error-type") != models.ConnectInvalidSession {
			t.Errorf("%s: %d\n%s", name, got.status, got.body)
		}
	}
	if got := b.post(link+"/start", "integration", "grant"); got.status != http.StatusNotFound {
		t.Errorf("start of another integration: %d", got.status)
	}
	if got := b.post(link + "/start"); got.status != http.StatusNotFound {
		t.Errorf("start without an integration: %d", got.status)
	}
	for _, name := range []string{"sandbox", "other"} {
		if got := b.follow(b.get(link+"?integration="+name), "allow"); got.shown("event") != "AUTHORIZATION_SUCCEEDED" || got.shown("integration") != name {
			t.Errorf("%s: %s", name, got.body)
		}
	}
	a.clockOffset.Store(int64(models.ConnectSessionLife))
	if got := b.get(link); got.shown("error-type") != models.ConnectInvalidSession || !strings.Contains(got.body, "expired") {
		t.Errorf("expired: %d\n%s", got.status, got.body)
	}
}

func TestAFullRedirectComesBackToARegisteredAddress(t *testing.T) {
	a := newApp(t)
	back := appOrigin + "/done?x=1#top"
	link, _ := a.session(connections.ConnectRequest{UserID: "42", Integrations: []string{"sandbox"}, ReturnURL: back})
	b := a.browser()
	start := b.get(link + "?ref=r1")
	if !strings.Contains(html.UnescapeString(start.body), "patchbay_status=cancelled") {
		t.Errorf("cancel leads nowhere: %s", start.body)
	}
	denied := b.follow(start, "deny")
	returned, err := url.Parse(denied.shown("href"))
	must(t, err)
	if q := returned.Query(); q.Get("patchbay_status") != "failed" || q.Get("patchbay_error") != models.ConnectExternalError || q.Get("patchbay_ref") != "r1" || q.Get("x") != "1" || returned.Fragment != "top" {
		t.Errorf("denied: %s", returned)
	}
	done := b.follow(b.get(link+"?ref=r2"), "allow")
	returned = done.returned()
	if q := returned.Query(); returned.Host != "app.example.com" || q.Get("patchbay_status") != "succeeded" || q.Get("patchbay_integration") != "sandbox" || q.Get("patchbay_user_id") != "42" || q.Get("patchbay_claim") != "" {
		t.Errorf("allowed: %d %s", done.status, returned)
	}
	if got := a.browser().get(link); got.header.Get("Refresh") != "" || got.shown("event") != "AUTHORIZATION_SUCCEEDED" {
		t.Errorf("another browser: %d %s", got.status, got.location)
	}
	evil := []string{
		"//attacker.example", `/\attacker.example`, "\t//attacker.example", "javascript:alert(1)", appOrigin + ".attacker.example/",
		"https://app.example.com@attacker.example/", `https:\\app.example.com`, "https://attacker.example/?" + appOrigin, "http://app.example.com/",
	}
	for _, address := range evil {
		_, _, err := a.server.Connections.CreateConnectSession(t.Context(), models.Actor{}, connections.ConnectRequest{UserID: "42", ReturnURL: address})
		if !models.HasCode(err, models.CodeInvalidReturnURL) && !strings.HasPrefix(address, "/") {
			t.Errorf("session that returns to %q: %v", address, err)
		}
		if got := b.get(link + "?returnUrl=" + url.QueryEscape(address)); got.status != http.StatusUnprocessableEntity || strings.Contains(got.shown("href"), "attacker") {
			t.Errorf("link that returns to %q: %d %s", address, got.status, got.shown("href"))
		}
	}
}

func TestConfirmedByTheApplicationOnly(t *testing.T) {
	a := newApp(t)
	core := a.server.Connections
	if _, _, err := core.CreateConnectSession(t.Context(), models.Actor{}, connections.ConnectRequest{UserID: "42", Confirm: true}); !models.HasCode(err, models.CodeInvalidReturnURL) {
		t.Errorf("nowhere to bring the claim: %v", err)
	}
	link, token := a.session(connections.ConnectRequest{UserID: "attacker", Integrations: []string{"sandbox"}, ReturnURL: appOrigin + "/done", Confirm: true})
	victim := a.browser()
	done := victim.follow(victim.get(link), "allow")
	claim := models.Secret(done.returned().Query().Get("patchbay_claim"))
	if claim == "" {
		t.Fatalf("no claim: %d %s\n%s", done.status, done.location, done.body)
	}
	for name, got := range map[string]page{"the attacker": a.browser().get(link), "a stranger with a cookie": a.startedElsewhere("sandbox").get(link)} {
		if strings.Contains(got.body+got.location, claim.Reveal()) || !strings.Contains(got.body, "Almost connected") {
			t.Errorf("%s: %d %s\n%s", name, got.status, got.location, got.body)
		}
	}
	if _, _, err := core.FreshCredentials(t.Context(), "sandbox", "attacker", connections.Freshness{}); !models.HasCode(err, models.CodeUnknownConnection) {
		t.Errorf("the tokens can be used before they are confirmed: %v", err)
	}
	attempt, err := core.FindClaim(t.Context(), claim)
	must(t, err)
	if _, err := core.RedeemClaim(t.Context(), models.Actor{}, attempt, "victim"); !models.HasCode(err, models.CodeForbidden) {
		t.Errorf("redeemed for the user who is signed in, but for whom the flow was not started: %v", err)
	}
	conn, err := core.RedeemClaim(t.Context(), models.Actor{}, attempt, "attacker")
	if err != nil || conn.State != models.StateConnected {
		t.Errorf("%+v, %v", conn, err)
	}
	if _, err := core.FindClaim(t.Context(), claim); !models.HasCode(err, models.CodeNotFound) {
		t.Errorf("redeemed twice: %v", err)
	}
	if attempt, err := core.AttemptOfRef(t.Context(), mustSession(t, a, token), ""); err != nil || attempt.Status != models.AttemptSucceeded || attempt.Secrets.Credentials != nil || attempt.Secrets.Claim != "" {
		t.Errorf("the attempt keeps what it no longer needs: %+v, %v", attempt, err)
	}
}

// startedElsewhere gives a browser that has started an attempt of its own.
func (a *app) startedElsewhere(integration string) *browser {
	a.t.Helper()
	link, _ := a.session(connections.ConnectRequest{UserID: "other", Integrations: []string{integration}})
	b := a.browser()
	b.post(link + "/start")
	return b
}

func TestTokensThatNobodyClaimsDieAndAreRevoked(t *testing.T) {
	a := newApp(t)
	core := a.server.Connections
	existing := a.connect("sandbox", "42")
	link, token := a.session(connections.ConnectRequest{UserID: "42", Integrations: []string{"sandbox"}, ReturnURL: appOrigin, Confirm: true})
	b := a.browser()
	done := b.follow(b.get(link), "allow")
	claim := models.Secret(done.returned().Query().Get("patchbay_claim"))
	attempt, err := core.FindClaim(t.Context(), claim)
	must(t, err)
	waiting := attempt.Secrets.Credentials.AccessToken
	if !a.alive(waiting) {
		t.Fatal("the provider does not know the token that waits")
	}
	a.clockOffset.Store(int64(models.ClaimLife + time.Second))
	if _, err := core.FindClaim(t.Context(), claim); !models.HasCode(err, models.CodeNotFound) {
		t.Errorf("too late, but found: %v", err)
	}
	must(t, core.Sweep(t.Context()))
	a.clockOffset.Store(0)
	if a.alive(waiting) {
		t.Error("the token was not revoked")
	}
	if attempt, err := core.AttemptOfRef(t.Context(), mustSession(t, a, token), ""); err != nil || attempt.Status != models.AttemptFailed || attempt.ErrorType != models.ConnectInvalidState {
		t.Errorf("%+v, %v", attempt, err)
	}
	after, err := core.Get(t.Context(), existing.UUID)
	if err != nil || after.Version != existing.Version {
		t.Errorf("the connection that was there has changed: %+v, %v", after, err)
	}
}

// alive reports whether the sandbox accepts an access token.
func (a *app) alive(token models.Secret) bool {
	a.t.Helper()
	got := a.browser().do(http.MethodGet, "/sandbox/userinfo", nil, http.Header{"Authorization": {"Bearer " + token.Reveal()}})
	return got.status == http.StatusOK
}

func TestEndUsersSeeAndEndTheirOwnConnections(t *testing.T) {
	a := newApp(t)
	mine, other := a.connect("sandbox", "42"), a.connect("sandbox", "43")
	hidden := a.connect("other", "42")
	credentials, err := a.store.Credentials(t.Context(), mine.UUID)
	must(t, err)
	_, token := a.session(connections.ConnectRequest{UserID: "42", Integrations: []string{"sandbox", "grant"}})
	b := a.browser()
	got := b.get(mePath(token))
	if got.status != http.StatusOK || !strings.Contains(got.body, "sandbox") || strings.Contains(got.body, ">other<") || !strings.Contains(got.body, "Reconnect") {
		t.Errorf("%d\n%s", got.status, got.body)
	}
	if got := b.post(mePath(token) + "/disconnect?integration=other"); got.status != http.StatusNotFound {
		t.Errorf("one that the session does not cover: %d", got.status)
	}
	if got := b.get(mePath("none")); got.status != http.StatusNotFound {
		t.Errorf("no such session: %d", got.status)
	}
	ended := b.post(mePath(token) + "/disconnect?integration=sandbox")
	if got := b.get(ended.location); got.status != http.StatusOK || !strings.Contains(got.body, "has no access to your account of sandbox any more") {
		t.Errorf("disconnect: %d\n%s", got.status, got.body)
	}
	if a.alive(credentials.AccessToken) {
		t.Error("the grant was not revoked")
	}
	for _, kept := range []*models.Connection{other, hidden} {
		if _, err := a.store.Connection(t.Context(), kept.UUID); err != nil {
			t.Errorf("the connection of %s to %s is gone: %v", kept.UserID, kept.Integration, err)
		}
	}
	history, err := a.store.AuditEntries(t.Context(), models.AuditFilter{ConnectionUUID: mine.UUID}, models.PageRequest{Limit: 1})
	if err != nil || history.Rows[0].Actor != "end-user:42" {
		t.Errorf("history %+v, %v", history.Rows, err)
	}
	a.clockOffset.Store(int64(models.ConnectSessionLife))
	if got := b.post(mePath(token) + "/disconnect?integration=grant"); got.status != http.StatusNotFound {
		t.Errorf("after the session's end: %d", got.status)
	}
}

func TestASessionThatIsEndedRevokesWhatWaits(t *testing.T) {
	a := newApp(t)
	link, token := a.session(connections.ConnectRequest{UserID: "42", Integrations: []string{"sandbox"}, ReturnURL: appOrigin, Confirm: true})
	b := a.browser()
	claim := models.Secret(b.follow(b.get(link), "allow").returned().Query().Get("patchbay_claim"))
	attempt, err := a.server.Connections.FindClaim(t.Context(), claim)
	must(t, err)
	must(t, a.server.Connections.DeleteConnectSession(t.Context(), models.Actor{}, mustSession(t, a, token)))
	if a.alive(attempt.Secrets.Credentials.AccessToken) {
		t.Error("the token that waited was not revoked")
	}
	if _, err := a.server.Connections.RedeemClaim(t.Context(), models.Actor{}, attempt, "42"); err == nil {
		t.Error("redeemed after the session's end")
	}
	if got := b.get(link); got.status != http.StatusNotFound {
		t.Errorf("the link: %d", got.status)
	}
}

// The attacker has a code of his own account at the provider, and the victim's browser is led to the callback with it.
func TestACodeOfSomebodyElseIsNotRedeemed(t *testing.T) {
	a := newApp(t)
	link, _ := a.session(connections.ConnectRequest{UserID: "attacker", Integrations: []string{"sandbox"}})
	stolen, err := url.Parse(a.browser().consent(link, "allow"))
	must(t, err)
	link, _ = a.session(connections.ConnectRequest{UserID: "victim", Integrations: []string{"sandbox"}})
	victim := a.browser()
	own, err := url.Parse(victim.consent(link, "allow"))
	must(t, err)
	query := own.Query()
	query.Set("code", stolen.Query().Get("code"))
	if got := victim.finish(own.Path + "?" + query.Encode()); got.shown("error-type") != models.ConnectTokenRetrieval {
		t.Errorf("%d\n%s", got.status, got.body)
	}
	if _, err := a.store.ConnectionOf(t.Context(), "sandbox", "victim"); !models.HasCode(err, models.CodeUnknownConnection) {
		t.Errorf("the attacker's account is connected for the victim: %v", err)
	}
}

// Whatever a provider says is text on our page.
func TestAProvidersWordsAreText(t *testing.T) {
	a := newApp(t)
	data, err := os.ReadFile("testdata/naughty-strings.json")
	must(t, err)
	var naughty []string
	must(t, json.Unmarshal(data, &naughty))
	b, usual := a.browser(), 0
	for i, words := range append([]string{"plain words"}, naughty...) {
		if i%10 != 0 && !strings.ContainsAny(words, "<>\"'`") {
			continue
		}
		link, _ := a.session(connections.ConnectRequest{UserID: "42", Integrations: []string{"sandbox"}})
		authorize, err := url.Parse(b.post(link + "/start").location)
		must(t, err)
		query := url.Values{"state": authorize.Query()["state"], "iss": {a.url + "/sandbox"}, "error": {"access_denied"}, "error_description": {words}}
		got := b.finish("/oauth/callback/sandbox?" + query.Encode())
		page, err := nethtml.Parse(strings.NewReader(got.body))
		must(t, err)
		scripts := 0
		for node := range page.Descendants() {
			if node.Data == "script" || node.Data == "img" || node.Data == "iframe" || node.Data == "svg" && node.Parent.Data == "p" {
				scripts++
			}
			for _, attribute := range node.Attr {
				if strings.HasPrefix(attribute.Key, "on") {
					t.Errorf("%q became the attribute %s", words, attribute.Key)
				}
			}
		}
		if i == 0 {
			usual = scripts
		}
		if said := got.shown("error-message"); scripts != usual || !strings.HasPrefix(said, "sandbox answered: access_denied") {
			t.Errorf("%q: %d scripts, said %q", words, scripts, said)
		}
	}
}
