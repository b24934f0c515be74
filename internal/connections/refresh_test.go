package connections

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/patchbay/patchbay/internal/oauth"
	"github.com/patchbay/patchbay/internal/store"
	"github.com/patchbay/patchbay/models"
)

func TestManyProcessesRefreshOnce(t *testing.T) {
	_, _, p, c := refreshing(t)
	var services []*Service
	for range 4 {
		s, _ := p.process(t, DefaultLease)
		services = append(services, s)
	}
	for round := range 5 {
		p.advance(2 * time.Hour)
		before := p.refreshes.Load()
		var group sync.WaitGroup
		for i := range 200 {
			group.Go(func() {
				_, credentials, err := services[i%4].FreshCredentials(t.Context(), "own", "42", Freshness{})
				if want := fmt.Sprintf("access-%d", before+1); err != nil || credentials.AccessToken.Reveal() != want {
					t.Errorf("round %d: %v, or not what the one refresh gave", round, err)
				}
			})
		}
		group.Wait()
		p.expect(t, fmt.Sprintf("round %d of %s", round, c.UUID), before+1)
	}
}

// TestAStoppedHolderOfTheLease stops the one who refreshes past the end of its lease: another takes over, and the answer that the
// first one gets in the end replaces nothing newer.
func TestAStoppedHolderOfTheLease(t *testing.T) {
	for name, test := range map[string]struct {
		takesOver http.HandlerFunc // what the one who takes over is answered
		access    models.Secret
		events    string
	}{
		"the one who takes over gets tokens":        {answerWith(200, `{"access_token":"second","refresh_token":"second-refresh","expires_in":3600}`), "second", "created refreshed"},
		"the one who takes over used a spent token": {answerWith(400, `{"error":"invalid_grant"}`), "first", "created needs_reconnect recovered refreshed"},
	} {
		t.Run(name, func(t *testing.T) {
			s, db, p, c := refreshing(t)
			stopped, _ := p.process(t, 200*time.Millisecond)
			asked, goOn := make(chan struct{}), make(chan struct{})
			p.answers(func(w http.ResponseWriter, _ *http.Request) {
				close(asked)
				<-goOn
				io.WriteString(w, `{"access_token":"first","refresh_token":"first-refresh","expires_in":3600}`)
			})
			p.advance(2 * time.Hour)
			var group sync.WaitGroup
			group.Go(func() { stopped.FreshCredentials(t.Context(), "own", "42", Freshness{}) })
			<-asked
			p.answers(test.takesOver)
			_, _, err := s.FreshCredentials(t.Context(), "own", "42", Freshness{})
			if e := models.AsError(err); e != nil && e.Code != models.CodeNeedsReconnect {
				t.Error(err)
			}
			close(goOn)
			group.Wait()
			stored, err := db.Credentials(t.Context(), c.UUID)
			must(t, err)
			if stored.AccessToken != test.access || stored.RefreshToken != test.access+"-refresh" {
				t.Errorf("stored %s", stored.AccessToken.Reveal())
			}
			if got, err := s.Get(t.Context(), c.UUID); err != nil || got.State != models.StateConnected {
				t.Errorf("%+v, %v", got, err)
			}
			if got := eventsOf(t, s); got != test.events {
				t.Errorf("events: %s, want %s", got, test.events)
			}
			p.expect(t, "both", 2)
		})
	}
}

func TestAnAnswerThatWasKeptIsReadByTheNextProcess(t *testing.T) {
	s, db, p, c := refreshing(t)
	p.advance(50 * time.Minute)
	reply, err := json.Marshal(oauth.Reply{Status: 200, Received: p.now(), Body: []byte(`{"access_token":"kept","refresh_token":"kept-refresh","expires_in":3600}`)})
	must(t, err)
	must(t, db.Write(t.Context(), func(tx *store.Tx) error { // as a process does before it is killed
		r, err := tx.LockForRefresh(t.Context(), c.UUID)
		if err != nil {
			return err
		}
		return tx.KeepReply(r.Connection, reply, p.now())
	}))
	must(t, s.RefreshDue(t.Context()))
	s.underWay.Wait()
	p.expect(t, "the answer is there", 0)
	got, credentials, err := s.FreshCredentials(t.Context(), "own", "42", Freshness{})
	if err != nil || credentials.AccessToken != "kept" || credentials.RefreshToken != "kept-refresh" || !got.ExpiresAt.Equal(p.now().Add(time.Hour).Truncate(time.Second)) {
		t.Errorf("%+v, %v", got, err)
	}
	if r, err := db.ForRefresh(t.Context(), c.UUID); err != nil || r.Reply != nil || r.Leased {
		t.Errorf("left behind: %+v, %v", r, err)
	}
}

