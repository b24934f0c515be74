package auth

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/patchbay/patchbay/internal/store"
	"github.com/patchbay/patchbay/internal/store/storetest"
	"github.com/patchbay/patchbay/models"
)

// clock is a time that tests move.
type clock struct{ at time.Time }

func (c *clock) now() time.Time { return c.at }

func newService(t *testing.T) (*Service, string, *store.Store, *clock) {
	t.Helper()
	db := storetest.Open(t)
	c := &clock{time.Now()}
	service, token := New(db, c.now)
	return service, token, db, c
}

const (
	email    = "ada@example.com"
	password = "correct horse battery staple"
)

func TestTheSetupLinkMakesOneAdmin(t *testing.T) {
	s, token, _, _ := newService(t)
	if needed, err := s.NeedsSetup(t.Context()); err != nil || !needed {
		t.Fatal(needed, err)
	}
	for _, wrong := range []string{"", "x", token + "x", strings.ToLower(token)} {
		if err := s.CheckSetupToken(wrong); !models.HasCode(err, models.CodeForbidden) {
			t.Errorf("token %q: %v", wrong, err)
		}
	}
	if err := s.CheckSetupToken(token); err != nil {
		t.Error(err)
	}
	var group sync.WaitGroup
	created := make(chan string, 4)
	for _, who := range []string{"a@example.com", "b@example.com", "c@example.com", "d@example.com"} {
		group.Go(func() {
			admin, err := s.CreateFirstAdmin(t.Context(), models.Actor{}, who, password)
			switch {
			case err == nil:
				created <- admin.Email
			case !models.HasCode(err, models.CodeForbidden):
				t.Error(err)
			}
		})
	}
	group.Wait()
	if len(created) != 1 {
		t.Errorf("%d first admins", len(created))
	}
	if needed, err := s.NeedsSetup(t.Context()); err != nil || needed {
		t.Error(needed, err)
	}
}

func TestAdminsAreValidated(t *testing.T) {
	s, _, _, _ := newService(t)
	for _, test := range []struct{ email, password, field string }{
		{"", password, "email"},
		{"no address", password, "email"},
		{"Ada <ada@example.com>", password, "email"},
		{strings.Repeat("a", 250) + "@example.com", password, "email"},
		{email, "short", "password"},
		{email, strings.Repeat("x", models.MaxPasswordBytes+1), "password"},
	} {
		_, err := s.CreateFirstAdmin(t.Context(), models.Actor{}, test.email, test.password)
		if e := models.AsError(err); e == nil || e.Code != models.CodeInvalidAdmin || e.Fields[0].Field != test.field {
			t.Errorf("%+v: %v", test, err)
		} else if strings.Contains(err.Error(), password) {
			t.Error("the error repeats the password")
		}
	}
	if _, err := s.CreateAdmin(t.Context(), models.Actor{}, " Ada@Example.com ", password, models.RoleViewer); err != nil {
		t.Error(err)
	}
	if _, err := s.CreateAdmin(t.Context(), models.Actor{}, email, password, models.RoleAdmin); !models.HasCode(err, models.CodeAdminExists) {
		t.Errorf("the same address again: %v", err)
	}
	if _, err := s.CreateAdmin(t.Context(), models.Actor{}, "b@example.com", password, "root"); !models.HasCode(err, models.CodeInvalidAdmin) {
		t.Errorf("role root: %v", err)
	}
}

func TestSignInTellsNothingAboutWhatWasWrong(t *testing.T) {
	s, _, db, _ := newService(t)
	if _, err := s.CreateAdmin(t.Context(), models.Actor{}, email, password, models.RoleAdmin); err != nil {
		t.Fatal(err)
	}
	admin, err := s.SignIn(t.Context(), models.Actor{IP: "192.0.2.1"}, " ADA@example.com", password)
	if err != nil || admin.Email != email || !strings.HasPrefix(admin.PasswordHash, "$argon2id$v=19$m=19456,t=2,p=1$") {
		t.Fatal(admin, err)
	}
	entries, err := db.AuditEntries(t.Context(), models.AuditFilter{}, models.PageRequest{Limit: 10})
	if err != nil || len(entries.Rows) != 2 || entries.Rows[0].Action != models.AuditAdminSignedIn || entries.Rows[0].IP != "192.0.2.1" {
		t.Errorf("audit: %+v, %v", entries.Rows, err)
	}
	var messages []string
	for _, pair := range [][2]string{{email, "wrong password"}, {"nobody@example.com", password}, {email, ""}, {email, strings.Repeat("x", 5000)}, {strings.Repeat("x", 5000), password}} {
		_, err := s.SignIn(t.Context(), models.Actor{IP: "192.0.2.1"}, pair[0], pair[1])
		if !models.HasCode(err, models.CodeWrongPassword) {
			t.Errorf("%.40q: %v", pair, err)
			continue
		}
		messages = append(messages, err.Error())
	}
	for _, message := range messages {
		if message != messages[0] {
			t.Errorf("messages differ: %q", messages)
		}
	}
}

