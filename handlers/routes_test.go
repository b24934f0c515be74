package handlers

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/patchbay/patchbay/internal/store"
	"github.com/patchbay/patchbay/internal/store/storetest"
)

// path fills the parameters of a route with things that exist.
func (a *app) path(r route, uuid, link string) string {
	return strings.NewReplacer(":uuid", uuid, ":name", "sandbox", ":token", strings.TrimPrefix(link, "/connect/"),
		":integration", "sandbox", ":id", "1", "/users/*", "/users/42", "/static/*", "/static/none", "/sandbox/*", "/sandbox/authorize").Replace(r.path)
}

func TestEveryRouteIsGuarded(t *testing.T) {
	a := newApp(t)
	conn := a.connect("sandbox", "42")
	link := a.connectLink("sandbox", "42")
	admin, viewer, stranger := a.signedIn(adminEmail), a.signedIn(viewerEmail), a.browser()
	before := a.count()
	form := url.Values{"integration": {"sandbox"}, "userId": {"x"}, "version": {"1"}, "config": {"{}"}}
	for _, r := range a.server.routes() {
		path := a.path(r, conn.UUID, link)
		t.Run(r.method+" "+r.path, func(t *testing.T) {
			if r.method == http.MethodPost {
				for name, header := range map[string]http.Header{
					"cross-site":     {"Sec-Fetch-Site": {"cross-site"}},
					"same-site":      {"Sec-Fetch-Site": {"same-site"}},
					"foreign origin": {"Origin": {"https://attacker.example"}},
					"null origin":    {"Origin": {"null"}},
				} {
					if got := admin.do(r.method, path, form, header); got.status != http.StatusForbidden {
						t.Errorf("%s: %d", name, got.status)
					}
				}
			}
			if r.access >= accessAdmin {
				if got := stranger.do(r.method, path, form, nil); got.status != http.StatusSeeOther || !strings.HasPrefix(got.location, "/login") {
					t.Errorf("a stranger: %d %s", got.status, got.location)
				}
			}
			if r.access == accessOperator {
				if got := viewer.do(r.method, path, form, nil); got.status != http.StatusForbidden {
					t.Errorf("a viewer: %d", got.status)
				}
			}
			if r.method == http.MethodGet {
				got := admin.get(path)
				if got.status >= 500 {
					t.Errorf("%d\n%s", got.status, got.body)
				}
				checkHeaders(t, r, got)
				head := admin.do(http.MethodHead, path, nil, nil)
				if strings.HasPrefix(r.path, "/oauth/callback") {
					got.status = http.StatusMethodNotAllowed
				}
				if head.status != got.status || head.body != "" {
					t.Errorf("HEAD: %d, GET: %d", head.status, got.status)
				}
			}
		})
	}
	if after := a.count(); after != before {
		t.Errorf("something was changed: %s, before %s", after, before)
	}
}

func checkHeaders(t *testing.T, r route, got page) {
	t.Helper()
	want := map[string]string{
		"X-Content-Type-Options": "nosniff",
		"Referrer-Policy":        "same-origin",
	}
	if strings.HasPrefix(r.path, "/oauth/callback") || strings.HasPrefix(r.path, "/sandbox/") {
		want["Referrer-Policy"] = "no-referrer"
	}
	for name, value := range want {
		if got.header.Get(name) != value {
			t.Errorf("%s: %q", name, got.header.Get(name))
		}
	}
	csp := got.header.Get(headerCSP)
	for _, directive := range []string{"default-src 'none'", "frame-ancestors 'none'"} {
		if !strings.Contains(csp, directive) {
			t.Errorf("CSP %q lacks %s", csp, directive)
		}
	}
	if strings.Contains(csp, "unsafe") || strings.Contains(csp, "*") {
		t.Errorf("CSP %q is not strict", csp)
	}
	if !strings.HasPrefix(r.path, "/static") && got.header.Get("Cache-Control") != "no-store" && !strings.Contains(got.header.Get("Cache-Control"), "no-cache") && !strings.HasSuffix(r.path, "*") {
		t.Errorf("Cache-Control: %q", got.header.Get("Cache-Control"))
	}
}

