package handlers

import (
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/patchbay/patchbay/models"
)

// keyText is the text of an API key on a page.
var keyText = regexp.MustCompile(`pb_[A-Z0-9]{40,}`)

// createAPIKey creates a key with the scope to read connections and gives it with its text.
func (a *app) createAPIKey(b *browser, name string, fields ...string) (*models.APIKey, models.Secret) {
	a.t.Helper()
	got := b.post("/keys", append([]string{"name", name, "scopes", "connections:read", "expires", "never"}, fields...)...)
	text := keyText.FindString(got.body)
	if got.status != http.StatusOK || text == "" {
		a.t.Fatalf("create: %d\n%s", got.status, got.body)
	}
	key, err := a.keys.FindByName(a.t.Context(), name)
	must(a.t, err)
	return key, models.Secret(text)
}

// accepts reports whether a text is one of a key that works.
func (a *app) accepts(text models.Secret) bool {
	_, err := a.keys.Authenticate(a.t.Context(), text, "192.0.2.1")
	return err == nil
}

func TestAKeyIsShownOnce(t *testing.T) {
	a := newApp(t)
	admin := a.signedIn(adminEmail)
	key, text := a.createAPIKey(admin, "billing-worker", "scopes", "connect:write", "integrations", "sandbox")
	if !slices.Equal(key.Scopes, []models.Scope{models.ScopeConnectionsRead, models.ScopeConnectWrite}) || !slices.Equal(key.Integrations, []string{"sandbox"}) || key.ExpiresAt != nil {
		t.Errorf("created %+v", key)
	}
	if !a.accepts(text) {
		t.Error("its text is not accepted")
	}
	for _, path := range []string{"/keys", "/keys/new", keyPath(key.ID) + "/roll", keyPath(key.ID) + "/revoke", "/audit"} {
		got := admin.get(path)
		if got.status != http.StatusOK || strings.Contains(got.body, text.Reveal()) {
			t.Errorf("%s: %d, text shown: %v", path, got.status, strings.Contains(got.body, text.Reveal()))
		}
	}
	if list := admin.get("/keys").body; !strings.Contains(list, keyHint(key)) || !strings.Contains(list, adminEmail) {
		t.Error("the list does not show the key")
	}
	if strings.Contains(a.log.String(), text.Reveal()) {
		t.Error("the text is in the log")
	}
}

func TestAReloadCreatesNoOtherKey(t *testing.T) {
	a := newApp(t)
	admin := a.signedIn(adminEmail)
	_, text := a.createAPIKey(admin, "billing-worker")
	again := admin.post("/keys", "name", "billing-worker", "scopes", "connections:read", "expires", "never")
	if again.status != http.StatusUnprocessableEntity || keyText.MatchString(again.body) || !strings.Contains(again.body, "There is an API key of this name already.") {
		t.Errorf("%d\n%s", again.status, again.body)
	}
	if !a.accepts(text) {
		t.Error("the key does not work any more")
	}
}

func TestRefusedKeysAreShownAgain(t *testing.T) {
	a := newApp(t)
	admin := a.signedIn(adminEmail)
	for name, test := range map[string]struct {
		fields []string
		want   []string
	}{
		"nothing":         {nil, []string{"Enter a name", "Choose at least one scope.", "Choose when the key expires."}},
		"no scope":        {[]string{"name", "a", "expires", "never"}, []string{"Choose at least one scope.", `value="a"`}},
		"unknown scope":   {[]string{"name", "a", "expires", "never", "scopes", "root"}, []string{"There is no scope"}},
		"no date":         {[]string{"name", "", "expires", "date", "scopes", "proxy"}, []string{"Enter a name", "Enter a date, such as", `value="proxy" checked`}},
		"past":            {[]string{"name", "a", "expires", "date", "expiresAt", "2020-01-01", "scopes", "proxy"}, []string{"Choose an end in the future.", `value="2020-01-01"`}},
		"unknown expiry":  {[]string{"name", "a", "expires", "-1", "scopes", "proxy"}, []string{"Choose when the key expires."}},
		"bad integration": {[]string{"name", "a", "expires", "never", "scopes", "proxy", "integrations", "A B"}, []string{"cannot be the name of an integration"}},
	} {
		got := admin.post("/keys", test.fields...)
		if got.status != http.StatusUnprocessableEntity || !strings.Contains(got.body, "The key was not created") {
			t.Errorf("%s: %d\n%s", name, got.status, got.body)
		}
		for _, want := range test.want {
			if !strings.Contains(got.body, want) {
				t.Errorf("%s: the page lacks %q", name, want)
			}
		}
	}
	keys, err := a.keys.List(t.Context())
	must(t, err)
	if len(keys) != 0 {
		t.Errorf("created %+v", keys)
	}
}

func TestAKeyEndsWhenItSays(t *testing.T) {
	a := newApp(t)
	admin := a.signedIn(adminEmail)
	inThirtyDays, _ := a.createAPIKey(admin, "days", "expires", "30")
	if inThirtyDays.ExpiresAt != nil {
		t.Error("of two choices the first counts")
	}
	now := time.Date(2026, 11, 22, 15, 4, 5, 0, time.UTC)
	for _, test := range []struct {
		expires, date string
		want          time.Time
	}{
		{"30", "", time.Date(2026, 12, 22, 15, 4, 5, 0, time.UTC)},
		{"365", "2026-12-31", time.Date(2027, 11, 22, 15, 4, 5, 0, time.UTC)},
		{"date", "2026-12-31", time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)},
	} {
		if got, fault := keyEnd(test.expires, test.date, now); fault != nil || !got.Equal(test.want) {
			t.Errorf("%s %s: got %v, %v", test.expires, test.date, got, fault)
		}
	}
}

