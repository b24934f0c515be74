package sandbox

import (
	"cmp"
	"crypto/rand"
	"crypto/subtle"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/patchbay/patchbay/models"
)

// Lifetimes and bounds. What is over a bound pushes out the oldest.
const (
	requestLife            = 10 * time.Minute    // of a consent page
	codeLife               = time.Minute         // of an authorization code (RFC 6749 §4.1.2 allows ten)
	grantLife              = 30 * 24 * time.Hour // of a refresh token, from its issue
	defaultAccessTokenLife = time.Hour

	maxRequests       = 10_000
	defaultMaxGrants  = 10_000
	defaultMaxEntries = 500

	maxBodyBytes = 64 << 10
	maxURLBytes  = 8 << 10
)

// Name is the name of the integration under which the server offers its provider.
const Name = "sandbox"

// Options are the settings of a [Provider].
type Options struct {
	BrowserURL      string           // public root as browsers see it, such as http://localhost:3003
	ServerURL       string           // root that servers dial, such as http://127.0.0.1:3003
	Now             func() time.Time // time.Now where nil
	AccessTokenLife time.Duration    // one hour where zero
	MaxGrants       int              // 10,000 where zero
	MaxEntries      int              // of the ledger; 500 where zero
}

// Provider is the authorization server and the API it protects. It is safe for concurrent use.
type Provider struct {
	browserURL string
	serverURL  string
	now        func() time.Time
	usual      terms // while no vice shows

	mu       sync.Mutex
	clients  map[string]*client // by client id
	requests *shelf[*authorization]
	grants   *shelf[*grant]
	ledger   ledger
	underWay int // requests of tokens
	peak     int // the most of them at once
}

// client is an application registered at the provider.
type client struct {
	integration  string
	id           string
	secret       string
	redirectURIs []string
	habits       []*habit
}

// New makes a provider that no application is registered at yet.
func New(options Options) *Provider {
	p := &Provider{
		browserURL: strings.TrimSuffix(options.BrowserURL, "/"),
		serverURL:  strings.TrimSuffix(options.ServerURL, "/"),
		now:        options.Now,
		usual:      terms{rotates: true, accessLife: cmp.Or(options.AccessTokenLife, defaultAccessTokenLife), idleLife: grantLife},
		clients:    make(map[string]*client),
		requests:   newShelf[*authorization](requestLife, maxRequests),
		grants:     newShelf[*grant](grantLife, cmp.Or(options.MaxGrants, defaultMaxGrants)),
		ledger:     ledger{most: cmp.Or(options.MaxEntries, defaultMaxEntries)},
	}
	if p.now == nil {
		p.now = time.Now
	}
	return p
}

// issuer names the authorization server in the iss of its answers (RFC 9207 §2).
func (p *Provider) issuer() string { return p.browserURL + "/sandbox" }

// Integration registers an application at the provider and gives the integration that uses it. Client id and secret
// are random and last as long as the process; the same name gives the same application.
func (p *Provider) Integration(name string) models.Integration {
	c := p.register(name)
	api := p.serverURL + "/sandbox"
	scopes := make([]string, len(allScopes))
	for i, s := range allScopes {
		scopes[i] = s.name
	}
	return models.Integration{
		Name:   name,
		Source: models.Source{Kind: models.SourceSandbox},
		Auth: models.Auth{
			Mode:                models.AuthOAuth2,
			AuthorizationURL:    p.issuer() + "/authorize",
			ScopeSeparator:      " ",
			TokenURL:            api + "/token",
			AuthorizationMethod: models.ClientAuthHeader,
			BodyFormat:          models.BodyForm,
			RefreshURL:          api + "/token",
			RevocationURL:       api + "/revoke",
			Issuer:              p.issuer(),
		},
		OAuth: models.OAuthClient{ID: c.id, Secret: models.Secret(c.secret), Scopes: scopes},
		Request: models.RequestDefaults{
			BaseURL: api + "/api/",
			Headers: map[string]string{"Authorization": "Bearer ${access_token}"},
		},
		LogLevel:      "info",
		HTTPTimeout:   100 * time.Second,
		ActionTimeout: time.Minute,
	}
}

func (p *Provider) register(integration string) *client {
	p.mu.Lock()
	defer p.mu.Unlock()
	if c, err := p.clientOf(integration); err == nil {
		return c
	}
	c := &client{
		integration:  integration,
		id:           "sandbox-" + rand.Text(),
		secret:       rand.Text(),
		redirectURIs: []string{p.browserURL + "/oauth/callback/" + integration, p.browserURL + "/oauth/callback"},
	}
	p.clients[c.id] = c
	return c
}

// client gives the application with the client id, or nil.
func (p *Provider) client(id string) *client {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.clients[id]
}

// clientOf gives the application of an integration. The provider is locked.
func (p *Provider) clientOf(integration string) (*client, error) {
	for _, c := range p.clients {
		if c.integration == integration {
			return c, nil
		}
	}
	return nil, &models.Error{
		Kind: models.KindNotFound, Code: models.CodeUnknownIntegration,
		Message: fmt.Sprintf("No application of the sandbox belongs to an integration %q.", integration),
	}
}

// redirectsTo reports whether the application registered uri, compared as text (RFC 9700 §2.1).
func (c *client) redirectsTo(uri string) bool { return slices.Contains(c.redirectURIs, uri) }

// Handler serves everything below /sandbox/; paths include that prefix.
func (p *Provider) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /sandbox/authorize", p.authorize)
	mux.HandleFunc("POST /sandbox/authorize", p.decide)
	mux.HandleFunc("POST /sandbox/token", p.token)
	mux.HandleFunc("POST /sandbox/revoke", p.revoke)
	mux.HandleFunc("POST /sandbox/introspect", p.introspect)
	mux.HandleFunc(elsewherePath, p.elsewhere)
	mux.HandleFunc("GET /sandbox/userinfo", p.userinfo)
	mux.HandleFunc("GET /sandbox/api/me", p.userinfo)
	mux.HandleFunc("GET /sandbox/api/channels", p.channels)
	mux.HandleFunc("POST /sandbox/api/messages", p.postMessage)
	mux.HandleFunc("GET /sandbox/style.css", serveStyle)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		header := w.Header()
		header.Set("Cache-Control", "no-store")
		header.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
		header.Set("Referrer-Policy", "no-referrer")
		header.Set("X-Content-Type-Options", "nosniff")
		r.Body = http.MaxBytesReader(w, r.Body, maxBodyBytes)
		mux.ServeHTTP(w, r)
	})
}

// equal compares secrets in constant time.
func equal(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }
