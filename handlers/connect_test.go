package handlers

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/patchbay/patchbay/internal/store"
	"github.com/patchbay/patchbay/internal/store/storetest"
	"github.com/patchbay/patchbay/models"
)

// finish goes to a callback and shows where it leads.
func (b *browser) finish(callback string) page {
	b.app.t.Helper()
	got := b.get(callback)
	if got.status != http.StatusSeeOther {
		return got
	}
	if strings.Contains(got.location, "code=") || strings.Contains(got.location, "state=") {
		b.app.t.Errorf("the final address holds code or state: %s", got.location)
	}
	return b.get(got.location)
}

func TestConnectAndReconnectKeepWhatIsTheUsers(t *testing.T) {
	a := newApp(t)
	first := a.connect("sandbox", "42")
	if first.Status(a.now()) != models.StatusConnected || !first.Refreshable || first.ExpiresAt == nil || first.AdditionalConfig != "{}" {
		t.Errorf("connected: %+v", first)
	}
	before, err := a.store.Credentials(t.Context(), first.UUID)
	must(t, err)
	admin := a.signedIn(adminEmail)
	if got := admin.post("/connections/"+first.UUID+"/config", "version", "1", "config", "{ \"channelId\": 1.0 }\r\n"); got.status != http.StatusSeeOther {
		t.Fatalf("save: %d", got.status)
	}
	second := a.connect("sandbox", "42")
	after, err := a.store.Credentials(t.Context(), second.UUID)
	must(t, err)
	if second.UUID != first.UUID || !second.DateCreated.Equal(first.DateCreated) || second.AdditionalConfig != "{ \"channelId\": 1.0 }\n" || !second.LastModified.After(first.LastModified) {
		t.Errorf("reconnected: %+v, before %+v", second, first)
	}
	if after.AccessToken == before.AccessToken || after.RefreshToken == before.RefreshToken {
		t.Error("the credentials were not replaced")
	}
	if got := admin.get("/connections/" + first.UUID); !strings.Contains(got.body, "Reconnected: the credentials were replaced") || strings.Contains(got.body, after.AccessToken.Reveal()) {
		t.Errorf("the page shows no history, or a token")
	}
}

func TestStatesThatAreNotThisBrowsersOwnAreRefused(t *testing.T) {
	a := newApp(t)
	refused := func(name string, got page) {
		t.Helper()
		if got.status != http.StatusBadRequest || !strings.Contains(got.body, models.ConnectInvalidState) {
			t.Errorf("%s: %d\n%s", name, got.status, got.body)
		}
	}
	owner := a.browser()
	callback := owner.consent(a.connectLink("sandbox", "42"), "allow")
	u, err := url.Parse(callback)
	must(t, err)
	state := u.Query().Get("state")
	with := func(state string) string {
		query := u.Query()
		query.Set("state", state)
		return u.Path + "?" + query.Encode()
	}
	refused("no state", owner.get(with("")))
	refused("unknown state", owner.get(with("x")))
	refused("cut state", owner.get(with(state[:len(state)-1])))
	refused("changed state", owner.get(with(strings.ToLower(state))))
	refused("no cookie", a.browser().get(callback))
	other := a.browser()
	other.consent(a.connectLink("sandbox", "victim"), "allow") // has a cookie of its own
	refused("another browser", other.get(callback))
	refused("another integration", owner.get(strings.Replace(callback, "/callback/sandbox", "/callback/other", 1)))
	refused("shared callback", owner.get(strings.Replace(callback, "/callback/sandbox", "/callback", 1)))
	if n := a.tokenRequests.Load(); n != 0 {
		t.Errorf("%d token requests for callbacks that were refused", n)
	}
	if got := owner.finish(callback); !strings.Contains(got.body, "AUTHORIZATION_SUCCEEDED") {
		t.Errorf("the owner could not finish any more: %d\n%s", got.status, got.body)
	}
	refused("replayed", owner.get(callback))
	if n := a.tokenRequests.Load(); n != 1 {
		t.Errorf("%d token requests", n)
	}
}

func TestOfManyCallbacksOneWins(t *testing.T) {
	a := newApp(t)
	b := a.browser()
	callback := b.consent(a.connectLink("sandbox", "42"), "allow")
	var won, refused atomic.Int64
	var group sync.WaitGroup
	for range 50 {
		group.Go(func() {
			switch got := b.get(callback); got.status {
			case http.StatusSeeOther:
				won.Add(1)
			case http.StatusBadRequest:
				refused.Add(1)
			default:
				t.Errorf("%d", got.status)
			}
		})
	}
	group.Wait()
	if won.Load() != 1 || refused.Load() != 49 || a.tokenRequests.Load() != 1 {
		t.Errorf("%d won, %d refused, %d token requests", won.Load(), refused.Load(), a.tokenRequests.Load())
	}
}

