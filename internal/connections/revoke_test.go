package connections

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/patchbay/patchbay/internal/store"
	"github.com/patchbay/patchbay/models"
)

// pending gives the job of the only revocation that is still to be made, or none.
func pendingRevocation(t *testing.T, db *store.Store) (job revokeJob, there bool) {
	t.Helper()
	pool := db.SQL()
	rows, err := pool.QueryContext(t.Context(), "SELECT uuid FROM revocations")
	must(t, err)
	defer rows.Close()
	for there = false; rows.Next(); there = true {
		must(t, rows.Scan(&job.Revocation))
	}
	must(t, rows.Err())
	return job, there
}

// revokedEntries tells what the audit says of revocations, the newest first.
func revokedEntries(t *testing.T, s *Service, uuid string) (lines []string) {
	t.Helper()
	history, err := s.Audit(t.Context(), models.AuditFilter{ConnectionUUID: uuid}, models.PageRequest{Limit: 10})
	must(t, err)
	for _, entry := range history.Rows {
		if entry.Action == models.AuditConnectionRevoked {
			lines = append(lines, entry.Actor+" "+entry.After)
		}
	}
	return lines
}

func TestAGrantIsRevokedOnceTheProviderIsBack(t *testing.T) {
	s, db, p, c := refreshing(t)
	p.revokes(answerWith(http.StatusServiceUnavailable, ""))
	_, revocation, message, err := s.Delete(t.Context(), actor, c.UUID)
	if err != nil || revocation != RevocationRetrying || !strings.Contains(message, "503") || len(revokedEntries(t, s, c.UUID)) != 0 {
		t.Fatalf("%s %q %v", revocation, message, err)
	}
	job, _ := pendingRevocation(t, db)
	var sealed []byte
	pool := db.SQL()
	must(t, pool.QueryRowContext(t.Context(), "SELECT sealed_credentials FROM revocations").Scan(&sealed))
	if strings.Contains(string(sealed), "refresh-0") {
		t.Error("the refresh token is not sealed")
	}
	if again, err := s.revokeAgain(t.Context(), job); err != nil || again <= 0 || again > time.Minute || p.revoked.Load() != 1 {
		t.Errorf("before its time: again in %v, %v, %d requests", again, err, p.revoked.Load())
	}
	p.advance(2 * time.Minute)
	if again, err := s.revokeAgain(t.Context(), job); err != nil || again <= 0 || p.revoked.Load() != 2 {
		t.Errorf("still down: again in %v, %v", again, err)
	}
	p.revokes(nil)
	p.advance(time.Hour)
	if again, err := s.revokeAgain(t.Context(), job); err != nil || again != 0 || p.revoked.Load() != 3 {
		t.Errorf("back: again in %v, %v", again, err)
	}
	if got := strings.Join(revokedEntries(t, s, c.UUID), "; "); got != "system revoked" {
		t.Errorf("history: %s", got)
	}
	if _, there := pendingRevocation(t, db); there {
		t.Error("the credentials are kept")
	}
	if again, err := s.revokeAgain(t.Context(), job); err != nil || again != 0 || p.revoked.Load() != 3 {
		t.Errorf("a second time: again in %v, %v", again, err)
	}
}

func TestARevocationIsGivenUpAfterADay(t *testing.T) {
	s, db, p, c := refreshing(t)
	p.revokes(answerWith(http.StatusTooManyRequests, ""))
	_, _, _, err := s.Delete(t.Context(), actor, c.UUID)
	must(t, err)
	job, _ := pendingRevocation(t, db)
	for tries := 0; ; tries++ {
		p.advance(time.Hour + 6*time.Minute)
		again, err := s.revokeAgain(t.Context(), job)
		must(t, err)
		if again == 0 {
			if tries < 18 || tries > 24 {
				t.Errorf("given up after %d tries", tries)
			}
			break
		}
	}
	if got := strings.Join(revokedEntries(t, s, c.UUID), "; "); !strings.HasPrefix(got, "system failed: own answered with status 429") {
		t.Errorf("history: %s", got)
	}
	if _, there := pendingRevocation(t, db); there {
		t.Error("the credentials are kept")
	}
}

func TestARevocationThatCannotSucceedIsNotRepeated(t *testing.T) {
	s, db, p, c := refreshing(t)
	p.revokes(answerWith(http.StatusBadRequest, ""))
	if _, revocation, message, err := s.Delete(t.Context(), actor, c.UUID); err != nil || revocation != RevocationFailed || !strings.Contains(message, "400") {
		t.Errorf("%s %q %v", revocation, message, err)
	}
	if _, there := pendingRevocation(t, db); there {
		t.Error("the credentials are kept")
	}
	if got := strings.Join(revokedEntries(t, s, c.UUID), "; "); got != actor.Name+" failed: own answered with status 400" {
		t.Errorf("history: %s", got)
	}
}