func TestErrorsAreAnsweredByPages(t *testing.T) {
	a := newApp(t)
	conn := a.connect("sandbox", "42")
	admin := a.signedIn(adminEmail)
	for name, test := range map[string]struct {
		page   page
		status int
		text   string
	}{
		"nothing there":        {admin.get("/nothing"), 404, "There is nothing at this address."},
		"wrong method":         {admin.do(http.MethodDelete, "/connections", nil, nil), 405, "does not take this kind"},
		"unknown connection":   {admin.get("/connections/00000000-0000-4000-8000-000000000000"), 404, "There is no connection with this id."},
		"not a uuid":           {admin.get("/connections/%27"), 404, "There is no connection with this id."},
		"unknown integration":  {admin.get("/integrations/none"), 404, "There is no integration named"},
		"forged cursor":        {admin.get("/connections?cursor=x"), 400, "The cursor is not one of this list"},
		"forged users cursor":  {admin.get("/users?cursor=x"), 400, "The cursor is not one of this list"},
		"forged audit cursor":  {admin.get("/audit?cursor=x"), 400, "The cursor is not one of this list"},
		"version not a number": {admin.post("/connections/"+conn.UUID+"/config", "version", "x", "config", "{}"), 400, "not a number"},
		"version of no change": {admin.post("/connections/"+conn.UUID+"/config", "version", "99", "config", `{"a":1}`), 409, "Someone else changed"},
		"malformed form":       {admin.do(http.MethodPost, "/connect?x=%", nil, nil), 400, "The form cannot be read."},
		"body too large":       {admin.post("/connect", "userId", strings.Repeat("x", maxBodyBytes)), 413, "larger than 1 MiB"},
		"user id too long":     {admin.post("/connect", "integration", "sandbox", "userId", strings.Repeat("x", 513)), 422, "longer than 512 bytes"},
		"user id of nothing":   {admin.post("/connect", "integration", "sandbox", "userId", ""), 422, "Enter a user id."},
		"control character":    {admin.post("/connect", "integration", "sandbox", "userId", "a\x00b"), 422, "control character"},
		"integration unknown":  {admin.post("/connect", "integration", "none", "userId", "1"), 404, "There is no integration named"},
		"user page of NUL":     {admin.get("/users/%00"), 404, "No user has this id."},
	} {
		if test.page.status != test.status || !strings.Contains(test.page.body, test.text) || !strings.Contains(test.page.body, "<h1") {
			t.Errorf("%s: %d\n%s", name, test.page.status, test.page.body)
		}
	}
}

func TestUnknownFiltersDoNotFilter(t *testing.T) {
	a := newApp(t)
	conn := a.connect("sandbox", "42")
	admin := a.signedIn(adminEmail)
	for _, query := range []string{"", "?sort=id;drop+table", "?limit=1000000", "?limit=-1", "?status=none", "?integration=sandbox&user=42&status=connected&q=4&sort=modified&limit=25"} {
		if got := admin.get("/connections" + query); got.status != http.StatusOK || !strings.Contains(got.body, "/connections/"+conn.UUID) {
			t.Errorf("%s: %d", query, got.status)
		}
	}
	for _, query := range []string{"?integration=other", "?user=4", "?status=error", "?q=%25"} {
		if got := admin.get("/connections" + query); got.status != http.StatusOK || strings.Contains(got.body, "/connections/"+conn.UUID) {
			t.Errorf("%s: %d, and the connection is listed", query, got.status)
		}
	}
	if got := admin.get("/connections?q=" + strings.ToUpper(conn.UUID)); got.location != "/connections/"+conn.UUID {
		t.Errorf("a pasted uuid leads to %d %s", got.status, got.location)
	}
}

func TestLocalPathLeadsNowhereElse(t *testing.T) {
	for _, path := range []string{"", "//host", `/\host`, "/\thost", "/\nhost", `\\host`, "https://host", "javascript:alert(1)", "host", " /x", "/%zz"} {
		if got := localPath(path, "/fallback"); got != "/fallback" {
			t.Errorf("%q leads to %q", path, got)
		}
	}
	for _, path := range []string{"/", "/users/a%2Fb?x=1#y", "/connections?q=https://host"} {
		if got := localPath(path, "/fallback"); got != path {
			t.Errorf("%q became %q", path, got)
		}
	}
}

func TestLoginLimitsGuessingWithRetryAfter(t *testing.T) {
	a := newApp(t)
	b := a.browser()
	var got page
	for range 12 {
		got = b.post("/login", "email", "nobody@example.com", "password", strings.Repeat("x", 1100))
	}
	if got.status != http.StatusTooManyRequests || got.header.Get("Retry-After") == "" || !strings.Contains(got.body, "Too many attempts") {
		t.Errorf("%d, Retry-After %q", got.status, got.header.Get("Retry-After"))
	}
}

