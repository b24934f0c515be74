package connections

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/patchbay/patchbay/internal/oauth"
	"github.com/patchbay/patchbay/internal/store"
	"github.com/patchbay/patchbay/internal/store/storetest"
	"github.com/patchbay/patchbay/models"
)

// databases are empty.
var databases = storetest.NewTemplate(func(context.Context, *store.Store) error { return nil })

// provider is a token endpoint that rotates refresh tokens, and whose answers a test can replace.
type provider struct {
	url       string
	path      string // of the database
	refreshes atomic.Int64
	revoked   atomic.Int64
	answer    atomic.Pointer[http.HandlerFunc]
	offset    atomic.Int64 // of the clock

	revocation atomic.Pointer[http.HandlerFunc] // answers at /revoke
}

func (p *provider) now() time.Time { return storetest.Now.Add(time.Duration(p.offset.Load())) }

func (p *provider) advance(d time.Duration) { p.offset.Add(int64(d)) }

func (p *provider) answers(answer http.HandlerFunc) { p.answer.Store(&answer) }

func (p *provider) revokes(answer http.HandlerFunc) {
	if answer == nil {
		answer = func(http.ResponseWriter, *http.Request) {}
	}
	p.revocation.Store(&answer)
}

func answerWith(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		io.WriteString(w, body)
	}
}

// refreshing makes a service whose integration "own" is at a provider of the test, with one connection of user 42 whose
// token ends in an hour.
func refreshing(t testing.TB) (*Service, *store.Store, *provider, *models.Connection) {
	t.Helper()
	p := &provider{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/revoke" {
			p.revoked.Add(1)
			if answer := p.revocation.Load(); answer != nil {
				(*answer)(w, r)
			}
			return
		}
		n := p.refreshes.Add(1)
		if answer := p.answer.Load(); answer != nil {
			(*answer)(w, r)
			return
		}
		fmt.Fprintf(w, `{"access_token":"access-%d","refresh_token":"refresh-%d","expires_in":3600}`, n, n)
	}))
	t.Cleanup(server.Close)
	p.url, p.path = server.URL, databases.Copy(t)
	s, db := p.process(t, DefaultLease)
	c, err := s.Register(t.Context(), actor, Registration{
		Integration: "own", UserID: "42", Credentials: []byte(`{"access_token":"access-0","refresh_token":"refresh-0","expires_in":3600}`),
	})
	must(t, err)
	return s, db, p, c
}

// process makes a service of another process on the same database.
func (p *provider) process(t testing.TB, lease time.Duration) (*Service, *store.Store) {
	t.Helper()
	db := databases.OpenAt(t, p.path)
	t.Cleanup(func() { must(t, db.Close()) })
	client, err := oauth.New([]string{strings.TrimPrefix(p.url, "http://")}, oauth.CallTimeout, p.now)
	must(t, err)
	auth := models.Auth{Mode: models.AuthOAuth2, AuthorizationURL: p.url + "/a", TokenURL: p.url + "/t", RevocationURL: p.url + "/revoke"}
	s, err := New(t.Context(), Config{
		Store: db, OAuth: client, RootURL: "https://connect.example.com", Now: p.now, Log: slog.New(slog.DiscardHandler), Lease: lease,
		Integrations: []models.Integration{
			{Name: "own", Auth: auth, OAuth: models.OAuthClient{ID: "id"}},
			{Name: "other", Auth: auth, OAuth: models.OAuthClient{ID: "id"}},
			{Name: "key", Auth: models.Auth{Mode: models.AuthAPIKey}},
			{Name: "cc", Auth: models.Auth{Mode: models.AuthOAuth2CC}},
		},
	})
	must(t, err)
	t.Cleanup(s.Close)
	return s, db
}

func (p *provider) expect(t *testing.T, name string, refreshes int64) {
	t.Helper()
	if got := p.refreshes.Load(); got != refreshes {
		t.Errorf("%s: %d refreshes, want %d", name, got, refreshes)
	}
}

func eventsOf(t *testing.T, s *Service) string {
	t.Helper()
	page, err := s.Events(t.Context(), models.EventFilter{}, models.PageRequest{Limit: 100})
	must(t, err)
	var types []string
	for _, e := range page.Rows {
		types = append(types, strings.TrimPrefix(string(e.Type), "connection."))
	}
	return strings.Join(types, " ")
}