func TestGuessingIsLimitedByAddressAndByAccount(t *testing.T) {
	s, _, _, clock := newService(t)
	guess := func(ip, account string) error {
		_, err := s.SignIn(t.Context(), models.Actor{IP: ip}, account, strings.Repeat("x", models.MaxPasswordBytes+1)) // refused unhashed: quick
		return err
	}
	limited := func(err error) bool { return models.HasCode(err, models.CodeTooMany) }
	for i := range 10 {
		if err := guess("192.0.2.1", "a@example.com"); limited(err) {
			t.Fatalf("try %d: %v", i, err)
		}
	}
	var err error
	for range 30 {
		err = guess("192.0.2.1", "a@example.com")
	}
	if !limited(err) || models.AsError(err).RetryAfter <= 0 {
		t.Errorf("11th try of an address: %v", err)
	}
	for i := range 10 { // the tries that the first address had no right to have not used up the account's
		if err := guess(fmt.Sprintf("192.0.2.%d", 10+i), "a@example.com"); limited(err) {
			t.Errorf("another address was limited early: %v", err)
		}
	}
	if err := guess("192.0.2.4", "a@example.com"); !limited(err) {
		t.Errorf("21st try at an account: %v", err)
	}
	clock.at = clock.at.Add(7 * time.Second)
	if err := guess("192.0.2.1", "c@example.com"); limited(err) {
		t.Errorf("after waiting: %v", err)
	}
}

func TestLimiterIsBoundedAndKeepsWhoIsLimited(t *testing.T) {
	c := &clock{time.Now()}
	l := newLimiter(c.now, time.Hour, 2)
	for range 3 {
		l.wait("guessed")
	}
	for i := range 2 * maxBuckets {
		l.wait(fmt.Sprint(i))
	}
	if len(l.buckets) > maxBuckets {
		t.Errorf("%d buckets", len(l.buckets))
	}
	if l.wait("guessed") == 0 {
		t.Error("made-up keys gave back the tries of another")
	}
}

func TestAnIPv6SubscriberIsOneAddress(t *testing.T) {
	for ip, want := range map[string]string{
		"192.0.2.1": "192.0.2.1", "::ffff:192.0.2.1": "::ffff:192.0.2.1", "": "", "not an address": "not an address",
		"2001:db8:1:2:3:4:5:6": "2001:db8:1:2::/64", "2001:db8:1:2:ffff::%eth0": "2001:db8:1:2::/64",
	} {
		if got := network(ip); got != want {
			t.Errorf("%s is limited as %s", ip, got)
		}
	}
}

func TestASessionIsRenewedAtSignInAndEndsWhenIdle(t *testing.T) {
	_, _, db, clock := newService(t)
	sessions := NewSessions(db, clock.now, true)
	visit := func(cookie *http.Cookie, do func(context.Context)) *http.Cookie {
		request := httptest.NewRequest(http.MethodGet, "/", nil)
		if cookie != nil {
			request.AddCookie(cookie)
		}
		recorder := httptest.NewRecorder()
		request, err := sessions.Load(request)
		if err != nil {
			t.Fatal(err)
		}
		do(request.Context())
		if err := sessions.Save(recorder, request); err != nil {
			t.Fatal(err)
		}
		for _, set := range recorder.Result().Cookies() {
			return set
		}
		return cookie
	}
	adminIs := func(want int64) func(context.Context) {
		return func(ctx context.Context) {
			t.Helper()
			if got := sessions.AdminID(ctx); got != want {
				t.Errorf("signed in as %d, want %d", got, want)
			}
		}
	}
	anonymous := visit(nil, func(ctx context.Context) { sessions.Flash(ctx, true, "hello") })
	if anonymous.Name != "__Host-patchbay_session" || !anonymous.Secure || !anonymous.HttpOnly || anonymous.SameSite != http.SameSiteLaxMode || anonymous.Path != "/" {
		t.Errorf("cookie %+v", anonymous)
	}
	signedIn := visit(anonymous, func(ctx context.Context) {
		if err := sessions.SignIn(ctx, 7); err != nil {
			t.Error(err)
		}
	})
	if signedIn.Value == anonymous.Value {
		t.Error("the token stayed the same: session fixation")
	}
	visit(anonymous, adminIs(0))
	visit(signedIn, func(ctx context.Context) {
		adminIs(7)(ctx)
		if message, ok := sessions.PopFlash(ctx); message != "hello" || !ok {
			t.Errorf("flash %q, %v", message, ok)
		}
	})
	visit(signedIn, func(ctx context.Context) {
		if message, _ := sessions.PopFlash(ctx); message != "" {
			t.Errorf("flash again: %q", message)
		}
	})
	for range 3 {
		clock.at = clock.at.Add(idleLife - time.Minute)
		visit(signedIn, adminIs(7))
	}
	clock.at = clock.at.Add(idleLife + time.Minute)
	visit(signedIn, adminIs(0))

	again := visit(nil, func(ctx context.Context) {
		if err := sessions.SignIn(ctx, 7); err != nil {
			t.Error(err)
		}
	})
	visit(again, func(ctx context.Context) {
		if err := sessions.SignOut(ctx); err != nil {
			t.Error(err)
		}
	})
	visit(again, adminIs(0))
}

func TestProcessesShareTheLimitOfTries(t *testing.T) {
	c := &clock{at: time.Unix(1_800_000_000, 0)}
	db := storetest.Open(t)
	first, _ := New(db, c.now)
	second, _ := New(db, c.now)
	tries := 0
	for range 20 {
		for _, process := range []*Service{first, second} {
			if _, err := process.SignIn(t.Context(), models.Actor{IP: "192.0.2.1"}, "nobody@example.com", "wrong"); models.HasCode(err, models.CodeWrongPassword) {
				tries++
			} else if !models.HasCode(err, models.CodeTooMany) || models.AsError(err).RetryAfter <= 0 {
				t.Errorf("%v", err)
			}
		}
	}
	if tries != 10 {
		t.Errorf("%d tries from one address at two processes, want 10", tries)
	}
}
