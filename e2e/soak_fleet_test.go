package e2e

import (
	"database/sql"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/patchbay/patchbay/client"
	"github.com/patchbay/patchbay/internal/sandbox"
	"github.com/patchbay/patchbay/internal/store"
	"github.com/patchbay/patchbay/internal/testkit"
	"github.com/patchbay/patchbay/internal/vault"
	"github.com/patchbay/patchbay/models"
)

// Integrations of a fleet: each has a provider of its own.
const (
	soaked = "soaked"
	sick   = "sick"
)

// shortLease is how long a process holds a refresh where one that does not come back is not to be waited for long.
const shortLease = 2 * time.Second

// killLease is that where processes are killed so often that the refreshes in between would be few.
const killLease = 500 * time.Millisecond

// fleet is some processes on one database, with providers in this process that count what they are asked.
type fleet struct {
	t         testing.TB
	kind      string            // of the database
	location  string            // of the database
	postgres  *testkit.Postgres // nil for SQLite
	lease     time.Duration     // usual where 0
	key       string
	processes []*server
	providers map[string]*sandbox.Provider // by integration
	webs      map[string]*httptest.Server  // they listen at
	kept      *store.Store                 // the same database, to look into
	http      *http.Client
	users     int // that were made
}

// newFleet reserves processes on a new database, without starting them.
func newFleet(t testing.TB, kind database, processes int) *fleet {
	t.Helper()
	f := &fleet{
		t: t, kind: kind.name, key: vault.NewKey(), providers: map[string]*sandbox.Provider{}, webs: map[string]*httptest.Server{},
		http: &http.Client{Timeout: askTimeout, Transport: &http.Transport{MaxIdleConnsPerHost: 512}},
	}
	t.Cleanup(f.http.CloseIdleConnections)
	kind.create(f)
	for range processes {
		s := newServer(t)
		s.shared, s.faulty = true, true
		s.env = append(s.env,
			"PATCHBAY_DB="+f.location, "PATCHBAY_ENCRYPTION_KEY="+f.key, "PATCHBAY_API_KEY="+applicationKey, "PATCHBAY_SANDBOX=off",
			"PATCHBAY_ADMIN_EMAIL="+adminEmail, "PATCHBAY_ADMIN_PASSWORD="+adminPassword)
		f.processes = append(f.processes, s)
	}
	return f
}

// startFleet starts processes on a new database, with providers that misbehave as they are told.
func startFleet(t testing.TB, kind database, processes int) *fleet {
	t.Helper()
	f := newFleet(t, kind, processes)
	file := "integrations:\n"
	var env, private []string
	for _, name := range []string{soaked, sick} {
		host, lines, secret := f.provide(name)
		file, env, private = file+lines, append(env, secret), append(private, host)
	}
	f.start(file, append(env, "PATCHBAY_ALLOW_PRIVATE="+strings.Join(private, ",")))
	return f
}

// provide runs a provider with an application, and gives what the processes have to know of them.
func (f *fleet) provide(name string) (host, lines, secret string) {
	f.t.Helper()
	mux := http.NewServeMux()
	web := httptest.NewServer(mux)
	f.t.Cleanup(func() { web.CloseClientConnections(); web.Close() })
	f.webs[name] = web
	p := sandbox.New(sandbox.Options{BrowserURL: web.URL, ServerURL: web.URL, MaxGrants: 50_000, MaxEntries: 1000})
	mux.Handle("/sandbox/", p.Handler())
	f.providers[name] = p
	in := p.Integration(name)
	variable := strings.ToUpper(name) + "_SECRET"
	lines = fmt.Sprintf("  %s:\n    oauth_client_id: %q\n    oauth_client_secret: ${%s}\n"+
		"    auth: {auth_mode: OAUTH2, authorization_url: %q, token_url: %q}\n    requests: {base_url: %q}\n",
		name, in.OAuth.ID, variable, in.Auth.AuthorizationURL, in.Auth.TokenURL, web.URL)
	return strings.TrimPrefix(web.URL, "http://"), lines, variable + "=" + in.OAuth.Secret.Reveal()
}

// start starts the processes with an integrations.yaml, and looks into their database.
func (f *fleet) start(file string, env []string) {
	f.t.Helper()
	for _, s := range f.processes {
		s.env = append(s.env, env...)
		if err := os.WriteFile(s.path("integrations/integrations.yaml"), []byte(file), 0o644); err != nil {
			f.t.Fatal(err)
		}
		s.start()
	}
	f.open()
}