func TestAnOddAnswerCostsNoRefreshToken(t *testing.T) {
	s, db, p, c := refreshing(t)
	p.answers(answerWith(200, `{"refresh_token":"rotated","token_type":"bearer"}`))
	p.advance(50 * time.Minute)
	got, credentials, err := s.FreshCredentials(t.Context(), "own", "42", Freshness{})
	if err != nil || credentials.AccessToken != "access-0" || got.State != models.StateError {
		t.Errorf("%+v, %v", got, err)
	}
	if stored, err := db.Credentials(t.Context(), c.UUID); err != nil || stored.RefreshToken != "rotated" || stored.AccessToken != "access-0" {
		t.Errorf("the refresh token it brought was lost: %v", err)
	}
	p.answers(func(w http.ResponseWriter, r *http.Request) {
		if r.FormValue("refresh_token") != "rotated" {
			t.Error("a spent refresh token was used again")
		}
		io.WriteString(w, `{"access_token":"new","expires_in":3600}`)
	})
	p.advance(5 * time.Minute)
	if _, credentials, err := s.FreshCredentials(t.Context(), "own", "42", Freshness{}); err != nil || credentials.AccessToken != "new" {
		t.Errorf("the next refresh: %v", err)
	}
}

func TestUnclearRefusalsCostTheConnectionOnlyAfterFive(t *testing.T) {
	s, _, p, c := refreshing(t)
	p.answers(answerWith(http.StatusBadRequest, `{"error":"unauthorized_client"}`))
	p.advance(2 * time.Hour)
	for try := 1; try <= 5; try++ {
		_, _, err := s.FreshCredentials(t.Context(), "own", "42", Freshness{})
		want := models.CodeRefreshFailed
		if try == 5 {
			want = models.CodeNeedsReconnect
		}
		if !models.HasCode(err, want) || !strings.Contains(err.Error(), "unauthorized_client") {
			t.Errorf("try %d: %v, want %s", try, err, want)
		}
		if try < 5 { // somebody who does not wait counts for nothing
			if _, err := s.Refresh(t.Context(), actor, c.UUID); !models.HasCode(err, models.CodeRefreshFailed) {
				t.Errorf("forced after try %d: %v", try, err)
			}
		}
		p.advance(time.Hour)
	}
	p.expect(t, "five, and four by force", 9)
	if got := eventsOf(t, s); got != "created needs_reconnect" {
		t.Errorf("events: %s", got)
	}
	p.answer.Store(nil)
	if got, err := s.Refresh(t.Context(), actor, c.UUID); err != nil || got.State != models.StateConnected {
		t.Errorf("an operator asks once more, and the provider has thought better of it: %+v, %v", got, err)
	}
}