func TestSignInLeadsBackAndOutAgain(t *testing.T) {
	a := newApp(t)
	b := a.browser()
	if got := b.get("/users/a%2Fb"); got.location != "/login?next=%2Fusers%2Fa%252Fb" {
		t.Errorf("asked to sign in at %s", got.location)
	}
	if got := b.post("/login", "email", adminEmail, "password", "wrong", "next", "/users"); got.status != http.StatusUnauthorized || !strings.Contains(got.body, "The email address or the password is wrong.") {
		t.Errorf("wrong password: %d", got.status)
	}
	if got := b.post("/login", "email", adminEmail, "password", adminPassword, "next", "//attacker.example"); got.location != "/" {
		t.Errorf("led to %s", got.location)
	}
	session := b.client.Jar.Cookies(&url.URL{Scheme: "http", Host: "127.0.0.1", Path: "/"})
	if got := b.get("/"); got.status != http.StatusOK {
		t.Errorf("signed in: %d", got.status)
	}
	if got := b.post("/logout"); got.location != "/login" {
		t.Errorf("signed out to %s", got.location)
	}
	old := a.browser()
	old.client.Jar.SetCookies(&url.URL{Scheme: "http", Host: "127.0.0.1", Path: "/"}, session)
	if got := old.get("/"); got.status != http.StatusSeeOther {
		t.Errorf("the old session still works: %d", got.status)
	}
}

func TestABrowserIsLedToTheNameThatCallbacksComeBackTo(t *testing.T) {
	a := newApp(t) // its root is 127.0.0.1
	port := a.server.RootURL.Port()
	visit := func(host, mode string) page {
		t.Helper()
		request := httptest.NewRequest(http.MethodGet, "/connections?q=a%2Fb", nil)
		request.Host = host
		request.Header.Set("Sec-Fetch-Mode", mode)
		recorder := httptest.NewRecorder()
		a.handler.ServeHTTP(recorder, request)
		return page{status: recorder.Code, location: recorder.Header().Get("Location")}
	}
	if got := visit("localhost:"+port, "navigate"); got.location != a.url+"/connections?q=a%2Fb" {
		t.Errorf("by localhost: %d %s", got.status, got.location)
	}
	for name, got := range map[string]page{
		"the root itself": visit("127.0.0.1:"+port, "navigate"), "a proxy's name": visit("backend", "navigate"), "no browser": visit("localhost:"+port, ""),
	} {
		if !strings.HasPrefix(got.location, "/login") {
			t.Errorf("%s: %d %s", name, got.status, got.location)
		}
	}
}

func TestAnEndedSessionSaysSoAndLeadsBack(t *testing.T) {
	a := newApp(t)
	conn := a.connect("sandbox", "42")
	b := a.browser()
	got := b.post("/connections/"+conn.UUID+"/config", "version", "1", "config", `{"a":1}`)
	if got.location != "/login?next=%2Fconnections%2F"+conn.UUID {
		t.Errorf("led to %s", got.location)
	}
	if login := b.get(got.location); !strings.Contains(login.body, "Your session had ended, and nothing was saved.") {
		t.Errorf("it is not said: %s", login.body)
	}
	popup := b.post("/connect", "integration", "sandbox", "userId", "42", "display", displayPopup)
	if popup.status != http.StatusUnauthorized || !strings.Contains(popup.body, "Close this window and sign in again.") {
		t.Errorf("in a popup: %d %s", popup.status, popup.location)
	}
}

func TestConnectionsOutliveTheirIntegration(t *testing.T) {
	a := newApp(t)
	orphan := storetest.Connection("gone", "42")
	must(t, a.store.Write(t.Context(), func(tx *store.Tx) error { return tx.CreateConnection(orphan, storetest.Credentials("x")) }))
	admin := a.signedIn(adminEmail)
	for _, path := range []string{"/connections", "/integrations"} {
		got := admin.get(path)
		if !strings.Contains(got.body, `href="/connections?integration=gone"`) || strings.Contains(got.body, `href="/integrations/gone"`) {
			t.Errorf("%s leads to a page that is not there", path)
		}
	}
	if got := admin.get("/connections?integration=gone"); !strings.Contains(got.body, "gone (not configured)") || !strings.Contains(got.body, connectionPath(orphan.UUID)) {
		t.Errorf("its connections: %d", got.status)
	}
}
