package handlers

import (
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"regexp"
	"runtime/debug"
	"strings"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"github.com/patchbay/patchbay/models"
)

// maxBodyBytes bounds every request: the largest configuration, percent-encoded, fits.
const maxBodyBytes = 1 << 20

// Keys of values kept with a request.
const (
	requestIDKey = "requestID"
	adminKey     = "admin"
)

func (s *server) requestID(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		id := uuid.NewString()
		c.Set(requestIDKey, id)
		c.Response().Header().Set(echo.HeaderXRequestID, id)
		return next(c)
	}
}

func requestID(c echo.Context) string {
	id, _ := c.Get(requestIDKey).(string)
	return id
}

// accessLog writes the route's pattern, never the address: addresses hold link tokens, codes and states.
func (s *server) accessLog(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		start := s.Now()
		if err := next(c); err != nil {
			c.Error(err)
		}
		level := slog.LevelDebug
		if c.Response().Status >= http.StatusInternalServerError {
			level = slog.LevelWarn
		}
		s.Log.Log(c.Request().Context(), level, "request", "method", c.Request().Method, "route", c.Path(),
			"status", c.Response().Status, "duration", s.Now().Sub(start), "ip", c.RealIP(), "requestId", requestID(c))
		return nil
	}
}

func (s *server) recovered(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) (err error) {
		defer func() {
			if cause := recover(); cause != nil {
				if cause == http.ErrAbortHandler {
					panic(cause)
				}
				s.Log.Error("panic", "cause", fmt.Sprint(cause), "stack", string(debug.Stack()), "requestId", requestID(c))
				err = fmt.Errorf("panic in %s %s", c.Request().Method, c.Path())
			}
		}()
		return next(c)
	}
}

// rootHost leads a browser from one name of this machine to the one that callbacks come back to: cookies of 127.0.0.1 are
// not sent to localhost. Behind a proxy the name in the request says nothing, so it is left alone.
func (s *server) rootHost(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		r := c.Request()
		page := r.Method == http.MethodGet && r.Header.Get("Sec-Fetch-Mode") == "navigate"
		if page && r.Host != s.RootURL.Host && models.IsLoopback(r.Host) && models.IsLoopback(s.RootURL.Host) {
			return c.Redirect(http.StatusSeeOther, s.RootURL.String()+r.URL.RequestURI())
		}
		return next(c)
	}
}

// The content security policy of every page; only a page that leads to a provider widens form-action.
const (
	cspBase = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; " +
		"connect-src 'self'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'"
	headerCSP = "Content-Security-Policy"
)

func (s *server) securityHeaders(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		h := c.Response().Header()
		h.Set(headerCSP, cspBase)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		// With no-referrer, a browser that comes by plain http sends "Origin: null", which no check can accept.
		h.Set("Referrer-Policy", "same-origin")
		h.Set("Cross-Origin-Opener-Policy", openerPolicy(c.Path()))
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=()")
		h.Set("Cache-Control", "no-store")
		if s.secure() {
			h.Set("Strict-Transport-Security", "max-age=31536000")
		}
		return next(c)
	}
}

// openerPolicy keeps pages of other origins from holding the dashboard's windows, but not the windows it opens. The pages of
// the connect flow, the sandbox's among them, run in a window that a page of the application opened, and must not be cut off
// from it.
func openerPolicy(path string) string {
	if strings.HasPrefix(path, "/connect/") || strings.HasPrefix(path, "/oauth/") || strings.HasPrefix(path, "/sandbox/") {
		return "unsafe-none"
	}
	return "same-origin-allow-popups"
}

// plainHost is a host that means the same inside a policy; a semicolon would begin another directive.
var plainHost = regexp.MustCompile(`^[A-Za-z0-9.:\[\]-]+$`)

