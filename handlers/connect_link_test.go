package handlers

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/patchbay/patchbay/models"
)

func TestALinkIsUsedOnce(t *testing.T) {
	a := newApp(t)
	link := a.connectLink("sandbox", "42")
	first, second := a.browser(), a.browser()
	firstCallback := first.consent(link, "allow")
	secondCallback := second.consent(link, "allow")
	again := first.consent(link, "allow") // the button pressed twice
	if got := first.finish(firstCallback); !strings.Contains(got.body, "AUTHORIZATION_SUCCEEDED") {
		t.Fatalf("first: %d\n%s", got.status, got.body)
	}
	conn, err := a.store.ConnectionOf(t.Context(), "sandbox", "42")
	must(t, err)
	for name, got := range map[string]page{
		"another browser": second.finish(secondCallback), "the same browser": first.finish(again), "reloaded": first.get(link),
	} {
		if !strings.Contains(got.body, "AUTHORIZATION_SUCCEEDED") {
			t.Errorf("%s: the page does not show how the link stands: %d\n%s", name, got.status, got.body)
		}
	}
	after, err := a.store.ConnectionOf(t.Context(), "sandbox", "42")
	must(t, err)
	if after.Version != conn.Version {
		t.Error("a used link replaced the credentials")
	}
}

func TestALinkIsNotTriedForEver(t *testing.T) {
	a := newApp(t)
	link, b := a.connectLink("sandbox", "42"), a.browser()
	for range models.MaxAttempts {
		if got := b.post(link + "/start"); got.status != http.StatusSeeOther {
			t.Fatalf("%d", got.status)
		}
	}
	if got := b.post(link + "/start"); got.status != http.StatusTooManyRequests {
		t.Errorf("one more: %d", got.status)
	}
}

func TestNobodyBindsAUserIDByAnAddressAlone(t *testing.T) {
	a := newApp(t)
	before := a.count()
	if got := a.browser().get("/oauth/connect/sandbox?userId=victim"); got.status != http.StatusForbidden {
		t.Errorf("a stranger: %d", got.status)
	}
	if got := a.signedIn(viewerEmail).get("/oauth/connect/sandbox?userId=victim"); got.status != http.StatusForbidden {
		t.Errorf("a viewer: %d", got.status)
	}
	got := a.signedIn(adminEmail).get("/oauth/connect/sandbox?userId=victim")
	if got.status != http.StatusOK || !strings.Contains(got.body, `action="/connect"`) {
		t.Errorf("an admin: %d", got.status)
	}
	if after := a.count(); !strings.HasPrefix(after, strings.Split(before, "]")[0]) {
		t.Errorf("a connection was made: %s, before %s", after, before)
	}
}

func TestLinksEnd(t *testing.T) {
	a := newApp(t)
	link := a.connectLink("sandbox", "42")
	b := a.browser()
	if got := b.get(link + "x"); got.status != http.StatusNotFound || !strings.Contains(got.body, "does not exist") {
		t.Errorf("unknown link: %d", got.status)
	}
	a.clockOffset.Store(int64(models.ConnectSessionLife + time.Second))
	if got := b.get(link); got.status != http.StatusNotFound || !strings.Contains(got.body, "has expired") {
		t.Errorf("expired link: %d", got.status)
	}
	if got := b.post(link + "/start"); got.status != http.StatusNotFound {
		t.Errorf("start of an expired link: %d", got.status)
	}
}

func TestALinksEndDoesNotCutAnAttemptShort(t *testing.T) {
	a := newApp(t)
	link, b := a.connectLink("sandbox", "42"), a.browser()
	a.clockOffset.Store(int64(models.ConnectSessionLife - time.Minute))
	callback := b.consent(link, "allow")
	a.clockOffset.Store(int64(models.ConnectSessionLife + 8*time.Minute))
	a.connectLink("sandbox", "another") // which deletes what has expired
	if got := b.finish(callback); !strings.Contains(got.body, "AUTHORIZATION_SUCCEEDED") {
		t.Errorf("%d\n%s", got.status, got.body)
	}
}