func TestASecretFromElsewhereBindsNothing(t *testing.T) {
	a := newApp(t)
	victim := a.browser()
	victim.client.Jar.SetCookies(&url.URL{Scheme: "http", Host: "127.0.0.1", Path: "/"}, []*http.Cookie{{Name: browserCookie + "known", Value: "known", Path: "/"}})
	callback := victim.consent(a.connectLink("sandbox", "42"), "allow")
	attacker := a.browser()
	attacker.client.Jar.SetCookies(&url.URL{Scheme: "http", Host: "127.0.0.1", Path: "/"}, []*http.Cookie{{Name: browserCookie + "known", Value: "known", Path: "/"}})
	if got := attacker.get(callback); got.status != http.StatusBadRequest {
		t.Errorf("finished with a cookie that was planted: %d", got.status)
	}
}

func TestAnAttemptInProgressIsShownAsSuch(t *testing.T) {
	a := newApp(t)
	link, b := a.connectLink("sandbox", "42"), a.browser()
	u, err := url.Parse(b.consent(link, "allow"))
	must(t, err)
	sum := sha256.Sum256([]byte(u.Query().Get("state")))
	attempt, err := a.store.AttemptByState(t.Context(), hex.EncodeToString(sum[:]))
	must(t, err)
	attempt.Status, attempt.LastMoved = models.AttemptConsumed, a.now()
	must(t, a.store.Write(t.Context(), func(tx *store.Tx) error {
		_, err := tx.MoveAttempt(attempt, models.AttemptStarted)
		return err
	}))
	if got := b.get(link); got.header.Get("Refresh") == "" || !strings.Contains(got.body, "Waiting for the answer") || strings.Contains(got.body, "AUTHORIZATION_") {
		t.Errorf("in progress: %d\n%s", got.status, got.body)
	}
	a.clockOffset.Store(int64(time.Minute))
	if got := b.get(link); got.header.Get("Refresh") != "" || !strings.Contains(got.body, "did not come to an end") {
		t.Errorf("given up: %d\n%s", got.status, got.body)
	}
}