func TestPresetsChooseScopes(t *testing.T) {
	admin := newApp(t).signedIn(adminEmail)
	for preset, want := range map[string]int{"": 0, "none": 0, "backend": 4, "reading": 2, "all": len(models.Scopes)} {
		got := len(regexp.MustCompile(`name="scopes"[^>]* checked`).FindAllString(admin.get("/keys/new?preset="+preset).body, -1))
		if got != want {
			t.Errorf("%q: got %d, want %d", preset, got, want)
		}
	}
}

func TestARolledKeyOverlaps(t *testing.T) {
	a := newApp(t)
	admin := a.signedIn(adminEmail)
	key, first := a.createAPIKey(admin, "billing-worker")
	roll := func(hint, overlap string) page {
		return admin.post(keyPath(key.ID)+"/roll", "hint", hint, "overlap", overlap)
	}
	got := roll(keyHint(key), "24h")
	second := models.Secret(keyText.FindString(got.body))
	if got.status != http.StatusOK || second == "" || second == first || !a.accepts(first) || !a.accepts(second) {
		t.Fatalf("rolled: %d\n%s", got.status, got.body)
	}
	if again := roll(keyHint(key), "now"); again.location != "/keys" || !a.accepts(first) || !a.accepts(second) {
		t.Errorf("the same form again: %d %s", again.status, again.location)
	}
	if list := admin.get("/keys").body; !strings.Contains(list, "was rolled meanwhile") || !strings.Contains(list, "Text before the roll ends") {
		t.Error("the list does not tell")
	}
	a.clockOffset.Add(int64(25 * time.Hour))
	if a.accepts(first) || !a.accepts(second) {
		t.Error("the overlap does not end")
	}
	admin = a.signedIn(adminEmail) // the session ended meanwhile
	rolled, err := a.keys.Find(t.Context(), key.ID)
	must(t, err)
	if got := roll(keyHint(rolled), "now"); !keyText.MatchString(got.body) || a.accepts(second) {
		t.Errorf("rolled without overlap: %d", got.status)
	}
	if got := roll(keyHint(rolled), "forever"); got.location != "/keys" {
		t.Errorf("stale: %d", got.status)
	}
}

func TestARevokedKeyEndsAtOnce(t *testing.T) {
	a := newApp(t)
	admin := a.signedIn(adminEmail)
	key, text := a.createAPIKey(admin, "billing-worker")
	if got := admin.get(keyPath(key.ID) + "/revoke"); !strings.Contains(got.body, "refused at once") || !a.accepts(text) {
		t.Errorf("asked: %d", got.status)
	}
	if got := admin.post(keyPath(key.ID) + "/revoke"); got.location != "/keys" || a.accepts(text) {
		t.Errorf("revoked: %d %s", got.status, got.location)
	}
	if list := admin.get("/keys").body; !strings.Contains(list, "was revoked.") || !strings.Contains(list, "No API keys yet") {
		t.Error("the list does not tell")
	}
	for _, path := range []string{keyPath(key.ID) + "/revoke", keyPath(key.ID) + "/roll", "/keys/x/roll"} {
		if got := admin.get(path); got.status != http.StatusNotFound {
			t.Errorf("%s: %d", path, got.status)
		}
	}
}

func TestTheKeyOfTheSettingsIsChangedThere(t *testing.T) {
	a := newApp(t)
	const text = "pb_a-key-that-an-operator-chose-and-wrote-into-the-settings"
	must(t, a.keys.SetEnvironmentKey(t.Context(), text))
	admin := a.signedIn(adminEmail)
	keys, err := a.keys.List(t.Context())
	must(t, err)
	for _, path := range []string{"/roll", "/revoke"} {
		for _, got := range []page{admin.get(keyPath(keys[0].ID) + path), admin.post(keyPath(keys[0].ID)+path, "hint", keyHint(&keys[0]), "overlap", "now")} {
			if got.status != http.StatusForbidden || !strings.Contains(got.body, "PATCHBAY_API_KEY") {
				t.Errorf("%s: %d", path, got.status)
			}
		}
	}
	if !a.accepts(text) {
		t.Error("the key does not work any more")
	}
	if list := admin.get("/keys").body; !strings.Contains(list, "From the settings") || strings.Contains(list, text) {
		t.Error("it is not shown as what it is")
	}
}

func TestKeysAreForAdmins(t *testing.T) {
	a := newApp(t)
	viewer := a.signedIn(viewerEmail)
	for _, got := range []page{viewer.get("/keys"), viewer.get("/keys/new"), viewer.post("/keys", "name", "a", "scopes", "proxy", "expires", "never")} {
		if got.status != http.StatusForbidden || !strings.Contains(got.body, "your role is viewer") {
			t.Errorf("%d\n%s", got.status, got.body)
		}
	}
	if got := a.browser().get("/keys"); got.location != "/login?next=%2Fkeys" {
		t.Errorf("a stranger: %s", got.location)
	}
}