// setLease has the processes hold refreshes for so long, which takes a start.
func (f *fleet) setLease(lease time.Duration) {
	f.t.Helper()
	if f.lease == lease {
		return
	}
	f.lease = lease
	for _, s := range f.processes {
		s.kill()
		s.env = append(s.env, "PATCHBAY_REFRESH_LEASE="+lease.String())
		s.start()
	}
}

// open looks into the database, as one more process would.
func (f *fleet) open() {
	f.t.Helper()
	ring, err := vault.Parse(f.key)
	if err != nil {
		f.t.Fatal(err)
	}
	if f.kept, err = store.Open(f.t.Context(), f.location, ring); err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(func() {
		if err := f.kept.Close(); err != nil {
			f.t.Error(err)
		}
	})
}

// exec runs one SQL statement on the database: for what a test cannot wait for.
func (f *fleet) exec(statement string) {
	f.t.Helper()
	driver, location := "sqlite", "file:"+f.location+"?_pragma=busy_timeout(5000)"
	if f.postgres != nil {
		driver, location = "pgx", f.location
	}
	db, err := sql.Open(driver, location)
	if err != nil {
		f.t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.ExecContext(f.t.Context(), statement); err != nil {
		f.t.Fatal(err)
	}
}

// held is a connection that a fleet holds, and its grant at the provider.
type held struct {
	integration, user, grant string
}

// backend gives the client of an application's backend, at the first process.
func (f *fleet) backend() *client.Client {
	f.t.Helper()
	backend, err := client.New(f.processes[0].URL, applicationKey, client.WithHTTPClient(f.http))
	if err != nil {
		f.t.Fatal(err)
	}
	return backend
}

// register makes connections to an integration, of new users, whose access tokens end at the given time.
func (f *fleet) register(integration string, n int, ends time.Time) []held {
	f.t.Helper()
	backend := f.backend()
	list := make([]held, n)
	for i := range list {
		tokens, err := f.providers[integration].Issue(integration)
		if err != nil {
			f.t.Fatal(err)
		}
		f.users++
		list[i] = held{integration, fmt.Sprintf("user-%d", f.users), tokens.Grant}
		credentials := client.Credentials{AccessToken: tokens.Access.Reveal(), RefreshToken: tokens.Refresh.Reveal(), ExpiresAt: ends}
		if _, err := backend.RegisterConnection(f.t.Context(), integration, list[i].user, credentials, nil); err != nil {
			f.t.Fatal(err)
		}
	}
	return list
}

// registerEnded makes connections whose access tokens have ended, and leaves their refresh to who asks for them.
func (f *fleet) registerEnded(integration string, n int) []held {
	f.t.Helper()
	list := f.register(integration, n, time.Now().Add(time.Hour))
	f.exec("UPDATE connections SET expires_at = obtained_at, refresh_at = obtained_at WHERE integration = '" + integration + "'")
	return list
}

// stored gives what the database holds of a connection.
func (f *fleet) stored(h held) (*models.Connection, models.Credentials) {
	f.t.Helper()
	c, credentials, err := f.kept.ConnectionWithCredentials(f.t.Context(), h.integration, h.user)
	if err != nil {
		f.t.Fatal(err)
	}
	return c, credentials
}

// compare holds what is stored against the provider's ledger. A connection is lost when its refresh token is not the newest
// one issued and it does not say so.
func (f *fleet) compare(list []held) (lost, reconnect int) {
	f.t.Helper()
	for _, h := range list {
		c, credentials := f.stored(h)
		switch newest := f.providers[h.integration].IsNewest(credentials.RefreshToken.Reveal()); {
		case c.State == models.StateNeedsReconnect:
			reconnect++
		case !newest:
			lost++
		}
	}
	return lost, reconnect
}

// database is a kind of database that fleets run on.
type database struct {
	name   string
	create func(*fleet)
}

var (
	sqlite     = database{"SQLite", func(f *fleet) { f.location = filepath.Join(f.t.TempDir(), "patchbay.db") }}
	postgresql = database{"PostgreSQL", func(f *fleet) {
		f.postgres = testkit.OwnPostgres(f.t)
		name, err := f.postgres.NewDatabase("")
		if err != nil {
			f.t.Fatal(err)
		}
		f.location = f.postgres.Address(name)
	}}
)
