package auth

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/alexedwards/scs/v2"

	"github.com/patchbay/patchbay/internal/store"
)

// Lives of a session. lastSeen is written at most once every touchEvery, because a write is a disk flush.
const (
	sessionLife = 7 * 24 * time.Hour
	idleLife    = 12 * time.Hour
	touchEvery  = 5 * time.Minute
)

// Sessions are the dashboard's sessions: a cookie with a random token, whose hash is stored.
type Sessions struct {
	manager *scs.SessionManager
	now     func() time.Time
}

// NewSessions gives the sessions kept in s. Secure is whether the dashboard is reached by https: the cookie then has the
// __Host- prefix (RFC 6265bis §4.1.3.2).
func NewSessions(s *store.Store, now func() time.Time, secure bool) *Sessions {
	manager := scs.New()
	manager.Store = s.Sessions()
	manager.HashTokenInStore = true
	manager.Lifetime = sessionLife
	manager.Cookie.Name = CookieName("patchbay_session", secure)
	manager.Cookie.Secure = secure
	manager.Cookie.SameSite = http.SameSiteLaxMode
	return &Sessions{manager, now}
}

// CookieName gives the name under which a cookie of this server is set: bound to the host where https allows it.
func CookieName(name string, secure bool) string {
	if secure {
		return "__Host-" + name
	}
	return name
}

// Load gives the request with its session, which [Sessions.Save] stores.
func (s *Sessions) Load(r *http.Request) (*http.Request, error) {
	var token string
	if cookie, err := r.Cookie(s.manager.Cookie.Name); err == nil {
		token = cookie.Value
	}
	ctx, err := s.manager.Load(r.Context(), token)
	if err == nil {
		err = s.touch(ctx)
	}
	if err != nil {
		return nil, fmt.Errorf("read the session: %w", err)
	}
	return r.WithContext(ctx), nil
}

// Save stores the session of a request where it has changed, and adds its cookie to the answer.
func (s *Sessions) Save(w http.ResponseWriter, r *http.Request) error {
	switch ctx := r.Context(); s.manager.Status(ctx) {
	case scs.Modified:
		token, expiry, err := s.manager.Commit(ctx)
		if err != nil {
			return fmt.Errorf("store the session: %w", err)
		}
		s.manager.WriteSessionCookie(ctx, w, token, expiry)
	case scs.Destroyed:
		s.manager.WriteSessionCookie(ctx, w, "", time.Time{})
	}
	return nil
}

const (
	adminKey    = "admin"
	lastSeenKey = "lastSeen"
	flashKey    = "flash"
	flashBadKey = "flashBad"
)

func (s *Sessions) touch(ctx context.Context) error {
	if s.AdminID(ctx) == 0 {
		return nil
	}
	idle := s.now().Sub(time.Unix(s.manager.GetInt64(ctx, lastSeenKey), 0))
	if idle > idleLife {
		return s.manager.Destroy(ctx)
	}
	if idle > touchEvery {
		s.manager.Put(ctx, lastSeenKey, s.now().Unix())
	}
	return nil
}

// SignIn makes this session the admin's, under a new token (against session fixation).
func (s *Sessions) SignIn(ctx context.Context, adminID int64) error {
	if err := s.manager.RenewToken(ctx); err != nil {
		return err
	}
	s.manager.Put(ctx, adminKey, adminID)
	s.manager.Put(ctx, lastSeenKey, s.now().Unix())
	return nil
}

// SignOut ends the session.
func (s *Sessions) SignOut(ctx context.Context) error { return s.manager.Destroy(ctx) }

// AdminID gives the signed-in admin's id, or 0.
func (s *Sessions) AdminID(ctx context.Context) int64 { return s.manager.GetInt64(ctx, adminKey) }

// Flash keeps a message for the next page.
func (s *Sessions) Flash(ctx context.Context, ok bool, message string) {
	s.manager.Put(ctx, flashKey, message)
	s.manager.Put(ctx, flashBadKey, !ok)
}

// PopFlash takes the message kept for this page; empty where there is none.
func (s *Sessions) PopFlash(ctx context.Context) (message string, ok bool) {
	message = s.manager.PopString(ctx, flashKey)
	return message, !s.manager.PopBool(ctx, flashBadKey)
}