// allowFormRedirect lets the form of this page be answered by a redirect to address: browsers apply form-action to the
// whole chain of redirects, and a provider may lead through hosts of its own.
func allowFormRedirect(c echo.Context, address string) {
	policy := cspBase + " https:"
	if u, err := url.Parse(address); err == nil && u.Scheme == "http" && plainHost.MatchString(u.Host) {
		policy += " http://" + u.Host
	}
	c.Response().Header().Set(headerCSP, policy)
}

// sameOrigin refuses writes that a page of another origin sent.
func (s *server) sameOrigin(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		if err := s.crossOrigin.Check(c.Request()); err != nil {
			return &models.Error{Kind: models.KindForbidden, Code: models.CodeForbidden, Message: "This request came from another site and was not carried out.", Cause: err}
		}
		return next(c)
	}
}

func (s *server) bounded(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		c.Request().Body = http.MaxBytesReader(c.Response(), c.Request().Body, maxBodyBytes)
		return next(c)
	}
}

// viewersOnlyRead says why a viewer may not do something.
const viewersOnlyRead = "Your role is viewer: it reads, and changes nothing."

// admit lets in whom the route is for.
func (s *server) admit(required access, next echo.HandlerFunc) echo.HandlerFunc {
	if required == accessPublic {
		return next
	}
	return s.withSession(func(c echo.Context) error {
		if id := s.Sessions.AdminID(c.Request().Context()); id != 0 {
			admin, err := s.Auth.Admin(c.Request().Context(), id)
			if err != nil && !models.HasCode(err, models.CodeNotFound) {
				return err
			}
			if admin != nil {
				c.Set(adminKey, admin)
			}
		}
		admin := signedIn(c)
		switch {
		case required >= accessAdmin && admin == nil:
			return s.askToSignIn(c)
		case required == accessOwner && admin.Role != models.RoleAdmin:
			return &models.Error{Kind: models.KindForbidden, Code: models.CodeForbidden, Message: "This is for admins; your role is " + string(admin.Role) + "."}
		case required >= accessOperator && !admin.Role.CanEdit():
			return &models.Error{Kind: models.KindForbidden, Code: models.CodeForbidden, Message: viewersOnlyRead}
		}
		return next(c)
	})
}

// signedIn gives the admin of this request, or nil.
func signedIn(c echo.Context) *models.Admin {
	admin, _ := c.Get(adminKey).(*models.Admin)
	return admin
}

// actor gives who asks for a change.
func actor(c echo.Context) models.Actor {
	a := models.Actor{IP: c.RealIP(), RequestID: requestID(c)}
	if admin := signedIn(c); admin != nil {
		a.Name = models.AdminActor(admin.Email)
	}
	return a
}

// askToSignIn leads to the sign-in page, and from there back to the page that was asked for, or that the form was on.
func (s *server) askToSignIn(c echo.Context) error {
	next := c.Request().URL.RequestURI()
	if c.Request().Method == http.MethodPost {
		if c.FormValue("display") == displayPopup {
			return &models.Error{Kind: models.KindUnauthenticated, Code: models.CodeUnauthenticated, Message: "Your session has ended. Close this window and sign in again."}
		}
		s.Sessions.Flash(c.Request().Context(), false, "Your session had ended, and nothing was saved. Sign in to go on.")
		next = c.Request().URL.EscapedPath()
		if uuid := c.Param("uuid"); uuid != "" {
			next = connectionPath(uuid)
		} else if next == "/connect" {
			next = localPath(c.FormValue("returnTo"), "/")
		}
	}
	if next == "/" {
		return c.Redirect(http.StatusSeeOther, "/login")
	}
	return c.Redirect(http.StatusSeeOther, "/login?"+url.Values{"next": {next}}.Encode())
}

func ipNet(prefix netip.Prefix) *net.IPNet {
	return &net.IPNet{IP: prefix.Addr().AsSlice(), Mask: net.CIDRMask(prefix.Bits(), prefix.Addr().BitLen())}
}
