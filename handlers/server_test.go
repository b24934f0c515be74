package handlers

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/patchbay/patchbay/internal/auth"
	"github.com/patchbay/patchbay/internal/connections"
	"github.com/patchbay/patchbay/internal/idempotency"
	"github.com/patchbay/patchbay/internal/integrations"
	"github.com/patchbay/patchbay/internal/jobs"
	"github.com/patchbay/patchbay/internal/oauth"
	"github.com/patchbay/patchbay/internal/sandbox"
	"github.com/patchbay/patchbay/internal/store"
	"github.com/patchbay/patchbay/internal/store/storetest"
	"github.com/patchbay/patchbay/internal/webhooks"
	"github.com/patchbay/patchbay/models"
)

// providerTimeout is how long tests wait for a provider that does not answer.
const providerTimeout = 2 * time.Second

const (
	adminEmail    = "ada@example.com"
	viewerEmail   = "viewer@example.com"
	adminPassword = "correct horse battery staple"
)

// app is a server on a temporary database, with the sandbox as its provider and a clock that tests move.
type app struct {
	t             testing.TB
	url           string
	server        *server
	store         *store.Store
	background    *jobs.Jobs // not started
	keys          *auth.APIKeys
	log           *safeBuffer
	setupToken    string
	database      string // its location
	clockOffset   atomic.Int64
	tokenRequests atomic.Int64 // that reached the sandbox
	handler       http.Handler
}

// beginning is the database that every app begins with, with an admin and a viewer: to hash passwords takes time.
var beginning = storetest.NewTemplate(func(ctx context.Context, s *store.Store) (err error) {
	admins, _ := auth.New(s, time.Now)
	for email, role := range map[string]models.Role{adminEmail: models.RoleAdmin, viewerEmail: models.RoleViewer} {
		_, adminErr := admins.CreateAdmin(ctx, models.Actor{Name: models.SystemActor}, email, adminPassword, role)
		err = errors.Join(err, adminErr)
	}
	return err
})

func newApp(t testing.TB) *app {
	t.Helper()
	a := &app{t: t, log: &safeBuffer{}}
	frontend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { a.handler.ServeHTTP(w, r) }))
	t.Cleanup(frontend.Close)
	a.url = frontend.URL
	root, err := url.Parse(a.url)
	must(t, err)
	a.database = beginning.Copy(t)
	a.store = beginning.OpenAt(t, a.database)
	t.Cleanup(func() { must(t, a.store.Close()) })
	provider := sandbox.New(sandbox.Options{BrowserURL: a.url, ServerURL: a.url, Now: time.Now})
	broken := provider.Integration("broken")
	broken.OAuth.ID = ""
	grant, mode := provider.Integration("grant"), provider.Integration("mode")
	grant.Auth.TokenParams = map[string]string{"grant_type": "password"}
	mode.Auth.Mode = models.AuthAPIKey
	list := []models.Integration{provider.Integration("sandbox"), provider.Integration("other"), broken, grant, mode}
	client, err := oauth.New([]string{root.Host}, providerTimeout, a.now)
	must(t, err)
	admins, token := auth.New(a.store, a.now)
	a.setupToken = token
	sandboxHandler := provider.Handler()
	log := slog.New(slog.NewJSONHandler(a.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	origins, err := models.NewOrigins([]string{"https://app.example.com"}, true)
	must(t, err)
	background, err := jobs.New(a.store, log)
	must(t, err)
	a.background = background
	endpoints, err := webhooks.New(webhooks.Config{Store: a.store, Jobs: background, AllowPrivate: []string{"127.0.0.0/8"}, Timeout: providerTimeout, Now: a.now, Log: log})
	must(t, err)
	core, err := connections.New(t.Context(), connections.Config{
		Store: a.store, Integrations: list, OAuth: client, Jobs: background, RootURL: a.url, Origins: origins, Now: a.now, Log: log,
	})
	must(t, err)
	catalogue, err := integrations.Providers()
	must(t, err)
	a.keys = auth.NewAPIKeys(a.store, a.now)
	config := Config{
		Vices: provider, Connections: core, Webhooks: endpoints, Auth: admins, APIKeys: a.keys, Meter: auth.NewMeter(a.store, a.now), Idempotency: idempotency.New(a.store, a.now),
		Sessions: auth.NewSessions(a.store, a.now, false), Ready: a.store.Ready, System: a.system, Now: a.now, Log: log, Providers: catalogue,
		RootURL: root, AppName: "Acme", IntegrationsFile: "integrations/integrations.yaml", Development: true,
		Sandbox: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/sandbox/token" {
				a.tokenRequests.Add(1)
			}
			sandboxHandler.ServeHTTP(w, r)
		}),
	}
	a.server = &server{Config: config}
	a.handler = New(config)
	return a
}

func (a *app) now() time.Time { return time.Now().Add(time.Duration(a.clockOffset.Load())) }