func TestARevocationEndsWithItsIntegration(t *testing.T) {
	s, db, p, c := refreshing(t)
	p.revokes(answerWith(http.StatusInternalServerError, ""))
	_, _, _, err := s.Delete(t.Context(), actor, c.UUID)
	must(t, err)
	job, _ := pendingRevocation(t, db)
	s.fixed = nil
	s.revision.Store(nil)
	must(t, s.Reload(t.Context()))
	p.advance(time.Hour)
	if again, err := s.revokeAgain(t.Context(), job); err != nil || again != 0 {
		t.Errorf("again in %v, %v", again, err)
	}
	if got := strings.Join(revokedEntries(t, s, c.UUID), "; "); !strings.HasPrefix(got, "system failed: The integration is no longer configured") {
		t.Errorf("history: %s", got)
	}
}

// An integration without connections can be changed by who may not see tokens: those that wait to be revoked stay where they
// are.
func TestARevocationGoesToNoOtherHost(t *testing.T) {
	s, db, p, c := refreshing(t)
	p.revokes(answerWith(http.StatusInternalServerError, ""))
	_, _, _, err := s.Delete(t.Context(), actor, c.UUID)
	must(t, err)
	job, _ := pendingRevocation(t, db)
	for i := range s.fixed {
		s.fixed[i].Auth.RevocationURL = strings.Replace(p.url, "127.0.0.1", "localhost", 1) + "/revoke"
	}
	s.revision.Store(nil)
	must(t, s.Reload(t.Context()))
	p.advance(time.Hour)
	if again, err := s.revokeAgain(t.Context(), job); err != nil || again != 0 || p.revoked.Load() != 1 {
		t.Errorf("again in %v, %v, %d requests", again, err, p.revoked.Load())
	}
	if got := strings.Join(revokedEntries(t, s, c.UUID), "; "); !strings.Contains(got, "on another host") {
		t.Errorf("history: %s", got)
	}
}

// A process that dies between the deletion and the answer of the provider leaves the grant to the job.
func TestTheGrantOfADeletedConnectionOutlivesTheProcess(t *testing.T) {
	s, db, p, c := refreshing(t)
	var left *grant
	_, err := s.change(t.Context(), c.UUID, func(tx *store.Tx, c *models.Connection) (err error) {
		credentials, err := tx.Credentials(t.Context(), c.UUID)
		must(t, err)
		must(t, tx.DeleteConnection(c))
		left, err = s.leave(t.Context(), tx, c, credentials)
		return err
	})
	must(t, err)
	p.advance(time.Minute)
	must(t, s.jobs.Start(t.Context()))
	t.Cleanup(func() { must(t, s.jobs.Stop(context.Background())) })
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		if _, there := pendingRevocation(t, db); !there {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("nobody revoked it")
		}
	}
	if p.revoked.Load() != 1 || len(revokedEntries(t, s, left.ConnectionUUID)) != 1 {
		t.Errorf("%d requests, history %v", p.revoked.Load(), revokedEntries(t, s, left.ConnectionUUID))
	}
}

func TestUnclaimedTokensAreRevokedOnceTheProviderIsBack(t *testing.T) {
	s, db, p, _ := refreshing(t)
	p.revokes(answerWith(http.StatusBadGateway, ""))
	credentials, err := models.ParseGivenCredentials(models.AuthOAuth2, []byte(`{"access_token":"a","refresh_token":"unclaimed"}`), p.now())
	must(t, err)
	s.revoke(t.Context(), &models.Connection{Integration: "own", UserID: "43"}, credentials)
	job, there := pendingRevocation(t, db)
	if !there {
		t.Fatal("the tokens are forgotten")
	}
	p.revokes(nil)
	p.advance(time.Hour)
	if again, err := s.revokeAgain(t.Context(), job); err != nil || again != 0 || p.revoked.Load() != 2 {
		t.Errorf("again in %v, %v, %d requests", again, err, p.revoked.Load())
	}
}

func TestARevocationThatWaitsEndsWhenTheUserHasConnectedAgain(t *testing.T) {
	s, db, p, c := refreshing(t)
	p.revokes(answerWith(http.StatusServiceUnavailable, ""))
	_, _, _, err := s.Delete(t.Context(), actor, c.UUID)
	must(t, err)
	job, _ := pendingRevocation(t, db)
	register(t, s, "own", "42", "another")
	p.revokes(nil)
	p.advance(time.Hour)
	if again, err := s.revokeAgain(t.Context(), job); err != nil || again != 0 || p.revoked.Load() != 1 {
		t.Errorf("again in %v, %v, %d requests", again, err, p.revoked.Load())
	}
	if got := strings.Join(revokedEntries(t, s, c.UUID), "; "); got != "system superseded" {
		t.Errorf("history: %s", got)
	}
}