func TestATokenIsRefreshedWhenItIsDue(t *testing.T) {
	s, _, p, _ := refreshing(t)
	get := func(want Freshness) string {
		t.Helper()
		_, credentials, err := s.FreshCredentials(t.Context(), "own", "42", want)
		must(t, err)
		return credentials.AccessToken.Reveal()
	}
	if got := get(Freshness{}); got != "access-0" {
		t.Errorf("fresh: %s", got)
	}
	if got := get(Freshness{MinTTL: time.Hour - time.Second}); got != "access-0" {
		t.Errorf("long enough: %s", got)
	}
	p.expect(t, "nothing was due", 0)
	for range 3 {
		if got := get(Freshness{MinTTL: 2 * time.Hour}); got != "access-0" {
			t.Errorf("longer than a token lives, of one that was just obtained: %s", got)
		}
	}
	p.advance(15 * time.Minute)
	if got := get(Freshness{MinTTL: 46 * time.Minute}); got != "access-1" {
		t.Errorf("not long enough: %s", got)
	}
	if got := get(Freshness{Force: true}); got != "access-2" {
		t.Errorf("forced: %s", got)
	}
	p.advance(44 * time.Minute)
	if got := get(Freshness{}); got != "access-2" {
		t.Errorf("before the margin: %s", got)
	}
	p.advance(time.Minute)
	if got := get(Freshness{}); got != "access-3" {
		t.Errorf("within the margin: %s", got)
	}
	p.expect(t, "all", 3)
}

func TestAThousandCallersOfOneExpiredTokenAskOnce(t *testing.T) {
	s, db, p, c := refreshing(t)
	release := make(chan struct{})
	p.answers(func(w http.ResponseWriter, _ *http.Request) {
		<-release
		io.WriteString(w, `{"access_token":"new","refresh_token":"newer","expires_in":3600}`)
	})
	p.advance(2 * time.Hour)
	var group sync.WaitGroup
	var started atomic.Int64
	for range 1000 {
		group.Go(func() {
			if started.Add(1) == 1000 {
				close(release)
			}
			got, credentials, err := s.FreshCredentials(t.Context(), "own", "42", Freshness{})
			if err != nil || credentials.AccessToken != "new" || got.Status(p.now()) != models.StatusConnected {
				t.Errorf("%v", err)
			}
		})
	}
	group.Wait()
	p.expect(t, "a thousand callers", 1)
	stored, err := db.Credentials(t.Context(), c.UUID)
	must(t, err)
	if stored.RefreshToken != "newer" {
		t.Error("what callers were given is not what is stored")
	}
}