func TestRefusalsOfAFewMinutesCostNothing(t *testing.T) {
	s, _, p, _ := refreshing(t)
	p.answers(answerWith(http.StatusBadRequest, `{"error":"unauthorized_client"}`))
	p.advance(50 * time.Minute)
	for range 60 {
		must(t, s.RefreshDue(t.Context()))
		s.underWay.Wait()
		p.advance(time.Minute)
	}
	if got, err := s.Find(t.Context(), "own", "42"); err != nil || got.State != models.StateError || got.Refusals < 3 {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestADeadGrantIsToldWhileItsConnectionIsDisabled(t *testing.T) {
	s, _, p, c := refreshing(t)
	p.answers(func(w http.ResponseWriter, r *http.Request) {
		_, err := s.Disable(t.Context(), actor, c.UUID)
		must(t, err)
		answerWith(400, `{"error":"invalid_grant"}`)(w, r)
	})
	p.advance(2 * time.Hour)
	if _, _, err := s.FreshCredentials(t.Context(), "own", "42", Freshness{}); !models.HasCode(err, models.CodeConnectionDisabled) {
		t.Error(err)
	}
	if got := eventsOf(t, s); got != "created updated needs_reconnect" {
		t.Errorf("events: %s", got)
	}
	if got, err := s.Enable(t.Context(), actor, c.UUID); err != nil || got.State != models.StateNeedsReconnect {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestOneDamagedConnectionHoldsUpNoOther(t *testing.T) {
	s, db, p, c := refreshing(t)
	register(t, s, "own", "healthy", "refresh")
	p.advance(50 * time.Minute)
	_, err := db.SQL().ExecContext(t.Context(), "UPDATE connections SET sealed_credentials = 'damaged' WHERE uuid = '"+c.UUID+"'")
	must(t, err)
	for range 3 {
		must(t, s.RefreshDue(t.Context()))
		s.underWay.Wait()
	}
	p.expect(t, "the healthy one", 1)
	if n, err := db.CountDue(t.Context(), p.now(), 10); err != nil || n != 0 {
		t.Errorf("%d are due again at once, %v", n, err)
	}
}

func TestAnHourOfOutageCostsNothing(t *testing.T) {
	s, _, p, _ := refreshing(t)
	p.answers(answerWith(http.StatusBadGateway, "<html>"))
	p.advance(50 * time.Minute)
	for range 4 * 60 {
		must(t, s.RefreshDue(t.Context()))
		s.underWay.Wait()
		p.advance(15 * time.Second)
	}
	if n := p.refreshes.Load(); n < 5 || n > 10 {
		t.Errorf("asked %d times in an hour", n)
	}
	p.answer.Store(nil)
	p.advance(15 * time.Minute)
	must(t, s.RefreshDue(t.Context()))
	s.underWay.Wait()
	if got, _, err := s.FreshCredentials(t.Context(), "own", "42", Freshness{}); err != nil || got.State != models.StateConnected || got.Failures != 0 {
		t.Errorf("%+v, %v", got, err)
	}
	if got := eventsOf(t, s); got != "created recovered refreshed" {
		t.Errorf("events: %s", got)
	}
}

func TestAProviderThatAsksToBeLeftAlone(t *testing.T) {
	for header, want := range map[string][2]time.Duration{
		"300":        {5 * time.Minute, 5 * time.Minute},
		"1000000000": {time.Hour, time.Hour},
		"-1":         {30 * time.Second, 36 * time.Second},
		"soon":       {30 * time.Second, 36 * time.Second},
	} {
		s, _, p, _ := refreshing(t)
		p.answers(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", header)
			w.WriteHeader(http.StatusTooManyRequests)
		})
		p.advance(50 * time.Minute)
		got, _, err := s.FreshCredentials(t.Context(), "own", "42", Freshness{})
		must(t, err)
		if wait := got.RefreshAt.Sub(p.now()); wait < want[0] || wait > want[1] {
			t.Errorf("Retry-After %s: left alone for %v", header, wait)
		}
	}
}

func TestATokenThatTheProviderRejectsIsReplacedOnce(t *testing.T) {
	s, _, p, _ := refreshing(t)
	rejected := models.Secret("access-0").Hash()
	if _, _, err := s.FreshCredentials(t.Context(), "own", "42", Freshness{Rejected: rejected}); !models.HasCode(err, models.CodeRefreshFailed) {
		t.Errorf("a token that was obtained just now: %v", err)
	}
	p.advance(time.Minute)
	var group sync.WaitGroup
	for range 100 {
		group.Go(func() {
			if _, credentials, err := s.FreshCredentials(t.Context(), "own", "42", Freshness{Rejected: rejected}); err != nil || credentials.AccessToken != "access-1" {
				t.Errorf("%v", err)
			}
		})
	}
	group.Wait()
	p.expect(t, "100 callers with one rejected token", 1)
	if _, credentials, err := s.FreshCredentials(t.Context(), "own", "42", Freshness{Rejected: rejected}); err != nil || credentials.AccessToken != "access-1" {
		t.Errorf("later: %v", err)
	}
	p.expect(t, "one more of them", 1)
	p.advance(time.Minute)
	p.answers(answerWith(200, `{"access_token":"access-1","expires_in":3600}`))
	for range 3 { // the provider gives the same one again: the user can do nothing about that
		if _, _, err := s.FreshCredentials(t.Context(), "own", "42", Freshness{Rejected: models.Secret("access-1").Hash()}); !models.HasCode(err, models.CodeRefreshFailed) {
			t.Errorf("the same token again: %v", err)
		}
	}
	p.expect(t, "the same token again", 2)
	p.advance(time.Minute)
	p.answers(answerWith(http.StatusServiceUnavailable, ""))
	if _, _, err := s.FreshCredentials(t.Context(), "own", "42", Freshness{Rejected: models.Secret("access-1").Hash()}); !models.HasCode(err, models.CodeRefreshFailed) {
		t.Errorf("the rejected token was given again: %v", err)
	}
}

func TestASilentProviderHoldsUpNobodyWhoseTokenLives(t *testing.T) {
	s, db, p, _ := refreshing(t)
	release := make(chan struct{})
	p.answers(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.FormValue("refresh_token"), "other") {
			io.WriteString(w, `{"access_token":"healthy","expires_in":3600}`)
			return
		}
		<-release
	})
	defer close(release)
	for i := range bulkheadPlaces + 20 {
		register(t, s, "own", fmt.Sprint("silent-", i), "refresh")
	}
	register(t, s, "other", "1", "other")
	p.advance(50 * time.Minute)
	must(t, s.RefreshDue(t.Context()))
	deadline, cancel := context.WithTimeout(t.Context(), patience/2)
	defer cancel()
	c, err := db.ConnectionOf(t.Context(), "other", "1")
	must(t, err)
	for !c.ObtainedAt.Equal(p.now()) && deadline.Err() == nil {
		c, err = db.ConnectionOf(t.Context(), "other", "1")
		must(t, err)
	}
	if deadline.Err() != nil {
		t.Error("a healthy provider waits for a silent one")
	}
	if _, credentials, err := s.FreshCredentials(t.Context(), "own", "42", Freshness{}); err != nil || credentials.AccessToken != "access-0" {
		t.Errorf("a token that lives: %v", err)
	}
}

func register(t testing.TB, s *Service, integration, userID, refreshToken string) *models.Connection {
	t.Helper()
	c, err := s.Register(t.Context(), actor, Registration{
		Integration: integration, UserID: userID, Credentials: fmt.Appendf(nil, `{"access_token":"a","refresh_token":%q,"expires_in":3600}`, refreshToken),
	})
	must(t, err)
	return c
}

func TestWhatIsDueIsRefreshedAheadOnceAndSpread(t *testing.T) {
	s, db, p, _ := refreshing(t)
	second, _ := p.process(t, DefaultLease)
	const n = 200
	for i := range n {
		register(t, s, "own", fmt.Sprint("user ", i), fmt.Sprint("refresh of ", i))
	}
	p.advance(40*time.Minute - time.Second)
	for _, at := range []struct {
		after       time.Duration
		least, most int64
	}{
		{0, 0, 0}, {150 * time.Second, n / 4, n * 3 / 4}, {152 * time.Second, n + 1, n + 1},
	} {
		p.advance(at.after)
		for _, process := range []*Service{s, second} {
			must(t, process.RefreshDue(t.Context()))
		}
		s.underWay.Wait()
		second.underWay.Wait()
		if got := p.refreshes.Load(); got < at.least || got > at.most {
			t.Errorf("%d refreshes, want %d to %d", got, at.least, at.most)
		}
	}
	if due, err := db.CountDue(t.Context(), p.now(), 10); err != nil || due != 0 {
		t.Errorf("%d still due, %v", due, err)
	}
}

func TestAConnectionNobodyUsesIsOnlyKeptAlive(t *testing.T) {
	s, _, p, _ := refreshing(t)
	run := func(d time.Duration) int64 {
		before := p.refreshes.Load()
		for end := p.offset.Load() + int64(d); p.offset.Load() < end; p.advance(10 * time.Minute) {
			must(t, s.RefreshDue(t.Context()))
			s.underWay.Wait()
		}
		return p.refreshes.Load() - before
	}
	if got := run(24 * time.Hour); got < 28 || got > 40 {
		t.Errorf("used a while ago: %d refreshes in a day", got)
	}
	if got := run(10 * 24 * time.Hour); got < 10 || got > 12 {
		t.Errorf("not used any more: %d refreshes in ten days", got)
	}
	if _, _, err := s.FreshCredentials(t.Context(), "own", "42", Freshness{}); err != nil {
		t.Error(err)
	}
	must(t, s.NoteUses(t.Context()))
	if got := run(12 * time.Hour); got < 14 {
		t.Errorf("used again: %d refreshes in half a day", got)
	}
}