// safeBuffer is a log that requests write to at the same time.
type safeBuffer struct {
	mu     sync.Mutex
	buffer bytes.Buffer
}

func (b *safeBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buffer.Write(p)
}

func (b *safeBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buffer.String()
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// browser keeps cookies and does not follow redirects.
type browser struct {
	app    *app
	client *http.Client
}

func (a *app) browser() *browser {
	jar, err := cookiejar.New(nil)
	must(a.t, err)
	return &browser{a, &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
}

func (a *app) signedIn(email string) *browser {
	a.t.Helper()
	b := a.browser()
	if got := b.post("/login", "email", email, "password", adminPassword); got.status != http.StatusSeeOther {
		a.t.Fatalf("sign in: %d\n%s", got.status, got.body)
	}
	return b
}

// page is an answer.
type page struct {
	status   int
	location string
	header   http.Header
	body     string
}

func (b *browser) get(path string) page { return b.do(http.MethodGet, path, nil, nil) }

// post sends a form; fields are names and values in turn.
func (b *browser) post(path string, fields ...string) page {
	form := url.Values{}
	for i := 0; i < len(fields); i += 2 {
		form.Add(fields[i], fields[i+1])
	}
	return b.do(http.MethodPost, path, form, nil)
}

func (b *browser) do(method, path string, form url.Values, header http.Header) page {
	b.app.t.Helper()
	if strings.HasPrefix(path, "/") {
		path = b.app.url + path
	}
	request, err := http.NewRequestWithContext(b.app.t.Context(), method, path, strings.NewReader(form.Encode()))
	must(b.app.t, err)
	for name, values := range header {
		request.Header[name] = values
	}
	if method == http.MethodPost {
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	response, err := b.client.Do(request)
	must(b.app.t, err)
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	must(b.app.t, err)
	return page{response.StatusCode, response.Header.Get("Location"), response.Header, string(body)}
}

// connectLink makes a connect link as an admin.
func (a *app) connectLink(integration, userID string) string {
	a.t.Helper()
	got := a.signedIn(adminEmail).post("/connect", "integration", integration, "userId", userID, "returnTo", "/integrations/"+integration)
	if got.status != http.StatusSeeOther || !strings.HasPrefix(got.location, "/connect/") {
		a.t.Fatalf("make a link: %d %s\n%s", got.status, got.location, got.body)
	}
	return got.location
}

var consentRequest = regexp.MustCompile(`name="request" value="([^"]+)"`)

// consent goes from a connect link through the provider's page and gives the callback's address.
func (b *browser) consent(link, decision string) string {
	b.app.t.Helper()
	started := b.post(link + "/start")
	if started.status != http.StatusSeeOther {
		b.app.t.Fatalf("start: %d\n%s", started.status, started.body)
	}
	return b.decide(started.location, decision)
}

// decide answers the provider's page at address and gives the callback's address.
func (b *browser) decide(address, decision string) string {
	b.app.t.Helper()
	asked := consentRequest.FindStringSubmatch(b.get(address).body)
	if asked == nil {
		b.app.t.Fatal("no consent page at the provider")
	}
	return b.post("/sandbox/authorize", "request", asked[1], "account", "ada", "decision", decision).location
}

// connect makes a connection and gives it.
func (a *app) connect(integration, userID string) *models.Connection {
	a.t.Helper()
	b := a.browser()
	if got := b.get(b.consent(a.connectLink(integration, userID), "allow")); got.status != http.StatusSeeOther {
		a.t.Fatalf("callback: %d\n%s", got.status, got.body)
	}
	c, err := a.store.ConnectionOf(a.t.Context(), integration, userID)
	must(a.t, err)
	return c
}

func (a *app) count() string {
	a.t.Helper()
	connections, err := a.store.CountByIntegration(a.t.Context())
	must(a.t, err)
	entries, err := a.store.AuditEntries(a.t.Context(), models.AuditFilter{}, models.PageRequest{Limit: 1000})
	must(a.t, err)
	return fmt.Sprint(connections, len(entries.Rows))
}

func TestTheClientIsKnownByItsAddressWithoutPort(t *testing.T) {
	s := &server{Config: Config{TrustedProxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}}}
	for forwarded, want := range map[string]string{
		"203.0.113.7": "203.0.113.7", "203.0.113.7:4711": "203.0.113.7", "[2001:db8::1]:4711": "2001:db8::1", "2001:db8::1": "2001:db8::1",
		"198.51.100.1, 203.0.113.7:1 , 10.0.0.2:80": "203.0.113.7", "nonsense:1": "10.0.0.1", "": "10.0.0.1",
	} {
		r := &http.Request{RemoteAddr: "10.0.0.1:9", Header: http.Header{}}
		if forwarded != "" {
			r.Header.Set("X-Forwarded-For", forwarded)
		}
		if got := s.clientIP()(r); got != want {
			t.Errorf("%q: %s, want %s", forwarded, got, want)
		}
	}
}