func TestACallerThatGoesAwayLosesNoToken(t *testing.T) {
	s, db, p, c := refreshing(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	p.answers(func(w http.ResponseWriter, _ *http.Request) {
		cancel()
		io.WriteString(w, `{"access_token":"new","refresh_token":"newer","expires_in":3600}`)
	})
	p.advance(2 * time.Hour)
	if _, _, err := s.FreshCredentials(ctx, "own", "42", Freshness{}); err == nil {
		t.Log("the answer came before the caller was gone")
	}
	if _, credentials, err := s.FreshCredentials(t.Context(), "own", "42", Freshness{}); err != nil || credentials.AccessToken != "new" {
		t.Errorf("the next caller: %v", err)
	}
	p.expect(t, "both", 1)
	if stored, err := db.Credentials(t.Context(), c.UUID); err != nil || stored.RefreshToken != "newer" {
		t.Errorf("the rotated token was lost: %v", err)
	}
}

func TestAProviderInTroubleCostsNobodyAConnection(t *testing.T) {
	s, _, p, c := refreshing(t)
	p.answers(answerWith(http.StatusServiceUnavailable, "down"))
	p.advance(50 * time.Minute)
	got, credentials, err := s.FreshCredentials(t.Context(), "own", "42", Freshness{})
	if err != nil || credentials.AccessToken != "access-0" || got.State != models.StateError || !strings.Contains(got.StateAnswer, "503") {
		t.Errorf("while the token lives: %+v, %v", got, err)
	}
	if _, err := s.Refresh(t.Context(), actor, c.UUID); !models.HasCode(err, models.CodeRefreshFailed) {
		t.Errorf("asked for: %v", err)
	}
	p.advance(time.Hour)
	p.expect(t, "at first and asked for", 2)
	for range 10 {
		_, _, err := s.FreshCredentials(t.Context(), "own", "42", Freshness{})
		if !models.HasCode(err, models.CodeRefreshFailed) {
			t.Errorf("when it has ended: %v", err)
		}
	}
	p.expect(t, "ten more callers", 3)
	p.answer.Store(nil)
	if _, _, err := s.FreshCredentials(t.Context(), "own", "42", Freshness{}); models.AsError(err) == nil || models.AsError(err).RetryAfter < 30*time.Second {
		t.Errorf("the provider is not left alone, or callers are not told for how long: %v", err)
	}
	p.advance(5 * time.Minute)
	got, credentials, err = s.FreshCredentials(t.Context(), "own", "42", Freshness{})
	if err != nil || credentials.AccessToken != "access-4" || got.State != models.StateConnected || got.StateReason != "" {
		t.Errorf("when it is over: %+v, %v", got, err)
	}
	if got := eventsOf(t, s); got != "created recovered refreshed" {
		t.Errorf("events: %s", got)
	}
}

func TestADeadRefreshTokenNeedsAReconnect(t *testing.T) {
	s, _, p, c := refreshing(t)
	p.answers(answerWith(http.StatusBadRequest, `{"error":"invalid_grant","error_description":"refresh-0 was revoked"}`))
	p.advance(50 * time.Minute)
	got, credentials, err := s.FreshCredentials(t.Context(), "own", "42", Freshness{})
	if err != nil || credentials.AccessToken != "access-0" || got.State != models.StateNeedsReconnect {
		t.Errorf("while the token lives: %+v, %v", got, err)
	}
	if strings.Contains(got.StateReason+got.StateAnswer, "refresh-0") {
		t.Errorf("the reason holds a secret: %s %s", got.StateReason, got.StateAnswer)
	}
	p.advance(time.Hour)
	for range 3 {
		_, _, err := s.FreshCredentials(t.Context(), "own", "42", Freshness{})
		if !models.HasCode(err, models.CodeNeedsReconnect) || !strings.Contains(err.Error(), "invalid_grant") {
			t.Errorf("when it has ended: %v", err)
		}
	}
	p.expect(t, "a dead token", 1)
	_, err = s.UpdateCredentials(t.Context(), actor, c.UUID, AnyVersion, []byte(`{"access_token":"other","expires_in":60}`))
	must(t, err)
	if _, credentials, err := s.FreshCredentials(t.Context(), "own", "42", Freshness{}); err != nil || credentials.AccessToken != "other" {
		t.Errorf("with new credentials: %v", err)
	}
	if got := eventsOf(t, s); got != "created needs_reconnect recovered updated" {
		t.Errorf("events: %s", got)
	}
}

func TestNewCredentialsWinOverARefreshUnderWay(t *testing.T) {
	for name, answer := range map[string]http.HandlerFunc{
		"that succeeds": answerWith(http.StatusOK, `{"access_token":"late","refresh_token":"later","expires_in":3600}`),
		"that fails":    answerWith(http.StatusBadRequest, `{"error":"invalid_grant"}`),
	} {
		t.Run(name, func(t *testing.T) {
			s, db, p, c := refreshing(t)
			p.answers(func(w http.ResponseWriter, r *http.Request) {
				_, err := s.UpdateCredentials(t.Context(), actor, c.UUID, AnyVersion, []byte(`{"access_token":"given","refresh_token":"given too","expires_in":3600}`))
				must(t, err)
				_, err = s.UpdateConfig(t.Context(), actor, c.UUID, AnyVersion, `{"meanwhile":1}`)
				must(t, err)
				answer(w, r)
			})
			p.advance(2 * time.Hour)
			got, credentials, err := s.FreshCredentials(t.Context(), "own", "42", Freshness{})
			if err != nil || credentials.AccessToken != "given" || got.State != models.StateConnected {
				t.Errorf("%+v, %v", got, err)
			}
			if stored, err := db.Credentials(t.Context(), c.UUID); err != nil || stored.RefreshToken != "given too" {
				t.Errorf("stored %v", err)
			}
		})
	}
}

func TestAnEditMeanwhileIsNoConflictForARefresh(t *testing.T) {
	s, _, p, c := refreshing(t)
	p.answers(func(w http.ResponseWriter, r *http.Request) {
		_, err := s.UpdateConfig(t.Context(), actor, c.UUID, AnyVersion, `{"meanwhile":1}`)
		must(t, err)
		io.WriteString(w, `{"access_token":"new"}`)
	})
	got, credentials, err := s.FreshCredentials(t.Context(), "own", "42", Freshness{Force: true})
	if err != nil || credentials.AccessToken != "new" || credentials.RefreshToken != "refresh-0" || got.AdditionalConfig != `{"meanwhile":1}` {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestAConnectionDeletedDuringARefreshIsRevoked(t *testing.T) {
	s, _, p, c := refreshing(t)
	p.answers(func(w http.ResponseWriter, r *http.Request) {
		_, _, _, err := s.Delete(t.Context(), actor, c.UUID)
		must(t, err)
		io.WriteString(w, `{"access_token":"new","refresh_token":"newer"}`)
	})
	if _, _, err := s.FreshCredentials(t.Context(), "own", "42", Freshness{Force: true}); !models.HasCode(err, models.CodeUnknownConnection) {
		t.Errorf("%v", err)
	}
	if p.revoked.Load() != 2 {
		t.Errorf("%d revocations, want that of the old grant and that of the new token", p.revoked.Load())
	}
}

func TestADisabledConnectionGivesNothing(t *testing.T) {
	s, _, p, c := refreshing(t)
	_, err := s.Disable(t.Context(), actor, c.UUID)
	must(t, err)
	if _, _, err := s.FreshCredentials(t.Context(), "own", "42", Freshness{Force: true}); !models.HasCode(err, models.CodeConnectionDisabled) {
		t.Errorf("%v", err)
	}
	if _, err := s.UpdateCredentials(t.Context(), actor, c.UUID, AnyVersion, []byte(`{"access_token":"x"}`)); err != nil {
		t.Error(err)
	}
	again, err := s.Disable(t.Context(), actor, c.UUID)
	if err != nil || again.State != models.StateDisabled {
		t.Errorf("new credentials enabled it: %+v, %v", again, err)
	}
	if enabled, err := s.Enable(t.Context(), actor, c.UUID); err != nil || enabled.State != models.StateConnected || enabled.StateBefore != "" {
		t.Errorf("%+v, %v", enabled, err)
	}
	p.expect(t, "disabled", 0)
	if _, err := s.Refresh(t.Context(), actor, c.UUID); !models.HasCode(err, models.CodeNotRefreshable) {
		t.Errorf("without a refresh token: %v", err)
	}
	if _, _, err := s.FreshCredentials(t.Context(), "own", "none", Freshness{}); !models.HasCode(err, models.CodeUnknownConnection) {
		t.Errorf("nobody's: %v", err)
	}
}

func TestRegisterRefusesInTheOrderOfTheContract(t *testing.T) {
	s, _, _, _ := refreshing(t)
	for _, test := range []struct {
		r    Registration
		code string
	}{
		{Registration{Integration: "none", UserID: "\x00", Credentials: []byte("x"), AdditionalConfig: "x"}, models.CodeInvalidUserID},
		{Registration{Integration: "own", UserID: "42", Credentials: []byte("x"), AdditionalConfig: "x"}, models.CodeConnectionExists},
		{Registration{Integration: "none", UserID: "1", Credentials: []byte("x"), AdditionalConfig: "x"}, models.CodeUnknownIntegration},
		{Registration{Integration: "own", UserID: "1", Credentials: []byte("x"), AdditionalConfig: "[]"}, models.CodeInvalidConfig},
		{Registration{Integration: "own", UserID: "1", Credentials: []byte("x"), Tags: []string{""}}, models.CodeInvalidTags},
		{Registration{Integration: "own", UserID: "1", Credentials: []byte("x")}, models.CodeInvalidCredentials},
		{Registration{Integration: "cc", UserID: "1", Credentials: []byte("{}")}, models.CodeUnsupportedAuthMode},
	} {
		if _, err := s.Register(t.Context(), actor, test.r); !models.HasCode(err, test.code) {
			t.Errorf("%+v: %v, want %s", test.r, err, test.code)
		}
	}
	c, err := s.Register(t.Context(), actor, Registration{Integration: "key", UserID: "1", Credentials: []byte(`{"api_key":"k"}`), AdditionalConfig: "null"})
	if err != nil || c.AdditionalConfig != models.EmptyConfig || c.AuthMode != models.AuthAPIKey {
		t.Errorf("%+v, %v", c, err)
	}
}

func TestDeleteRevokesAndSaysHowThatWent(t *testing.T) {
	s, _, p, c := refreshing(t)
	deleted, revocation, message, err := s.Delete(t.Context(), actor, c.UUID)
	if err != nil || deleted.UUID != c.UUID || revocation != Revoked || message != "" || p.revoked.Load() != 1 {
		t.Errorf("%s %q %v", revocation, message, err)
	}
	if _, _, _, err := s.Delete(t.Context(), actor, c.UUID); !models.HasCode(err, models.CodeUnknownConnection) {
		t.Errorf("again: %v", err)
	}
	key, err := s.Register(t.Context(), actor, Registration{Integration: "key", UserID: "1", Credentials: []byte(`{"api_key":"k"}`)})
	must(t, err)
	if _, revocation, _, err := s.Delete(t.Context(), actor, key.UUID); err != nil || revocation != RevocationUnsupported {
		t.Errorf("an API key: %s, %v", revocation, err)
	}
	history, err := s.Audit(t.Context(), models.AuditFilter{ConnectionUUID: c.UUID}, models.PageRequest{Limit: 10})
	must(t, err)
	if len(history.Rows) != 3 || history.Rows[0].Action != models.AuditConnectionRevoked || history.Rows[0].After != "revoked" {
		t.Errorf("history %+v", history.Rows)
	}
}
