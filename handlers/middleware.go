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
		h.Set("Referrer-Policy", "no-referrer")
		// With plain same-origin, the provider's pages would cut a popup off from the page that opened it.
		h.Set("Cross-Origin-Opener-Policy", "same-origin-allow-popups")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=()")
		h.Set("Cache-Control", "no-store")
		if s.secure() {
			h.Set("Strict-Transport-Security", "max-age=31536000")
		}
		return next(c)
	}
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
		case required >= accessOperator && !admin.Role.CanEdit():
			return &models.Error{Kind: models.KindForbidden, Code: models.CodeForbidden, Message: "Your role is viewer: it reads, and changes nothing."}
		}
		return next(c)
	})
}

// withSession runs next inside the session middleware. An error is answered inside, so that its page can see the
// session, too.
func (s *server) withSession(next echo.HandlerFunc) echo.HandlerFunc {
	return echo.WrapMiddleware(s.Sessions.Middleware)(func(c echo.Context) error {
		if err := next(c); err != nil {
			c.Error(err)
		}
		return nil
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

// askToSignIn leads to the sign-in page, and from there back to a page that was asked for.
func (s *server) askToSignIn(c echo.Context) error {
	target := "/login"
	if c.Request().Method == http.MethodGet && c.Request().URL.Path != "/" {
		target += "?next=" + url.QueryEscape(c.Request().URL.RequestURI())
	}
	return c.Redirect(http.StatusSeeOther, target)
}

func ipNet(prefix netip.Prefix) *net.IPNet {
	return &net.IPNet{IP: prefix.Addr().AsSlice(), Mask: net.CIDRMask(prefix.Bits(), prefix.Addr().BitLen())}
}