func TestFailuresAreShownByTypeAndCanBeTriedAgain(t *testing.T) {
	a := newApp(t)
	shows := func(name string, got page, errorType string) {
		t.Helper()
		if !strings.Contains(got.body, "AUTHORIZATION_FAILED") || !strings.Contains(got.body, errorType) {
			t.Errorf("%s: %d, want %s\n%s", name, got.status, errorType, got.body)
		}
	}
	b := a.browser()
	link := a.connectLink("sandbox", "42")
	shows("denied", b.finish(b.consent(link, "deny")), models.ConnectExternalError)
	denied := b.get(link)
	shows("denied, reloaded", denied, models.ConnectExternalError)
	support := regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f-]{22}`).FindString(denied.body)
	if !strings.Contains(a.log.String(), `"supportCode":"`+support+`"`) || support == "" {
		t.Errorf("the log does not know the support code %q", support)
	}
	if got := a.signedIn(adminEmail).get("/audit"); !strings.Contains(got.body, "Could not connect: external_callback_error") {
		t.Error("the audit does not tell of the failure")
	}
	if got := b.get(link + "?again=1"); !strings.Contains(got.body, link+"/start") {
		t.Errorf("cannot be tried again: %d", got.status)
	}
	callback := b.consent(link, "allow")
	u, err := url.Parse(callback)
	must(t, err)
	shows("neither code nor error", b.finish(u.Path+"?"+url.Values{"state": u.Query()["state"], "iss": u.Query()["iss"]}.Encode()), models.ConnectUnknownExternalError)

	callback = b.consent(link, "allow")
	shows("wrong issuer", b.finish(strings.Replace(callback, "iss=", "iss=x", 1)), models.ConnectInvalidState)

	callback = b.consent(link, "allow")
	shows("no issuer", b.finish(strings.Replace(callback, "iss=", "x=", 1)), models.ConnectInvalidState)

	callback = b.consent(link, "allow")
	shows("wrong code", b.finish(strings.Replace(callback, "code=", "code=x", 1)), models.ConnectTokenRetrieval)

	callback = b.consent(link, "allow")
	a.clockOffset.Store(int64(models.AttemptLife + time.Second))
	shows("too late", b.finish(callback), models.ConnectInvalidState)
	a.clockOffset.Store(0)

	if got := b.finish(b.consent(link, "allow")); !strings.Contains(got.body, "AUTHORIZATION_SUCCEEDED") {
		t.Errorf("at last: %d\n%s", got.status, got.body)
	}
	if got := b.post(link + "/start"); got.status != http.StatusNotFound {
		t.Errorf("a used link starts again: %d", got.status)
	}
	shows("not configured", b.post(a.connectLink("broken", "42")+"/start"), models.ConnectInvalidConfiguration)
	shows("another grant", b.post(a.connectLink("grant", "42")+"/start"), models.ConnectUnsupportedGrant)
	shows("another auth mode", b.post(a.connectLink("mode", "42")+"/start"), models.ConnectUnsupportedAuthMode)
	shows("no integration", b.get("/oauth/connect"), models.ConnectMissingIntegration)
	shows("no user id", b.get("/oauth/connect/sandbox"), models.ConnectMissingUserID)
	shows("unknown integration", b.get("/oauth/connect/none?userId=1"), models.CodeUnknownIntegration)
}

func TestAConnectionThatCannotBeStoredIsShownAndLogged(t *testing.T) {
	a := newApp(t)
	storetest.FailInserts(t, a.store, "connections")
	b := a.browser()
	got := b.finish(b.consent(a.connectLink("sandbox", "42"), "allow"))
	if !strings.Contains(got.body, models.ConnectTokenStorage) || strings.Contains(got.body, "no space left") {
		t.Errorf("%d\n%s", got.status, got.body)
	}
	if !strings.Contains(a.log.String(), "no space left") {
		t.Error("the log does not tell the cause")
	}
}

func TestTheLogHoldsNoSecret(t *testing.T) {
	a := newApp(t)
	b := a.browser()
	link := a.connectLink("sandbox", "42")
	b.finish(b.consent(link, "deny"))
	callback := b.consent(link, "allow")
	b.finish(strings.Replace(callback, "code=", "code=x", 1))
	callback = b.consent(link, "allow")
	b.finish(callback)
	b.get(callback)
	c, err := a.store.ConnectionOf(t.Context(), "sandbox", "42")
	must(t, err)
	credentials, err := a.store.Credentials(t.Context(), c.UUID)
	must(t, err)
	u, err := url.Parse(callback)
	must(t, err)
	secrets := []string{
		adminPassword, a.setupToken, strings.TrimPrefix(link, "/connect/"), u.Query().Get("code"), u.Query().Get("state"),
		credentials.AccessToken.Reveal(), credentials.RefreshToken.Reveal(),
	}
	for _, cookie := range b.client.Jar.Cookies(&url.URL{Scheme: "http", Host: "127.0.0.1", Path: "/"}) {
		secrets = append(secrets, cookie.Value)
	}
	log := a.log.String()
	if !strings.Contains(log, "/oauth/callback/:integration") {
		t.Fatal("the log does not tell of the callback")
	}
	for i, secret := range secrets {
		if len(secret) < 10 || strings.Contains(log, secret) {
			t.Errorf("secret %d is in the log, or is none: %d characters", i, len(secret))
		}
	}
}

func TestRenewedCredentialsAreNoConflictForTheEditor(t *testing.T) {
	a := newApp(t)
	conn := a.connect("sandbox", "42")
	admin := a.signedIn(adminEmail)
	if opened := admin.get("/connections/" + conn.UUID); !strings.Contains(opened.body, `name="version" value="1"`) {
		t.Fatal("the form carries no version 1")
	}
	a.connect("sandbox", "42")
	save := func(version, text string) page {
		return admin.post("/connections/"+conn.UUID+"/config", "version", version, "config", text)
	}
	if got := save("1", `{"a":1}`); got.status != http.StatusSeeOther {
		t.Errorf("saved after a reconnect: %d", got.status)
	}
	got := save("1", `{"b":"mine"}`)
	if got.status != http.StatusConflict || !strings.Contains(got.body, "{&#34;b&#34;:&#34;mine&#34;}") || !strings.Contains(got.body, "{&#34;a&#34;:1}") {
		t.Errorf("a second save of the same version: %d\n%s", got.status, got.body)
	}
	if got := save("1", `{"a":1}`); got.status != http.StatusSeeOther {
		t.Errorf("the same text as is stored: %d", got.status)
	}
}
