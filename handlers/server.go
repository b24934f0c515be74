// Package handlers is the front door: HTTP requests become calls of the core, and their outcomes pages. File names tell
// the audience: admin_ for who is signed in to the dashboard, connect_ for end users. It decides nothing about
// connections; that is internal/connections.
package handlers

import (
	"context"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/labstack/echo/v4/middleware"

	"github.com/patchbay/patchbay/internal/auth"
	"github.com/patchbay/patchbay/internal/connections"
	"github.com/patchbay/patchbay/internal/idempotency"
	"github.com/patchbay/patchbay/internal/sandbox"
	"github.com/patchbay/patchbay/internal/webhooks"
	"github.com/patchbay/patchbay/models"
	"github.com/patchbay/patchbay/views"
)

// Config is what a server is made of.
type Config struct {
	Connections *connections.Service
	Auth        *auth.Service
	APIKeys     *auth.APIKeys
	Meter       *auth.Meter
	Sessions    *auth.Sessions
	Idempotency *idempotency.Keys
	Webhooks    *webhooks.Service
	Providers   []models.Provider           // the catalogue by name, the newest version of each first
	Ready       func(context.Context) error // fails while the server cannot do its work
	System      func(context.Context) (*models.SystemStatus, error)
	Now         func() time.Time
	Log         *slog.Logger

	RootURL          *url.URL // the public root
	AppName          string   // the application in whose name users connect
	IntegrationsFile string   // the file an operator edits
	TrustedProxies   []netip.Prefix
	Sandbox          http.Handler      // the built-in provider, nil where it is off
	Vices            *sandbox.Provider // the same, to make it misbehave
	Development      bool              // serves the component gallery
}

// server answers requests.
type server struct {
	Config
	crossOrigin *http.CrossOriginProtection
	readiness   readiness
	openAPIText func() ([]byte, error)

	referenceParts func() ([]views.ReferenceGroup, []views.ReferenceError)
}

// New gives the handler of all routes.
func New(config Config) http.Handler {
	s := &server{Config: config, crossOrigin: http.NewCrossOriginProtection()}
	s.openAPIText = sync.OnceValues(func() ([]byte, error) { return encodeDocument(apiDocument(s.apiRoutes())) })
	s.referenceParts = sync.OnceValues(func() ([]views.ReferenceGroup, []views.ReferenceError) { return referenceOf(s.apiRoutes()) })
	e := echo.New()
	e.HTTPErrorHandler = s.fail
	e.IPExtractor = s.clientIP()
	e.Use(s.requestID, s.accessLog, s.recovered, s.rootHost, s.securityHeaders, s.sameOrigin, s.bounded, compressed)
	e.GET(apiPrefix+"/openapi.json", s.openAPI)
	e.OPTIONS(apiPrefix+"/connect-sessions/self", s.preflight)
	for _, r := range s.apiRoutes() {
		e.Add(r.method, apiPrefix+r.path, s.operation(r))
	}
	for _, r := range s.routes() {
		handler := s.admit(r.access, r.handler)
		e.Add(r.method, r.path, handler)
		if r.method == http.MethodGet && !strings.HasPrefix(r.path, "/oauth/callback") { // which changes something
			e.Add(http.MethodHead, r.path, handler)
		}
	}
	return e
}

// compressed compresses pages; what is static is stored compressed, and the sandbox's answers are to travel as they are.
var compressed = middleware.GzipWithConfig(middleware.GzipConfig{
	MinLength: 1400, // one packet is sent anyway
	Skipper: func(c echo.Context) bool {
		return strings.HasPrefix(c.Path(), "/static/") || strings.HasPrefix(c.Path(), "/sandbox/")
	},
})

// secure reports whether browsers reach the server by https.
func (s *server) secure() bool { return s.RootURL.Scheme == "https" }

// clientIP takes the address from X-Forwarded-For only when the peer is a proxy the operator named.
func (s *server) clientIP() echo.IPExtractor {
	if len(s.TrustedProxies) == 0 {
		return echo.ExtractIPDirect()
	}
	options := []echo.TrustOption{echo.TrustLoopback(false), echo.TrustLinkLocal(false), echo.TrustPrivateNet(false)}
	for _, prefix := range s.TrustedProxies {
		options = append(options, echo.TrustIPRange(ipNet(prefix)))
	}
	extract := echo.ExtractIPFromXFFHeader(options...)
	return func(r *http.Request) string {
		forwarded := withoutPorts(r.Header.Values(echo.HeaderXForwardedFor))
		return extract(&http.Request{RemoteAddr: r.RemoteAddr, Header: http.Header{echo.HeaderXForwardedFor: forwarded}})
	}
}

// withoutPorts takes the ports from the entries of X-Forwarded-For: some proxies write ip:port.
func withoutPorts(values []string) []string {
	var entries []string
	for _, entry := range strings.Split(strings.Join(values, ","), ",") {
		if address, err := netip.ParseAddrPort(strings.TrimSpace(entry)); err == nil {
			entry = address.Addr().String()
		}
		entries = append(entries, entry)
	}
	return entries
}
